//! A copy that is being made of a snapshot, while everybody writes on.

use std::{
    io,
    path::{Path, PathBuf},
};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};
use tokio::{fs, task::JoinHandle, time::sleep};

use super::{super::tools::Tool, CopyError, MOMENT};

/// A copy of which it is certain of what moment it is.
pub(super) enum Begun {
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
    pub(super) async fn vacuum(
        mut reader: SqliteConnection,
        without: Vec<&'static str>,
        file: &Path,
    ) -> Result<Self, CopyError> {
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

    pub(super) async fn dump(
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

    pub(super) async fn finish(self) -> Result<(), CopyError> {
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
