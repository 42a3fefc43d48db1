//! Which web pages of other origins may use the APIs (Fetch Standard, CORS). Tokens are sent by scripts, never by the browser
//! of its own accord, so credentials are not part of it.

use std::time::Duration;

use axum::http::{
    HeaderName, HeaderValue, Method,
    header::{AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, LINK, RETRY_AFTER},
};
use shared::context::REQUEST_ID;
use tower_http::cors::{AllowOrigin, CorsLayer};

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// A layer that lets pages of these origins in, and all pages for `*`.
pub fn layer(origins: &[HeaderValue]) -> CorsLayer {
    let origin = match origins.iter().any(|origin| origin == "*") {
        true => AllowOrigin::any(),
        false => AllowOrigin::list(origins.iter().cloned()),
    };
    let ours = [HeaderName::from_static(REQUEST_ID), HeaderName::from_static("x-total-count")];
    CorsLayer::new()
        .allow_origin(origin)
        .allow_methods(METHODS)
        .allow_headers([
            AUTHORIZATION,
            CONTENT_TYPE,
            IF_MATCH,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("x-api-key"),
            HeaderName::from_static(REQUEST_ID),
        ])
        .expose_headers(ours.into_iter().chain([ETAG, LINK, RETRY_AFTER]).collect::<Vec<_>>())
        .max_age(Duration::from_secs(3600))
}

/// Reads an origin from the command line or environment: `*`, or a scheme, a host and possibly a port.
///
/// # Errors
/// A sentence when it is something else.
pub fn parse_origin(text: &str) -> Result<HeaderValue, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_origin = rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(['/', ' ', '*']));
    let value = HeaderValue::from_str(text).ok().filter(|_| is_origin || text == "*");
    value.ok_or_else(|| format!("{text:?} is not an origin like https://app.example.org"))
}
