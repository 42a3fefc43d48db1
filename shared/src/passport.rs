//! Passports: the short internal assertion that services trust, and nothing else.
//!
//! The external-token-in, signed-internal-identity-on pattern of OWASP's Microservices Security Cheat Sheet. A passport is
//! a JWT (RFC 7519) signed with HMAC-SHA-256 and the suite's internal key; it travels in the metadata `passport`.

use std::{collections::HashSet, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::{Timestamp, secret::Secret};

/// The metadata key.
pub const PASSPORT: &str = "passport";

/// How long a passport is good for.
pub const LIFETIME: Duration = Duration::from_secs(60);

/// How far two machines' clocks may differ.
const LEEWAY: Duration = Duration::from_secs(5);

/// The scope of an operator: all of them.
const EVERY_SCOPE: &str = "*";

/// What a caller is, for the policy tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A signed-in person.
    Client,
    /// A signed-in person who runs the place, or an operator.
    Admin,
    /// A role of the suite, on its own account.
    Service,
}

/// On whose behalf a call is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// An account's id, or `service:<role>`.
    #[serde(rename = "sub")]
    pub subject: String,
    /// What the policy tables ask for.
    pub role: Role,
    /// What kind of account it is, as the access token's claim of that name says; empty for who has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sub_type: String,
    /// OAuth-style scopes, separated by blanks.
    pub scope: String,
    /// The session that the call belongs to.
    #[serde(rename = "sid", skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
}

impl Caller {
    /// A role of the suite that calls a neighbour for its own reasons.
    pub fn service(name: &str) -> Self {
        Self::new(&format!("service:{name}"), Role::Service, "")
    }

    /// An operator at the command line.
    pub fn operator() -> Self {
        Self { sub_type: "admin".to_owned(), ..Self::new("operator", Role::Admin, EVERY_SCOPE) }
    }

    fn new(subject: &str, role: Role, scope: &str) -> Self {
        Self { subject: subject.to_owned(), role, sub_type: String::new(), scope: scope.to_owned(), session: None }
    }

    /// Whether one of these scopes is his.
    pub fn has_scope(&self, wanted: &[&str]) -> bool {
        self.scope.split(' ').any(|scope| scope == EVERY_SCOPE || wanted.contains(&scope))
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(flatten)]
    caller: Caller,
    aud: String,
    exp: i64,
}

/// The passport is missing, malformed, for somebody else, expired or not signed with the internal key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no valid passport")]
pub struct InvalidPassport;

/// Signs and reads passports.
pub struct Passports {
    sign: EncodingKey,
    verify: DecodingKey,
    validation: Validation,
}

impl Passports {
    /// With the suite's internal key.
    pub fn new(internal_key: &Secret) -> Self {
        let key = internal_key.expose_secret().as_bytes();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.required_spec_claims = HashSet::from(["aud".to_owned(), "exp".to_owned(), "sub".to_owned()]);
        // Times and audience are compared here, with the clock that the service was given.
        validation.validate_exp = false;
        validation.validate_aud = false;
        Self { sign: EncodingKey::from_secret(key), verify: DecodingKey::from_secret(key), validation }
    }

    /// A passport for a call to `audience`.
    pub fn sign(&self, caller: &Caller, audience: &str, now: Timestamp) -> String {
        let exp = (now + LIFETIME).seconds();
        let claims = Claims { caller: caller.clone(), aud: audience.to_owned(), exp };
        // Signing plain strings with an HMAC key cannot fail; an empty passport would be refused.
        encode(&Header::new(Algorithm::HS256), &claims, &self.sign).unwrap_or_default()
    }

    /// Who calls `audience`.
    ///
    /// # Errors
    /// [`InvalidPassport`], without a word on why.
    pub fn verify(&self, passport: &str, audience: &str, now: Timestamp) -> Result<Caller, InvalidPassport> {
        self.read(passport, audience, now).map(|read| read.caller)
    }

    /// Who calls `audience`, and until when that may be believed.
    ///
    /// # Errors
    /// [`InvalidPassport`], without a word on why.
    pub fn read(&self, passport: &str, audience: &str, now: Timestamp) -> Result<Verified, InvalidPassport> {
        let claims = decode::<Claims>(passport, &self.verify, &self.validation).map_err(|_| InvalidPassport)?.claims;
        let verified = Verified { caller: claims.caller, expires: claims.exp };
        if verified.lives(now) && claims.aud == audience { Ok(verified) } else { Err(InvalidPassport) }
    }
}

/// What a good passport says.
#[derive(Clone, Debug)]
pub struct Verified {
    /// Who calls.
    pub caller: Caller,
    /// Seconds since 1970-01-01T00:00:00Z.
    expires: i64,
}

impl Verified {
    /// Whether it is within its time, and that is no longer than a passport's.
    pub fn lives(&self, now: Timestamp) -> bool {
        self.expires > (now - LEEWAY).seconds() && self.expires <= (now + LIFETIME + LEEWAY).seconds()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn passports(key: &str) -> Passports {
        Passports::new(&Secret::from(key.repeat(32)))
    }

    #[test]
    fn a_passport_says_who_calls() {
        let passport = passports("a").sign(&Caller::service("gateway"), "identity", NOW);

        assert_eq!(passports("a").verify(&passport, "identity", NOW), Ok(Caller::service("gateway")));
    }

    #[test]
    fn a_passport_is_for_one_callee_one_key_and_one_minute() {
        let passport = passports("a").sign(&Caller::operator(), "identity", NOW);
        let later = |seconds| NOW + Duration::from_secs(seconds);

        assert_eq!(passports("a").verify(&passport, "catalog", NOW), Err(InvalidPassport));
        assert_eq!(passports("b").verify(&passport, "identity", NOW), Err(InvalidPassport));
        assert!(passports("a").verify(&passport, "identity", later(59)).is_ok());
        assert_eq!(passports("a").verify(&passport, "identity", later(66)), Err(InvalidPassport));
    }

    #[test]
    fn a_passport_that_would_live_longer_than_a_minute_is_refused() {
        let from_the_future = passports("a").sign(&Caller::operator(), "identity", NOW + Duration::from_secs(10));

        assert_eq!(passports("a").verify(&from_the_future, "identity", NOW), Err(InvalidPassport));
    }

    #[test]
    fn an_unsigned_token_is_no_passport() {
        // {"typ":"JWT","alg":"none"} . {"sub":"operator","role":"admin","scope":"","aud":"identity","exp":1700000030}
        let unsigned = "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.eyJzdWIiOiJvcGVyYXRvciIsInJvbGUiOiJhZG1pbiIsInNjb3BlIjoiIiwiYXVkIjoiaWRlbnRpdHkiLCJleHAiOjE3MDAwMDAwMzB9.";

        assert_eq!(passports("a").verify(unsigned, "identity", NOW), Err(InvalidPassport));
    }

    proptest! {
        #[test]
        fn a_passport_with_one_character_changed_is_refused(at in 0_usize..200, to in "[A-Za-z0-9_-]") {
            let passport = passports("a").sign(&Caller::operator(), "identity", NOW);
            let at = at % passport.len();
            let mut changed = passport.clone();
            changed.replace_range(at..=at, &to);

            // The last character of a base64 text has spare bits, so a change there may mean the same bytes.
            prop_assume!(changed != passport && at != passport.len() - 1);
            prop_assert_eq!(passports("a").verify(&changed, "identity", NOW), Err(InvalidPassport));
        }
    }
}
