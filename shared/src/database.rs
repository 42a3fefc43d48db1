//! Two databases, one SQL: SQLite files and PostgreSQL behind one type, and the few places where they differ.

use std::{
    fs::{self, File},
    path::Path,
    str::FromStr as _,
    time::Duration,
};

use secrecy::ExposeSecret as _;
use sqlx::{
    ConnectOptions as _, Connection as _, Decode, Encode, PgPool, Postgres, Sqlite, SqlitePool, Type,
    encode::IsNull,
    error::BoxDynError,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use time::OffsetDateTime;

use crate::{Timestamp, secret::Secret};

/// How long a request waits for a connection before it is told that the database is away.
const PATIENCE: Duration = Duration::from_secs(2);

/// Connections that read an SQLite file at once; each is a thread.
const SQLITE_READERS: u32 = 4;

/// Memory for pages, of each connection, taken when needed: 16 MiB (negative: in KiB).
const SQLITE_CACHE: &str = "-16384";

/// So much of a file is read where the system has it in memory, without a call and a copy for each page: 1 GiB of addresses, no
/// memory of ours. A search among a million books took a third less processor time. The price: a disk that cannot read such a page
/// ends the process, where a call would have failed. Only for connections that read: what is written takes the ordinary way.
const SQLITE_MAPPED: &str = "1073741824";

/// Pages of 4 KiB in the log before they are copied into the database. A large transaction writes many, again and again the
/// same.
const SQLITE_CHECKPOINT: &str = "4000";

/// Connections to PostgreSQL of one role.
const POSTGRES_CONNECTIONS: u32 = 20;

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

/// Why a database could not be opened. Says nothing of its URL, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Neither `sqlite:` nor `postgres:`.
    #[error("a database URL begins with sqlite: or postgres:")]
    UnknownScheme,
    /// The server would lose acknowledged writes in a crash.
    #[error(
        "PostgreSQL's setting {setting} is {value:?}: acknowledged writes would be lost in a crash; set it to \"on\""
    )]
    Unsafe {
        /// `fsync` or `synchronous_commit`.
        setting: &'static str,
        /// What it is set to.
        value: String,
    },
    /// The file cannot be made or locked.
    #[error("the database file cannot be used")]
    File(#[from] std::io::Error),
    /// The schema is another one than this program's: it is brought up to date when the suite starts.
    #[error("the database has the schema of another version")]
    OtherSchema,
    /// The schema is newer than this program, or a migration failed.
    #[error("the schema cannot be brought up to date")]
    Schema(#[from] MigrateError),
    /// The server is away, refuses us, or is not understood.
    #[error("the database does not let us in")]
    Database(#[from] sqlx::Error),
}

impl Db {
    /// Opens the database at `url` and brings its schema up to date, once, however many processes start at the same time.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn open(url: &Secret, migrations: &Migrations) -> Result<Self, OpenError> {
        let url = url.expose_secret();
        if url.starts_with("sqlite:") {
            open_sqlite(url, &migrations.sqlite).await
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            open_postgres(url, &migrations.postgres).await
        } else {
            Err(OpenError::UnknownScheme)
        }
    }

    /// Opens a database that is there and up to date, to read it: makes nothing, and changes nothing.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn look_into(url: &Secret, migrations: &Migrations) -> Result<Self, OpenError> {
        let url = url.expose_secret();
        let (db, expected) = if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)?.create_if_missing(false);
            let options = options.pragma("query_only", "on").busy_timeout(Duration::from_secs(5));
            let pool = SqlitePoolOptions::new().connect_with(options.disable_statement_logging()).await?;
            (Self::Sqlite { read: pool.clone(), write: pool }, &migrations.sqlite)
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(url)?.application_name("bibliotique").disable_statement_logging();
            let options = options.options([("default_transaction_read_only", "on")]);
            (Self::Postgres(PgPoolOptions::new().max_connections(2).connect_with(options).await?), &migrations.postgres)
        } else {
            return Err(OpenError::UnknownScheme);
        };
        let applied: Vec<i64> = crate::on!(&db, |db| {
            sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version")
                .fetch_all(db)
                .await
        })
        .map_err(|_| OpenError::OtherSchema)?;
        if applied != expected.iter().map(|migration| migration.version).collect::<Vec<_>>() {
            return Err(OpenError::OtherSchema);
        }
        Ok(db)
    }

    /// A statement with very many parameters, `$1` to `$n`, each once and in this order, as the database takes it soonest: the
    /// driver asks SQLite for the name of each, and SQLite looks for it among all of them.
    pub fn in_order(&self, sql: String) -> String {
        match self {
            Self::Postgres(_) => sql,
            Self::Sqlite { .. } => {
                let mut parts = sql.split('$');
                let first = parts.next().unwrap_or_default().to_owned();
                let nameless =
                    |part: &str| format!("?{}", part.trim_start_matches(|digit: char| digit.is_ascii_digit()));
                first + &parts.map(nameless).collect::<String>()
            }
        }
    }

    /// A subquery for the whole numbers of a JSON array, which the parameter `place` is: a list of any length is one value.
    pub fn numbers_in_json(&self, place: &str) -> String {
        match self {
            Self::Sqlite { .. } => format!("SELECT value FROM json_each({place})"),
            Self::Postgres(_) => format!("SELECT value::bigint FROM json_array_elements_text({place}::json)"),
        }
    }

    /// A subquery for the texts of a JSON array, which the parameter `place` is: a list of any length is one value.
    pub fn texts_in_json(&self, place: &str) -> String {
        match self {
            Self::Sqlite { .. } => format!("SELECT value FROM json_each({place})"),
            Self::Postgres(_) => format!("SELECT value FROM json_array_elements_text({place}::json)"),
        }
    }

    /// A column, where rows are better found by another one than looked up or read in the order of this one. SQLite, which does not
    /// count what it has, may take this one's index for cheaper.
    pub fn unindexed(&self, column: &str) -> String {
        match self {
            Self::Sqlite { .. } => format!("+{column}"),
            Self::Postgres(_) => column.to_owned(),
        }
    }

    /// A subquery for the texts of a JSON array, which the parameter `place` is, and their numbers from 0 on: `number`, `text`.
    pub fn numbered_texts_in_json(&self, place: &str) -> String {
        match self {
            Self::Sqlite { .. } => format!("SELECT key AS number, value AS text FROM json_each({place})"),
            Self::Postgres(_) => format!(
                "SELECT n.ordinality - 1 AS number, n.value AS text
                 FROM json_array_elements_text({place}::json) WITH ORDINALITY AS n (value, ordinality)"
            ),
        }
    }

    /// An aggregate: the bytes of all rows, one behind the other.
    pub fn joined_bytes(&self, column: &str) -> String {
        match self {
            // As a text only in name: its bytes are not looked at.
            Self::Sqlite { .. } => format!("CAST(group_concat({column}, '') AS BLOB)"),
            Self::Postgres(_) => format!("string_agg({column}, ''::bytea)"),
        }
    }

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

