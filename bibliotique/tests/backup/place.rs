//! Where a suite has its databases: files in a data directory, or three databases of PostgreSQL.

use std::{fs, path::PathBuf};

use tempfile::{TempDir, tempdir};
use testing::{Cluster, Database, Kind, suite::ADMIN};

use crate::process::{INTERNAL_KEY, PASSWORD, PEPPER, Setup, column, count};

/// The services, as the variables begin.
const SERVICES: [&str; 3] = ["IDENTITY", "CATALOG", "LENDING"];

/// A place for a suite.
pub struct Place {
    /// Commands run here.
    pub directory: TempDir,
    urls: Vec<String>,
    _kept: Kept,
}

/// What goes with a place.
#[expect(dead_code, reason = "held for what their Drop removes")]
enum Kept {
    Databases(Vec<Database>),
    Cluster(Cluster),
}

impl Place {
    /// One that is empty.
    pub async fn new(kind: Kind) -> Self {
        let mut databases = Vec::new();
        if kind == Kind::Postgres {
            for _ in SERVICES {
                databases.push(testing::postgres().await.unwrap());
            }
        }
        let urls = databases.iter().map(|database| database.url().to_owned()).collect();
        Self { directory: tempdir().unwrap(), urls, _kept: Kept::Databases(databases) }
    }

    /// One that is empty, on another machine: a server of PostgreSQL that has hardly counted any transactions yet.
    pub async fn elsewhere(kind: Kind) -> Self {
        if kind == Kind::Sqlite {
            return Self::new(kind).await;
        }
        let (cluster, mut urls) = (Cluster::start().await.unwrap(), Vec::new());
        for _ in SERVICES {
            urls.push(cluster.database().await);
        }
        Self { directory: tempdir().unwrap(), urls, _kept: Kept::Cluster(cluster) }
    }

    /// `bibliotique <arguments>` here. With PostgreSQL the secrets are settings, and otherwise kept in the data directory.
    pub fn command(&self, arguments: &[&str]) -> Setup {
        let mut setup = Setup::new(&self.directory, arguments);
        if !self.urls.is_empty() {
            setup = setup.with("PEPPER", PEPPER).with("INTERNAL_KEY", INTERNAL_KEY);
        }
        for (service, url) in SERVICES.iter().zip(&self.urls) {
            setup = setup.with(&format!("{service}_DATABASE_URL"), url);
        }
        setup
    }

    /// The whole suite in one process.
    pub fn suite(&self) -> Setup {
        let suite = self.command(&["serve"]).with("ADMIN_EMAIL", ADMIN).with("ADMIN_PASSWORD", PASSWORD);
        suite.with("LOAN_LIMIT", "10000")
    }

    /// Where a service's database is.
    pub fn url(&self, service: &str) -> String {
        let position = SERVICES.iter().position(|name| name.eq_ignore_ascii_case(service)).unwrap();
        match self.urls.get(position) {
            Some(url) => url.clone(),
            None => format!("sqlite:{}", self.data().join(format!("{service}.db")).display()),
        }
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// A column of a service's database.
    pub async fn column(&self, service: &str, sql: &'static str) -> std::collections::BTreeSet<String> {
        column(&self.url(service), sql).await
    }

    /// A number out of a service's database.
    pub async fn count(&self, service: &str, sql: &'static str) -> i64 {
        count(&self.url(service), sql).await
    }

    /// Whether there is still nothing here.
    pub async fn is_empty(&self) -> bool {
        for url in &self.urls {
            let tables = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'";
            if count(url, tables).await > 0 {
                return false;
            }
        }
        // A data directory may be made, and has nothing in it.
        fs::read_dir(self.data()).map_or(true, |mut entries| entries.next().is_none())
    }
}
