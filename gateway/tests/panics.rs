//! A panic is one answer's failure: the process goes on.
#![expect(clippy::panic, reason = "a test")]

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
    response::Response,
};
use http_body_util::BodyExt as _;
use shared::{
    Clock,
    channel::Channel,
    passport::{Caller, Passports},
    secret::Secret,
};
use tower::ServiceExt as _;

/// A gateway whose way to identity leads into a panic, in the gateway's own task.
fn gateway_before_a_panic() -> Router {
    let identity = Router::new().fallback(async || -> Response { panic!("on purpose") });
    let passports = Arc::new(Passports::new(&Secret::from("k".repeat(32))));
    let identity = Channel::local(identity, "identity", Caller::service("gateway"), passports, Clock::system());
    gateway::app(gateway::Settings {
        identity: identity.clone(),
        catalog: identity.clone(),
        lending: identity,
        session: Duration::from_secs(60),
        time_zone: jiff::tz::TimeZone::UTC,
        cors_origins: Vec::new(),
        limits: gateway::LimitArgs::default(),
        clock: Clock::system(),
        leaving: tokio_util::sync::CancellationToken::new(),
    })
}

#[tokio::test]
async fn a_panic_is_one_500_in_the_words_of_the_surface() {
    let gateway = gateway_before_a_panic();
    let login = Request::post("/api/clients/login").header("content-type", "application/json");
    let login = login.body(Body::from(r#"{"email":"royce27@gmail.com","password":"j7QzxtXoTXrJSMR"}"#)).unwrap();

    let answer = gateway.clone().oneshot(login).await.unwrap();
    let status = answer.status();
    let has_request_id = answer.headers().contains_key("x-request-id");
    let body = answer.into_body().collect().await.unwrap().to_bytes();

    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(has_request_id);
    assert_eq!(body, r#"{"success":false,"message":"Internal server error!","data":null}"#);
    let alive = gateway.oneshot(Request::get("/healthz").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(alive.status(), StatusCode::OK);
}
