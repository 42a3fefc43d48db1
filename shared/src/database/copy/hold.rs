//! Nobody writes in any of several databases, for a moment.

use std::{path::PathBuf, time::Duration};

use sqlx::{AssertSqlSafe, PgConnection, SqliteConnection};
use tokio::time::{Instant, sleep};

use super::{
    super::{
        OpenError,
        fault::{BUSY, code, sqlite_code},
    },
    CopyError, MOMENT, Original,
};

/// How long to try until nobody writes.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long those who write may be kept waiting by one try. PostgreSQL's own cleaning gives way after a second.
const TRY: Duration = Duration::from_millis(1500);

/// From one try to the next, for those who waited.
const PAUSE: Duration = Duration::from_millis(300);

/// Keeps everybody from writing in a database.
pub(super) enum Holder {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Holder {
    /// Whether that was possible soon.
    async fn hold(&mut self, still: &[&str], until: Instant) -> Result<bool, CopyError> {
        match self {
            Self::Sqlite(file) => hold_file(file, until).await,
            Self::Postgres(server) => hold_tables(server, still, until).await,
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

pub(super) async fn release(holders: &mut [Holder]) -> Result<(), CopyError> {
    for holder in holders {
        holder.release().await?;
    }
    Ok(())
}

/// Holds all, or none for longer than a moment. Answers since when.
pub(super) async fn hold_all(copies: &[(Original, PathBuf)], holders: &mut [Holder]) -> Result<Instant, CopyError> {
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
async fn hold_tables(server: &mut PgConnection, still: &[&str], until: Instant) -> Result<bool, CopyError> {
    sqlx::query("BEGIN").execute(&mut *server).await?;
    for table in still {
        // The timeout is for each lock; nothing would be for ever.
        let left = until.saturating_duration_since(Instant::now()).as_millis().max(1);
        let lock = format!("SET LOCAL lock_timeout = {left}; LOCK TABLE {table} IN SHARE MODE");
        match sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut *server).await {
            Ok(_) => (),
            // The timeout, or a deadlock after all.
            Err(error) if matches!(code(&error).as_deref(), Some("55P03" | "40P01")) => {
                sqlx::query("ROLLBACK").execute(server).await?;
                return Ok(false);
            }
            Err(error) => return Err(OpenError::from(error).into()),
        }
    }
    Ok(true)
}
