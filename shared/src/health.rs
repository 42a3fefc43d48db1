//! Health of a service (grpc.health.v1): it serves while its probe succeeds.

use std::{future::Future, time::Duration};

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic_health::{
    ServingStatus, pb::health_server::Health, pb::health_server::HealthServer, server::health_reporter,
};

/// How often the probe runs, and how long it may take: together well under the 5 s in which a change must show.
const EVERY: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_millis(1500);

/// A health service for `name`, kept up to date by a task until `stop`, and not serving from then on.
pub async fn watched<P, F>(name: &'static str, stop: CancellationToken, probe: P) -> HealthServer<impl Health>
where
    P: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = bool> + Send,
{
    let (reporter, server) = health_reporter();
    let first = look(&probe).await;
    for service in ["", name] {
        reporter.set_service_status(service, first).await;
    }
    tokio::spawn(async move {
        let mut last = first;
        while stop.run_until_cancelled(sleep(EVERY)).await.is_some() {
            let status = look(&probe).await;
            if status != last {
                tracing::warn!(service = name, ?status, "health changed");
            }
            for service in ["", name] {
                reporter.set_service_status(service, status).await;
            }
            last = status;
        }
        for service in ["", name] {
            reporter.set_service_status(service, ServingStatus::NotServing).await;
        }
    });
    server
}

async fn look<F: Future<Output = bool>>(probe: impl Fn() -> F) -> ServingStatus {
    match timeout(PATIENCE, probe()).await {
        Ok(true) => ServingStatus::Serving,
        _ => ServingStatus::NotServing,
    }
}
