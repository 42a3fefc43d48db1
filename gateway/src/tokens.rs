//! Access tokens, checked here and nowhere else: the signature with identity's published keys, the session with identity
//! itself. So a token is refused everywhere as soon as identity has ended its session.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header::AUTHORIZATION},
    middleware::Next,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use proto::{
    identity::v1 as pb,
    token::{AUDIENCE, ISSUER},
};
use serde::Deserialize;
use shared::{
    Id,
    passport::{Caller, Role},
};
use tokio::{sync::Mutex, time::Instant};
use tonic::Code;

use crate::{
    Gateway, Shared,
    fault::{Answer, Fault},
};

/// The longest token that is looked at.
const BYTES: usize = 4096;

/// How far identity's clock and ours may differ.
const LEEWAY: Duration = Duration::from_secs(5);

/// Every claim is required and typed. jsonwebtoken looks at `iss` and `aud`, but would take lists of them too.
#[derive(Deserialize)]
struct Claims {
    #[serde(rename = "iss")]
    _iss: String,
    #[serde(rename = "aud")]
    _aud: String,
    sub: String,
    sid: String,
    #[serde(rename = "jti")]
    _jti: String,
    iat: i64,
    exp: i64,
    nbf: Option<i64>,
}

/// Lets a request through that carries a good token, with its [`Caller`] as an extension.
pub async fn signed_in(State(gateway): State<Shared>, mut request: Request, next: Next) -> Answer {
    let caller = gateway.authenticate(request.headers()).await?;
    request.extensions_mut().insert(Arc::new(caller));
    Ok(next.run(request).await)
}

/// Lets a signed-in admin through.
pub async fn admin(request: Request, next: Next) -> Answer {
    match request.extensions().get::<Arc<Caller>>() {
        Some(caller) if caller.role == Role::Admin => Ok(next.run(request).await),
        Some(_) => Err(Fault::Forbidden.into()),
        None => Err(Fault::NoToken.into()),
    }
}

impl Gateway {
    /// Whose token a request carries.
    ///
    /// # Errors
    /// One of the four faults of tokens, or that identity is away.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, Fault> {
        let token = bearer(headers)?;
        let header = readable_header(token)?;
        let key = self.key(header.kid.as_deref().unwrap_or_default()).await?;
        let claims = verify(token, &key)?;
        self.check_times(&claims)?;
        self.check_session(claims).await
    }

    /// The key with this id. An unknown one is asked for, because it may be newer than ours.
    async fn key(&self, id: &str) -> Result<DecodingKey, Fault> {
        match self.keys.known(id) {
            Some(key) => Ok(key),
            None => self.keys.ask(self, id).await?.ok_or(Fault::BadToken),
        }
    }

    fn check_times(&self, claims: &Claims) -> Result<(), Fault> {
        let now = self.clock.now();
        let (early, late) = ((now - LEEWAY).seconds(), (now + LEEWAY).seconds());
        let lives_longest = i64::try_from(self.session.as_secs()).unwrap_or(i64::MAX);
        let too_long = claims.exp.saturating_sub(claims.iat) > lives_longest;
        if claims.iat > late || claims.nbf.is_some_and(|nbf| nbf > late) || too_long {
            return Err(Fault::BadToken);
        }
        if claims.exp <= early { Err(Fault::ExpiredToken) } else { Ok(()) }
    }

    /// Whether the session lives, and what its account may do now: the token's own word on that does not count.
    async fn check_session(&self, claims: Claims) -> Result<Caller, Fault> {
        let request = pb::CheckSessionRequest { session_id: claims.sid.clone(), account_id: claims.sub.clone() };
        let answer = match self.identity().check_session(request).await {
            Ok(answer) => answer.into_inner(),
            // A session ends with its token, to the second: the leeway is for clocks that differ.
            Err(status) if status.code() == Code::NotFound && claims.exp <= self.clock.now().seconds() => {
                return Err(Fault::ExpiredToken);
            }
            Err(status) if status.code() == Code::NotFound => return Err(Fault::RevokedToken),
            Err(status) => return Err(status.into()),
        };
        let (role, sub_type) = kind_of(answer.role());
        let (sub_type, session) = (sub_type.to_owned(), Some(claims.sid));
        Ok(Caller { subject: claims.sub, role, sub_type, scope: answer.scope, session })
    }
}

