//! `/healthz`: the process lives. `/readyz`: it can do its work.

use std::time::Duration;

use axum::{extract::State, http::StatusCode, response::Response};
use serde_json::json;
use shared::channel::Channel;
use tokio::time::timeout;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::{
    Shared,
    openapi::{Answer, Endpoint, get, schema::object},
    surfaces::json::json as answer,
};

/// How often a role is asked, whose replicas take turns with all that others ask, before a no counts.
const ASKED: usize = 16;

/// Both.
pub fn endpoints() -> Vec<Endpoint> {
    let ready_or_not = |status, is_ready: bool, description: &str| {
        let yes_or_no = || json!({"type": "boolean"});
        let schema = object([
            ("ready", json!({"const": is_ready})),
            ("leaving", yes_or_no()),
            ("identity", yes_or_no()),
            ("catalog", yes_or_no()),
            ("lending", yes_or_no()),
        ]);
        Answer::json(status, description, schema)
    };
    vec![
        get("/healthz", "isAlive", async || "ok").does("Whether the process lives").answers(Answer::of_type(
            "text/plain",
            "It does",
            json!({"const": "ok"}),
        )),
        get("/readyz", "isReady", ready)
            .does("Whether it can do its work, and which roles serve")
            .answers(ready_or_not(StatusCode::OK, true, "It can"))
            .answers(ready_or_not(StatusCode::SERVICE_UNAVAILABLE, false, "It cannot now")),
    ]
}

async fn ready(State(gateway): State<Shared>) -> Response {
    let leaving = gateway.leaving.is_cancelled();
    let (identity, catalog, lending) =
        tokio::join!(serves(&gateway.identity), serves(&gateway.catalog), serves(&gateway.lending));
    // Without catalog or lending accounts go on, so their states are told and decide nothing.
    let status = if identity && !leaving { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let ready = status == StatusCode::OK;
    let roles =
        json!({"ready": ready, "leaving": leaving, "identity": identity, "catalog": catalog, "lending": lending});
    answer(status, &roles)
}

/// Whether a role serves. One of several will do: another may be about to end.
async fn serves(role: &Channel) -> bool {
    let anybody = async {
        let mut health = HealthClient::new(role.clone());
        for _ in 0..ASKED {
            match health.check(HealthCheckRequest::default()).await {
                Ok(answer) if answer.get_ref().status() == ServingStatus::Serving => return true,
                Ok(_) => (),
                Err(_) => return false,
            }
        }
        false
    };
    timeout(Duration::from_secs(1), anybody).await.unwrap_or(false)
}
