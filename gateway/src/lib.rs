//! The HTTP door: five documented APIs translated to gRPC, and the one place where access tokens are checked.

mod body;
mod client;
mod cors;
mod edge;
mod fault;
mod leftover;
mod limits;
mod openapi;
mod probes;
mod settings;
mod surfaces;
mod tokens;
mod watched;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    http::{HeaderValue, Uri},
    middleware::from_fn_with_state,
};
use jiff::tz::TimeZone;
use proto::{
    catalog::v1::catalog_service_client::CatalogServiceClient,
    identity::v1::{identity_service_client::IdentityServiceClient, school_service_client::SchoolServiceClient},
    lending::v1::lending_service_client::LendingServiceClient,
};
use shared::{
    Clock,
    channel::Channel,
    passport::Caller,
    rpc::{LIST_BYTES, MESSAGE_BYTES},
};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;

pub use limits::LimitArgs;
pub use openapi::{Docs, DocsArgs};
pub use settings::GatewayArgs;
pub use surfaces::ocariot::declared as ocariot;

use client::Network;
use fault::Fault;
use limits::Limits;
use openapi::{Endpoint, Page};
use probes::Neighbours;
use surfaces::{
    library::{Moved, Running},
    swift::Windows,
};
use tokens::Keys;
use watched::Operations;

/// What the gateway needs to run.
pub struct Settings {
    /// The way to identity, on the gateway's own behalf.
    pub identity: Channel,
    /// The way to catalog, on the gateway's own behalf.
    pub catalog: Channel,
    /// The way to lending, on the gateway's own behalf.
    pub lending: Channel,
    /// How long an access token may live at most.
    pub session: Duration,
    /// In which the surface `swift` prints times, and `ocariot` says what day it is.
    pub time_zone: TimeZone,
    /// Web pages of these origins may use the APIs.
    pub cors_origins: Vec<HeaderValue>,
    /// Who is believed about others' addresses, and what one address may ask.
    pub limits: LimitArgs,
    /// Whether there is a document of the APIs, and a page to read it.
    pub docs: Docs,
    /// Where the time comes from.
    pub clock: Clock,
    /// Cancelled when the role is about to end: not ready from then on.
    pub leaving: CancellationToken,
}

/// What all handlers share.
struct Gateway {
    identity: Channel,
    catalog: Channel,
    lending: Channel,
    keys: Keys,
    session: Duration,
    windows: Windows,
    running: Running,
    moved: Moved,
    proxies: Vec<Network>,
    limits: Limits,
    operations: Operations,
    neighbours: Neighbours,
    page: Option<OnceLock<Page>>,
    time_zone: TimeZone,
    clock: Clock,
    leaving: CancellationToken,
}

type Shared = Arc<Gateway>;
type Identity = IdentityServiceClient<Channel>;
type School = SchoolServiceClient<Channel>;
type Catalog = CatalogServiceClient<Channel>;
type Lending = LendingServiceClient<Channel>;

impl Gateway {
    /// Identity, asked on the gateway's own behalf.
    fn identity(&self) -> Identity {
        identity(self.identity.clone())
    }

    /// Identity, asked on somebody's behalf.
    fn identity_for(&self, caller: &Arc<Caller>) -> Identity {
        identity(self.identity.on_behalf_of(Arc::clone(caller)))
    }

    /// Identity's school realm, asked on somebody's behalf.
    fn school_for(&self, caller: &Arc<Caller>) -> School {
        SchoolServiceClient::new(self.identity.on_behalf_of(Arc::clone(caller)))
            .max_decoding_message_size(LIST_BYTES)
            .max_encoding_message_size(MESSAGE_BYTES)
    }

    /// Catalog, asked on the gateway's own behalf: what is public needs no identity.
    fn catalog(&self) -> Catalog {
        catalog(self.catalog.clone())
    }

    /// Catalog, asked on somebody's behalf.
    fn catalog_for(&self, caller: &Arc<Caller>) -> Catalog {
        catalog(self.catalog.on_behalf_of(Arc::clone(caller)))
    }

    /// Lending, asked on the gateway's own behalf: how many copies there are is public.
    fn lending(&self) -> Lending {
        lending(self.lending.clone())
    }

    /// Lending, asked on somebody's behalf.
    fn lending_for(&self, caller: &Arc<Caller>) -> Lending {
        lending(self.lending.on_behalf_of(Arc::clone(caller)))
    }
}

fn identity(channel: Channel) -> Identity {
    IdentityServiceClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES)
        .max_encoding_message_size(MESSAGE_BYTES)
}

fn catalog(channel: Channel) -> Catalog {
    CatalogServiceClient::new(channel).max_decoding_message_size(LIST_BYTES).max_encoding_message_size(MESSAGE_BYTES)
}

fn lending(channel: Channel) -> Lending {
    LendingServiceClient::new(channel).max_decoding_message_size(LIST_BYTES).max_encoding_message_size(MESSAGE_BYTES)
}

/// The HTTP application.
pub fn app(settings: Settings) -> Router {
    let Settings { identity, catalog, lending, session, time_zone, cors_origins, limits, docs, clock, leaving } =
        settings;
    let page = (docs == Docs::On).then(OnceLock::new);
    let (keys, windows, running, moved) = (Keys::default(), Windows::default(), Running::default(), Moved::default());
    let gateway = Arc::new(Gateway {
        identity,
        catalog,
        lending,
        keys,
        session,
        windows,
        running,
        moved,
        limits: Limits::new(&limits),
        proxies: limits.trusted_proxies,
        operations: Operations::new(),
        neighbours: Neighbours::default(),
        page,
        time_zone,
        clock,
        leaving,
    });
    probes::watch(&gateway);
    let routes = endpoints(docs).into_iter().fold(Router::new(), |router, endpoint| endpoint.route(router, &gateway));
    let routes = if gateway.page.is_some() { routes.merge(openapi::routes()) } else { routes };
    let mut app = routes
        .fallback(async |uri: Uri| Fault::NotFound(uri.path().to_owned()))
        .method_not_allowed_fallback(async || Fault::MethodNotAllowed)
        .layer(CatchPanicLayer::custom(edge::panicked))
        .layer(from_fn_with_state(Arc::clone(&gateway), limits::limit));
    // The layer answers every OPTIONS itself: where no page may come, that is a method like others.
    if !cors_origins.is_empty() {
        app = app.layer(cors::layer(&cors_origins));
    }
    app.layer(from_fn_with_state(Arc::clone(&gateway), edge::edge)).with_state(gateway)
}

/// Everything that the gateway answers, the document of it too if there is to be one.
fn endpoints(docs: Docs) -> Vec<Endpoint> {
    let own = if docs == Docs::On { openapi::endpoints() } else { Vec::new() };
    surfaces::endpoints().into_iter().chain(probes::endpoints()).chain(own).collect()
}