/// What the policy tables go by, and the `sub_type` that document 001 knows.
const fn kind_of(role: pb::Role) -> (Role, &'static str) {
    match role {
        pb::Role::Admin => (Role::Admin, "admin"),
        pb::Role::Client | pb::Role::Unspecified => (Role::Client, "client"),
        pb::Role::Child => (Role::Client, "child"),
        pb::Role::Educator => (Role::Client, "educator"),
        pb::Role::HealthProfessional => (Role::Client, "healthprofessional"),
        pb::Role::Family => (Role::Client, "family"),
        pb::Role::Application => (Role::Client, "application"),
    }
}

/// The token of `Authorization: Bearer …` (RFC 6750, 2.1).
fn bearer(headers: &HeaderMap) -> Result<&str, Fault> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Fault::NoToken)?;
    if values.next().is_some() {
        return Err(Fault::BadToken);
    }
    let scheme = value.as_bytes().split(|byte| *byte == b' ').next().unwrap_or_default();
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Err(Fault::NoToken);
    }
    let value = value.to_str().map_err(|_| Fault::BadToken)?;
    let token = value.split_once(' ').map_or("", |(_, token)| token.trim());
    if token.is_empty() {
        return Err(Fault::NoToken);
    }
    if token.len() <= BYTES { Ok(token) } else { Err(Fault::BadToken) }
}

/// The token's header, if it asks for nothing but what we sign: jsonwebtoken looks at neither `typ` nor `crit`.
fn readable_header(token: &str) -> Result<Header, Fault> {
    let header = decode_header(token).map_err(|_| Fault::BadToken)?;
    let ours = header.alg == Algorithm::EdDSA && header.typ.as_deref() == Some("JWT") && header.crit.is_none();
    if ours && header.kid.is_some() { Ok(header) } else { Err(Fault::BadToken) }
}

fn verify(token: &str, key: &DecodingKey) -> Result<Claims, Fault> {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    // Times are compared in `check_times`, with the gateway's clock.
    validation.validate_exp = false;
    let claims = decode::<Claims>(token, key, &validation).map_err(|_| Fault::BadToken)?.claims;
    let ids = [&claims.sub, &claims.sid];
    if ids.iter().all(|id| id.parse::<Id>().is_ok()) { Ok(claims) } else { Err(Fault::BadToken) }
}

/// Identity's published keys, as far as they are known here.
#[derive(Default)]
pub struct Keys {
    known: RwLock<HashMap<String, DecodingKey>>,
    asked: Mutex<Option<Instant>>,
}

impl Keys {
    fn known(&self, id: &str) -> Option<DecodingKey> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Asks identity, unless somebody began to since this request came: a flood of made-up ids asks once at a time.
    async fn ask(&self, gateway: &Gateway, id: &str) -> Result<Option<DecodingKey>, Fault> {
        let came = Instant::now();
        let mut asked = self.asked.lock().await;
        if asked.is_none_or(|asked| asked < came) {
            let asks = Instant::now();
            let published = gateway.identity().list_signing_keys(pb::ListSigningKeysRequest {}).await?.into_inner();
            let keys = published.signing_keys.into_iter().filter_map(readable_key).collect();
            *self.known.write().unwrap_or_else(PoisonError::into_inner) = keys;
            *asked = Some(asks);
        }
        Ok(self.known(id))
    }
}

fn readable_key(key: pb::SigningKey) -> Option<(String, DecodingKey)> {
    let public = DecodingKey::from_ed_components(&URL_SAFE_NO_PAD.encode(key.public_key)).ok()?;
    Some((key.id, public))
}
