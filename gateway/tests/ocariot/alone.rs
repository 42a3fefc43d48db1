//! A gateway without a suite: whatever it asks fails.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Request, response::Response};
use http_body_util::BodyExt as _;
use serde_json::json;
use shared::{
    Clock,
    channel::Channel,
    passport::{Caller, Passports},
    secret::Secret,
};
use tonic::{Code, Status};
use tower::ServiceExt as _;

/// Its neighbours answer everything with this code and words that are nobody else's business.
pub fn gateway(code: Code) -> Router {
    let fail = move || async move { Response::from(Status::new(code, "table account is gone").into_http::<Body>()) };
    let neighbours = Router::new().fallback(fail);
    let passports = Arc::new(Passports::new(&Secret::from("k".repeat(32))));
    let channel = |name| {
        Channel::local(neighbours.clone(), name, Caller::service("gateway"), Arc::clone(&passports), Clock::system())
    };
    gateway::app(gateway::Settings {
        identity: channel("identity"),
        catalog: channel("catalog"),
        lending: channel("lending"),
        session: Duration::from_secs(60),
        time_zone: jiff::tz::TimeZone::UTC,
        cors_origins: Vec::new(),
        limits: gateway::LimitArgs::default(),
        clock: Clock::system(),
        leaving: tokio_util::sync::CancellationToken::new(),
    })
}

/// What a sign-in is answered with.
pub async fn sign_in(gateway: Router) -> (u16, String) {
    let body = json!({"username": "educator", "password": testing::suite::PASSWORD}).to_string();
    let request = Request::post("/v1/auth").header("content-type", "application/json").body(Body::from(body)).unwrap();
    let response = gateway.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}
