//! Every line of SQL of this service. A rule runs inside the transaction that keeps its outcome.
//!
//! Whoever changes what a patron has takes the patron's row first, then that of the book (`stock`), by updating them: that
//! serialises on both databases, and nobody waits in a circle.

mod check;
mod copies;
mod feed;
mod holds;
mod lists;
mod loans;
mod moves;
mod patrons;
mod policies;

use std::sync::Arc;

use shared::{
    Db, Timestamp,
    database::{Migrations, OpenError, Schema},
    replay::{Message, Replay},
    secret::Secret,
    tx,
};
use sqlx::{AssertSqlSafe, FromRow};
use tokio::sync::Notify;

use crate::domain::{
    Refusal,
    copy::Copy,
    hold::{Hold, Progress},
    loan::Loan,
    policy::Policy,
    shelf::Stock,
};

pub use check::Findings;
pub use feed::Changes;
pub use lists::{HoldFilter, LoanFilter};
pub use loans::{Asked, Item, Returned, Which};
pub use patrons::Summary;

/// What the store answers.
pub type Result<T> = std::result::Result<T, shared::Error<Refusal>>;

/// Lending's database.
#[derive(Clone)]
pub struct Store {
    db: Db,
    /// What holds where no admin said otherwise.
    defaults: Policy,
    /// Wakes whoever follows.
    changes: Arc<Notify>,
}

fn migrations() -> Migrations {
    Migrations { sqlite: sqlx::migrate!("migrations/sqlite"), postgres: sqlx::migrate!("migrations/postgres") }
}

/// What whoever copies the database has to know.
pub fn schema() -> Schema {
    Schema { migrations: migrations(), still: &["patron", "stock"], without: &[] }
}

impl Store {
    /// Opens the database and brings its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn open(url: &Secret, defaults: Policy) -> std::result::Result<Self, OpenError> {
        let db = Db::open(url, &migrations()).await?;
        shared::metrics::watch_pools("lending", &db);
        Ok(Self { db, defaults, changes: Arc::default() })
    }

    /// Opens a database that is there, to read it.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn look_into(url: &Secret) -> std::result::Result<Self, OpenError> {
        let db = Db::look_into(url, &migrations()).await?;
        Ok(Self { db, defaults: Policy::default(), changes: Arc::default() })
    }

    /// Takes back what a restored database says of transactions that are yet to come: its feed would wait for them.
    pub async fn settle(&self) -> Result<()> {
        let (change, last) = (self.db.change_of("stock"), self.db.last_change_of("stock"));
        tx!(&self.db, |tx| {
            let sql = format!("UPDATE stock SET changed = {change} WHERE changed > {last}");
            sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await?;
        })
    }

    /// Whether the database answers.
    pub async fn answers(&self) -> bool {
        self.db.answers().await
    }

    /// The answer that a request got before, for those that have to look something up before they can be done.
    pub async fn answered<M: Message + Default>(&self, replay: Option<&Replay>) -> Result<Option<M>> {
        let Some(replay) = replay else { return Ok(None) };
        let answer = shared::replay::answered(&self.db, replay, Refusal::RequestIdReused).await?;
        answer.map(|answer| shared::replay::decode(&answer).map_err(shared::Error::internal)).transpose()
    }

    /// Forgets requests that are too old to come again.
    pub async fn forget_requests(&self, now: Timestamp) -> Result<()> {
        shared::replay::forget(&self.db, now).await
    }
}

