//! The suite in processes of its own, as one or as four, on SQLite or PostgreSQL.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use bibliotique::cli::Cli;
use clap::Parser as _;
use proto::{
    catalog::v1::catalog_service_client::CatalogServiceClient,
    identity::v1::{identity_service_client::IdentityServiceClient, school_service_client::SchoolServiceClient},
};
use serde_json::{Value, json};
use shared::{
    Clock,
    channel::Channel,
    passport::{Caller, Passports},
    secret::Secret,
};
use tokio::time::{Instant, sleep};

use crate::{
    Addresses, Data,
    process::{self, Process, Program, Variables, processor_time},
    wire::{self, Wire},
    yardstick,
};

/// The e-mail address and password of its admin.
pub const ADMIN: (&str, &str) = ("admin@example.org", "Lis-7-livres!");

const INTERNAL_KEY: &str = "an internal key for figures, 32 bytes";
/// How long the roles may take to find each other.
const PATIENCE: Duration = Duration::from_secs(30);

const PEPPER: &str = "a pepper for figures, of at least 32 bytes";

/// In a process that was started here, is the yardstick that its arguments name, or does what `bibliotique` does with them and
/// ends; in any other, goes on. Its last line is the most memory that it had, in MiB.
///
/// # Errors
/// What `bibliotique` would say.
pub async fn serve_if_asked() -> anyhow::Result<()> {
    let Some(arguments) = process::asked() else { return Ok(()) };
    yardstick::serve_if_named(&arguments).await?;
    bibliotique::run(Cli::parse_from([vec!["bibliotique".to_owned()], arguments].concat())).await?;
    println!("{}", process::peak_mib("self")?);
    std::process::exit(0)
}

fn common() -> Variables {
    [
        ("BIBLIOTIQUE_LOG", "warn"),
        ("BIBLIOTIQUE_ADMIN_EMAIL", ADMIN.0),
        ("BIBLIOTIQUE_ADMIN_PASSWORD", ADMIN.1),
        ("BIBLIOTIQUE_INTERNAL_KEY", INTERNAL_KEY),
        ("BIBLIOTIQUE_PEPPER", PEPPER),
        ("BIBLIOTIQUE_LOAN_LIMIT", "10000"),
        ("BIBLIOTIQUE_DRAIN_SECONDS", "0"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

/// Which processes a suite is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roles {
    /// All roles in one.
    Together,
    /// Each role in one of its own.
    Apart,
}

impl Roles {
    /// What each process serves: with nothing said, everything.
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Together => &[""],
            Self::Apart => &["identity", "catalog", "lending", "gateway"],
        }
    }
}

/// A suite that runs. Dropped, it is killed.
pub struct Served {
    processes: Vec<Process>,
    addresses: Addresses,
    /// From the start of its processes, which start at the same time, to the first `/readyz` that says so.
    pub ready_after: Duration,
}

impl Served {
    /// All roles in one process.
    ///
    /// # Errors
    /// When it does not become ready in time.
    pub async fn together(data: &Data) -> anyhow::Result<Self> {
        Self::start(&Program::Itself, Roles::Together, data).await
    }

    /// Each role in a process of its own, on PostgreSQL or beside others on the same files.
    ///
    /// # Errors
    /// When one does not become ready in time.
    pub async fn apart(data: &Data) -> anyhow::Result<Self> {
        Self::start(&Program::Itself, Roles::Apart, data).await
    }

    /// # Errors
    /// When it does not become ready in time.
    pub async fn start(program: &Program, roles: Roles, data: &Data) -> anyhow::Result<Self> {
        let addresses = Addresses::free()?;
        let own = if roles == Roles::Together { data.embedded() } else { data.databases() };
        let variables = [common(), own, addresses.variables()].concat();
        let began = Instant::now();
        let mut processes = Vec::new();
        for name in roles.names() {
            let arguments: &[&str] = if name.is_empty() { &["serve"] } else { &["serve", name] };
            processes.push(Process::spawn(program, arguments, variables.clone())?);
        }
        for process in &mut processes {
            process.ready().await?;
        }
        until_ready(&addresses.http, began).await?;
        Ok(Self { processes, addresses, ready_after: began.elapsed() })
    }

