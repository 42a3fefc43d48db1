//! A place into which a copy of a database is restored: empty before, and as empty as before when that fails.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};
use tempfile::TempPath;
use tokio::time::{Instant, sleep};

use super::{
    CopyError, Kind, OpenError,
    found::POSTGRES_TABLES,
    place::{Place, to_server},
    tools::Tool,
};
use crate::{
    file::{directory_of, settle},
    secret::Secret,
};

/// What SQLite has beside a file: if it were there, it would be taken for the restored file's.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// How long to wait for who has just gone, and from one look to the next.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// Why nothing is restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// See [`CopyError`].
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A file is there.
    #[error("there is already {}: a backup is restored into an empty place", .0.display())]
    FileExists(PathBuf),
    /// A database has tables.
    #[error("there is already a table {0:?} in the database: a backup is restored into an empty one")]
    TableExists(String),
    /// Somebody is connected.
    #[error("a role of a suite is connected to the database: stop it first")]
    InUse,
    /// The copy's tables are of another schema (as PostgreSQL calls it).
    #[error("the backup's tables are in the schema {is:?}, and the database's would be in {would_be:?}")]
    OtherNamespace {
        /// The copy's.
        is: String,
        /// The target's.
        would_be: String,
    },
    /// A file cannot be written.
    #[error("{} cannot be written", .file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl From<OpenError> for RestoreError {
    fn from(error: OpenError) -> Self {
        Self::Copy(error.into())
    }
}

impl From<sqlx::Error> for RestoreError {
    fn from(error: sqlx::Error) -> Self {
        OpenError::from(error).into()
    }
}

/// A place that is empty.
pub enum Target {
    /// A file that is not there.
    Sqlite(PathBuf),
    /// A database without tables.
    Postgres(Box<Server>),
}

/// See [`Target::Postgres`].
pub struct Server {
    options: PgConnectOptions,
    namespace: String,
    tool: Tool,
    url: Secret,
}

/// A copy that was brought to a place, and can still be changed there before anybody uses it.
pub struct Filled {
    /// Where.
    pub url: Secret,
    staged: Option<(TempPath, PathBuf)>,
}

impl Target {
    /// The place at `url`, which has to be empty.
    ///
    /// # Errors
    /// [`RestoreError`]
    pub async fn find(url: &Secret) -> Result<Self, RestoreError> {
        match Place::of(url)? {
            Place::Sqlite(options) => empty_file(options.get_filename()),
            Place::Postgres(options) => empty_database(*options, url).await,
        }
    }

