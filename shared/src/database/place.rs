//! Where a database is, out of its URL.

use std::{str::FromStr as _, time::Duration};

use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use sqlx::{
    ConnectOptions as _, PgConnection, SqliteConnection, postgres::PgConnectOptions, sqlite::SqliteConnectOptions,
};
use tokio::time::timeout;

use super::OpenError;
use crate::secret::Secret;

/// How long a server may take to let us in.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which of the two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
}

impl Kind {
    /// As it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// Where a database is, and how to connect.
pub(super) enum Place {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>),
}

impl Place {
    pub(super) fn of(url: &Secret) -> Result<Self, OpenError> {
        let url = url.expose_secret();
        if url.starts_with("sqlite:") {
            Ok(Self::Sqlite(Box::new(SqliteConnectOptions::from_str(url)?.disable_statement_logging())))
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(url)?.application_name("bibliotique").disable_statement_logging();
            Ok(Self::Postgres(Box::new(options)))
        } else {
            Err(OpenError::UnknownScheme)
        }
    }
}

/// A connection to a file that is there.
pub(super) async fn to_file(options: &SqliteConnectOptions) -> Result<SqliteConnection, OpenError> {
    Ok(options.clone().create_if_missing(false).busy_timeout(Duration::from_secs(5)).connect().await?)
}

/// A connection to a server that answers in time.
pub(super) async fn to_server(options: &PgConnectOptions) -> Result<PgConnection, OpenError> {
    Ok(timeout(PATIENCE, options.connect()).await.map_err(|_| OpenError::Silent)??)
}