/// Writes a row of the audit log in the transaction `$tx`.
macro_rules! record {
    ($tx:expr, $by:expr, $event:expr, $subject:expr, $detail:expr) => {
        sqlx::query(
            "INSERT INTO audit_event (id, created_at, event, subject, actor, request_id, detail)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(shared::Id::fresh($by.at).to_string())
        .bind($by.at)
        .bind($event.name())
        .bind($subject)
        .bind(&$by.actor)
        .bind($by.request_id.as_str())
        .bind($detail)
        .execute(&mut *$tx)
        .await?
    };
}
use record;

/// The columns of a [`LoanRow`].
macro_rules! loan_columns {
    () => {
        "id, patron_id, book_id, copy_id, borrowed_at, due_at, returned_at, renewals, lost"
    };
}
use loan_columns;

#[derive(Clone, Debug, FromRow)]
struct LoanRow {
    id: String,
    patron_id: Option<String>,
    book_id: String,
    copy_id: String,
    borrowed_at: Timestamp,
    due_at: Timestamp,
    returned_at: Option<Timestamp>,
    renewals: i64,
    lost: bool,
}

impl TryFrom<LoanRow> for Loan {
    type Error = shared::Error<Refusal>;

    fn try_from(row: LoanRow) -> Result<Self> {
        Ok(Self {
            id: read(&row.id)?,
            patron: row.patron_id.as_deref().map(read).transpose()?,
            book: read(&row.book_id)?,
            copy: read(&row.copy_id)?,
            borrowed: row.borrowed_at,
            due: row.due_at,
            returned: row.returned_at,
            renewals: u32::try_from(row.renewals).map_err(shared::Error::internal)?,
            lost: row.lost,
        })
    }
}

#[derive(Clone, Debug, FromRow)]
struct CopyRow {
    id: String,
    book_id: String,
    barcode: Option<String>,
    state: String,
    created_at: Timestamp,
}

impl TryFrom<CopyRow> for Copy {
    type Error = shared::Error<Refusal>;

    fn try_from(row: CopyRow) -> Result<Self> {
        Ok(Self {
            id: read(&row.id)?,
            book: read(&row.book_id)?,
            barcode: row.barcode.as_deref().map(read).transpose()?,
            state: read(&row.state)?,
            created: row.created_at,
        })
    }
}

/// The columns of a [`HoldRow`], of the table `hold` under the name `h`. The position is computed when it is read.
macro_rules! hold_columns {
    () => {
        "h.id, h.patron_id, h.book_id, h.placed_at, h.copy_id, h.expires_at, h.outcome,
         CASE WHEN h.ended_at IS NULL AND h.copy_id IS NULL THEN
             (SELECT COUNT(*) FROM hold o
              WHERE o.book_id = h.book_id AND o.ended_at IS NULL AND o.copy_id IS NULL AND o.number <= h.number)
         ELSE 0 END AS position"
    };
}
use hold_columns;

#[derive(Clone, Debug, FromRow)]
struct HoldRow {
    id: String,
    patron_id: Option<String>,
    book_id: String,
    placed_at: Timestamp,
    copy_id: Option<String>,
    expires_at: Option<Timestamp>,
    outcome: Option<String>,
    position: i64,
}

impl TryFrom<HoldRow> for Hold {
    type Error = shared::Error<Refusal>;

    fn try_from(row: HoldRow) -> Result<Self> {
        let progress = match (row.outcome, row.copy_id, row.expires_at) {
            (Some(outcome), _, _) => Progress::Ended(read(&outcome)?),
            (None, Some(copy), Some(expires)) => Progress::Ready { copy: read(&copy)?, expires },
            (None, _, _) => Progress::Waiting { position: u32::try_from(row.position).unwrap_or(u32::MAX) },
        };
        Ok(Self {
            id: read(&row.id)?,
            patron: row.patron_id.as_deref().map(read).transpose()?,
            book: read(&row.book_id)?,
            placed: row.placed_at,
            progress,
        })
    }
}

#[derive(Clone, Copy, Debug, FromRow)]
struct StockRow {
    on_shelf: i64,
    on_loan: i64,
    on_hold_shelf: i64,
    lost: i64,
    version: i64,
}

impl From<StockRow> for Stock {
    fn from(row: StockRow) -> Self {
        let StockRow { on_shelf, on_loan, on_hold_shelf, lost, version } = row;
        Self { on_shelf, on_loan, on_hold_shelf, lost, revision: version }
    }
}

#[derive(FromRow)]
struct Total {
    count: i64,
}

/// What we wrote ourselves.
fn read<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T> {
    text.parse().map_err(|misfit: T::Err| shared::Error::internal(misfit.to_string()))
}