    /// Which of the two.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Sqlite(_) => Kind::Sqlite,
            Self::Postgres(_) => Kind::Postgres,
        }
    }

    /// Whether a copy fits here; `namespace`: where its tables are.
    ///
    /// # Errors
    /// [`RestoreError::OtherNamespace`]
    pub fn takes(&self, namespace: Option<&str>) -> Result<(), RestoreError> {
        match (self, namespace) {
            (Self::Postgres(server), Some(is)) if is != server.namespace => {
                Err(RestoreError::OtherNamespace { is: is.to_owned(), would_be: server.namespace.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Brings a copy here.
    ///
    /// # Errors
    /// [`RestoreError`]
    pub async fn fill(&self, copy: &Path) -> Result<Filled, RestoreError> {
        match self {
            Self::Sqlite(file) => stage(copy.to_owned(), file.clone()).await,
            Self::Postgres(server) => server.fill(copy).await,
        }
    }

    /// Makes it as empty as it was.
    ///
    /// # Errors
    /// [`RestoreError`]
    pub async fn clear(&self) -> Result<(), RestoreError> {
        match self {
            // What was brought here goes with `Filled`.
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(server) => server.clear().await,
        }
    }
}

impl Filled {
    /// Gives it to whoever comes. Answers with the file that is there now, if it is one.
    ///
    /// # Errors
    /// [`RestoreError::FileExists`], [`RestoreError::File`]
    pub fn place(&mut self) -> Result<Option<PathBuf>, RestoreError> {
        let Some((staged, file)) = self.staged.take() else { return Ok(None) };
        staged.persist_noclobber(&file).map_err(|lost| match lost.error.kind() {
            io::ErrorKind::AlreadyExists => RestoreError::FileExists(file.clone()),
            _ => RestoreError::File { file: file.clone(), source: lost.error },
        })?;
        match settle(&file) {
            Ok(()) => Ok(Some(file)),
            Err(source) => Err(RestoreError::File { file, source }),
        }
    }
}

fn empty_file(file: &Path) -> Result<Target, RestoreError> {
    let with = |ending: &str| PathBuf::from(format!("{}{ending}", file.display()));
    match [""].iter().chain(&BESIDE).map(|ending| with(ending)).find(|file| file.symlink_metadata().is_ok()) {
        Some(there) => Err(RestoreError::FileExists(there)),
        None => Ok(Target::Sqlite(file.to_owned())),
    }
}

async fn empty_database(options: PgConnectOptions, url: &Secret) -> Result<Target, RestoreError> {
    let mut server = to_server(&options).await?;
    left_to_us(&mut server).await?;
    let namespace: Option<String> = sqlx::query_scalar("SELECT current_schema()::text").fetch_one(&mut server).await?;
    let namespace = namespace.unwrap_or_default();
    let tool = Tool::find("pg_restore", &mut server, url).await?;
    server.close().await?;
    Ok(Target::Postgres(Box::new(Server { options, namespace, tool, url: url.clone() })))
}

/// Whether it is empty, and nobody else's. A server knows of connections for a moment after their end, such as those of a restore
/// that has just failed.
async fn left_to_us(server: &mut PgConnection) -> Result<(), RestoreError> {
    let others = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
                      AND application_name = 'bibliotique' AND pid <> pg_backend_pid())";
    let until = Instant::now() + PATIENCE;
    loop {
        // In this order: whoever has made tables and gone is not overlooked.
        let in_use: bool = sqlx::query_scalar(others).fetch_one(&mut *server).await?;
        let table: Option<String> = sqlx::query_scalar(POSTGRES_TABLES).fetch_optional(&mut *server).await?;
        match table {
            Some(table) => return Err(RestoreError::TableExists(table)),
            None if !in_use => return Ok(()),
            None if Instant::now() >= until => return Err(RestoreError::InUse),
            None => sleep(PAUSE).await,
        }
    }
}

async fn stage(copy: PathBuf, file: PathBuf) -> Result<Filled, RestoreError> {
    let staging = tokio::task::spawn_blocking(move || {
        let failed = |source| RestoreError::File { file: file.clone(), source };
        let mut from = fs::File::open(&copy).map_err(failed)?;
        let mut draft = tempfile::Builder::new();
        draft.prefix(".restored-").permissions(Permissions::from_mode(0o600));
        let mut staged = draft.tempfile_in(directory_of(&file)).map_err(failed)?;
        io::copy(&mut from, &mut staged).map_err(failed)?;
        staged.as_file().sync_all().map_err(failed)?;
        let staged = staged.into_temp_path();
        Ok(Filled { url: Secret::from(format!("sqlite:{}", staged.display())), staged: Some((staged, file)) })
    });
    staging.await.map_err(|cause| CopyError::File(io::Error::other(cause)))?
}

impl Server {
    async fn fill(&self, copy: &Path) -> Result<Filled, RestoreError> {
        // The schema itself is there; its name is no pattern here.
        let mut arguments = vec![format!("--schema={}", self.namespace), format!("--dbname={}", self.tool.database())];
        arguments
            .extend(["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"].map(str::to_owned));
        arguments.push(copy.to_str().ok_or(CopyError::Path)?.to_owned());
        self.tool.run(&arguments).await.map_err(CopyError::from)?;
        Ok(Filled { url: self.url.clone(), staged: None })
    }

    /// It had no tables: all that are there came with the copy.
    async fn clear(&self) -> Result<(), RestoreError> {
        let mut server = to_server(&self.options).await?;
        let tables: Vec<String> = sqlx::query_scalar(POSTGRES_TABLES).fetch_all(&mut server).await?;
        if !tables.is_empty() {
            let names: Vec<String> = tables.iter().map(|table| format!("\"{table}\"")).collect();
            let drop = format!("DROP TABLE {}", names.join(", "));
            sqlx::query(AssertSqlSafe(drop)).execute(&mut server).await?;
        }
        Ok(server.close().await?)
    }
}
