//! What lending's feed says of books, and how far it has been followed.

use shared::{on, tx};
use sqlx::AssertSqlSafe;

use super::{Result, Store};
use crate::domain::{BookId, book::Copies};

/// Books of one statement.
const TOGETHER: usize = 250;

/// How many copies there are of a book, and how many of them can be borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Availability {
    pub book: BookId,
    pub copies: Copies,
    pub available: Copies,
}

/// Sets the numbers of so many books that have others. It is no change of the book: what an editor sees stays as he saw it.
fn update(books: usize) -> String {
    let row = |book: usize| format!("({})", super::lists::places(3 * book + 1, 3));
    let rows: Vec<String> = (0..books).map(row).collect();
    format!(
        "UPDATE book SET copies = told.column2, available = told.column3 FROM (VALUES {}) AS told
         WHERE book.id = told.column1 AND (book.copies <> told.column2 OR book.available <> told.column3)",
        rows.join(", ")
    )
}

impl Store {
    /// Behind what a feed goes on; empty for its beginning.
    pub async fn feed_token(&self, source: &str) -> Result<String> {
        let token: Option<String> = on!(&self.db, |db| {
            sqlx::query_scalar("SELECT token FROM feed WHERE source = $1").bind(source).fetch_optional(db).await
        })?;
        Ok(token.unwrap_or_default())
    }

    /// Keeps what a feed says of books that there are, and how far it has been followed with that.
    pub async fn follow(&self, source: &str, said: &[Availability], token: &str) -> Result<()> {
        tx!(&self.db, |tx| {
            for some in said.chunks(TOGETHER) {
                let sql = self.db.in_order(update(some.len()));
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for of in some {
                    query = query
                        .bind(of.book.to_string())
                        .bind(i64::from(of.copies.get()))
                        .bind(i64::from(of.available.get()));
                }
                query.execute(&mut *tx).await?;
            }
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
