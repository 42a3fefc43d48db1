//! A private PostgreSQL cluster: its own data, its own socket, no port.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::installed;
use crate::server::Server;
use crate::watchdog::Watchdog;

/// Together half a minute, which is also enough for crash recovery on a busy machine.
const ATTEMPTS: usize = 1500;
const PAUSE: Duration = Duration::from_millis(20);

/// A PostgreSQL cluster of one test's own, for tests that take the database away.
///
/// Gone with its data when dropped, or when the process ends, however it ends.
#[derive(Debug)]
pub struct Cluster {
    watchdog: Watchdog,
    binaries: PathBuf,
    /// Where it listens besides its socket; `-` for nowhere.
    listens_on: String,
    /// Further flags of the server.
    flags: String,
}

impl Cluster {
    /// A cluster that answers, or nothing where PostgreSQL tests are skipped.
    ///
    /// # Panics
    /// When `BIBLIOTIQUE_TEST_POSTGRES` is `required` and PostgreSQL is not installed, or when it does not start.
    pub async fn start() -> Option<Self> {
        Self::initialised("").await
    }

    /// The same, made with further flags of `initdb`, with spaces between them.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub async fn initialised(flags: &str) -> Option<Self> {
        let order = format!("initialise {flags}");
        let binaries = installed::binaries()?;
        let programs = binaries.clone();
        let (watchdog, initialised) = spawn_blocking(move || {
            let mut watchdog = Watchdog::of_server(&programs);
            let initialised = watchdog.order(&order);
            (watchdog, initialised)
        })
        .await
        .expect("a watchdog for the cluster");
        // The address is said even where it is none.
        let mut cluster = Self { watchdog, binaries, listens_on: "-".to_owned(), flags: String::new() };
        assert!(initialised, "initdb failed:\n{}", cluster.log());
        cluster.start_again().await;
        Some(cluster)
    }

    /// The URL of a fresh, empty database in this cluster; it stays for as long as the cluster.
    pub async fn database(&self) -> String {
        let server = self.server();
        server.url_of(&server.create_database().await)
    }

    /// Takes the server away at once, as a crash would; the data stays. Returns when it is gone.
    pub fn stop(&mut self) {
        self.watchdog.order("stop");
    }

    /// Stops all processes of the server in the middle of what they do (SIGSTOP): connections stay, and nothing comes back.
    ///
    /// # Panics
    /// When they cannot be found.
    pub fn freeze(&mut self) {
        assert!(self.watchdog.order("freeze"), "PostgreSQL does not freeze:\n{}", self.log());
    }

    /// A frozen server goes on.
    pub fn thaw(&mut self) {
        self.watchdog.order("thaw");
    }

    /// Brings a stopped server back, with its data and under the same URLs. Returns when it answers.
    ///
    /// # Panics
    /// When it does not answer within half a minute.
    pub async fn start_again(&mut self) {
        self.watchdog.order(&format!("start {} {}", self.listens_on, self.flags));
        for _ in 0..ATTEMPTS {
            if self.server().answers().await {
                return;
            }
            sleep(PAUSE).await;
        }
        panic!("PostgreSQL does not answer:\n{}", self.log());
    }

    /// Starts it again, and from now on it listens on port 5432 of an address as well: there everybody has to show a password,
    /// the user `postgres` this one. It gets these further flags, with spaces between them, which go before the tests' own.
    ///
    /// # Panics
    /// When it cannot be brought to that.
    pub async fn listen_on(&mut self, address: IpAddr, password: &str, flags: &str) {
        let rules = self.watchdog.directory().join("data/pg_hba.conf").display().to_string();
        let mut superuser = PgConnection::connect(&self.server().url_of("postgres")).await.expect("a superuser");
        for sql in [
            format!("ALTER ROLE postgres PASSWORD '{password}'"),
            format!("COPY (VALUES ('local all all trust'), ('host all all all scram-sha-256')) TO '{rules}'"),
        ] {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut superuser).await.expect("who may come in");
        }
        superuser.close().await.expect("an end");
        self.stop();
        self.listens_on = address.to_string();
        flags.clone_into(&mut self.flags);
        self.start_again().await;
    }

    /// Where its socket is.
    #[must_use]
    pub fn socket(&self) -> &Path {
        self.watchdog.directory()
    }

    /// Where the programs of its version are, such as `psql`.
    #[must_use]
    pub fn programs(&self) -> &Path {
        &self.binaries
    }

    /// The port is only part of the socket's name; said, because `PGPORT` would change the default.
    pub(crate) fn server(&self) -> Server {
        let directory = self.watchdog.directory().display().to_string();
        let host = directory.replace('/', "%2F");
        Server::at(format!("postgres://postgres@localhost:5432/postgres?host={host}"))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.watchdog.directory().join("log")).unwrap_or_default()
    }
}