    /// Asks its processes to end, and waits until they have.
    ///
    /// # Errors
    /// When one does not end well and in time.
    pub async fn end(self) -> anyhow::Result<()> {
        // The gateway first: it asks the others.
        for process in self.processes.into_iter().rev() {
            process.end().await?;
        }
        Ok(())
    }

    /// Where the HTTP port is.
    pub fn address(&self) -> &str {
        &self.addresses.http
    }

    /// The whole URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses.http)
    }

    /// The ids of all books.
    ///
    /// # Errors
    /// When they are not listed.
    pub async fn books(&self) -> anyhow::Result<Vec<String>> {
        self.listed("livres").await
    }

    /// The ids of all categories.
    ///
    /// # Errors
    /// When they are not listed.
    pub async fn categories(&self) -> anyhow::Result<Vec<String>> {
        self.listed("categories").await
    }

    async fn listed(&self, what: &str) -> anyhow::Result<Vec<String>> {
        let mut ids = Vec::new();
        for page in 1.. {
            let answer = reqwest::get(self.url(&format!("/api/{what}?limit=1000&page={page}"))).await?;
            let answer: Value = answer.json().await?;
            let listed = answer["data"][what].as_array().with_context(|| format!("{what} are not listed"))?;
            if listed.is_empty() {
                break;
            }
            ids.extend(listed.iter().filter_map(|one| Some(one["_id"].as_str()?.to_owned())));
        }
        Ok(ids)
    }

    /// A token of the admin, good on every surface.
    ///
    /// # Errors
    /// When he cannot sign in.
    pub async fn admin_token(&self) -> anyhow::Result<String> {
        let body = json!({"username": ADMIN.0, "password": ADMIN.1});
        let answer = reqwest::Client::new().post(self.url("/v1/auth")).json(&body).send().await?;
        ensure!(answer.status().is_success(), "nobody can sign in");
        let answer: Value = answer.json().await?;
        Ok(answer["access_token"].as_str().context("a token")?.to_owned())
    }

    /// What an operator's command needs to find it.
    pub fn variables(&self) -> Variables {
        [common(), self.addresses.variables()].concat()
    }

    /// Its processes, by their numbers.
    pub fn ids(&self) -> Vec<u32> {
        self.processes.iter().map(Process::id).collect()
    }

    /// The time that its processes have spent on processors.
    pub fn processor_time(&self) -> Duration {
        self.ids().into_iter().map(processor_time).sum()
    }

    /// Catalog, called as an operator.
    ///
    /// # Errors
    /// None, as long as addresses are addresses.
    pub fn catalog(&self) -> anyhow::Result<CatalogServiceClient<Channel>> {
        let channel = as_operator(&self.addresses.catalog, catalog::AUDIENCE)?;
        Ok(CatalogServiceClient::new(channel).max_encoding_message_size(shared::rpc::MESSAGE_BYTES))
    }

    /// Identity, called as an operator.
    ///
    /// # Errors
    /// None, as long as addresses are addresses.
    pub fn identity(&self) -> anyhow::Result<IdentityServiceClient<Channel>> {
        Ok(IdentityServiceClient::new(as_operator(&self.addresses.identity, identity::AUDIENCE)?))
    }

    /// The school realm of identity, called as an operator.
    ///
    /// # Errors
    /// None, as long as addresses are addresses.
    pub fn school(&self) -> anyhow::Result<SchoolServiceClient<Channel>> {
        Ok(SchoolServiceClient::new(as_operator(&self.addresses.identity, identity::AUDIENCE)?))
    }
}

async fn until_ready(address: &str, began: Instant) -> anyhow::Result<()> {
    let request = wire::get("/readyz", None);
    loop {
        if let Ok(mut wire) = Wire::to(address).await
            && let Ok(answer) = wire.ask(&request).await
            && answer.status == 200
        {
            return Ok(());
        }
        ensure!(began.elapsed() < PATIENCE, "the suite is not ready in time");
        sleep(Duration::from_millis(1)).await;
    }
}

fn as_operator(address: &str, audience: &'static str) -> anyhow::Result<Channel> {
    let passports = Arc::new(Passports::new(&Secret::from(INTERNAL_KEY)));
    let caller = Caller::operator();
    Ok(Channel::remote(address, proto::DESCRIPTORS, audience, caller, passports, Clock::system())?)
}
