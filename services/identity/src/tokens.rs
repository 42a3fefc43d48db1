//! Access tokens: EdDSA JWTs (RFC 7519, RFC 8037) for the outside, and the keys that sign them.

use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use proto::token::{AUDIENCE, ISSUER};
use serde::Serialize;
use shared::{Id, Timestamp, secret::Secret};

use crate::{
    domain::account::Account,
    seal::Seal,
    store::{NewSession, SigningKey},
};

/// A signing key cannot be made, or not be opened with this pepper.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the signing key cannot be used: was it made with another pepper?")]
pub struct UnusableKey;

/// Makes signing keys, and tokens with them.
pub struct Tokens {
    seal: Seal,
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
        let seal = Seal::new(pepper, "bibliotique: sealing of signing keys").map_err(|_| UnusableKey)?;
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
        let private = pair.to_pkcs8().map_err(|_| UnusableKey)?.as_ref().to_vec();
        let sealed = self.seal.close(&id, private).map_err(|_| UnusableKey)?;
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
            role: account.role.in_the_library(),
            sub_type: account.role.name(),
            scope: account.role.scope(),
        };
        let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::EdDSA) };
        encode(&header, &claims, &self.open(key)?).map(Secret::from).map_err(|_| UnusableKey)
    }

    fn open(&self, key: &SigningKey) -> Result<EncodingKey, UnusableKey> {
        let opened = self.seal.open(&key.id, &key.sealed_key).map_err(|_| UnusableKey)?;
        Ok(EncodingKey::from_ed_der(&opened))
    }
}
