//! Copies of databases that are being written: of one moment, though they are several.
//!
//! Services tell each other things, so copies of different moments would not fit together: of a book that was made between
//! two copies one service would know and the other not, whatever the order. So nobody writes in any of the databases while
//! each takes a snapshot, which takes milliseconds; the copies are then made of the snapshots, while everybody writes on. What is
//! in the middle of something at that moment is so as if all had lost their power, and is brought to its end in the same way.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};
use tokio::{
    fs,
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::{
    Kind, OpenError, Schema,
    fault::{BUSY, code, sqlite_code},
    found::{Found, POSTGRES_TABLES, SQLITE_TABLES, found},
    place::{Place, to_file, to_server},
    tools::{Tool, ToolError},
};
use crate::secret::Secret;

/// How long to try until nobody writes.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long those who write may be kept waiting by one try. PostgreSQL's own cleaning gives way after a second.
const TRY: Duration = Duration::from_millis(1500);

/// From one try to the next, for those who waited.
const PAUSE: Duration = Duration::from_millis(300);

/// From one look to the next.
const MOMENT: Duration = Duration::from_millis(1);

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// See [`OpenError`].
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Nobody stopped writing for a moment.
    #[error("the databases are written without a pause; try again later")]
    Busy,
    /// See [`ToolError`].
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// The copy cannot be written.
    #[error("the copy cannot be written")]
    File(#[from] io::Error),
    /// A path that SQLite cannot be told.
    #[error("the path of the copy is not valid UTF-8")]
    Path,
    /// A database failed meanwhile.
    #[error("the database cannot be copied")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for CopyError {
    fn from(error: sqlx::Error) -> Self {
        match sqlite_code(&error) {
            Some(13) => Self::File(io::ErrorKind::StorageFull.into()),
            _ => Self::Database(error),
        }
    }
}

/// A database that is to be copied.
pub struct Original {
    place: Place,
    found: Found,
    still: Vec<&'static str>,
    without: Vec<&'static str>,
    /// Of PostgreSQL: where the tables are, and with what to copy them.
    server: Option<(String, Tool)>,
}

impl Original {
    /// A database that is there, and a service's. It may be of an older version.
    ///
    /// # Errors
    /// [`CopyError`]
    pub async fn find(url: &Secret, schema: &Schema) -> Result<Self, CopyError> {
        let place = Place::of(url)?;
        let (found, server) = match &place {
            Place::Sqlite(options) => {
                let mut file = to_file(options).await?;
                let found = found!(&mut file, SQLITE_TABLES);
                found.is_ours(&schema.migrations.sqlite)?;
                file.close().await?;
                (found, None)
            }
            Place::Postgres(options) => {
                let mut server = to_server(options).await?;
                let found = found!(&mut server, POSTGRES_TABLES);
                found.is_ours(&schema.migrations.postgres)?;
                let tool = Tool::find("pg_dump", &mut server, url).await?;
                let namespace = sqlx::query_scalar("SELECT current_schema()::text").fetch_one(&mut server).await?;
                server.close().await?;
                (found, Some((namespace, tool)))
            }
        };
        if found.applied.is_empty() {
            return Err(OpenError::OlderSchema.into());
        }
        let there = |tables: &[&'static str]| {
            let mut tables = tables.to_vec();
            tables.retain(|table| found.tables.iter().any(|found| found == table));
            tables
        };
        let (still, without) = (there(schema.still), there(schema.without));
        Ok(Self { place, found, still, without, server })
    }

    /// Which of the two.
    pub const fn kind(&self) -> Kind {
        self.place.kind()
    }

    /// The numbers of the migrations that made its tables.
    pub fn versions(&self) -> Vec<i64> {
        self.found.versions()
    }

    /// Of PostgreSQL, where the tables are.
    pub fn namespace(&self) -> Option<&str> {
        self.server.as_ref().map(|(namespace, _)| namespace.as_str())
    }

    /// Two connections, opened before anybody waits for them.
    async fn connect(&self) -> Result<(Holder, Reader), CopyError> {
        match &self.place {
            Place::Sqlite(options) => {
                // SQLite's own waiting leaves long pauses, in which a service that writes without any would always be first.
                let impatient = options.clone().create_if_missing(false).busy_timeout(Duration::ZERO);
                let holder = impatient.connect().await.map_err(OpenError::from)?;
                Ok((Holder::Sqlite(holder), Reader::Sqlite(to_file(options).await?)))
            }
            Place::Postgres(options) => {
                let (holder, mut reader) = (to_server(options).await?, to_server(options).await?);
                let patient = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0";
                sqlx::raw_sql(patient).execute(&mut reader).await?;
                Ok((Holder::Postgres(holder), Reader::Postgres(reader)))
            }
        }
    }

    /// Begins a copy. When this answers, it is certain of what moment it is.
    async fn begin(&self, reader: Reader, file: &Path) -> Result<Begun, CopyError> {
        match (reader, &self.server) {
            (Reader::Postgres(reader), Some((namespace, tool))) => {
                Begun::dump(reader, tool.clone(), self.what_to_dump(namespace), file).await
            }
            (Reader::Postgres(_), None) => Err(CopyError::Busy),
            (Reader::Sqlite(reader), _) => Begun::vacuum(reader, self.without.clone(), file).await,
        }
    }

    /// Names in quotes are names, and no patterns.
    fn what_to_dump(&self, namespace: &str) -> Vec<String> {
        let namespace = namespace.replace('"', "\"\"");
        let mut arguments = vec![format!("--schema=\"{namespace}\"")];
        arguments.extend(self.without.iter().map(|table| format!("--exclude-table-data=\"{namespace}\".\"{table}\"")));
        arguments
    }
}

/// Copies databases, each into a file that is there and empty. Answers with how long nobody could write.
///
/// # Errors
/// [`CopyError`]
pub async fn copy_all(copies: &[(Original, PathBuf)]) -> Result<Duration, CopyError> {
    let (mut holders, mut readers) = (Vec::new(), Vec::new());
    for (original, _) in copies {
        let (holder, reader) = original.connect().await?;
        holders.push(holder);
        readers.push(reader);
    }
    let since = hold_all(copies, &mut holders).await?;
    let mut begun = Vec::new();
    for ((original, file), reader) in copies.iter().zip(readers) {
        begun.push(original.begin(reader, file).await?);
        crate::crash::dawdle("backup.between").await;
    }
    release(&mut holders).await?;
    let held = since.elapsed();

    for copy in begun {
        copy.finish().await?;
    }
    for (_, file) in copies {
        fs::File::open(file).await?.sync_all().await?;
    }
    Ok(held)
}

/// Reads a database as it is at a moment.
enum Reader {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Keeps everybody from writing in a database.
enum Holder {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Holder {
    /// Whether that was possible soon.
    async fn hold(&mut self, still: &[&str], until: Instant) -> Result<bool, CopyError> {
        match self {
            Self::Sqlite(file) => hold_file(file, until).await,
            Self::Postgres(server) => hold_tables(server, still).await,
        }
    }

    async fn release(&mut self) -> Result<(), CopyError> {
        match self {
            Self::Sqlite(file) => sqlx::query("ROLLBACK").execute(file).await.map(drop)?,
            Self::Postgres(server) => sqlx::query("ROLLBACK").execute(server).await.map(drop)?,
        }
        Ok(())
    }
}

async fn release(holders: &mut [Holder]) -> Result<(), CopyError> {
    for holder in holders {
        holder.release().await?;
    }
    Ok(())
}

/// Holds all, or none for longer than a moment. Answers since when.
async fn hold_all(copies: &[(Original, PathBuf)], holders: &mut [Holder]) -> Result<Instant, CopyError> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let (since, mut held) = (Instant::now(), 0);
        for ((original, _), holder) in copies.iter().zip(&mut *holders) {
            if !holder.hold(&original.still, since + TRY).await? {
                break;
            }
            held += 1;
        }
        if held == copies.len() {
            return Ok(since);
        }
        release(holders.get_mut(..held).unwrap_or_default()).await?;
        sleep(PAUSE).await;
    }
    Err(CopyError::Busy)
}

async fn hold_file(file: &mut SqliteConnection, until: Instant) -> Result<bool, CopyError> {
    loop {
        match sqlx::query("BEGIN IMMEDIATE").execute(&mut *file).await {
            Ok(_) => return Ok(true),
            Err(error) if sqlite_code(&error) != Some(BUSY) => return Err(OpenError::from(error).into()),
            Err(_) if Instant::now() >= until => return Ok(false),
            Err(_) => sleep(MOMENT).await,
        }
    }
}

/// Waits in the server's queue for those who write: whoever comes later waits behind us. They take the tables in the same order, so
/// nobody waits in a circle.
async fn hold_tables(server: &mut PgConnection, still: &[&str]) -> Result<bool, CopyError> {
    let tables = still.join(", ");
    let lock = format!("BEGIN; SET LOCAL lock_timeout = {}; LOCK TABLE {tables} IN SHARE MODE", TRY.as_millis());
    match sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *server).await {
        Ok(_) => Ok(true),
        // The timeout, or a deadlock after all.
        Err(error) if matches!(code(&error).as_deref(), Some("55P03" | "40P01")) => {
            sqlx::query("ROLLBACK").execute(server).await?;
            Ok(false)
        }
        Err(error) => Err(OpenError::from(error).into()),
    }
}

