//! What lies in the database and cannot be read there: sealed with AES-256-GCM under a key that comes from the pepper.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    hmac,
};
use shared::secret::{ExposeSecret as _, Secret};

/// Bytes of a nonce of AES-GCM.
const NONCE: usize = 12;

/// Something cannot be sealed, or was sealed with another pepper or under another name.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the seal does not open: was it made with another pepper?")]
pub struct BrokenSeal;

/// A key for one purpose: other purposes have others, and none tells anything of the pepper.
pub fn derived(pepper: &Secret, purpose: &str) -> hmac::Tag {
    let pepper = hmac::Key::new(hmac::HMAC_SHA256, pepper.expose_secret().as_bytes());
    hmac::sign(&pepper, purpose.as_bytes())
}

/// Seals what belongs to a name.
pub struct Seal(RandomizedNonceKey);

impl Seal {
    /// For one purpose.
    ///
    /// # Errors
    /// [`BrokenSeal`]
    pub fn new(pepper: &Secret, purpose: &str) -> Result<Self, BrokenSeal> {
        let key = derived(pepper, purpose);
        RandomizedNonceKey::new(&AES_256_GCM, key.as_ref()).map(Self).map_err(|_| BrokenSeal)
    }

    /// Seals a secret: the nonce, then what it has become.
    ///
    /// # Errors
    /// [`BrokenSeal`]
    pub fn close(&self, name: &str, mut secret: Vec<u8>) -> Result<Vec<u8>, BrokenSeal> {
        let nonce = self.0.seal_in_place_append_tag(Aad::from(name), &mut secret).map_err(|_| BrokenSeal)?;
        secret.splice(0..0, nonce.as_ref().iter().copied());
        Ok(secret)
    }

    /// The secret.
    ///
    /// # Errors
    /// [`BrokenSeal`]
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, BrokenSeal> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE).ok_or(BrokenSeal)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| BrokenSeal)?;
        let mut sealed = sealed.to_vec();
        self.0.open_in_place(nonce, Aad::from(name), &mut sealed).map(|opened| opened.to_vec()).map_err(|_| BrokenSeal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(pepper: &str, purpose: &str) -> Seal {
        Seal::new(&Secret::from(pepper.repeat(8)), purpose).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_with_its_pepper_purpose_and_name_alone() {
        let sealed = seal("pepper", "a").close("name", b"secret".to_vec()).unwrap();

        assert_eq!(seal("pepper", "a").open("name", &sealed).unwrap(), b"secret");
        for (other, name) in [(seal("salt", "a"), "name"), (seal("pepper", "b"), "name"), (seal("pepper", "a"), "x")] {
            assert!(other.open(name, &sealed).is_err());
        }
        for cut in [0, 11, 12, sealed.len() - 1] {
            assert!(seal("pepper", "a").open("name", &sealed[..cut]).is_err());
        }
        assert!(!sealed.windows(6).any(|bytes| bytes == b"secret"));
    }
}
