//! Copies of databases that are being written: of one moment, though they are several.
//!
//! Services tell each other things, so copies of different moments would not fit together: of a book that was made between
//! two copies one service would know and the other not, whatever the order. So nobody writes in any of the databases while
//! each takes a snapshot, which takes milliseconds; the copies are then made of the snapshots, while everybody writes on. What is
//! in the middle of something at that moment is so as if all had lost their power, and is brought to its end in the same way.

mod begun;
mod hold;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, SqliteConnection, postgres::PgConnectOptions,
    sqlite::SqliteConnectOptions,
};
use tokio::fs;

use super::{
    Kind, OpenError, Schema,
    fault::{code, sqlite_code},
    found::{Found, POSTGRES_TABLES, SQLITE_TABLES, found},
    place::{Place, to_file, to_server},
    tools::{Tool, ToolError},
};
use crate::{Clock, Timestamp, secret::Secret};
use begun::Begun;
use hold::{Holder, hold_all, release};

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
            // Of two files it is the new one that is written, and does not fit on a disk.
            Some(10 | 13) if !is_read(&error) => Self::File(io::ErrorKind::StorageFull.into()),
            Some(8 | 10 | 11 | 14 | 26) => Self::Open(error.into()),
            _ => Self::Database(error),
        }
    }
}

/// Whether it is reading that has failed (SQLITE_IOERR_READ, SQLITE_IOERR_SHORT_READ).
fn is_read(error: &sqlx::Error) -> bool {
    matches!(code(error).as_deref(), Some("266" | "522"))
}

/// A database that is to be copied.
pub struct Original {
    source: Source,
    found: Found,
    still: Vec<&'static str>,
    without: Vec<&'static str>,
}

/// Where it is.
enum Source {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres { options: Box<PgConnectOptions>, namespace: String, tool: Tool },
}

impl Original {
    /// A database that is there, and a service's. It may be of an older version.
    ///
    /// # Errors
    /// [`CopyError`]
    pub async fn find(url: &Secret, schema: &Schema) -> Result<Self, CopyError> {
        let (source, found) = match Place::of(url)? {
            Place::Sqlite(options) => {
                let mut file = to_file(&options).await?;
                let found = found!(&mut file, SQLITE_TABLES);
                found.is_ours(&schema.migrations.sqlite)?;
                file.close().await?;
                (Source::Sqlite(options), found)
            }
            Place::Postgres(options) => {
                let mut server = to_server(&options).await?;
                let found = found!(&mut server, POSTGRES_TABLES);
                found.is_ours(&schema.migrations.postgres)?;
                let tool = Tool::find("pg_dump", &mut server, url).await?;
                let namespace = sqlx::query_scalar("SELECT current_schema()::text").fetch_one(&mut server).await?;
                server.close().await?;
                (Source::Postgres { options, namespace, tool }, found)
            }
        };
        if found.applied.is_empty() {
            return Err(OpenError::OlderSchema.into());
        }
        // A database of an older version may lack some.
        let there = |tables: &[&'static str]| {
            let mut tables = tables.to_vec();
            tables.retain(|table| found.tables.iter().any(|found| found == table));
            tables
        };
        let (still, without) = (there(schema.still), there(schema.without));
        Ok(Self { source, found, still, without })
    }

    /// Which of the two.
    pub const fn kind(&self) -> Kind {
        match self.source {
            Source::Sqlite(_) => Kind::Sqlite,
            Source::Postgres { .. } => Kind::Postgres,
        }
    }

    /// The numbers of the migrations that made its tables.
    pub fn versions(&self) -> Vec<i64> {
        self.found.versions()
    }

    /// Of PostgreSQL, where the tables are.
    pub fn namespace(&self) -> Option<&str> {
        match &self.source {
            Source::Sqlite(_) => None,
            Source::Postgres { namespace, .. } => Some(namespace),
        }
    }

    /// Two connections, opened before anybody waits for them.
    async fn connect(&self) -> Result<(Holder, Reader), CopyError> {
        match &self.source {
            Source::Sqlite(options) => {
                // SQLite's own waiting leaves long pauses, in which a service that writes without any would always be first.
                let impatient = options.clone().create_if_missing(false).busy_timeout(Duration::ZERO);
                let holder = impatient.connect().await.map_err(OpenError::from)?;
                let reader = Reader::Sqlite { file: to_file(options).await?, without: self.without.clone() };
                Ok((Holder::Sqlite(holder), reader))
            }
            Source::Postgres { options, namespace, tool } => {
                let (holder, mut server) = (to_server(options).await?, to_server(options).await?);
                let patient = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0";
                sqlx::raw_sql(patient).execute(&mut server).await?;
                let (tool, what) = (tool.clone(), self.what_to_dump(namespace));
                Ok((Holder::Postgres(holder), Reader::Postgres { server, tool, what }))
            }
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

/// The moment that copies are of.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// When it was.
    pub at: Timestamp,
    /// For how long nobody could write.
    pub held: Duration,
}

/// Copies databases, each into a file that is there and empty.
///
/// # Errors
/// [`CopyError`]
pub async fn copy_all(copies: &[(Original, PathBuf)]) -> Result<Moment, CopyError> {
    let (mut holders, mut readers) = (Vec::new(), Vec::new());
    for (original, _) in copies {
        let (holder, reader) = original.connect().await?;
        holders.push(holder);
        readers.push(reader);
    }
    let since = hold_all(copies, &mut holders).await?;
    let at = Clock::system().now();
    let mut begun = Vec::new();
    for ((_, file), reader) in copies.iter().zip(readers) {
        begun.push(reader.begin(file).await?);
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
    Ok(Moment { at, held })
}

/// Reads a database as it is at a moment.
enum Reader {
    Sqlite { file: SqliteConnection, without: Vec<&'static str> },
    Postgres { server: PgConnection, tool: Tool, what: Vec<String> },
}

impl Reader {
    /// Begins a copy. When this answers, it is certain of what moment it is.
    async fn begin(self, file: &Path) -> Result<Begun, CopyError> {
        match self {
            Self::Sqlite { file: original, without } => Begun::vacuum(original, without, file).await,
            Self::Postgres { server, tool, what } => Begun::dump(server, tool, what, file).await,
        }
    }
}
