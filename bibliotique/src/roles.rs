//! `bibliotique serve`: settings to running roles, and running roles to an orderly end.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use shared::{
    Clock,
    channel::Channel,
    passport::{Caller, Passports},
    secret::Secret,
    server::{Limits, serve, serve_to},
    tls::{Tls, TlsArgs},
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{ServeArgs, ServedRole},
    secrets::{data_dir, given_or_kept, warn_if_open},
    suite::{Suite, SuiteSettings, bind},
};

/// Serves until a signal.
///
/// # Errors
/// A sentence on what is in the way.
pub async fn run(args: ServeArgs) -> anyhow::Result<()> {
    crate::migrate::before_start(&args).await?;
    match args.role {
        None => everything(args).await,
        Some(ServedRole::Identity) => identity_alone(args).await,
        Some(ServedRole::Catalog) => catalog_alone(args).await,
        Some(ServedRole::Lending) => lending_alone(args).await,
        Some(ServedRole::Gateway) => gateway_alone(args).await,
    }
}

async fn everything(args: ServeArgs) -> anyhow::Result<()> {
    let data = args.common.data_dir.display().to_string();
    let suite = Suite::start(embedded(&args)?).await?;
    let signals = Signals::listen()?;
    greet(&suite, &data);

    let drain = leave(args.drain_seconds, signals).await;
    suite.end(drain).await;
    Ok(())
}

/// The settings of an embedded suite, with what is missing made and kept in the data directory.
fn embedded(args: &ServeArgs) -> anyhow::Result<SuiteSettings> {
    let directory = &args.common.data_dir;
    data_dir(directory)?;
    warn_if_open(directory)?;
    let identity_addr = socket(&args.common.identity_addr)?;
    let catalog_addr = socket(&args.common.catalog_addr)?;
    let lending_addr = socket(&args.common.lending_addr)?;
    let identity_tells = args.reflection.at(identity_addr);
    Ok(SuiteSettings {
        identity: crate::operator::identity_settings(&args.identity, directory, args.session(), identity_tells)?,
        identity_addr,
        catalog: crate::operator::catalog_settings(&args.catalog, directory, args.reflection.at(catalog_addr)),
        catalog_addr,
        lending: crate::operator::lending_settings(&args.lending, directory, args.reflection.at(lending_addr)),
        lending_addr,
        gateway: args.gateway.clone(),
        internal_key: given_or_kept(args.common.internal_key.as_ref(), directory, "internal.key")?,
        tls: args.common.tls.load(None)?,
        clock: Clock::system(),
        limits: Limits::default(),
    })
}

/// A few lines for whoever started it.
fn greet(suite: &Suite, data: &str) {
    let http = suite.http;
    println!("bibliotique is ready; its data is in {data}");
    println!("  HTTP  http://{http}");
    println!("  gRPC  {}  (identity)", suite.identity);
    println!("  gRPC  {}  (catalog)", suite.catalog);
    println!("  gRPC  {}  (lending)", suite.lending);
    if !suite.has_admin {
        println!("Make an admin:  bibliotique admin create --email you@example.org   (cargo run -- admin create …)");
    }
    println!("Try it:");
    println!(
        "  curl -s http://{http}/api/clients/register -H 'Content-Type: application/json' \\\n    -d '{{\"nom\":\"Élodie\",\"email\":\"elodie@example.org\",\"password\":\"Lis-1-livre\",\"confirmPassword\":\"Lis-1-livre\"}}'"
    );
    println!("  curl -s http://{http}/api/clients/me -H 'Authorization: Bearer <the token>'");
}

async fn identity_alone(args: ServeArgs) -> anyhow::Result<()> {
    let address = socket(&args.common.identity_addr)?;
    let database =
        required(args.identity.identity_database_url.as_ref(), "identity-database-url", "IDENTITY_DATABASE_URL")?;
    let pepper = required(args.identity.pepper.as_ref(), "pepper", "PEPPER")?;
    let internal_key = required(args.common.internal_key.as_ref(), "internal-key", "INTERNAL_KEY")?;
    let listener = bind(address).await?;

    let (leaving, stop) = (CancellationToken::new(), CancellationToken::new());
    let settings = args.identity.settings(database, pepper, args.session(), args.reflection.at(address))?;
    let ways = Ways::of("identity", &internal_key, &args.common.tls)?;
    let lending = ways.to(&args.common.lending_addr, lending::AUDIENCE)?;
    let service = identity::start(settings, lending, ways.passports, ways.clock, leaving.clone()).await?;
    let serving = tokio::spawn(serve_to(ways.tls, listener, service.router, Limits::default(), stop.clone()));

    let ready = format!("bibliotique identity is ready on {address}");
    until_told(&ready, args.drain_seconds, leaving, stop, serving).await
}

async fn catalog_alone(args: ServeArgs) -> anyhow::Result<()> {
    let address = socket(&args.common.catalog_addr)?;
    let database_url =
        required(args.catalog.catalog_database_url.as_ref(), "catalog-database-url", "CATALOG_DATABASE_URL")?;
    let internal_key = required(args.common.internal_key.as_ref(), "internal-key", "INTERNAL_KEY")?;
    let listener = bind(address).await?;

    let (leaving, stop) = (CancellationToken::new(), CancellationToken::new());
    let settings = catalog::Settings { database_url, reflection: args.reflection.at(address) };
    let ways = Ways::of("catalog", &internal_key, &args.common.tls)?;
    let lending = ways.to(&args.common.lending_addr, lending::AUDIENCE)?;
    let service = catalog::start(settings, lending, ways.passports, ways.clock, leaving.clone()).await?;
    let serving = tokio::spawn(serve_to(ways.tls, listener, service, Limits::default(), stop.clone()));

    let ready = format!("bibliotique catalog is ready on {address}");
    until_told(&ready, args.drain_seconds, leaving, stop, serving).await
}

