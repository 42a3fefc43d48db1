//! Access tokens: EdDSA JWTs (RFC 7519, RFC 8037) for the outside, and the keys that sign them.

use std::time::Duration;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    hmac,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use proto::token::{AUDIENCE, ISSUER};
use serde::Serialize;
use shared::{
    Id, Timestamp,
    secret::{ExposeSecret as _, Secret},
};

use crate::{
    domain::account::Account,
    store::{NewSession, SigningKey},
};

/// Bytes of a nonce of AES-GCM.
const NONCE: usize = 12;

/// A signing key cannot be made, or not be opened with this pepper.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the signing key cannot be used: was it made with another pepper?")]
pub struct UnusableKey;

/// Makes signing keys, and tokens with them.
pub struct Tokens {
    seal: RandomizedNonceKey,
    lifetime: Duration,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: String,
    sid: String,
    /// What clients of document 000 read.
    id: &'a str,
    role: &'a str,
    /// What clients of document 001 read.
    sub_type: &'a str,
    scope: String,
}

impl Tokens {
    /// `pepper` seals the keys in the database; tokens and their sessions live for `lifetime`.
    ///
    /// # Errors
    /// [`UnusableKey`]
    pub fn new(pepper: &Secret, lifetime: Duration) -> Result<Self, UnusableKey> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, pepper.expose_secret().as_bytes());
        let key = hmac::sign(&key, b"bibliotique: sealing of signing keys");
        let seal = RandomizedNonceKey::new(&AES_256_GCM, key.as_ref()).map_err(|_| UnusableKey)?;
        Ok(Self { seal, lifetime })
    }

    /// How long a token lives.
    pub const fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// A new signing key.
    ///
    /// # Errors
    /// [`UnusableKey`]
    pub fn new_key(&self, now: Timestamp) -> Result<SigningKey, UnusableKey> {
        let id = Id::fresh(now).to_string();
        let pair = Ed25519KeyPair::generate().map_err(|_| UnusableKey)?;
        let mut sealed = pair.to_pkcs8().map_err(|_| UnusableKey)?.as_ref().to_vec();
        let nonce = self.seal.seal_in_place_append_tag(Aad::from(&id), &mut sealed).map_err(|_| UnusableKey)?;
        sealed.splice(0..0, nonce.as_ref().iter().copied());
        Ok(SigningKey { id, sealed_key: sealed, public_key: pair.public_key().as_ref().to_vec(), created_at: now })
    }

    /// Whether a key can be used. If it was made with another pepper, no password can be checked here either.
    ///
    /// # Errors
    /// [`UnusableKey`]
    pub fn check(&self, key: &SigningKey) -> Result<(), UnusableKey> {
        self.open(key).map(drop)
    }

    /// A token for `account` in `session`.
    ///
    /// # Errors
    /// [`UnusableKey`]
    pub fn mint(
        &self,
        key: &SigningKey,
        account: &Account,
        session: &NewSession,
        now: Timestamp,
    ) -> Result<Secret, UnusableKey> {
        let id = account.id.to_string();
        let claims = Claims {
            iss: ISSUER,
            sub: &id,
            aud: AUDIENCE,
            iat: now.seconds(),
            exp: session.expires.seconds(),
            jti: Id::fresh(now).to_string(),
            sid: session.id.to_string(),
            id: &id,
            role: account.role.name(),
            sub_type: account.role.name(),
            scope: account.role.scope(),
        };
        let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::EdDSA) };
        encode(&header, &claims, &self.open(key)?).map(Secret::from).map_err(|_| UnusableKey)
    }

    fn open(&self, key: &SigningKey) -> Result<EncodingKey, UnusableKey> {
        let (nonce, sealed) = key.sealed_key.split_at_checked(NONCE).ok_or(UnusableKey)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| UnusableKey)?;
        let mut sealed = sealed.to_vec();
        let opened = self.seal.open_in_place(nonce, Aad::from(&key.id), &mut sealed).map_err(|_| UnusableKey)?;
        Ok(EncodingKey::from_ed_der(opened))
    }
}
