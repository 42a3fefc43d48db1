//! Passwords: which ones are taken, by realm.

use std::fmt;

use shared::secret::{ExposeSecret as _, Secret};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};
use zxcvbn::zxcvbn;

use super::{Refusal, account::Realm};

/// The most characters (Unicode scalar values) that a password may have (document 003); every one of them counts.
pub const LONGEST: usize = 128;

/// Fewer guesses than this, by zxcvbn's estimate, and a password is among the first that anybody would try.
const COMMON: u64 = 100_000;

/// So many characters are judged; the rest can only make a password better. zxcvbn takes time that grows with a power of the
/// length, and from 28 characters on there are passwords whose guesses it cannot count in 64 bits.
const JUDGED: usize = 24;

/// A password of at most [`LONGEST`] characters, as it was typed.
#[derive(Clone)]
pub struct Password(Secret);

impl Password {
    /// `None` when it has more than [`LONGEST`] characters: nothing so long is ever hashed.
    pub fn parse(text: String) -> Option<Self> {
        (text.chars().count() <= LONGEST).then(|| Self(text.into()))
    }

    /// The text, for hashing and comparing.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// What the library realm asks of a password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LibraryPolicy {
    /// 8 to 128 characters with an upper-case letter, a lower-case letter and a digit (document 000).
    #[default]
    Composition,
    /// 15 to 128 characters, whatever they are (NIST SP 800-63B-4, 3.1.1.2).
    Nist,
}

/// What the school realm asks of a password: a number of characters, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchoolPolicy {
    least: u8,
    most: u8,
}

impl SchoolPolicy {
    /// `least` is 8 at least, `most` [`LONGEST`] at most.
    ///
    /// # Errors
    /// A sentence when they are not, or the wrong way round.
    pub fn new(least: u8, most: u8) -> Result<Self, &'static str> {
        match (8..=128).contains(&least) && (least..=128).contains(&most) {
            true => Ok(Self { least, most }),
            false => Err("a password of the school needs 8 characters at least and has 128 at most"),
        }
    }

    fn check(self, text: &str) -> Result<(), Refusal> {
        let Self { least, most } = self;
        let fits = (usize::from(least)..=usize::from(most)).contains(&text.chars().count());
        if fits { Ok(()) } else { Err(Refusal::PasswordLength { least, most }) }
    }
}

impl Default for SchoolPolicy {
    fn default() -> Self {
        Self { least: 8, most: 128 }
    }
}

/// What each realm asks of a password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// For accounts of the library realm.
    pub library: LibraryPolicy,
    /// For accounts of the school realm.
    pub school: SchoolPolicy,
}

impl Policy {
    /// What is said of a password with more than [`LONGEST`] characters.
    pub const fn too_long(self, realm: Realm) -> Refusal {
        match realm {
            Realm::Library => Refusal::WeakPassword,
            Realm::School => Refusal::PasswordLength { least: self.school.least, most: self.school.most },
        }
    }

    /// Checks a new password. `known`: words that an attacker would try first, such as the account's name.
    ///
    /// Takes up to some tens of milliseconds.
    ///
    /// # Errors
    /// [`Refusal::WeakPassword`], [`Refusal::ShortPassword`], [`Refusal::CommonPassword`], [`Refusal::PasswordLength`]
    pub fn check(self, realm: Realm, password: &Password, known: &[&str]) -> Result<(), Refusal> {
        let text = password.expose();
        match realm {
            Realm::Library => match self.library {
                LibraryPolicy::Composition if !is_composed(text) => return Err(Refusal::WeakPassword),
                LibraryPolicy::Nist if text.chars().count() < 15 => return Err(Refusal::ShortPassword),
                LibraryPolicy::Composition | LibraryPolicy::Nist => (),
            },
            Realm::School => return self.school.check(text),
        }
        let judged: String = text.chars().take(JUDGED).collect();
        if zxcvbn(&judged, known).guesses() < COMMON { Err(Refusal::CommonPassword) } else { Ok(()) }
    }
}

