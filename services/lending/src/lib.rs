//! What is out: copies of books, loans of copies, holds on books, and the policy that limits them.

pub mod domain;
mod figures;
mod grpc;
mod policy;
mod settings;
mod store;
mod sweep;

use std::sync::Arc;

use axum::Router;
use proto::lending::v1::lending_service_server::LendingServiceServer;
use shared::{
    Clock,
    channel::Channel,
    database::OpenError,
    health,
    passport::Passports,
    rpc::{Guard, LIST_BYTES, MESSAGE_BYTES},
    secret::Secret,
};
use tokio_util::sync::CancellationToken;
use tonic::{Status, service::Routes};

use grpc::Lending;
pub use policy::POLICY;
pub use settings::{LendingArgs, Settings};
use store::Store;
pub use store::{Findings, schema};

/// What passports for this service are made out to.
pub const AUDIENCE: &str = "lending";

/// The service's name in health checks.
pub const SERVICE: &str = "bibliotique.lending.v1.LendingService";

/// Why lending does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// See [`OpenError`].
    #[error("lending cannot open its database")]
    Database(#[from] OpenError),
    /// The database opens, and then fails.
    #[error("lending cannot use its database: {0}")]
    Store(String),
}

/// Opens the database, brings its schema up to date, and answers with the service, behind its guard: to be served, or called
/// without a socket. `identity`: the way there, on lending's own behalf. It is not healthy any more from `stop` on.
///
/// # Errors
/// [`StartError`]
pub async fn start(
    settings: Settings,
    identity: Channel,
    passports: Arc<Passports>,
    clock: Clock,
    stop: CancellationToken,
) -> Result<Router, StartError> {
    let store = Store::open(&settings.database_url, settings.policy).await?;
    store.settle().await.map_err(|error| StartError::Store(Status::from(error).message().to_owned()))?;
    figures::start();
    sweep::start(store.clone(), settings.history_days, clock.clone(), stop.clone());

    let probe = store.clone();
    let health = health::watched(AUDIENCE, SERVICE, stop.clone(), move || {
        let store = probe.clone();
        async move { store.answers().await }
    });
    let server = LendingServiceServer::new(Lending { store, identity, clock: clock.clone(), stop })
        .max_decoding_message_size(MESSAGE_BYTES)
        .max_encoding_message_size(LIST_BYTES);
    let mut routes = Routes::new(server).add_service(health.await);
    if settings.reflection {
        routes = shared::rpc::with_reflection(routes, proto::DESCRIPTORS);
    }
    Ok(Guard::new(AUDIENCE, &POLICY, proto::DESCRIPTORS, passports, clock).around(routes))
}

/// Reads the database and says what does not fit.
///
/// # Errors
/// A sentence when it cannot be read.
pub async fn check(database_url: &Secret) -> Result<Findings, StartError> {
    let store = Store::look_into(database_url).await?;
    store.check().await.map_err(|error| StartError::Store(Status::from(error).message().to_owned()))
}
