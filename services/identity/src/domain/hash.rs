//! Password hashes: bcrypt over a peppered pre-hash, in a versioned form.
//!
//! bcrypt reads 72 bytes and stops at them in silence, so the password goes through HMAC-SHA-384 first: 48 bytes, 64
//! characters in base64, in which every character of the password counts and NUL is no special case. The key of that HMAC
//! (the pepper) is not in the database, so a stolen database alone gives nothing to guess against (OWASP ASVS 5.0, 11.4.2).

use std::{fmt, str::FromStr};

use aws_lc_rs::hmac::{self, HMAC_SHA384};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use bcrypt::{HashParts, Version};
use shared::secret::{ExposeSecret as _, Secret};

use super::password::Password;

/// The costs that a stored hash may have. One more doubles the time; a hostile 31 would take days.
const COSTS: std::ops::RangeInclusive<u32> = 4..=15;

/// Marks a hash of the current form: `v1` and the bcrypt text of the pre-hash.
const CURRENT: &str = "v1";

/// The key of the pre-hash.
pub struct Pepper(hmac::Key);

impl Pepper {
    /// From the operator's secret.
    pub fn new(secret: &Secret) -> Self {
        Self(hmac::Key::new(HMAC_SHA384, secret.expose_secret().as_bytes()))
    }

    /// Hashes a password. Takes about 2^cost × 0.1 ms.
    pub fn hash(&self, password: &Password, cost: u32, salt: [u8; 16]) -> StoredHash {
        let parts = bcrypt::non_truncating_hash_with_salt(self.prehash(password), cost, salt);
        // Fails only for costs outside 4..=31 or more than 71 bytes; an empty hash matches no password.
        StoredHash(parts.map(|parts| CURRENT.to_owned() + &parts.format_for_version(Version::TwoB)).unwrap_or_default())
    }

    /// Whether it is the password. A hash that makes no sense matches none, at once.
    pub fn matches(&self, password: &Password, stored: &StoredHash) -> bool {
        let (bcrypt, is_current) = stored.split();
        if parse(bcrypt).is_none() {
            return false;
        }
        let matches = if is_current {
            bcrypt::non_truncating_verify(self.prehash(password), bcrypt)
        } else if password.expose().contains('\0') {
            // bcrypt ends its key with NUL and repeats it, so "pw\0pw" would pass for "pw".
            Ok(false)
        } else {
            // The system that made this hash cut the password at 72 bytes, so it is cut here too, until it is hashed anew.
            bcrypt::verify(password.expose(), bcrypt)
        };
        matches.unwrap_or(false)
    }

    /// The same; when it is not the password, takes as long as a hash of `cost` does, if `stored` is cheaper or makes no sense.
    pub fn matches_in_equal_time(&self, password: &Password, stored: &StoredHash, cost: u32) -> bool {
        let matches = self.matches(password, stored);
        if !matches {
            // 2^c + 2^c + 2^(c+1) + … + 2^(cost-1) is 2^cost.
            let spent = parse(stored.split().0).map_or(cost..cost + 1, |parts| parts.get_cost()..cost);
            spent.for_each(|cost| drop(self.hash(password, cost, [0; 16])));
        }
        matches
    }

    fn prehash(&self, password: &Password) -> String {
        STANDARD_NO_PAD.encode(hmac::sign(&self.0, password.expose().as_bytes()))
    }
}

/// A hash as the database keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredHash(String);

impl StoredHash {
    /// A hash that another system made: `$2a$`, `$2b$` or `$2y$`, cost 4 to 15.
    ///
    /// # Errors
    /// What is wrong, without the hash.
    pub fn import(text: &str) -> Result<Self, &'static str> {
        match parse(text) {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err("must be a bcrypt hash of the form $2b$10$… with a cost of 4 to 15"),
        }
    }

    /// What the database holds, whatever that is.
    pub const fn from_database(text: String) -> Self {
        Self(text)
    }

    /// For the database alone.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it has the current form and this cost.
    pub fn is_current(&self, cost: u32) -> bool {
        let (bcrypt, is_current) = self.split();
        is_current && parse(bcrypt).is_some_and(|parts| parts.get_cost() == cost)
    }

    fn split(&self) -> (&str, bool) {
        match self.0.strip_prefix(CURRENT) {
            Some(bcrypt) => (bcrypt, true),
            None => (&self.0, false),
        }
    }
}

