//! Two databases, one SQL: SQLite files and PostgreSQL behind one type, and the few places where they differ.

mod coalesced;
mod copy;
mod dialect;
mod fault;
mod found;
mod open;
mod place;
mod target;
mod timestamp;
mod tools;

use sqlx::{PgPool, SqlitePool, migrate::Migrator};

pub use coalesced::Coalesced;
pub use copy::{CopyError, Moment, Original, copy_all};
pub use fault::{OpenError, is_away, may_succeed_later, violated_unique, violates_reference};
pub use place::Kind;
pub use target::{Filled, RestoreError, Target};
pub use tools::ToolError;

/// A service's database.
///
/// SQLite has one connection that writes, so that writers wait for each other in order and not in a busy loop.
#[derive(Clone, Debug)]
pub enum Db {
    /// A file: WAL, `synchronous=FULL`, foreign keys.
    Sqlite {
        /// Connections that only read.
        read: SqlitePool,
        /// The one connection that writes.
        write: SqlitePool,
    },
    /// PostgreSQL, or an engine that speaks its protocol.
    Postgres(PgPool),
}

/// The same migrations for both databases: same numbers, same tables.
pub struct Migrations {
    /// For SQLite.
    pub sqlite: Migrator,
    /// For PostgreSQL.
    pub postgres: Migrator,
}

/// A service's tables, and what whoever copies them has to know.
pub struct Schema {
    /// How they come to be. The name of the first is the service's.
    pub migrations: Migrations,
    /// Tables that hold still for the moment of a copy, in the order in which whoever writes takes them: nothing that another
    /// service knows of, or has to, changes without one of them. For PostgreSQL; SQLite holds still as a whole.
    pub still: &'static [&'static str],
    /// Tables of which no row is copied.
    pub without: &'static [&'static str],
}

impl Db {
    /// What breaks invariants, a sentence each: of an invariant, what would be wrong, and a query for the names of what breaks
    /// it. Of each at most a hundred.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn broken(&self, invariants: &[(&str, &'static str)]) -> sqlx::Result<Vec<String>> {
        let mut broken = Vec::new();
        for (sentence, sql) in invariants {
            let found: Vec<String> = crate::on!(self, |db| sqlx::query_scalar(*sql).fetch_all(db).await)?;
            broken.extend(found.iter().take(100).map(|name| format!("{sentence} {name}")));
        }
        Ok(broken)
    }

    /// Whether it answers.
    pub async fn answers(&self) -> bool {
        crate::on!(self, |db| sqlx::query("SELECT 1").execute(db).await.is_ok())
    }
}

/// Runs a query on either database: the body is compiled once for each driver.
///
/// `on!(db, |db| sqlx::query("…").fetch_one(db).await)`; on SQLite `db` is the pool that only reads.
#[macro_export]
macro_rules! on {
    ($db:expr, |$pool:ident| $body:expr) => {
        match $db {
            $crate::Db::Sqlite { read: $pool, .. } => $body,
            $crate::Db::Postgres($pool) => $body,
        }
    };
}

/// Runs a transaction on either database; the body is compiled once for each driver, and may use `?`.
///
/// `tx!(db, |tx| { sqlx::query("…").execute(&mut *tx).await?; })` is a `Result<_, shared::Error<_>>`: it commits when the
/// body comes to its end and rolls back when it does not. PostgreSQL's serialisation failures and deadlocks are tried again,
/// so the body must be able to run more than once.
#[macro_export]
macro_rules! tx {
    ($db:expr, |$tx:ident| $body:expr) => {{
        let mut tried = 1;
        loop {
            let outcome: ::std::result::Result<_, $crate::Error<_>> = match $db {
                $crate::Db::Sqlite { write, .. } => {
                    async {
                        let mut $tx = write.begin_with("BEGIN IMMEDIATE").await?;
                        let value = $body;
                        $tx.commit().await?;
                        Ok(value)
                    }
                    .await
                }
                $crate::Db::Postgres(pool) => {
                    async {
                        let mut $tx = pool.begin().await?;
                        let value = $body;
                        $tx.commit().await?;
                        Ok(value)
                    }
                    .await
                }
            };
            match outcome {
                Err($crate::Error::Database(cause)) if tried < 5 && $crate::database::may_succeed_later(&cause) => {
                    tried += 1;
                }
                outcome => break outcome,
            }
        }
    }};
}
