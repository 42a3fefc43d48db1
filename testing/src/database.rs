//! An empty database of one test's own.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use shared::Db;
use sqlx::{AssertSqlSafe, PgPool, SqlitePool};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::cluster::Cluster;
use crate::installed::{self, Wish};
use crate::server::{Created, Server};
use crate::watchdog::Watchdog;

/// A fresh, empty database; gone when dropped, or when the process ends, however it ends.
///
/// A database in the server of `BIBLIOTIQUE_TEST_POSTGRES_URL` is the exception: it stays when the process is killed.
#[derive(Debug)]
pub struct Database {
    url: String,
    kept: Kept,
}

/// Which of the two databases we support.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A file in a temporary directory.
    Sqlite,
    /// A database in a PostgreSQL server.
    Postgres,
}

#[derive(Debug)]
enum Kept {
    Directory(TempDir),
    Created(#[expect(dead_code, reason = "held for what its Drop removes")] Created),
}

/// A fresh SQLite database: a file that does not exist yet, in a directory of its own.
pub async fn sqlite() -> Database {
    let directory = TempDir::new_in(scratch().directory()).expect("a directory for one database");
    Database {
        url: format!("sqlite://{}/test.db?mode=rwc", directory.path().display()),
        kept: Kept::Directory(directory),
    }
}

/// A fresh PostgreSQL database, or nothing where PostgreSQL tests are skipped.
///
/// # Panics
/// When `BIBLIOTIQUE_TEST_POSTGRES` is `required` and there is no PostgreSQL, or when there is one that does not work.
pub async fn postgres() -> Option<Database> {
    let created = Created::on(shared_server().await?).await;
    Some(Database { url: created.url(), kept: Kept::Created(created) })
}

impl Database {
    /// Where it is, as `sqlx` and our own settings take it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The tables behind a suite, for `shared::on!`: what is really kept there, and what a test puts there by hand.
    ///
    /// # Panics
    /// When the database cannot be opened.
    pub async fn tables(&self) -> Db {
        match self.kind() {
            Kind::Sqlite => {
                let pool = SqlitePool::connect(&self.url).await.expect("a connection of the test's own");
                Db::Sqlite { read: pool.clone(), write: pool }
            }
            Kind::Postgres => Db::Postgres(PgPool::connect(&self.url).await.expect("a connection of the test's own")),
        }
    }

    /// A schema beside the first one, for a second service; SQLite has files instead.
    ///
    /// # Panics
    /// When it cannot be made.
    pub async fn make_schema(&self, name: &str) {
        if let Db::Postgres(pool) = self.tables().await {
            let sql = format!("CREATE SCHEMA IF NOT EXISTS {name}");
            sqlx::query(AssertSqlSafe(sql)).execute(&pool).await.expect("a schema");
            pool.close().await;
        }
    }

    /// All that is in a PostgreSQL database, as text, by `pg_dump`; nothing of an SQLite file, which one can read.
    ///
    /// # Panics
    /// When it cannot be dumped.
    #[must_use]
    pub fn dump(&self) -> Option<String> {
        let beside = installed::binaries().filter(|_| self.kind() == Kind::Postgres)?.join("pg_dump");
        let program = if beside.is_file() { beside } else { PathBuf::from("pg_dump") };
        let output = Command::new(program).arg("--dbname").arg(&self.url).output().expect("pg_dump");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Where an SQLite file is, with whatever lies beside it.
    #[must_use]
    pub fn directory(&self) -> Option<PathBuf> {
        match &self.kept {
            Kept::Directory(directory) => Some(directory.path().to_owned()),
            Kept::Created(_) => None,
        }
    }

    /// Which of the two it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.kept {
            Kept::Directory(_) => Kind::Sqlite,
            Kept::Created(_) => Kind::Postgres,
        }
    }
}

/// Holds the SQLite files of this process. A static is never dropped: its watchdog clears what a killed process leaves.
fn scratch() -> &'static Watchdog {
    static SCRATCH: OnceLock<Watchdog> = OnceLock::new();
    SCRATCH.get_or_init(Watchdog::of_directory)
}

/// One per process, for as long as the process: starting it takes as long as many a test.
async fn shared_server() -> Option<Server> {
    static CLUSTER: OnceCell<Option<Cluster>> = OnceCell::const_new();
    if Wish::of_environment() == Wish::Off {
        return None;
    }
    if let Some(url) = installed::running() {
        return Some(Server::at(url));
    }
    let cluster = CLUSTER.get_or_init(Cluster::start).await;
    cluster.as_ref().map(Cluster::server)
}