async fn open_sqlite(url: &str, migrations: &Migrator) -> Result<Db, OpenError> {
    let options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("cache_size", SQLITE_CACHE)
        .pragma("wal_autocheckpoint", SQLITE_CHECKPOINT)
        .disable_statement_logging();
    // SQLite takes no lock around a migration, so the file beside it does; the system frees it when a process dies.
    let _lock = lock(options.get_filename().to_owned()).await?;

    let mut alone = options.connect().await?;
    migrations.run(&mut alone).await?;
    alone.close().await?;

    // A file does not go away: to ask before every query whether it is there would take as long as a small query. A server
    // may, or be silent: connections to PostgreSQL are asked, so that who waits is told in time.
    let pool = || {
        let pool = SqlitePoolOptions::new().acquire_timeout(PATIENCE).max_lifetime(None).idle_timeout(None);
        pool.test_before_acquire(false)
    };
    // When a disk is full SQLite rolls back by itself, and the driver then fails to: it would refuse to begin for ever.
    let write = pool().before_acquire(|writer, _| Box::pin(async { Ok(!writer.is_in_transaction()) }));
    let write = write.max_connections(1).connect_lazy_with(options.clone());
    let reading = options.pragma("query_only", "on").pragma("mmap_size", SQLITE_MAPPED);
    let read = pool().max_connections(SQLITE_READERS).connect_lazy_with(reading);
    Ok(Db::Sqlite { read, write })
}

async fn lock(database: std::path::PathBuf) -> std::io::Result<File> {
    let locked = tokio::task::spawn_blocking(move || {
        // Made here so that only its owner can read it; SQLite gives its other files the same mode.
        open_private(&database)?;
        let file = open_private(&database.with_added_extension("lock"))?;
        file.lock()?;
        Ok(file)
    });
    locked.await.map_err(std::io::Error::other)?
}

fn open_private(file: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new().create(true).append(true).mode(0o600).open(file)
}

