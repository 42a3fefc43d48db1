//! Opening a database: whose it is, how new it is, and what it has to promise.

use std::{
    fs::{self, File},
    path::Path,
    time::Duration,
};

use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, SqliteConnection,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    Db, Migrations, OpenError,
    fault::{BUSY, sqlite_code},
    found::{Found, POSTGRES_TABLES, SQLITE_TABLES, found},
    place::{Place, to_file, to_server},
};
use crate::secret::Secret;

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

impl Db {
    /// Opens the database at `url` and brings its schema up to date, once, however many processes start at the same time.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn open(url: &Secret, migrations: &Migrations) -> Result<Self, OpenError> {
        match Place::of(url)? {
            Place::Sqlite(options) => open_sqlite(*options, &migrations.sqlite).await,
            Place::Postgres(options) => open_postgres(*options, &migrations.postgres).await,
        }
    }

    /// Opens a database that is there and up to date, to read it: makes nothing, and changes nothing.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn look_into(url: &Secret, migrations: &Migrations) -> Result<Self, OpenError> {
        let db = match Place::of(url)? {
            Place::Sqlite(options) => one_connection(options.pragma("query_only", "on")).await?,
            Place::Postgres(options) => {
                to_server(&options).await?.close().await?;
                let options = options.options([("default_transaction_read_only", "on")]);
                Self::Postgres(PgPoolOptions::new().max_connections(2).connect_with(options).await?)
            }
        };
        let found = db.found().await?;
        found.is_up_to_date(match &db {
            Self::Sqlite { .. } => &migrations.sqlite,
            Self::Postgres(_) => &migrations.postgres,
        })?;
        Ok(db)
    }

    /// Opens a database that is there, with the schema that it has.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn as_it_is(url: &Secret) -> Result<Self, OpenError> {
        match Place::of(url)? {
            Place::Sqlite(options) => one_connection(*options).await,
            Place::Postgres(options) => {
                to_server(&options).await?.close().await?;
                Ok(Self::Postgres(PgPoolOptions::new().max_connections(2).connect_with(*options).await?))
            }
        }
    }

    /// Ends all connections, so that nothing is left to be written.
    pub async fn close(self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }

    async fn found(&self) -> sqlx::Result<Found> {
        match self {
            Self::Sqlite { read, .. } => {
                let mut file = read.acquire().await?;
                Ok(found!(&mut *file, SQLITE_TABLES))
            }
            Self::Postgres(pool) => {
                let mut server = pool.acquire().await?;
                Ok(found!(&mut *server, POSTGRES_TABLES))
            }
        }
    }
}

/// A file that is there, with one connection that reads and writes.
async fn one_connection(options: SqliteConnectOptions) -> Result<Db, OpenError> {
    let options = options.create_if_missing(false).busy_timeout(Duration::from_secs(5));
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
    Ok(Db::Sqlite { read: pool.clone(), write: pool })
}

async fn open_sqlite(options: SqliteConnectOptions, migrations: &Migrator) -> Result<Db, OpenError> {
    // SQLite takes no lock around a migration, so the file beside it does; the system frees it when a process dies.
    let _lock = lock(options.get_filename().to_owned()).await?;
    // With none of the settings below: one of them would already change a file that is not ours.
    let mut looking = to_file(&options).await?;
    found!(&mut looking, SQLITE_TABLES).is_ours(migrations)?;
    looking.close().await?;

    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("cache_size", SQLITE_CACHE)
        .pragma("wal_autocheckpoint", SQLITE_CHECKPOINT);
    let mut alone = options.connect().await?;
    migrations.run(&mut alone).await?;
    may_write(&mut alone).await?;
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

/// A file that we may only read, and that is up to date, opens like any other; only a statement that writes shows it.
async fn may_write(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let nothing = "BEGIN IMMEDIATE; DELETE FROM _sqlx_migrations WHERE FALSE; ROLLBACK";
    match sqlx::raw_sql(nothing).execute(connection).await {
        Err(error) if sqlite_code(&error) != Some(BUSY) => Err(error.into()),
        _ => Ok(()),
    }
}

async fn open_postgres(options: PgConnectOptions, migrations: &Migrator) -> Result<Db, OpenError> {
    // Without the timeout below: a migration of a large table takes its time, and so does waiting for another's.
    let mut alone = to_server(&options).await?;
    keeps_what_it_acknowledges(&mut alone).await?;
    // The driver logs what it hears, and it hears at every start that the table of migrations is there.
    sqlx::query("SET client_min_messages = warning").execute(&mut alone).await?;
    found!(&mut alone, POSTGRES_TABLES).is_ours(migrations)?;
    if let Err(error) = migrations.run(&mut alone).await {
        // Another service may have come to the same empty database a moment before.
        found!(&mut alone, POSTGRES_TABLES).is_ours(migrations)?;
        return Err(error.into());
    }
    alone.close().await?;

    let options = options.options([
        ("default_transaction_isolation", "read committed"),
        ("statement_timeout", "15s"),
        ("idle_in_transaction_session_timeout", "15s"),
    ]);
    let pool = PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).acquire_timeout(PATIENCE);
    Ok(Db::Postgres(pool.connect_with(options).await?))
}

async fn keeps_what_it_acknowledges(server: &mut PgConnection) -> Result<(), OpenError> {
    for (setting, query, safe) in [
        ("fsync", "SHOW fsync", &["on"][..]),
        ("synchronous_commit", "SHOW synchronous_commit", &["on", "local", "remote_write", "remote_apply"][..]),
    ] {
        let value: String = sqlx::query_scalar(query).fetch_one(&mut *server).await?;
        if !safe.contains(&value.as_str()) {
            return Err(OpenError::Unsafe { setting, value });
        }
    }
    let read_only: String = sqlx::query_scalar("SHOW transaction_read_only").fetch_one(server).await?;
    if read_only == "on" { Err(OpenError::ReadOnly) } else { Ok(()) }
}
