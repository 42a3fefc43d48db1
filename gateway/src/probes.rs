//! `/healthz`: the process lives. `/readyz`: it can do its work.

use std::time::Duration;

use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use serde_json::json;
use shared::channel::Channel;
use tokio::time::timeout;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::{Shared, surfaces::json::json as answer};

/// How often a role is asked, at random over its replicas, before a no counts.
const ASKED: usize = 16;

pub fn routes() -> Router<Shared> {
    Router::new().route("/healthz", get(async || "ok")).route("/readyz", get(ready))
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
