//! Holds: the queue for a book, whose order is computed when it is read.

use shared::{Timestamp, on, once, replay::Message, tx};
use sqlx::AssertSqlSafe;

use super::{
    Asked, HoldRow, Result, Store, hold_columns,
    moves::{end_hold, expire_holds, lock_stock, release},
    patrons::account,
    policies::policy,
    read,
};
use crate::domain::{
    BookId, CopyId, HoldId, PatronId, Refusal,
    account::{Account, Standing},
    copy::State,
    hold::{Hold, Outcome},
    policy::Policy,
    shelf::Queue,
};

/// One hold, as it is now.
macro_rules! hold {
    ($executor:expr, $id:expr) => {{
        let row: Option<HoldRow> = sqlx::query_as(concat!("SELECT ", hold_columns!(), " FROM hold h WHERE h.id = $1"))
            .bind($id.to_string())
            .fetch_optional($executor)
            .await?;
        row.map(Hold::try_from).transpose()?
    }};
}
pub(super) use hold;

impl Store {
    /// Puts a patron into the queue for a book by `rule`. A copy that is on the shelf is
    /// set aside for him.
    ///
    /// # Errors
    /// [`Refusal::RequestIdReused`], and what `rule` refuses.
    pub async fn place_hold<M: Message + Default>(
        &self,
        patron: PatronId,
        Asked { standing, now, replay }: Asked<'_>,
        book: BookId,
        rule: impl Fn(&Account, Queue, &Policy) -> std::result::Result<Hold, Refusal>,
        render: impl Fn(&Hold) -> M,
    ) -> Result<M> {
        let placed = tx!(&self.db, |tx| {
            once!(tx, replay, Refusal::RequestIdReused, {
                let account = account!(tx, patron, standing);
                let stock = lock_stock!(tx, book);
                if stock.is_some_and(|stock| stock.on_hold_shelf > 0) {
                    expire_holds!(tx, &self.db, book, now);
                }
                let has_one: Option<String> = sqlx::query_scalar(
                    "SELECT id FROM hold WHERE patron_id = $1 AND book_id = $2 AND ended_at IS NULL",
                )
                .bind(patron.to_string())
                .bind(book.to_string())
                .fetch_optional(&mut *tx)
                .await?;
                let policy = policy!(&mut *tx, self, standing);
                let queue = match (stock, has_one) {
                    (None, _) => Queue::Unknown,
                    (Some(_), None) => Queue::Without,
                    (Some(_), Some(_)) => Queue::With,
                };
                let hold = rule(&account, queue, &policy).map_err(shared::Error::Refused)?;
                sqlx::query(
                    "INSERT INTO hold (id, patron_id, book_id, placed_at, hold_days) VALUES ($1, $2, $3, $4, $5)",
                )
                .bind(hold.id.to_string())
                .bind(patron.to_string())
                .bind(book.to_string())
                .bind(hold.placed)
                .bind(i64::from(policy.hold_days.get()))
                .execute(&mut *tx)
                .await?;
                let free: Option<String> = sqlx::query_scalar(
                    "SELECT id FROM copy WHERE book_id = $1 AND state = 'on_shelf' ORDER BY number LIMIT 1",
                )
                .bind(book.to_string())
                .fetch_optional(&mut *tx)
                .await?;
                if let Some(copy) = free {
                    release!(tx, &self.db, book, copy, State::OnShelf, now);
                }
                let hold = hold!(&mut *tx, hold.id).ok_or_else(|| shared::Error::internal("a hold is not kept"))?;
                render(&hold)
            })
        });
        self.tell(placed)
    }

    /// Takes a hold out of the queue; `owner`: only if it is his.
    ///
    /// # Errors
    /// [`Refusal::HoldNotFound`], [`Refusal::HoldEnded`]
    pub async fn cancel_hold(&self, id: HoldId, owner: Option<PatronId>, now: Timestamp) -> Result<Hold> {
        let cancelled = tx!(&self.db, |tx| {
            let before = hold!(&mut *tx, id).ok_or(shared::Error::Refused(Refusal::HoldNotFound))?;
            if owner.is_some_and(|owner| before.patron != Some(owner)) {
                return Err(shared::Error::Refused(Refusal::HoldNotFound));
            }
            lock_stock!(tx, before.book);
            // Only now that the book's row is ours do we know whether it still is open.
            let before = hold!(&mut *tx, id).ok_or(shared::Error::Refused(Refusal::HoldNotFound))?;
            before.must_be_open().map_err(shared::Error::Refused)?;
            let set_aside: Option<String> = sqlx::query_scalar("SELECT copy_id FROM hold WHERE id = $1")
                .bind(id.to_string())
                .fetch_one(&mut *tx)
                .await?;
            end_hold!(tx, id, Outcome::Cancelled, now);
            if let Some(copy) = set_aside {
                let copy: CopyId = read(&copy)?;
                release!(tx, &self.db, before.book, copy, State::OnHoldShelf, now);
            }
            hold!(&mut *tx, id).ok_or_else(|| shared::Error::internal("a hold is not kept"))?
        });
        self.tell(cancelled)
    }

    /// One hold, as it stands at `now`.
    pub async fn hold(&self, id: HoldId, now: Timestamp) -> Result<Option<Hold>> {
        let hold = on!(&self.db, |db| Ok::<_, shared::Error<Refusal>>(hold!(db, id)))?;
        Ok(hold.map(|hold| hold.at(now)))
    }

    /// Gives copies that were not fetched in time to the next: of each book in a transaction of its own, and if one fails of the
    /// others all the same.
    pub async fn expire_holds(&self, now: Timestamp) -> Result<()> {
        let books: Vec<String> = on!(&self.db, |db| {
            sqlx::query_scalar(
                "SELECT DISTINCT book_id FROM hold WHERE ended_at IS NULL AND expires_at < $1 ORDER BY book_id LIMIT 1000",
            )
            .bind(now)
            .fetch_all(db)
            .await
        })?;
        let mut outcome = Ok(());
        for book in &books {
            let book: BookId = read(book)?;
            let expired = tx!(&self.db, |tx| {
                if lock_stock!(tx, book).is_some() {
                    expire_holds!(tx, &self.db, book, now);
                }
            });
            outcome = outcome.and(self.tell(expired));
        }
        outcome
    }

    /// The holds of a list.
    pub(super) async fn holds_where(&self, sql: String, values: &[super::lists::Value]) -> Result<Vec<Hold>> {
        let rows: Vec<HoldRow> = on!(&self.db, |db| {
            super::lists::bind!(sqlx::query_as(AssertSqlSafe(sql)), values).fetch_all(db).await
        })?;
        rows.into_iter().map(Hold::try_from).collect()
    }
}
