//! Books that are to be deleted: marked first, then withdrawn by lending, deleted last.

use shared::{Id, Timestamp, on, tx};

use super::{
    Result, Store,
    books::lock,
    postings::{Change, index},
};
use crate::domain::{BookId, Refusal, book::Book, words::Words};

/// Who asked for something, in which request, and when.
#[derive(Clone)]
pub struct Asked {
    pub actor: String,
    pub request_id: String,
    pub at: Timestamp,
}

/// A marked book, and which attempt to delete it this is: the last one decides whether it stays.
#[derive(Clone, Debug)]
pub struct Departure {
    pub book: BookId,
    pub attempt: String,
}

impl Store {
    /// Marks a book that `rule` lets go, and answers with what it is like. One that is marked goes on from where it is.
    ///
    /// # Errors
    /// [`Refusal::BookNotFound`], and what `rule` refuses.
    pub async fn mark_departure(
        &self,
        id: BookId,
        rule: impl Fn(&Book) -> std::result::Result<(), Refusal>,
        asked: &Asked,
    ) -> Result<(Departure, Book)> {
        let attempt = Id::fresh(asked.at).to_string();
        let book = tx!(&self.db, |tx| {
            let (_, book): (i64, Book) = lock!(tx, id);
            rule(&book).map_err(shared::Error::Refused)?;
            sqlx::query(
                "INSERT INTO departure (book_id, asked_at, actor, request_id, attempt) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (book_id) DO UPDATE SET attempt = excluded.attempt",
            )
            .bind(id.to_string())
            .bind(asked.at)
            .bind(&asked.actor)
            .bind(&asked.request_id)
            .bind(&attempt)
            .execute(&mut *tx)
            .await?;
            book
        })?;
        Ok((Departure { book: id, attempt }, book))
    }

    /// Books that were marked before `until`, the oldest marks first.
    pub async fn departures(&self, until: Timestamp, many: i64) -> Result<Vec<BookId>> {
        let ids: Vec<String> = on!(&self.db, |db| {
            sqlx::query_scalar("SELECT book_id FROM departure WHERE asked_at < $1 ORDER BY asked_at LIMIT $2")
                .bind(until)
                .bind(many)
                .fetch_all(db)
                .await
        })?;
        ids.iter().map(|id| id.parse().map_err(shared::Error::internal)).collect()
    }

    /// How many books are marked.
    pub async fn count_departures(&self) -> Result<i64> {
        Ok(on!(&self.db, |db| sqlx::query_scalar("SELECT COUNT(*) FROM departure").fetch_one(db).await)?)
    }

    /// Takes a departure over from whoever began it, and answers also with who asked for it in which request; `None` when the
    /// book is not marked any more.
    pub async fn take_over(&self, id: BookId, now: Timestamp) -> Result<Option<(Departure, Asked)>> {
        let attempt = Id::fresh(now).to_string();
        let asked: Option<(Timestamp, String, String)> = tx!(&self.db, |tx| {
            sqlx::query_as("UPDATE departure SET attempt = $2 WHERE book_id = $1 RETURNING asked_at, actor, request_id")
                .bind(id.to_string())
                .bind(&attempt)
                .fetch_optional(&mut *tx)
                .await?
        })?;
        let taken = |(at, actor, request_id)| (Departure { book: id, attempt }, Asked { actor, request_id, at });
        Ok(asked.map(taken))
    }

    /// The book stays, unless somebody else is about to delete it.
    pub async fn unmark_departure(&self, departure: &Departure) -> Result<()> {
        tx!(&self.db, |tx| {
            sqlx::query("DELETE FROM departure WHERE book_id = $1 AND attempt = $2")
                .bind(departure.book.to_string())
                .bind(&departure.attempt)
                .execute(&mut *tx)
                .await?;
        })
    }

    /// Deletes a book that lending has withdrawn, its mark, and the orders of copies that are of it alone: of it, lending carries
    /// none out any more.
    ///
    /// # Errors
    /// [`Refusal::BookNotFound`]
    pub async fn delete_book(&self, id: BookId) -> Result<()> {
        tx!(&self.db, |tx| {
            let (number, book): (i64, Book) = lock!(tx, id);
            sqlx::query("DELETE FROM departure WHERE book_id = $1").bind(id.to_string()).execute(&mut *tx).await?;
            sqlx::query(
                "DELETE FROM copies_order WHERE book_id = $1 AND NOT EXISTS
                     (SELECT 1 FROM copies_order o WHERE o.request_id = copies_order.request_id AND o.book_id <> $1)",
            )
            .bind(id.to_string())
            .execute(&mut *tx)
            .await?;
            sqlx::query("DELETE FROM book WHERE number = $1").bind(number).execute(&mut *tx).await?;
            index!(tx, &self.db, &[Change { number, old: Words::of(&book), new: Words::default() }]);
        })
    }
}
