//! Where a suite has its databases: files in a data directory, or three databases of PostgreSQL.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use sqlx::{Connection as _, PgConnection, SqliteConnection};
use tempfile::{TempDir, tempdir};
use testing::{Cluster, Database, Kind, suite::ADMIN};

use crate::process::{INTERNAL_KEY, PASSWORD, PATIENCE, PEPPER, Setup, column, count, eventually};

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
    pub async fn column(&self, service: &str, sql: &'static str) -> BTreeSet<String> {
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

/// Somebody in the middle of a transaction that does not end, as long as this lives.
pub enum Writer {
    Sqlite(#[expect(dead_code, reason = "held for its transaction")] SqliteConnection),
    Postgres(#[expect(dead_code, reason = "held for its transaction")] PgConnection),
}

impl Writer {
    pub async fn in_lending(place: &Place, kind: Kind) -> Self {
        let url = place.url("lending");
        match kind {
            Kind::Sqlite => {
                let mut connection = SqliteConnection::connect(&url).await.unwrap();
                sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
                Self::Sqlite(connection)
            }
            Kind::Postgres => Self::Postgres(begun(&url, "DELETE FROM stock WHERE FALSE").await),
        }
    }
}

/// Begins a transaction on PostgreSQL, which ends with the connection and leaves nothing.
pub async fn begun(url: &str, sql: &'static str) -> PgConnection {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql("BEGIN").execute(&mut connection).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection
}

/// Waits until one of ours waits for somebody else's transaction in a database of PostgreSQL.
pub async fn somebody_waits_in(url: &str) {
    let waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
                   AND application_name = 'bibliotique' AND wait_event_type = 'Lock'";
    eventually(PATIENCE, "somebody waits", async || count(url, waiting).await > 0).await;
}

/// Waits until so many of ours are connected to a database of PostgreSQL.
pub async fn some_are_in(url: &str, number: i64) {
    let connected = "SELECT COUNT(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND application_name = 'bibliotique'";
    eventually(PATIENCE, "so many are connected", async || count(url, connected).await == number).await;
}

/// What is where commands run, besides the data directory.
pub fn left_behind(place: &Place) -> Vec<String> {
    let mut names = names(place.directory.path());
    names.remove("data");
    names.into_iter().collect()
}

/// What is in a directory.
pub fn names(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Who can read in a place.
const READER: &str = "elodie@example.org";

/// A place where somebody can read, now stopped, and a backup of it.
pub async fn with_a_reader(kind: Kind) -> (Place, PathBuf) {
    let place = Place::new(kind).await;
    let mut suite = place.suite().start().await;
    suite.door().register(READER).await;
    suite.kill();
    let ended = place.command(&["backup", "copy"]).run().await;
    assert!(ended.status.success(), "{}", ended.logged);
    let backup = place.directory.path().join("copy");
    (place, backup)
}

/// Such a backup comes to a place where a restore has failed before, and the reader comes in.
pub async fn a_restore_succeeds(place: &Place, backup: &Path) {
    let ended = place.command(&["restore", backup.to_str().unwrap()]).run().await;
    assert!(ended.status.success(), "{}", ended.logged);
    let suite = place.suite().start().await;
    suite.door().token(READER, PASSWORD).await;
}

/// A place whose databases have their tables, and nothing in them.
pub async fn migrated(kind: Kind) -> Place {
    let place = Place::new(kind).await;
    let ended = place.command(&["migrate"]).run().await;
    assert!(ended.status.success(), "{}", ended.logged);
    place
}
