//! What lending's feed says of books, and how far it has been followed.

use super::{Result, Store};
use crate::domain::{BookId, book::Copies};
use shared::{on, tx};

/// Books of one statement.
pub(super) const TOGETHER: usize = 250;

/// How many copies there are of a book, and how many of them can be borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Availability {
    pub book: BookId,
    pub copies: Copies,
    pub available: Copies,
    /// Of two, the larger is the newer.
    pub revision: i64,
}

/// Sets the numbers of so many books of which older ones are known. It is no change of the book: what an editor sees stays as he
/// saw it.
pub(super) fn update(books: usize) -> String {
    let row = |book: usize| format!("({})", super::lists::places(4 * book + 1, 4));
    let rows: Vec<String> = (0..books).map(row).collect();
    format!(
        "UPDATE book SET copies = told.column2, available = told.column3, stock_revision = told.column4
         FROM (VALUES {}) AS told WHERE book.id = told.column1 AND book.stock_revision < told.column4",
        rows.join(", ")
    )
}

/// Keeps what lending said of books that there are, unless something newer is known.
macro_rules! keep_said {
    ($tx:expr, $db:expr, $said:expr) => {{
        let said: &[$crate::store::Availability] = $said;
        for some in said.chunks($crate::store::feed::TOGETHER) {
            let sql = $db.in_order($crate::store::feed::update(some.len()));
            let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
            for of in some {
                query = query
                    .bind(of.book.to_string())
                    .bind(i64::from(of.copies.get()))
                    .bind(i64::from(of.available.get()))
                    .bind(of.revision);
            }
            query.execute(&mut *$tx).await?;
        }
    }};
}
pub(super) use keep_said;

impl Store {
    /// Behind what a feed goes on; empty for its beginning.
    pub async fn feed_token(&self, source: &str) -> Result<String> {
        let token: Option<String> = on!(&self.db, |db| {
            sqlx::query_scalar("SELECT token FROM feed WHERE source = $1").bind(source).fetch_optional(db).await
        })?;
        Ok(token.unwrap_or_default())
    }

    /// Keeps what a feed says of books that there are, and how far it has been followed with that. `starts_over`: what was known
    /// before counts no more.
    pub async fn follow(&self, source: &str, said: &[Availability], token: &str, starts_over: bool) -> Result<()> {
        tx!(&self.db, |tx| {
            if starts_over {
                sqlx::query("UPDATE book SET stock_revision = -1 WHERE stock_revision >= 0").execute(&mut *tx).await?;
            }
            keep_said!(tx, &self.db, said);
            sqlx::query(
                "INSERT INTO feed (source, token) VALUES ($1, $2) ON CONFLICT (source) DO UPDATE SET token = excluded.token",
            )
            .bind(source)
            .bind(token)
            .execute(&mut *tx)
            .await?;
        })
    }
}