async fn lending_alone(args: ServeArgs) -> anyhow::Result<()> {
    let address = socket(&args.common.lending_addr)?;
    let database =
        required(args.lending.lending_database_url.as_ref(), "lending-database-url", "LENDING_DATABASE_URL")?;
    let internal_key = required(args.common.internal_key.as_ref(), "internal-key", "INTERNAL_KEY")?;
    let listener = bind(address).await?;

    let (leaving, stop) = (CancellationToken::new(), CancellationToken::new());
    let settings = args.lending.settings(database, args.reflection.at(address));
    let ways = Ways::of("lending", &internal_key, &args.common.tls)?;
    let identity = ways.to(&args.common.identity_addr, identity::AUDIENCE)?;
    let service = lending::start(settings, identity, ways.passports, ways.clock, leaving.clone()).await?;
    let serving = tokio::spawn(serve_to(ways.tls, listener, service, Limits::default(), stop.clone()));

    let ready = format!("bibliotique lending is ready on {address}");
    until_told(&ready, args.drain_seconds, leaving, stop, serving).await
}

async fn gateway_alone(args: ServeArgs) -> anyhow::Result<()> {
    let internal_key = required(args.common.internal_key.as_ref(), "internal-key", "INTERNAL_KEY")?;
    let listener = bind(args.gateway.http_addr).await?;
    let http = listener.local_addr()?;

    let (leaving, stop) = (CancellationToken::new(), CancellationToken::new());
    let ways = Ways::of("gateway", &internal_key, &args.common.tls)?;
    let identity = ways.to(&args.common.identity_addr, identity::AUDIENCE)?;
    let catalog = ways.to(&args.common.catalog_addr, catalog::AUDIENCE)?;
    let lending = ways.to(&args.common.lending_addr, lending::AUDIENCE)?;
    let session = args.session();
    let app = gateway::app(gateway::Settings {
        identity,
        catalog,
        lending,
        session,
        time_zone: args.gateway.time_zone,
        cors_origins: args.gateway.cors_origins,
        limits: args.gateway.limits,
        docs: args.gateway.docs.docs,
        clock: ways.clock,
        leaving: leaving.clone(),
    });
    let serving = tokio::spawn(serve(listener, app, Limits::default(), stop.clone()));

    let ready = format!("bibliotique gateway is ready on http://{http}");
    until_told(&ready, args.drain_seconds, leaving, stop, serving).await
}

/// The ways from a role to its neighbours elsewhere.
struct Ways {
    name: &'static str,
    passports: Arc<Passports>,
    tls: Option<Tls>,
    clock: Clock,
}

impl Ways {
    fn of(name: &'static str, internal_key: &Secret, tls: &TlsArgs) -> anyhow::Result<Self> {
        let (passports, tls) = (Arc::new(Passports::new(internal_key)), tls.load(Some(name))?);
        Ok(Self { name, passports, tls, clock: Clock::system() })
    }

    fn to(&self, addresses: &str, audience: &'static str) -> anyhow::Result<Channel> {
        let (caller, passports) = (Caller::service(self.name), Arc::clone(&self.passports));
        let (tls, clock) = (self.tls.as_ref(), self.clock.clone());
        Ok(Channel::secured(addresses, tls, proto::DESCRIPTORS, audience, caller, passports, clock)?)
    }
}

/// Says that the role is ready, and serves until a signal comes.
async fn until_told(
    ready: &str,
    drain_seconds: u32,
    leaving: CancellationToken,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
) -> anyhow::Result<()> {
    // Before it says that it is ready: who asks it to end from then on is heard.
    let signals = Signals::listen()?;
    println!("{ready}");
    let drain = leave(drain_seconds, signals).await;
    leaving.cancel();
    tokio::time::sleep(drain).await;
    stop.cancel();
    Ok(serving.await?)
}

/// Waits for a signal. Answers with how long to drain: after SIGTERM somebody may still send requests here, after ctrl-C
/// somebody waits at the keyboard. A second signal ends the process at once.
async fn leave(drain_seconds: u32, signals: Signals) -> Duration {
    shared::metrics::ready();
    let Signals { mut terminate, mut interrupt } = signals;
    let drain = tokio::select! {
        _ = terminate.recv() => Duration::from_secs(drain_seconds.into()),
        _ = interrupt.recv() => Duration::ZERO,
    };
    tracing::info!("leaving");
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => (),
            _ = interrupt.recv() => (),
        }
        std::process::exit(1);
    });
    drain
}

/// What asks a process to end. Until it is listened to, the process dies of it.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }
}

fn required(secret: Option<&Secret>, flag: &str, variable: &str) -> anyhow::Result<Secret> {
    let told = || format!("a role alone needs --{flag}, BIBLIOTIQUE_{variable} or BIBLIOTIQUE_{variable}_FILE");
    secret.cloned().with_context(told)
}

fn socket(address: &str) -> anyhow::Result<SocketAddr> {
    address.parse().with_context(|| format!("{address:?} is not an address to listen on, like 127.0.0.1:50051"))
}
