//! API keys: they identify an application, and never act as a user.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use shared::{Timestamp, secret::Secret};

use super::{ApiKeyId, account::Name};

/// What is kept of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Of the row, not the key.
    pub id: ApiKeyId,
    /// What the admin called it.
    pub name: Name,
    /// The key's readable beginning: `bib_` and eight characters.
    pub prefix: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last used, exact to a minute.
    pub last_used: Option<Timestamp>,
}

/// How exact `last_used` is: a write for every use would cost more than the use.
pub const USE_GRAIN: std::time::Duration = std::time::Duration::from_secs(60);

/// SHA-256 of a key. The key has 256 random bits, so nothing slower is needed.
pub type Digest = Vec<u8>;

/// A new key, its prefix and its digest: `bib_<8 characters>_<256 bits in base64url>`.
pub fn generate(prefix: [u8; 4], random: [u8; 32]) -> (Secret, String, Digest) {
    let prefix = format!("bib_{}", prefix.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let key = format!("{prefix}_{}", URL_SAFE_NO_PAD.encode(random));
    let digest = fingerprint(&key);
    (key.into(), prefix, digest)
}

/// What a presented key is looked up by.
pub fn fingerprint(key: &str) -> Digest {
    digest(&SHA256, key.as_bytes()).as_ref().to_vec()
}

/// Whether a text can be a key at all.
pub fn is_shaped(key: &str) -> bool {
    let mut parts = key.splitn(3, '_');
    let shape = (parts.next(), parts.next().map(str::len), parts.next().map(str::len));
    shape == (Some("bib"), Some(8), Some(43))
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::secret::ExposeSecret as _;

    use super::*;

    proptest! {
        #[test]
        fn a_key_has_its_shape_its_prefix_and_its_digest(prefix: [u8; 4], random: [u8; 32]) {
            let (key, prefix, digest) = generate(prefix, random);

            prop_assert!(is_shaped(key.expose_secret()));
            prop_assert!(key.expose_secret().starts_with(&prefix));
            prop_assert_eq!(fingerprint(key.expose_secret()), digest);
        }

        #[test]
        fn other_texts_have_no_such_shape(text in "\\PC{0,60}") {
            prop_assert!(!is_shaped(&text) || text.len() == 56);
        }
    }
}
