//! What exists: books, the categories they stand in, and the search for them.

mod departures;
pub mod domain;
mod figures;
mod follower;
mod grpc;
mod orders;
mod policy;
mod settings;
mod store;
mod sweep;

use std::sync::Arc;

use axum::Router;
use proto::catalog::v1::catalog_service_server::CatalogServiceServer;
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

use follower::Heard;
use grpc::Catalog;
pub use policy::POLICY;
pub use settings::{CatalogArgs, Settings};
use store::Store;
pub use store::{Findings, schema};

/// What passports for this service are made out to.
pub const AUDIENCE: &str = "catalog";

/// The service's name in health checks.
pub const SERVICE: &str = "bibliotique.catalog.v1.CatalogService";

/// Why catalog does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// See [`OpenError`].
    #[error("catalog cannot open its database")]
    Database(#[from] OpenError),
    /// The database opens, and then fails.
    #[error("catalog cannot read its database: {0}")]
    Store(String),
}

/// Opens the database, brings its schema up to date, and answers with the service, behind its guard: to be served, or called
/// without a socket. `lending`: the way there, on catalog's own behalf. It is not healthy any more from `stop` on.
///
/// # Errors
/// [`StartError`]
pub async fn start(
    settings: Settings,
    lending: Channel,
    passports: Arc<Passports>,
    clock: Clock,
    stop: CancellationToken,
) -> Result<Router, StartError> {
    let store = Store::open(&settings.database_url).await?;

    let probe = store.clone();
    let catalog = Catalog { store, lending, clock: clock.clone(), ordered: Arc::default(), heard: Heard::default() };
    sweep::start(&catalog, &stop);
    figures::start(&catalog, &stop);
    follower::start(catalog.clone(), stop.clone());

    let health = health::watched(AUDIENCE, SERVICE, stop, move || {
        let store = probe.clone();
        async move { store.answers().await }
    });
    let server = CatalogServiceServer::new(catalog)
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
