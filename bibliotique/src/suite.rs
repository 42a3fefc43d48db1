//! All roles in one process: the gateway's calls go to the services without a socket, and the gRPC ports are open all the same.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::Router;
use gateway::GatewayArgs;
use shared::{
    Clock,
    channel::{Channel, Promise},
    passport::{Caller, Passports},
    secret::Secret,
    server::{Limits, serve_to},
    tls::Tls,
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// What the suite needs to run.
pub struct SuiteSettings {
    /// Identity's.
    pub identity: identity::Settings,
    /// Where identity's gRPC port is.
    pub identity_addr: SocketAddr,
    /// Catalog's.
    pub catalog: catalog::Settings,
    /// Where catalog's gRPC port is.
    pub catalog_addr: SocketAddr,
    /// Lending's.
    pub lending: lending::Settings,
    /// Where lending's gRPC port is.
    pub lending_addr: SocketAddr,
    /// The gateway's.
    pub gateway: GatewayArgs,
    /// What passports are signed with.
    pub internal_key: Secret,
    /// With what the gRPC ports are secured, if they are.
    pub tls: Option<Tls>,
    /// Where all roles get the time from.
    pub clock: Clock,
    /// What the servers put up with.
    pub limits: Limits,
}

/// A running suite.
pub struct Suite {
    /// Where the HTTP APIs are.
    pub http: SocketAddr,
    /// Where identity's gRPC port is.
    pub identity: SocketAddr,
    /// Where catalog's gRPC port is.
    pub catalog: SocketAddr,
    /// Where lending's gRPC port is.
    pub lending: SocketAddr,
    /// Whether anybody runs the place.
    pub has_admin: bool,
    to_identity: Channel,
    to_catalog: Channel,
    to_lending: Channel,
    _lending_is_here: Promise,
    leaving: CancellationToken,
    stop: CancellationToken,
    servers: JoinSet<()>,
}

impl Suite {
    /// Starts all roles. When this answers, they serve.
    ///
    /// # Errors
    /// A sentence on what is in the way.
    pub async fn start(settings: SuiteSettings) -> anyhow::Result<Self> {
        let http = bind(settings.gateway.http_addr).await?;
        let identity_port = bind(settings.identity_addr).await?;
        let catalog_port = bind(settings.catalog_addr).await?;
        let lending_port = bind(settings.lending_addr).await?;
        let (leaving, stop) = (CancellationToken::new(), CancellationToken::new());
        let passports = Arc::new(Passports::new(&settings.internal_key));
        let clock = settings.clock;
        let session = settings.identity.session;

        // Lending asks identity, and both others ask lending: the way there is laid before it is here.
        let (way_to_lending, promise) =
            Channel::promised(lending::AUDIENCE, Caller::service("gateway"), Arc::clone(&passports), clock.clone());
        let lending_for = |name| way_to_lending.on_behalf_of(Arc::new(Caller::service(name)));
        let (keys, time) = (|| Arc::clone(&passports), || clock.clone());
        let identity =
            identity::start(settings.identity, lending_for("identity"), keys(), time(), leaving.clone()).await?;
        let catalog = catalog::start(settings.catalog, lending_for("catalog"), keys(), time(), leaving.clone()).await?;
        let way = |service: &Router, audience, name| {
            Channel::local(service.clone(), audience, Caller::service(name), keys(), time())
        };
        let identity_for_lending = way(&identity.router, identity::AUDIENCE, lending::AUDIENCE);
        let lending = lending::start(settings.lending, identity_for_lending, keys(), time(), leaving.clone()).await?;
        promise.keep(lending.clone());
        let to_identity = way(&identity.router, identity::AUDIENCE, "gateway");
        let to_catalog = way(&catalog, catalog::AUDIENCE, "gateway");
        let app = gateway::app(gateway::Settings {
            identity: to_identity.clone(),
            catalog: to_catalog.clone(),
            lending: way_to_lending.clone(),
            session,
            time_zone: settings.gateway.time_zone,
            cors_origins: settings.gateway.cors_origins,
            limits: settings.gateway.limits,
            docs: settings.gateway.docs.docs,
            clock: clock.clone(),
            leaving: leaving.clone(),
        });

        let mut suite = Self {
            http: http.local_addr()?,
            identity: identity_port.local_addr()?,
            catalog: catalog_port.local_addr()?,
            lending: lending_port.local_addr()?,
            has_admin: identity.has_admin,
            to_identity,
            to_catalog,
            to_lending: way_to_lending,
            _lending_is_here: promise,
            leaving,
            stop,
            servers: JoinSet::new(),
        };
        suite.spawn(None, http, app, settings.limits);
        suite.spawn(settings.tls.clone(), identity_port, identity.router, settings.limits);
        suite.spawn(settings.tls.clone(), catalog_port, catalog, settings.limits);
        suite.spawn(settings.tls, lending_port, lending, settings.limits);
        Ok(suite)
    }

    fn spawn(&mut self, tls: Option<Tls>, listener: TcpListener, app: Router, limits: Limits) {
        self.servers.spawn(serve_to(tls, listener, app, limits, self.stop.clone()));
    }

    /// The way to identity as somebody, as an operator's command goes it.
    pub fn identity_as(&self, caller: Caller) -> Channel {
        self.to_identity.on_behalf_of(Arc::new(caller))
    }

    /// The way to catalog as somebody, as an operator's command goes it.
    pub fn catalog_as(&self, caller: Caller) -> Channel {
        self.to_catalog.on_behalf_of(Arc::new(caller))
    }

    /// The way to lending as somebody, as an operator's command goes it.
    pub fn lending_as(&self, caller: Caller) -> Channel {
        self.to_lending.on_behalf_of(Arc::new(caller))
    }

    /// Is not ready at once, serves on for `drain`, finishes what is in flight, and ends.
    pub async fn end(mut self, drain: Duration) {
        self.leaving.cancel();
        tokio::time::sleep(drain).await;
        self.stop.cancel();
        while self.servers.join_next().await.is_some() {}
    }
}

/// Listens on an address.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}
