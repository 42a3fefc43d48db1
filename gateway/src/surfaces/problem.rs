//! Paths that belong to no surface: `application/problem+json` (RFC 9457).

use axum::{
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::Response,
};
use serde_json::{Value, json};

use super::json::{SOON, json as answer, retry_after};
use crate::{fault::Fault, openapi::schema::object};

/// RFC 9457, 3.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// How such a path refuses.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let problem = object([
        ("type", json!({"const": "about:blank"})),
        ("title", json!({"type": "string"})),
        ("status", json!({"type": "integer"})),
    ]);
    vec![("Problem", problem)]
}

pub fn refuse(fault: &Fault) -> Response {
    let (status, after) = match fault {
        Fault::NotFound(_) => (StatusCode::NOT_FOUND, None),
        Fault::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, None),
        Fault::TooMany { retry_after } => (StatusCode::TOO_MANY_REQUESTS, *retry_after),
        Fault::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, SOON),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, None),
    };
    let title = status.canonical_reason();
    let mut response = answer(status, &json!({"type": "about:blank", "title": title, "status": status.as_u16()}));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    retry_after(response, after)
}