async fn open_postgres(url: &str, migrations: &Migrator) -> Result<Db, OpenError> {
    let options = PgConnectOptions::from_str(url)?.application_name("bibliotique").disable_statement_logging();
    // Without the timeout below: a migration of a large table takes its time, and so does waiting for another's.
    let mut alone = options.connect().await?;

    for (setting, query, safe) in [
        ("fsync", "SHOW fsync", &["on"][..]),
        ("synchronous_commit", "SHOW synchronous_commit", &["on", "local", "remote_write", "remote_apply"][..]),
    ] {
        let value: String = sqlx::query_scalar(query).fetch_one(&mut alone).await?;
        if !safe.contains(&value.as_str()) {
            return Err(OpenError::Unsafe { setting, value });
        }
    }
    migrations.run(&mut alone).await?;
    alone.close().await?;

    let options = options.options([
        ("default_transaction_isolation", "read committed"),
        ("statement_timeout", "15s"),
        ("idle_in_transaction_session_timeout", "15s"),
    ]);
    let pool = PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).acquire_timeout(PATIENCE);
    Ok(Db::Postgres(pool.connect_with(options).await?))
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

/// Whether a transaction lost a race that it may win when it is run again: SQLSTATE 40001 and 40P01.
pub fn may_succeed_later(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| matches!(code.as_ref(), "40001" | "40P01"))
}

/// Whether the database cannot be used at present: unreachable, shutting down, out of connections, memory or space.
pub fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        // A proxy in front of a database that is away talks nonsense.
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        error => code(error).is_some_and(|code| {
            // PostgreSQL: connection, resources, operator's intervention. SQLite: busy, read-only, I/O, full, cannot open.
            let primary = code.parse::<u32>().ok().filter(|_| code.len() < 5).map(|code| code & 0xff);
            ["08", "53", "57"].iter().any(|class| code.len() == 5 && code.starts_with(class))
                || matches!(primary, Some(5 | 8 | 10 | 13 | 14))
        }),
    }
}

fn code(error: &sqlx::Error) -> Option<std::borrow::Cow<'_, str>> {
    error.as_database_error()?.code()
}

/// The name of the unique constraint that a statement violated, the same on both databases: `<table>_<column>`.
///
/// PostgreSQL says the constraint's name, SQLite the table and its columns.
pub fn violated_unique(error: &sqlx::Error) -> Option<String> {
    let error = error.as_database_error().filter(|error| error.is_unique_violation())?;
    match error.constraint() {
        Some(name) => Some(name.to_owned()),
        None => {
            let columns = error.message().strip_prefix("UNIQUE constraint failed: ")?;
            let (table, _) = columns.split_once('.')?;
            let columns = columns.split(", ").filter_map(|column| Some(column.split_once('.')?.1));
            Some(columns.fold(table.to_owned(), |name, column| format!("{name}_{column}")))
        }
    }
}

/// Whether a statement refers to a row that there is not, or takes one away that is referred to.
pub fn violates_reference(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_foreign_key_violation)
}

impl Type<Sqlite> for Timestamp {
    fn type_info() -> <Sqlite as sqlx::Database>::TypeInfo {
        <i64 as Type<Sqlite>>::type_info()
    }

    fn compatible(ty: &<Sqlite as sqlx::Database>::TypeInfo) -> bool {
        <i64 as Type<Sqlite>>::compatible(ty)
    }
}

impl<'q> Encode<'q, Sqlite> for Timestamp {
    fn encode_by_ref(&self, buffer: &mut <Sqlite as sqlx::Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<'q, Sqlite>>::encode_by_ref(&self.micros(), buffer)
    }
}

impl<'r> Decode<'r, Sqlite> for Timestamp {
    fn decode(value: <Sqlite as sqlx::Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
        <i64 as Decode<'r, Sqlite>>::decode(value).map(Self::from_micros)
    }
}

impl Type<Postgres> for Timestamp {
    fn type_info() -> <Postgres as sqlx::Database>::TypeInfo {
        <OffsetDateTime as Type<Postgres>>::type_info()
    }
}

impl<'q> Encode<'q, Postgres> for Timestamp {
    fn encode_by_ref(&self, buffer: &mut <Postgres as sqlx::Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <OffsetDateTime as Encode<'q, Postgres>>::encode_by_ref(&self.to_date_time(), buffer)
    }
}

impl<'r> Decode<'r, Postgres> for Timestamp {
    fn decode(value: <Postgres as sqlx::Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
        <OffsetDateTime as Decode<'r, Postgres>>::decode(value).map(Self::from_date_time)
    }
}
