//! Health of a service (grpc.health.v1): it serves while its probe succeeds.

use std::{error::Error as _, future::Future, time::Duration};

use metrics::gauge;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic_health::{
    ServingStatus,
    pb::{
        HealthCheckRequest, health_check_response::ServingStatus as Told, health_client::HealthClient,
        health_server::Health, health_server::HealthServer,
    },
    server::health_reporter,
};

use crate::{connections::Way, error::chain, tls::Tls};

/// How often the probe runs, and how long it may take: together well under the 5 s in which a change must show.
const EVERY: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_millis(1500);

/// How long the role at an address is waited for.
const ANSWER: Duration = Duration::from_secs(10);

/// Asks the role of this name at one `host:port` whether it serves.
///
/// # Errors
/// A sentence on why it cannot be asked.
pub async fn ask(address: &str, tls: Option<&Tls>, role: &str) -> Result<bool, String> {
    let endpoint = Way::to(address, tls, role).map_err(|error| error.to_string())?.endpoint();
    let asking = async {
        let connection = endpoint.connect().await.map_err(|error| chain(&error))?;
        match HealthClient::new(connection).check(HealthCheckRequest::default()).await {
            Ok(answer) => Ok(answer.get_ref().status() == Told::Serving),
            Err(status) => Err(status.source().map_or_else(
                || status.message().to_owned(),
                |cause| {
                    // With TLS 1.3 whoever calls learns only now whether his certificate was taken.
                    let as_when = if tls.is_some() { "it does not take our certificate" } else { "it wants TLS" };
                    format!("it ends the connection, as when {as_when}: {}", chain(cause))
                },
            )),
        }
    };
    timeout(ANSWER, asking).await.unwrap_or_else(|_| Err(format!("no answer within {} seconds", ANSWER.as_secs())))
}

/// A health service for the service `name` of a role, kept up to date by a task until `stop`, and not serving from then on. A figure
/// says the same: where nobody asks, no request fails.
pub async fn watched<P, F>(
    role: &'static str,
    name: &'static str,
    stop: CancellationToken,
    probe: P,
) -> HealthServer<impl Health>
where
    P: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = bool> + Send,
{
    let (reporter, server) = health_reporter();
    let figure = gauge!("bibliotique_ready", "role" => role);
    let tell = async move |status: ServingStatus| {
        figure.set(f64::from(status == ServingStatus::Serving));
        for service in ["", name] {
            reporter.set_service_status(service, status).await;
        }
    };
    let first = look(&probe).await;
    tell(first).await;
    tokio::spawn(async move {
        let mut last = first;
        while stop.run_until_cancelled(sleep(EVERY)).await.is_some() {
            let status = look(&probe).await;
            if status != last {
                tracing::warn!(service = name, ?status, "health changed");
            }
            tell(status).await;
            last = status;
        }
        tell(ServingStatus::NotServing).await;
    });
    server
}

async fn look<F: Future<Output = bool>>(probe: impl Fn() -> F) -> ServingStatus {
    match timeout(PATIENCE, probe()).await {
        Ok(true) => ServingStatus::Serving,
        _ => ServingStatus::NotServing,
    }
}
