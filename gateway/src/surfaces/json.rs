//! JSON answers, the same for all surfaces: compact, in UTF-8.

use std::time::Duration;

use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse as _, Response},
};
use serde::Serialize;

/// An answer.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    // What we answer with is plain structs: they always serialise.
    let body = serde_json::to_vec(body).unwrap_or_default();
    (status, [(CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
}

/// Says when to try again, in whole seconds (RFC 9110, 10.2.3).
pub fn retry_after(mut response: Response, after: Option<Duration>) -> Response {
    if let Some(after) = after {
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    response
}

/// What 503 says: a moment.
pub const SOON: Option<Duration> = Some(Duration::from_secs(1));
