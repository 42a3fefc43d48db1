//! The suite in processes of its own, as one or as three, on SQLite or PostgreSQL.

use std::{net::TcpListener, path::Path, sync::Arc};

use bibliotique::cli::Cli;
use clap::Parser as _;
use proto::{
    catalog::v1::catalog_service_client::CatalogServiceClient, identity::v1::school_service_client::SchoolServiceClient,
};
use shared::{
    Clock,
    channel::Channel,
    passport::{Caller, Passports},
    secret::Secret,
};
use tempfile::TempDir;
use testing::Cluster;

use crate::process::{self, Process, Variables};

/// The e-mail address and password of its admin.
pub const ADMIN: (&str, &str) = ("admin@example.org", "Lis-7-livres!");

const INTERNAL_KEY: &str = "an internal key for figures, 32 bytes";
const PEPPER: &str = "a pepper for figures, of at least 32 bytes";

/// In a process that [`Served`] starts, does what `bibliotique` does with its arguments, and ends; in any other, goes on.
/// Its last line is the most memory that it had, in MiB.
///
/// # Errors
/// What `bibliotique` would say.
pub async fn serve_if_asked() -> anyhow::Result<()> {
    let Some(arguments) = process::asked() else { return Ok(()) };
    bibliotique::run(Cli::parse_from([vec!["bibliotique".to_owned()], arguments].concat())).await?;
    println!("{}", process::peak_mib("self")?);
    std::process::exit(0)
}

/// Where a suite keeps its data. Dropped, it is gone.
pub struct Data {
    directory: TempDir,
    /// The databases of identity, catalog and lending, if they are not files in the directory.
    postgres: Option<[String; 3]>,
}

impl Data {
    /// Files in an empty directory.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn sqlite() -> anyhow::Result<Self> {
        Ok(Self { directory: tempfile::tempdir()?, postgres: None })
    }

    /// Empty databases in a cluster.
    ///
    /// # Errors
    /// When the directory for the secrets cannot be made.
    pub async fn postgres(cluster: &Cluster) -> anyhow::Result<Self> {
        let databases = [cluster.database().await, cluster.database().await, cluster.database().await];
        Ok(Self { directory: tempfile::tempdir()?, postgres: Some(databases) })
    }

    /// The databases of identity, catalog and lending.
    pub fn urls(&self) -> [String; 3] {
        let file = |name| format!("sqlite:{}", self.directory.path().join("data").join(name).display());
        self.postgres.clone().unwrap_or_else(|| ["identity.db", "catalog.db", "lending.db"].map(file))
    }

    /// Whether the databases are files.
    pub const fn is_sqlite(&self) -> bool {
        self.postgres.is_none()
    }

    /// The directory, for files that are to be gone with it.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// For a process that makes an embedded suite of it.
    pub fn embedded(&self) -> Variables {
        let mut variables = vec![("BIBLIOTIQUE_DATA_DIR", self.directory.path().join("data").display().to_string())];
        if self.postgres.is_some() {
            variables.extend(self.databases());
        }
        variables
    }

    fn databases(&self) -> Variables {
        let names = [
            "BIBLIOTIQUE_IDENTITY_DATABASE_URL",
            "BIBLIOTIQUE_CATALOG_DATABASE_URL",
            "BIBLIOTIQUE_LENDING_DATABASE_URL",
        ];
        names.into_iter().zip(self.urls()).collect()
    }
}

fn common() -> Variables {
    [
        ("BIBLIOTIQUE_LOG", "warn"),
        ("BIBLIOTIQUE_ADMIN_EMAIL", ADMIN.0),
        ("BIBLIOTIQUE_ADMIN_PASSWORD", ADMIN.1),
        ("BIBLIOTIQUE_INTERNAL_KEY", INTERNAL_KEY),
        ("BIBLIOTIQUE_PEPPER", PEPPER),
        ("BIBLIOTIQUE_LOAN_LIMIT", "10000"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

/// Addresses that are free at this moment.
pub struct Addresses {
    http: String,
    identity: String,
    catalog: String,
    lending: String,
}

impl Addresses {
    /// On loopback.
    ///
    /// # Errors
    /// When there are none.
    pub fn free() -> anyhow::Result<Self> {
        let [http, identity, catalog, lending] = [free_address()?, free_address()?, free_address()?, free_address()?];
        Ok(Self { http, identity, catalog, lending })
    }

    /// For a process that listens there, or looks for the others there.
    pub fn variables(&self) -> Variables {
        vec![
            ("BIBLIOTIQUE_HTTP_ADDR", self.http.clone()),
            ("BIBLIOTIQUE_IDENTITY_ADDR", self.identity.clone()),
            ("BIBLIOTIQUE_CATALOG_ADDR", self.catalog.clone()),
            ("BIBLIOTIQUE_LENDING_ADDR", self.lending.clone()),
        ]
    }
}

/// An address of this machine that nobody listens on at this moment.
///
/// # Errors
/// When there is none.
pub fn free_address() -> anyhow::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// A suite that runs. Dropped, it is killed.
pub struct Served {
    processes: Vec<Process>,
    addresses: Addresses,
}

impl Served {
    /// All roles in one process.
    ///
    /// # Errors
    /// When it does not become ready in time.
    pub async fn together(data: &Data) -> anyhow::Result<Self> {
        let addresses = Addresses::free()?;
        let variables = [common(), data.embedded(), addresses.variables()].concat();
        let process = Process::start(&["serve"], variables).await?;
        Ok(Self { processes: vec![process], addresses })
    }

    /// Each role in a process of its own.
    ///
    /// # Errors
    /// When one does not become ready in time.
    pub async fn apart(data: &Data) -> anyhow::Result<Self> {
        let addresses = Addresses::free()?;
        let variables = [common(), data.databases(), addresses.variables()].concat();
        let mut processes = Vec::new();
        for role in ["identity", "lending", "catalog", "gateway"] {
            processes.push(Process::start(&["serve", role], variables.clone()).await?);
        }
        Ok(Self { processes, addresses })
    }

    /// The whole URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses.http)
    }

    /// What an operator's command needs to find it.
    pub fn variables(&self) -> Variables {
        [common(), self.addresses.variables()].concat()
    }

    /// Its processes, by their numbers.
    pub fn ids(&self) -> Vec<u32> {
        self.processes.iter().map(Process::id).collect()
    }

    /// Catalog, called as an operator.
    ///
    /// # Errors
    /// None, as long as addresses are addresses.
    pub fn catalog(&self) -> anyhow::Result<CatalogServiceClient<Channel>> {
        let channel = as_operator(&self.addresses.catalog, catalog::AUDIENCE)?;
        Ok(CatalogServiceClient::new(channel).max_encoding_message_size(shared::rpc::MESSAGE_BYTES))
    }

    /// The school realm of identity, called as an operator.
    ///
    /// # Errors
    /// None, as long as addresses are addresses.
    pub fn school(&self) -> anyhow::Result<SchoolServiceClient<Channel>> {
        Ok(SchoolServiceClient::new(as_operator(&self.addresses.identity, identity::AUDIENCE)?))
    }
}

fn as_operator(address: &str, audience: &'static str) -> anyhow::Result<Channel> {
    let passports = Arc::new(Passports::new(&Secret::from(INTERNAL_KEY)));
    let caller = Caller::operator();
    Ok(Channel::remote(address, proto::DESCRIPTORS, audience, caller, passports, Clock::system())?)
}
