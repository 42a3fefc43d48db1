//! A running PostgreSQL server, in which databases come and go.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::thread;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::runtime;
use tokio::time::timeout;

const DROP_PATIENCE: Duration = Duration::from_secs(10);

/// Known by the URL of a database that is always there.
#[derive(Debug)]
pub(crate) struct Server {
    url: String,
}

/// A database we created, and drop when this is dropped.
#[derive(Debug)]
pub(crate) struct Created {
    server: Server,
    name: String,
}

impl Server {
    pub(crate) fn at(url: String) -> Self {
        Self { url }
    }

    pub(crate) async fn answers(&self) -> bool {
        PgConnection::connect(&self.url).await.is_ok()
    }

    /// The name of a new database, with the same encoding and order on every machine, whatever the server's own are.
    pub(crate) async fn create_database(&self) -> String {
        let name = unique_name();
        let sql = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'");
        self.execute(sql).await.unwrap_or_else(|error| panic!("the test database could not be created: {error}"));
        name
    }

    pub(crate) fn url_of(&self, database: &str) -> String {
        with_database(&self.url, database)
    }

    /// FORCE: what the test left connected has nothing more to say.
    async fn drop_database(&self, name: &str) -> sqlx::Result<()> {
        self.execute(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await
    }

    /// A connection each time: one that is kept would belong to the runtime of the test that opened it.
    async fn execute(&self, sql: String) -> sqlx::Result<()> {
        let mut connection = PgConnection::connect(&self.url).await?;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
        connection.close().await
    }
}

impl Created {
    pub(crate) async fn on(server: Server) -> Self {
        let name = server.create_database().await;
        Self { server, name }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url_of(&self.name)
    }

    fn remove(&self) {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        if let Ok(runtime) = runtime {
            let _best_effort =
                runtime.block_on(async { timeout(DROP_PATIENCE, self.server.drop_database(&self.name)).await });
        }
    }
}

impl Drop for Created {
    /// In a thread of its own: the runtime that drops us cannot be waited on from inside.
    fn drop(&mut self) {
        thread::scope(|scope| {
            scope.spawn(|| self.remove());
        });
    }
}

/// Random, because the server may be shared with other processes and machines.
fn unique_name() -> String {
    format!("t_{:016x}", RandomState::new().build_hasher().finish())
}

/// `server` with its path replaced. Cut by hand: rendering sqlx's parsed options again would lose some of them.
fn with_database(server: &str, name: &str) -> String {
    let (address, query) = server.split_at(server.find('?').unwrap_or(server.len()));
    let (scheme, rest) = address.split_once("://").expect("a server's URL begins with postgres://");
    let authority = rest.split('/').next().unwrap_or_default();
    format!("{scheme}://{authority}/{name}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_path_of_a_url_is_replaced() {
        let with = |server| with_database(server, "new");
        assert_eq!(with("postgres://u:p@h:1/old?sslmode=require"), "postgres://u:p@h:1/new?sslmode=require");
        assert_eq!(with("postgres://h"), "postgres://h/new");
        assert_eq!(with("postgres://h?host=%2Frun"), "postgres://h/new?host=%2Frun");
        assert_eq!(with("postgresql:///?host=/run"), "postgresql:///new?host=/run");
    }

    #[test]
    fn names_do_not_repeat() {
        assert_ne!(unique_name(), unique_name());
    }
}
