//! Patrons: what they have here, and when they go.

use shared::{Timestamp, on, tx};

use super::{
    Result, Store,
    moves::{end_hold, release},
    policies::policy,
    read, record,
};
use crate::domain::{
    BookId, CopyId, PatronId,
    account::{Account, Standing},
    audit::{Event, Origin},
    copy::State,
    hold::Outcome,
    policy::Policy,
};

/// What a patron has here, to be shown.
pub struct Summary {
    /// What the rules look at.
    pub account: Account,
    /// How many of his loans are past their due time.
    pub overdue_loans: i64,
    /// What holds for him.
    pub policy: Policy,
}

/// When the first of a patron's loans is due, and how many holds he has.
macro_rules! claims {
    ($executor:expr, $patron:expr) => {{
        let claims: (Option<Timestamp>, i64) = sqlx::query_as(
            "SELECT (SELECT MIN(due_at) FROM loan WHERE patron_id = $1 AND returned_at IS NULL),
                    (SELECT COUNT(*) FROM hold WHERE patron_id = $1 AND ended_at IS NULL)",
        )
        .bind($patron.to_string())
        .fetch_one($executor)
        .await?;
        claims
    }};
}

/// Takes a patron's row, made if it is not there, and reads what he has.
macro_rules! account {
    ($tx:expr, $patron:expr, $standing:expr) => {{
        let (open_loans, closed_at): (i64, Option<Timestamp>) = sqlx::query_as(
            "INSERT INTO patron (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET version = patron.version + 1
             RETURNING open_loans, closed_at",
        )
        .bind($patron.to_string())
        .fetch_one(&mut *$tx)
        .await?;
        let (first_due, open_holds) = super::patrons::claims!(&mut *$tx, $patron);
        let (standing, closed): (Option<&Standing>, bool) = ($standing, closed_at.is_some());
        Account { patron: $patron, standing: standing.cloned(), closed, open_loans, first_due, open_holds }
    }};
}
pub(super) use {account, claims};

impl Store {
    /// What a patron has; nothing for somebody who never borrowed.
    pub async fn account(&self, patron: PatronId, standing: Option<&Standing>) -> Result<Account> {
        on!(&self.db, |db| {
            let row: Option<(i64, Option<Timestamp>)> =
                sqlx::query_as("SELECT open_loans, closed_at FROM patron WHERE id = $1")
                    .bind(patron.to_string())
                    .fetch_optional(db)
                    .await?;
            let (open_loans, closed_at) = row.unwrap_or_default();
            let (first_due, open_holds) = claims!(db, patron);
            let closed = closed_at.is_some();
            Ok(Account { patron, standing: standing.cloned(), closed, open_loans, first_due, open_holds })
        })
    }

    /// The same, with what he may have.
    pub async fn summary(&self, patron: PatronId, standing: Option<&Standing>, now: Timestamp) -> Result<Summary> {
        let account = self.account(patron, standing).await?;
        on!(&self.db, |db| {
            let overdue_loans: i64 = sqlx::query_scalar(
                "SELECT COUNT(*) FROM loan WHERE patron_id = $1 AND returned_at IS NULL AND due_at < $2",
            )
            .bind(patron.to_string())
            .bind(now)
            .fetch_one(db)
            .await?;
            let policy = policy!(db, self, standing);
            Ok(Summary { account, overdue_loans, policy })
        })
    }

    /// Closes a patron for good, if `rule` lets him go: his holds end, and his past loans are nobody's. Again it changes nothing.
    ///
    /// # Errors
    /// What `rule` refuses.
    pub async fn close_patron(
        &self,
        patron: PatronId,
        by: &Origin,
        rule: impl Fn(&Account) -> std::result::Result<(), crate::domain::Refusal>,
    ) -> Result<()> {
        let closed = tx!(&self.db, |tx| {
            let account = account!(tx, patron, None);
            rule(&account).map_err(shared::Error::Refused)?;
            if !account.closed {
                let holds: Vec<(String, String, Option<String>)> = sqlx::query_as(
                    "SELECT id, book_id, copy_id FROM hold WHERE patron_id = $1 AND ended_at IS NULL ORDER BY book_id",
                )
                .bind(patron.to_string())
                .fetch_all(&mut *tx)
                .await?;
                for (hold, book, _) in &holds {
                    sqlx::query("UPDATE stock SET version = version + 1 WHERE book_id = $1")
                        .bind(book)
                        .execute(&mut *tx)
                        .await?;
                    // Only now that the book's row is ours do we know what is set aside.
                    let set_aside: Option<Option<String>> =
                        sqlx::query_scalar("SELECT copy_id FROM hold WHERE id = $1 AND ended_at IS NULL")
                            .bind(hold)
                            .fetch_optional(&mut *tx)
                            .await?;
                    let Some(set_aside) = set_aside else { continue };
                    end_hold!(tx, hold, Outcome::Cancelled, by.at);
                    if let Some(copy) = set_aside {
                        let (book, copy): (BookId, CopyId) = (read(book)?, read(&copy)?);
                        release!(tx, &self.db, book, copy, State::OnHoldShelf, by.at);
                    }
                }
                for sql in [
                    "UPDATE loan SET patron_id = NULL WHERE patron_id = $1",
                    "UPDATE hold SET patron_id = NULL WHERE patron_id = $1",
                ] {
                    sqlx::query(sql).bind(patron.to_string()).execute(&mut *tx).await?;
                }
                sqlx::query("UPDATE patron SET closed_at = $2 WHERE id = $1")
                    .bind(patron.to_string())
                    .bind(by.at)
                    .execute(&mut *tx)
                    .await?;
                record!(tx, by, Event::PatronClosed, patron.to_string(), "");
            }
            shared::crash::point("lending.close_patron.before_commit");
        });
        shared::crash::point("lending.close_patron.after_commit");
        self.tell(closed)
    }
}
