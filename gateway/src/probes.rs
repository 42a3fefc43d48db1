//! `/healthz`: the process lives. `/readyz`: it can do its work.

use std::time::Duration;

use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use serde_json::json;
use tokio::time::timeout;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::{Gateway, Shared, surfaces::json::json as answer};

/// How often identity is asked, at random over its replicas, before a no counts.
const ASKED: usize = 16;

pub fn routes() -> Router<Shared> {
    Router::new().route("/healthz", get(async || "ok")).route("/readyz", get(ready))
}

async fn ready(State(gateway): State<Shared>) -> Response {
    let leaving = gateway.leaving.is_cancelled();
    let identity = gateway.identity_serves().await;
    let status = if identity && !leaving { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer(status, &json!({"ready": status == StatusCode::OK, "leaving": leaving, "identity": identity}))
}

impl Gateway {
    /// One of several will do: another may be about to end.
    async fn identity_serves(&self) -> bool {
        let anybody = async {
            let mut health = HealthClient::new(self.identity.clone());
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
}