/// A copy of which it is certain of what moment it is.
enum Begun {
    Sqlite {
        vacuum: JoinHandle<Result<(), CopyError>>,
        file: PathBuf,
        without: Vec<&'static str>,
    },
    Postgres {
        /// Has the snapshot for as long as it is read.
        snapshot: PgConnection,
        tool: Tool,
        arguments: Vec<String>,
    },
}

impl Begun {
    /// `VACUUM INTO` begins to read before it writes the first byte: then nothing that is written later is in it any more.
    async fn vacuum(mut reader: SqliteConnection, without: Vec<&'static str>, file: &Path) -> Result<Self, CopyError> {
        let into = file.to_str().ok_or(CopyError::Path)?.to_owned();
        let vacuum = tokio::spawn(async move {
            sqlx::query("VACUUM INTO $1").bind(into).execute(&mut reader).await?;
            Ok(reader.close().await?)
        });
        while !vacuum.is_finished() && fs::metadata(file).await?.len() == 0 {
            sleep(MOMENT).await;
        }
        Ok(Self::Sqlite { vacuum, file: file.to_owned(), without })
    }

    async fn dump(
        mut snapshot: PgConnection,
        tool: Tool,
        mut arguments: Vec<String>,
        file: &Path,
    ) -> Result<Self, CopyError> {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        sqlx::query(begin).execute(&mut snapshot).await?;
        let id: String = sqlx::query_scalar("SELECT pg_export_snapshot()").fetch_one(&mut snapshot).await?;
        let into = file.to_str().ok_or(CopyError::Path)?;
        arguments.extend([format!("--snapshot={id}"), format!("--file={into}")]);
        arguments.extend(["--format=custom", "--no-owner", "--no-privileges"].map(str::to_owned));
        Ok(Self::Postgres { snapshot, tool, arguments })
    }

    async fn finish(self) -> Result<(), CopyError> {
        match self {
            Self::Sqlite { vacuum, file, without } => {
                vacuum.await.map_err(io::Error::other)??;
                empty(&file, &without).await
            }
            Self::Postgres { snapshot, tool, arguments } => {
                tool.run(&arguments).await?;
                Ok(snapshot.close().await?)
            }
        }
    }
}

/// Takes all rows out of tables of a copy, and what they were off the disk.
async fn empty(file: &Path, tables: &[&str]) -> Result<(), CopyError> {
    let options = SqliteConnectOptions::new().filename(file).journal_mode(SqliteJournalMode::Off);
    let mut copy = options.pragma("secure_delete", "on").disable_statement_logging().connect().await?;
    for table in tables {
        sqlx::query(AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&mut copy).await?;
    }
    Ok(copy.close().await?)
}