/// A decimal digit of any script; `½` and `²` are none.
fn is_digit(character: char) -> bool {
    character.general_category() == GeneralCategory::DecimalNumber
}

fn is_composed(text: &str) -> bool {
    let has = |kind: fn(char) -> bool| text.chars().any(kind);
    text.chars().count() >= 8 && has(char::is_uppercase) && has(char::is_lowercase) && has(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(library: LibraryPolicy, text: &str) -> Result<(), Refusal> {
        let password = Password::parse(text.to_owned()).unwrap();
        Policy { library, ..Policy::default() }.check(
            Realm::Library,
            &password,
            &["Melanie Marquardt", "Royce27@gmail.com"],
        )
    }

    #[test]
    fn the_passwords_of_the_documents_are_accepted() {
        for text in [
            "j7QzxtXoTXrJSMR",
            "_gpmsDWfAAoAdOt43",
            "p8&Q4f7B1",
            "p8&Q4f7B",
            "currentPassword123",
            "newSecurePassword456",
        ] {
            assert_eq!(check(LibraryPolicy::Composition, text), Ok(()), "{text}");
        }
    }

    #[test]
    fn a_password_needs_length_and_three_kinds_of_characters() {
        for text in ["", "Zq7vKp2", "zq7vkp2x", "ZQ7VKP2X", "ZqWvKpLx", "Mot²DePasse", "Abcdefg½"] {
            assert_eq!(check(LibraryPolicy::Composition, text), Err(Refusal::WeakPassword), "{text}");
        }
        assert_eq!(check(LibraryPolicy::Composition, "Éàç9Ünïx"), Ok(()));
    }

    #[test]
    fn a_password_that_everybody_tries_is_refused() {
        for text in ["Password1", "Passw0rd", "Qwerty123", "Azerty123", "Royce27@gmail.com", "Aaaaaaa1"] {
            assert_eq!(check(LibraryPolicy::Composition, text), Err(Refusal::CommonPassword), "{text}");
        }
    }

    #[test]
    fn the_nist_policy_asks_for_length_alone() {
        assert_eq!(check(LibraryPolicy::Nist, "cheval batterie agrafe"), Ok(()));
        assert_eq!(check(LibraryPolicy::Nist, "Zq7vKp2xLm4wRt"), Err(Refusal::ShortPassword));
        assert_eq!(check(LibraryPolicy::Nist, "passwordpassword"), Err(Refusal::CommonPassword));
    }

    #[test]
    fn the_school_asks_for_a_number_of_characters_alone() {
        let school = SchoolPolicy::new(8, 20).unwrap();
        let refused = Err(Refusal::PasswordLength { least: 8, most: 20 });
        for (text, verdict) in
            [("password", Ok(())), ("pässwör", refused.clone()), (&"🦀".repeat(20), Ok(())), (&"x".repeat(21), refused)]
        {
            let password = Password::parse(text.to_owned()).unwrap();

            assert_eq!(Policy { school, ..Policy::default() }.check(Realm::School, &password, &[]), verdict, "{text}");
        }
        for (least, most) in [(7, 128), (8, 129), (20, 19), (0, 0)] {
            assert!(SchoolPolicy::new(least, most).is_err());
        }
    }

    #[test]
    fn no_password_is_too_much_to_judge() {
        let (keypad, row) = (format!("Aa{}", "12".repeat(60)), format!("Aa1{}", "qw".repeat(60)));
        let leet = format!("Aa1{}", "4@8({[<3069!1|$5+72%".repeat(6));
        let began = std::time::Instant::now();

        for text in [keypad, row, leet] {
            let _ = check(LibraryPolicy::Composition, &text);
        }
        assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    }

    #[test]
    fn a_password_has_at_most_128_characters_of_any_width() {
        assert!(Password::parse("🦀".repeat(128)).is_some());
        assert!(Password::parse("🦀".repeat(129)).is_none());
    }

    #[test]
    fn a_password_is_not_printed() {
        let password = Password::parse("p8&Q4f7B1".to_owned()).unwrap();

        assert_eq!(format!("{password:?}"), "Password");
    }
}
