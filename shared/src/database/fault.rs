//! What a database's failure means: at the start, to the operator; later, to whoever asked for something.

use std::borrow::Cow;

use sqlx::migrate::MigrateError;

/// SQLite's code for a lock that somebody else has.
pub(super) const BUSY: u32 = 5;

/// Why a database could not be opened. Says nothing of its URL, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Neither `sqlite:` nor `postgres:`.
    #[error("a database URL begins with sqlite: or postgres:")]
    UnknownScheme,
    /// What follows the scheme is not understood.
    #[error("the database URL is malformed: {0}")]
    MalformedUrl(String),
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
    /// SQLite cannot open it: a directory, or in one that is not there.
    #[error("the database file cannot be opened")]
    NoFile,
    /// Another kind of file.
    #[error("the database file is no SQLite database")]
    NotADatabase,
    /// What SQLite reads makes no sense.
    #[error("the database file is damaged: restore a backup of it")]
    Damaged,
    /// A file or a server that only lets us read.
    #[error("the database is read-only")]
    ReadOnly,
    /// The disk fails, or is full in a way that SQLite takes for that.
    #[error("the database file cannot be read or written: is the disk full, or does it fail?")]
    Disk,
    /// Nothing can be written any more.
    #[error("there is no space left for the database")]
    Full,
    /// Another service's tables are there.
    #[error("the database is not this service's: its tables are those of {0:?}")]
    AnotherService(String),
    /// Tables are there that are none of ours.
    #[error("the database belongs to something else: it has a table {0:?}")]
    SomethingElse(String),
    /// A later version of this program was here.
    #[error("the database has a newer schema than this program knows (migration {0}): use the version that made it")]
    NewerSchema(i64),
    /// The schema is older than this program's, or there is none.
    #[error("the database does not have this version's schema yet: `bibliotique migrate` brings it up to date")]
    OlderSchema,
    /// A migration failed.
    #[error("the schema cannot be brought up to date")]
    Schema(#[source] MigrateError),
    /// Nobody answers where the server should be.
    #[error("the database server does not answer")]
    Away(#[source] std::io::Error),
    /// Nobody says anything where the server should be.
    #[error("the database server does not answer")]
    Silent,
    /// The server says no: a wrong password, a database that does not exist.
    #[error("the database refuses: {0}")]
    Refused(String),
    /// Anything else.
    #[error("the database does not let us in")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        if let Some(primary) = sqlite_code(&error) {
            match primary {
                8 => return Self::ReadOnly,
                10 => return Self::Disk,
                11 => return Self::Damaged,
                13 => return Self::Full,
                14 => return Self::NoFile,
                26 => return Self::NotADatabase,
                _ => (),
            }
        }
        match code(&error).as_deref() {
            Some("25006") => return Self::ReadOnly,
            Some("53100") => return Self::Full,
            _ => (),
        }
        match error {
            sqlx::Error::Database(refusal) => Self::Refused(refusal.message().to_owned()),
            sqlx::Error::Io(cause) => Self::Away(cause),
            sqlx::Error::Configuration(cause) => Self::MalformedUrl(cause.to_string()),
            other => Self::Database(other),
        }
    }
}

impl From<MigrateError> for OpenError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(version) => Self::NewerSchema(version),
            MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => cause.into(),
            other => Self::Schema(other),
        }
    }
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
            ["08", "53", "57"].iter().any(|class| code.len() == 5 && code.starts_with(class))
                || matches!(sqlite_code(error), Some(BUSY | 8 | 10 | 13 | 14))
        }),
    }
}

pub(super) fn code(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error()?.code()
}

/// SQLite's primary result code. PostgreSQL's codes have five characters.
pub(super) fn sqlite_code(error: &sqlx::Error) -> Option<u32> {
    let code = code(error).filter(|code| code.len() < 5)?;
    Some(code.parse::<u32>().ok()? & 0xff)
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
