//! What others follow: how many copies of a book can be borrowed.

use std::sync::Arc;

use shared::{feed::Position, on};
use sqlx::{AssertSqlSafe, FromRow};
use tokio::sync::Notify;

use super::{Result, Store, read};
use crate::domain::{BookId, shelf::Stock};

/// Books in one message.
const TOGETHER: i64 = 500;

#[derive(FromRow)]
struct ChangeRow {
    book_id: String,
    changed: i64,
    /// See [`shared::Db::is_settled`]; of no matter to who asks for books by their ids.
    #[sqlx(default)]
    is_settled: bool,
    #[sqlx(flatten)]
    stock: super::StockRow,
}

/// Books that changed, and behind which of them it goes on.
pub struct Changes {
    /// The newest of each. Of a withdrawn book, nothing.
    pub stocks: Vec<(BookId, Stock)>,
    /// Behind the last.
    pub position: Position,
    /// Whether no other book changed.
    pub is_all: bool,
}

impl Store {
    /// The counts of those of these books that lending knows.
    pub async fn stocks(&self, books: &[BookId]) -> Result<Vec<(BookId, Stock)>> {
        let list: Vec<String> = books.iter().map(|book| format!("\"{book}\"")).collect();
        let sql = format!(
            "SELECT book_id, changed, on_shelf, on_loan, on_hold_shelf, lost, version FROM stock
             WHERE withdrawn_at IS NULL AND book_id {}",
            match books {
                [_] => "= $1".to_owned(),
                _ => format!("IN ({})", self.db.texts_in_json("$1")),
            }
        );
        let value = match books {
            [book] => book.to_string(),
            _ => format!("[{}]", list.join(",")),
        };
        let rows: Vec<ChangeRow> =
            on!(&self.db, |db| sqlx::query_as(AssertSqlSafe(sql)).bind(value).fetch_all(db).await)?;
        rows.into_iter().map(|row| Ok((read(&row.book_id)?, row.stock.into()))).collect()
    }

    /// Woken when this process changes something.
    pub fn news(&self) -> Arc<Notify> {
        Arc::clone(&self.changes)
    }

    /// What changed behind a position.
    pub async fn changes_behind(&self, position: &Position) -> Result<Changes> {
        let sql = format!(
            "SELECT book_id, changed, on_shelf, on_loan, on_hold_shelf, lost, version, {} AS is_settled FROM stock
             WHERE (changed, book_id) > ($1, $2) ORDER BY changed, book_id LIMIT $3",
            self.db.is_settled()
        );
        let found: Vec<ChangeRow> = on!(&self.db, |db| {
            sqlx::query_as(AssertSqlSafe(sql))
                .bind(position.changed)
                .bind(&position.key)
                .bind(TOGETHER)
                .fetch_all(db)
                .await
        })?;
        // What is not settled has to wait, and is known to be there.
        let is_all = found.len() < TOGETHER as usize && found.iter().all(|row| row.is_settled);
        let rows: Vec<ChangeRow> = found.into_iter().take_while(|row| row.is_settled).collect();
        let last = rows.last().map(|row| Position { changed: row.changed, key: row.book_id.clone() });
        let stocks: Result<Vec<_>> = rows.into_iter().map(|row| Ok((read(&row.book_id)?, row.stock.into()))).collect();
        Ok(Changes { stocks: stocks?, position: last.unwrap_or_else(|| position.clone()), is_all })
    }

    /// A position that can be gone on from: one that is yet to come is from another life of the database, and everything begins
    /// again.
    pub async fn checked(&self, position: Position) -> Result<Position> {
        let sql = format!("SELECT {}", self.db.last_change_of("stock"));
        let last: i64 = on!(&self.db, |db| sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(db).await)?;
        Ok(if position.changed > last { Position::default() } else { position })
    }
}