impl fmt::Debug for StoredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredHash")
    }
}

/// The parts of a bcrypt text, if it is one that we are willing to compute.
fn parse(text: &str) -> Option<HashParts> {
    let shaped =
        text.len() == 60 && text.is_ascii() && ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix));
    let parts = HashParts::from_str(text).ok().filter(|_| shaped)?;
    COSTS.contains(&parts.get_cost()).then_some(parts)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;

    fn pepper() -> Pepper {
        Pepper::new(&Secret::from("pepper".repeat(6)))
    }

    fn password(text: &str) -> Password {
        Password::parse(text.to_owned()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn altering_any_single_character_makes_it_another_password(
            characters in prop::collection::vec(any::<char>(), 1..=128),
            at: prop::sample::Index,
            other: char,
        ) {
            let mut altered = characters.clone();
            altered[at.index(characters.len())] = other;
            prop_assume!(altered != characters);
            let (typed, altered): (String, String) = (characters.iter().collect(), altered.iter().collect());

            let stored = pepper().hash(&password(&typed), 4, [7; 16]);

            prop_assert!(pepper().matches(&password(&typed), &stored));
            prop_assert!(!pepper().matches(&password(&altered), &stored));
        }
    }

    #[test]
    fn the_last_of_128_wide_characters_counts_and_so_does_nul() {
        let stored = pepper().hash(&password(&"🦀".repeat(128)), 4, [7; 16]);
        let nul = pepper().hash(&password("pw"), 4, [7; 16]);

        assert!(!pepper().matches(&password(&("🦀".repeat(127) + "🦞")), &stored));
        assert!(!pepper().matches(&password("pw\0pw"), &nul));
        assert!(!pepper().matches(&password("pw\0"), &nul));
    }

    #[test]
    fn the_pepper_counts() {
        let stored = pepper().hash(&password("p8&Q4f7B1"), 4, [7; 16]);

        assert!(!Pepper::new(&Secret::from("salt".repeat(9))).matches(&password("p8&Q4f7B1"), &stored));
    }

    #[test]
    fn a_hash_of_another_system_verifies_and_is_not_current() {
        let plain = bcrypt::hash_with_salt("p8&Q4f7B1", 4, [7; 16]).unwrap();
        for version in [Version::TwoA, Version::TwoB, Version::TwoY] {
            let stored = StoredHash::import(&plain.format_for_version(version)).unwrap();

            assert!(pepper().matches(&password("p8&Q4f7B1"), &stored));
            assert!(!pepper().matches(&password("p8&Q4f7B"), &stored));
            assert!(!pepper().matches(&password("p8&Q4f7B1\0p8&Q4f7B1"), &stored));
            assert!(!stored.is_current(4));
        }
        assert!(pepper().hash(&password("x"), 4, [7; 16]).is_current(4));
        assert!(!pepper().hash(&password("x"), 4, [7; 16]).is_current(5));
    }

    #[test]
    fn a_hostile_hash_is_an_ordinary_failure_in_no_time() {
        let good = bcrypt::hash_with_salt("x", 4, [7; 16]).unwrap().format_for_version(Version::TwoB);
        let began = Instant::now();

        for prefix in ["", CURRENT] {
            for hostile in [
                good.replacen("$04$", "$31$", 1),
                good.replacen("$04$", "$16$", 1),
                good[..59].to_owned(),
                good[..20].to_owned(),
                String::new(),
                "$2b$04$".to_owned() + &"é".repeat(26) + "x",
                "🦀".repeat(15),
                "\0".repeat(60),
            ] {
                assert!(StoredHash::import(&hostile).is_err(), "{hostile}");
                let stored = StoredHash::from_database(format!("{prefix}{hostile}"));
                assert!(!pepper().matches(&password("x"), &stored), "{hostile}");
            }
        }
        // One hash of a cost of 16 takes as long.
        assert!(began.elapsed().as_secs() < 4, "{:?}", began.elapsed());
    }

    #[test]
    fn a_hash_is_not_printed() {
        assert_eq!(format!("{:?}", pepper().hash(&password("x"), 4, [7; 16])), "StoredHash");
    }
}
