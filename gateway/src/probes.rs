//! `/healthz`: the process lives. `/readyz`: it can do its work.

use std::{sync::Arc, time::Duration};

use axum::{extract::State, http::StatusCode, response::Response};
use metrics::gauge;
use serde_json::json;
use shared::{channel::Channel, metrics::are_read};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout},
};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::{
    Gateway, Shared,
    openapi::{Answer, Endpoint, get, schema::object},
    surfaces::json::json as answer,
};

/// Where they are. Nobody is turned away from them, and they are in no trace.
pub const PATHS: [&str; 2] = [ALIVE, READY];

const ALIVE: &str = "/healthz";
const READY: &str = "/readyz";

/// How often a role is asked, whose replicas take turns with all that others ask, before a no counts.
const ASKED: usize = 16;

/// For how long what the roles said is told again. Who asks for it is not counted, and each question would be one to every role.
const FRESH: Duration = Duration::from_millis(100);

/// How often the gateway looks by itself: at night nobody else may.
const EVERY: Duration = Duration::from_secs(1);

/// Which roles serve.
#[derive(Clone, Copy)]
struct Roles {
    identity: bool,
    catalog: bool,
    lending: bool,
}

/// What the roles said last, and when.
#[derive(Default)]
pub struct Neighbours(Mutex<Option<(Instant, Roles)>>);

impl Neighbours {
    /// Which serve. Whoever comes while they are being asked waits for that answer.
    async fn look(&self, gateway: &Gateway) -> Roles {
        let mut last = self.0.lock().await;
        if let Some((_, roles)) = last.filter(|(at, _)| at.elapsed() < FRESH) {
            return roles;
        }
        let (identity, catalog, lending) =
            tokio::join!(serves(&gateway.identity), serves(&gateway.catalog), serves(&gateway.lending));
        let roles = Roles { identity, catalog, lending };
        *last = Some((Instant::now(), roles));
        roles
    }
}

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
    let both = [
        get(ALIVE, "isAlive", async || "ok").does("Whether the process lives").answers(Answer::of_type(
            "text/plain",
            "It does",
            json!({"const": "ok"}),
        )),
        get(READY, "isReady", ready)
            .does("Whether it can do its work, and which roles serve")
            .answers(ready_or_not(StatusCode::OK, true, "It can"))
            .answers(ready_or_not(StatusCode::SERVICE_UNAVAILABLE, false, "It cannot now")),
    ];
    both.map(Endpoint::complete).into()
}

/// Says in a figure from now on whether the gateway is ready, until it leaves.
pub fn watch(gateway: &Shared) {
    if !are_read() {
        return;
    }
    let (gateway, told) = (Arc::clone(gateway), gauge!("bibliotique_ready", "role" => "gateway"));
    tokio::spawn(async move {
        loop {
            told.set(f64::from(is_ready(gateway.neighbours.look(&gateway).await)));
            if gateway.leaving.run_until_cancelled(sleep(EVERY)).await.is_none() {
                return told.set(0.0);
            }
        }
    });
}

/// Without catalog or lending accounts go on, so their states are told and decide nothing.
const fn is_ready(roles: Roles) -> bool {
    roles.identity
}

async fn ready(State(gateway): State<Shared>) -> Response {
    let roles = gateway.neighbours.look(&gateway).await;
    // Looked at last, and never out of an answer before.
    let leaving = gateway.leaving.is_cancelled();
    let ready = is_ready(roles) && !leaving;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let Roles { identity, catalog, lending } = roles;
    let told =
        json!({"ready": ready, "leaving": leaving, "identity": identity, "catalog": catalog, "lending": lending});
    answer(status, &told)
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
