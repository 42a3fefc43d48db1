//! `Idempotency-Key`: the same request again has no second effect and gets the first answer.
//!
//! The services keep the answer in the transaction that has the effect, so what is here may forget: it only tells who asks
//! again too soon, instead of letting him wait.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, StatusCode, request::Parts},
};
use shared::passport::Caller;

use super::envelope::{bad, tell};
use crate::{Shared, fault::Ending};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key.
const BYTES: usize = 255;

/// What is said of a key that is none.
pub const MALFORMED: &str = "Invalid Idempotency-Key! It must be 1 to 255 visible ASCII characters.";

/// What is said of a key whose first request is being answered.
pub const STILL_RUNNING: &str = "A request with this Idempotency-Key is still running!";

/// The key of a request, and with one the promise that no other request of this caller with it, at the same address, is being
/// answered here until this is dropped.
#[derive(Default)]
pub struct Once {
    /// What a service knows the request by; empty without a key.
    pub request_id: String,
    _turn: Option<Turn>,
}

impl FromRequestParts<Shared> for Once {
    type Rejection = Ending;

    async fn from_request_parts(parts: &mut Parts, gateway: &Shared) -> Result<Self, Ending> {
        let Some(key) = key(&parts.headers)? else { return Ok(Self::default()) };
        let caller = parts.extensions.get::<Arc<Caller>>().map_or("anonymous", |caller| caller.subject.as_str());
        // None of the three holds a blank.
        let turn = gateway.running.enter(format!("{caller} {} {key}", parts.uri.path()));
        let turn = turn.ok_or_else(|| tell(StatusCode::CONFLICT, STILL_RUNNING))?;
        Ok(Self { request_id: key.to_owned(), _turn: Some(turn) })
    }
}

/// The header, if it is there.
fn key(headers: &HeaderMap) -> Result<Option<&str>, Ending> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let is_visible = |key: &&str| (1..=BYTES).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    match value.to_str().ok().filter(is_visible) {
        Some(key) if values.next().is_none() => Ok(Some(key)),
        _ => Err(bad(MALFORMED).into()),
    }
}

/// The requests with a key that are being answered.
#[derive(Clone, Default)]
pub struct Running(Arc<Mutex<HashSet<String>>>);

impl Running {
    /// A turn for a request, unless it has one.
    fn enter(&self, request: String) -> Option<Turn> {
        let is_first = self.requests().insert(request.clone());
        is_first.then(|| Turn { running: self.clone(), request })
    }

    fn requests(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Turn {
    running: Running,
    request: String,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.running.requests().remove(&self.request);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(values: &[&[u8]]) -> Result<Option<String>, ()> {
        let header = |value: &&[u8]| (IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in values.iter().map(header) {
            headers.append(name, value);
        }
        key(&headers).map(|key| key.map(str::to_owned)).map_err(|_| ())
    }

    #[test]
    fn a_key_is_one_header_of_visible_characters() {
        let longest = "~".repeat(255);
        assert_eq!(read(&[]), Ok(None));
        for good in ["!", "8e03978e-40d5-43dd-bc93-6894a57f9324", longest.as_str()] {
            assert_eq!(read(&[good.as_bytes()]), Ok(Some(good.to_owned())), "{good}");
        }
        for bad in [b"".as_slice(), b"a b", b"a\tb", b"\xc3\xa9", b"\xff", "x".repeat(256).as_bytes()] {
            assert_eq!(read(&[bad]), Err(()), "{bad:?}");
        }
        assert_eq!(read(&[b"a", b"a"]), Err(()));
    }

    #[test]
    fn a_request_has_one_turn_at_a_time() {
        let running = Running::default();
        let turn = running.enter("x".to_owned());

        assert!(turn.is_some() && running.enter("x".to_owned()).is_none() && running.enter("y".to_owned()).is_some());
        drop(turn);
        assert!(running.enter("x".to_owned()).is_some());
        assert!(running.requests().is_empty());
    }
}
