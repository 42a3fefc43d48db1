//! Loans: lent, returned, renewed, changed, forgotten.

use shared::{
    Timestamp, on, once,
    replay::{Message, Replay},
    tx,
};

use super::{
    HoldRow, LoanRow, Result, Store, hold_columns,
    holds::hold,
    loan_columns,
    moves::{end_hold, expire_holds, move_copy, release},
    patrons::account,
    policies::policy,
    read, record,
};
use crate::domain::{
    BookId, CopyId, LoanId, PatronId, Refusal,
    account::{Account, Standing},
    audit::{Event, Origin},
    copy::{Barcode, State},
    hold::{Hold, Outcome},
    loan::{self, Loan},
    policy::Policy,
    shelf::{Shelf, Stock},
};

/// What somebody wants to borrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Any copy of this book.
    Book(BookId),
    /// The copy that lies on the desk.
    Barcode(Barcode),
}

/// Which loan ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// This one.
    Loan(LoanId),
    /// The one that the copy on the desk is out with.
    Barcode(Barcode),
}

impl Which {
    /// A refusal in the words of whoever asked.
    const fn explain(&self, refused: Refusal) -> Refusal {
        match (self, refused) {
            // Somebody was faster.
            (Self::Barcode(_), Refusal::LoanReturned) => Refusal::CopyNotOnLoan,
            (_, refused) => refused,
        }
    }
}

/// What a patron's request comes with: what identity says of him, when, and how it is known again.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// `None` when identity knows no such account.
    pub standing: Option<&'a Standing>,
    /// When.
    pub now: Timestamp,
    /// If it may come again.
    pub replay: Option<&'a Replay>,
}

/// What came of a loan that ended.
pub struct Returned {
    /// As it is now.
    pub loan: Loan,
    /// Of its book, now.
    pub stock: Stock,
    /// The hold that the copy was set aside for.
    pub next: Option<Hold>,
}

/// The book, the shelf and what of it is for a patron: of a book, the copy that is set aside for him or else the first on the
/// shelf.
macro_rules! shelf_of_book {
    ($executor:expr, $book:expr, $patron:expr) => {{
        let (on_shelf, hold, set_aside): (Option<String>, Option<String>, Option<String>) = sqlx::query_as(
            "SELECT (SELECT id FROM copy WHERE book_id = $1 AND state = 'on_shelf' ORDER BY number LIMIT 1),
                    (SELECT id FROM hold WHERE patron_id = $2 AND book_id = $1 AND ended_at IS NULL),
                    (SELECT copy_id FROM hold WHERE patron_id = $2 AND book_id = $1 AND ended_at IS NULL)",
        )
        .bind($book.to_string())
        .bind($patron.to_string())
        .fetch_one($executor)
        .await?;
        match set_aside.or(on_shelf) {
            Some(copy) => Shelf::Copy { copy: read(&copy)?, hold: hold.as_deref().map(read).transpose()? },
            None => Shelf::Empty,
        }
    }};
}

/// The same for the copy on the desk.
macro_rules! shelf_of_copy {
    ($executor:expr, $copy:expr, $patron:expr) => {{
        let (state, book): (String, String) = sqlx::query_as("SELECT state, book_id FROM copy WHERE id = $1")
            .bind($copy.to_string())
            .fetch_one($executor)
            .await?;
        let hold: Option<(String, Option<String>)> =
            sqlx::query_as("SELECT id, copy_id FROM hold WHERE patron_id = $2 AND book_id = $1 AND ended_at IS NULL")
                .bind(&book)
                .bind($patron.to_string())
                .fetch_optional($executor)
                .await?;
        let is_his = hold.as_ref().is_some_and(|(_, copy)| copy.as_ref() == Some(&$copy.to_string()));
        match read::<State>(&state)? {
            State::OnShelf => {
                let hold = hold.map(|(id, _)| read(&id)).transpose()?;
                Shelf::Copy { copy: $copy, hold }
            }
            State::OnHoldShelf if is_his => {
                let hold = hold.map(|(id, _)| read(&id)).transpose()?;
                Shelf::Copy { copy: $copy, hold }
            }
            State::OnHoldShelf | State::OnLoan | State::Lost => Shelf::Kept,
            State::Withdrawn => Shelf::Unknown,
        }
    }};
}

/// Whether lending knows a book.
macro_rules! is_known {
    ($executor:expr, $book:expr) => {{
        let known: Option<String> =
            sqlx::query_scalar("SELECT book_id FROM stock WHERE book_id = $1 AND withdrawn_at IS NULL")
                .bind($book.to_string())
                .fetch_optional($executor)
                .await?;
        known.is_some()
    }};
}
pub(super) use is_known;

/// The book and the id of the copy that has a barcode.
macro_rules! found {
    ($executor:expr, $barcode:expr) => {{
        let found: Option<(String, String)> =
            sqlx::query_as("SELECT book_id, id FROM copy WHERE barcode = $1 AND state <> 'withdrawn'")
                .bind($barcode.as_str())
                .fetch_optional($executor)
                .await?;
        let (book, copy) = found.ok_or(shared::Error::Refused(Refusal::CopyNotFound))?;
        (read::<BookId>(&book)?, read::<CopyId>(&copy)?)
    }};
}

/// The open loan of the copy that has a barcode.
macro_rules! loan_of {
    ($executor:expr, $barcode:expr) => {{
        let (_, copy): (BookId, CopyId) = found!($executor, $barcode);
        let loan: Option<String> = sqlx::query_scalar("SELECT id FROM loan WHERE copy_id = $1 AND returned_at IS NULL")
            .bind(copy.to_string())
            .fetch_optional($executor)
            .await?;
        read::<LoanId>(&loan.ok_or(shared::Error::Refused(Refusal::CopyNotOnLoan))?)?
    }};
}

/// Keeps a new loan of what was on the shelf. A hold of the patron on the book is fulfilled by it.
macro_rules! keep_new {
    ($tx:expr, $db:expr, $patron:expr, $loan:expr, $shelf:expr, $policy:expr, $now:expr) => {{
        let (loan, shelf): (&Loan, &Shelf) = ($loan, $shelf);
        let mut from = State::OnShelf;
        if let Shelf::Copy { hold: Some(hold), .. } = shelf {
            let set_aside: Option<String> = sqlx::query_scalar("SELECT copy_id FROM hold WHERE id = $1")
                .bind(hold.to_string())
                .fetch_one(&mut *$tx)
                .await?;
            end_hold!($tx, hold, Outcome::Fulfilled, $now);
            match set_aside.as_deref().map(read::<CopyId>).transpose()? {
                Some(copy) if copy == loan.copy => from = State::OnHoldShelf,
                Some(copy) => drop(release!($tx, $db, loan.book, copy, State::OnHoldShelf, $now)),
                None => (),
            }
        }
        move_copy!($tx, $db, loan.book, loan.copy, from, State::OnLoan);
        sqlx::query(
            "INSERT INTO loan (id, patron_id, book_id, copy_id, borrowed_at, due_at, renewals, lost, loan_limit)
             VALUES ($1, $2, $3, $4, $5, $6, 0, FALSE, $7)",
        )
        .bind(loan.id.to_string())
        .bind($patron.to_string())
        .bind(loan.book.to_string())
        .bind(loan.copy.to_string())
        .bind(loan.borrowed)
        .bind(loan.due)
        .bind(i64::from($policy.loan_limit.get()))
        .execute(&mut *$tx)
        .await?;
        sqlx::query("UPDATE patron SET open_loans = open_loans + 1 WHERE id = $1")
            .bind($patron.to_string())
            .execute(&mut *$tx)
            .await?;
    }};
}

/// A book's counts.
macro_rules! stock {
    ($executor:expr, $book:expr) => {{
        let row: super::StockRow =
            sqlx::query_as("SELECT on_shelf, on_loan, on_hold_shelf, lost, version FROM stock WHERE book_id = $1")
                .bind($book.to_string())
                .fetch_one($executor)
                .await?;
        Stock::from(row)
    }};
}
pub(super) use stock;

/// Takes what a loan's change needs: its patron's row, its book's, and then the loan as it is.
macro_rules! lock_loan {
    ($tx:expr, $id:expr, $owner:expr) => {{
        let found: Option<(Option<String>, String)> =
            sqlx::query_as("SELECT patron_id, book_id FROM loan WHERE id = $1")
                .bind($id.to_string())
                .fetch_optional(&mut *$tx)
                .await?;
        let (patron, book) = found.ok_or(shared::Error::Refused(Refusal::LoanNotFound))?;
        let owner: Option<PatronId> = $owner;
        if owner.is_some_and(|owner| patron != Some(owner.to_string())) {
            return Err(shared::Error::Refused(Refusal::LoanNotFound));
        }
        if let Some(patron) = &patron {
            sqlx::query("UPDATE patron SET version = version + 1 WHERE id = $1")
                .bind(patron)
                .execute(&mut *$tx)
                .await?;
        }
        sqlx::query("UPDATE stock SET version = version + 1 WHERE book_id = $1").bind(book).execute(&mut *$tx).await?;
        let row: Option<LoanRow> = sqlx::query_as(concat!("SELECT ", loan_columns!(), " FROM loan WHERE id = $1"))
            .bind($id.to_string())
            .fetch_optional(&mut *$tx)
            .await?;
        Loan::try_from(row.ok_or(shared::Error::Refused(Refusal::LoanNotFound))?)?
    }};
}
pub(super) use lock_loan;

/// Keeps what became of a loan. If it ended the patron has one less, and the copy is free or lost.
macro_rules! keep_loan {
    ($tx:expr, $db:expr, $before:expr, $after:expr, $now:expr) => {{
        let (before, after): (&Loan, &Loan) = ($before, $after);
        sqlx::query("UPDATE loan SET due_at = $2, returned_at = $3, renewals = $4, lost = $5 WHERE id = $1")
            .bind(after.id.to_string())
            .bind(after.due)
            .bind(after.returned)
            .bind(i64::from(after.renewals))
            .bind(after.lost)
            .execute(&mut *$tx)
            .await?;
        match before.returned.is_none() && after.returned.is_some() {
            true => super::loans::close_loan!($tx, $db, after, $now),
            false => None,
        }
    }};
}
pub(super) use keep_loan;

/// An open loan is no more: the patron has one less, and the copy is lost, or free.
macro_rules! close_loan {
    ($tx:expr, $db:expr, $loan:expr, $now:expr) => {{
        let loan: &Loan = $loan;
        if let Some(patron) = loan.patron {
            sqlx::query("UPDATE patron SET open_loans = open_loans - 1 WHERE id = $1")
                .bind(patron.to_string())
                .execute(&mut *$tx)
                .await?;
        }
        let next: Option<String> = match loan.lost {
            true => {
                move_copy!($tx, $db, loan.book, loan.copy, State::OnLoan, State::Lost);
                None
            }
            false => release!($tx, $db, loan.book, loan.copy, State::OnLoan, $now),
        };
        next
    }};
}
pub(super) use close_loan;

impl Store {
    /// Lends a copy to a patron by `rule`.
    ///
    /// # Errors
    /// [`Refusal::CopyNotFound`] for a barcode that no copy has, [`Refusal::RequestIdReused`], and what `rule` refuses.
    pub async fn lend<M: Message + Default>(
        &self,
        patron: PatronId,
        Asked { standing, now, replay }: Asked<'_>,
        item: &Item,
        rule: impl Fn(&Account, BookId, &Shelf, &Policy) -> std::result::Result<Loan, Refusal>,
        render: impl Fn(&Loan) -> M,
    ) -> Result<M> {
        let lent = tx!(&self.db, |tx| {
            once!(tx, replay, Refusal::RequestIdReused, {
                let account = account!(tx, patron, standing);
                let (book, copy) = match item {
                    Item::Book(book) => (*book, None),
                    Item::Barcode(barcode) => {
                        let (book, copy) = found!(&mut *tx, barcode);
                        (book, Some(copy))
                    }
                };
                // Only where there is something to take: who comes too late waits for nobody.
                let stock: Option<super::StockRow> = sqlx::query_as(
                    "UPDATE stock SET version = version + 1
                     WHERE book_id = $1 AND withdrawn_at IS NULL AND (on_shelf > 0 OR on_hold_shelf > 0)
                     RETURNING on_shelf, on_loan, on_hold_shelf, lost, version",
                )
                .bind(book.to_string())
                .fetch_optional(&mut *tx)
                .await?;
                if stock.is_some_and(|stock| stock.on_hold_shelf > 0) {
                    expire_holds!(tx, &self.db, book, now);
                }
                let shelf = match (stock, copy) {
                    (None, None) if is_known!(&mut *tx, book) => Shelf::Empty,
                    (None, None) => Shelf::Unknown,
                    (Some(_), None) => shelf_of_book!(&mut *tx, book, patron),
                    (Some(_), Some(copy)) => shelf_of_copy!(&mut *tx, copy, patron),
                    // It was not there when we came for the book's row.
                    (None, Some(_)) => Shelf::Kept,
                };
                let policy = policy!(&mut *tx, self, standing);
                let loan = rule(&account, book, &shelf, &policy).map_err(shared::Error::Refused)?;
                keep_new!(tx, &self.db, patron, &loan, &shelf, &policy, now);
                shared::crash::point("lending.borrow.before_commit");
                render(&loan)
            })
        });
        shared::crash::point("lending.borrow.after_commit");
        self.tell(lent)
    }

    /// Everything that is in the way of a patron who wants to borrow, by `rule`.
    ///
    /// # Errors
    /// [`Refusal::CopyNotFound`] for a barcode that no copy has.
    pub async fn obstacles(
        &self,
        patron: PatronId,
        standing: Option<&Standing>,
        item: &Item,
        rule: impl Fn(&Account, &Shelf, &Policy) -> Vec<Refusal>,
    ) -> Result<Vec<Refusal>> {
        let account = self.account(patron, standing).await?;
        on!(&self.db, |db| {
            let shelf = match item {
                Item::Book(book) if is_known!(db, book) => shelf_of_book!(db, book, patron),
                Item::Book(_) => Shelf::Unknown,
                Item::Barcode(barcode) => {
                    let (_, copy): (BookId, CopyId) = found!(db, barcode);
                    shelf_of_copy!(db, copy, patron)
                }
            };
            let policy = policy!(db, self, standing);
            Ok(rule(&account, &shelf, &policy))
        })
    }

    /// Ends a loan; `owner`: only if it is his.
    ///
    /// # Errors
    /// [`Refusal::LoanNotFound`], [`Refusal::RequestIdReused`], and what the loan's rule refuses; by a barcode
    /// [`Refusal::CopyNotFound`], [`Refusal::CopyNotOnLoan`].
    pub async fn end_loan<M: Message + Default>(
        &self,
        which: &Which,
        owner: Option<PatronId>,
        now: Timestamp,
        replay: Option<&Replay>,
        render: impl Fn(&Returned) -> M,
    ) -> Result<M> {
        let ended = tx!(&self.db, |tx| {
            once!(tx, replay, Refusal::RequestIdReused, {
                let id = match which {
                    Which::Loan(id) => *id,
                    Which::Barcode(barcode) => loan_of!(&mut *tx, barcode),
                };
                let before = lock_loan!(tx, id, owner);
                let loan = before.end(now).map_err(|refused| shared::Error::Refused(which.explain(refused)))?;
                let next = keep_loan!(tx, &self.db, &before, &loan, now);
                let next = match next {
                    Some(next) => hold!(&mut *tx, next),
                    None => None,
                };
                let stock = stock!(&mut *tx, loan.book);
                shared::crash::point("lending.return.before_commit");
                render(&Returned { loan, stock, next })
            })
        });
        shared::crash::point("lending.return.after_commit");
        self.tell(ended)
    }

    /// Lends it for longer by `rule`, which is told whether somebody waits for the book.
    ///
    /// # Errors
    /// [`Refusal::LoanNotFound`], [`Refusal::RequestIdReused`], and what `rule` refuses.
    pub async fn renew_loan<M: Message + Default>(
        &self,
        id: LoanId,
        owner: Option<PatronId>,
        Asked { standing, now, replay }: Asked<'_>,
        rule: impl Fn(&Loan, &Policy, bool) -> std::result::Result<Loan, Refusal>,
        render: impl Fn(&Loan) -> M,
    ) -> Result<M> {
        tx!(&self.db, |tx| {
            once!(tx, replay, Refusal::RequestIdReused, {
                let before = lock_loan!(tx, id, owner);
                let waiting: Option<String> = sqlx::query_scalar(
                    "SELECT id FROM hold WHERE book_id = $1 AND ended_at IS NULL AND copy_id IS NULL AND patron_id <> $2
                     LIMIT 1",
                )
                .bind(before.book.to_string())
                .bind(before.patron.map(|patron| patron.to_string()).unwrap_or_default())
                .fetch_optional(&mut *tx)
                .await?;
                let policy = policy!(&mut *tx, self, standing);
                let loan = rule(&before, &policy, waiting.is_some()).map_err(shared::Error::Refused)?;
                keep_loan!(tx, &self.db, &before, &loan, now);
                render(&loan)
            })
        })
    }

    /// Changes a loan as an admin wants it.
    ///
    /// # Errors
    /// [`Refusal::LoanNotFound`], and what the loan's rule refuses.
    pub async fn change_loan(&self, id: LoanId, changes: loan::Changes, by: &Origin) -> Result<Loan> {
        let changed = tx!(&self.db, |tx| {
            let before = lock_loan!(tx, id, None);
            let loan = before.change(changes, by.at).map_err(shared::Error::Refused)?;
            if loan != before {
                keep_loan!(tx, &self.db, &before, &loan, by.at);
                let detail = format!("due={} returned={}", loan.due.iso_millis(), loan.returned.is_some());
                record!(tx, by, Event::LoanUpdated, id.to_string(), detail);
            }
            loan
        });
        self.tell(changed)
    }

    /// Forgets a loan, and says what it was like.
    ///
    /// # Errors
    /// [`Refusal::LoanNotFound`]
    pub async fn delete_loan(&self, id: LoanId, by: &Origin) -> Result<Loan> {
        let deleted = tx!(&self.db, |tx| {
            let loan = lock_loan!(tx, id, None);
            sqlx::query("DELETE FROM loan WHERE id = $1").bind(id.to_string()).execute(&mut *tx).await?;
            if loan.returned.is_none() {
                close_loan!(tx, &self.db, &loan, by.at);
            }
            record!(tx, by, Event::LoanDeleted, id.to_string(), format!("open={}", loan.returned.is_none()));
            loan
        });
        self.tell(deleted)
    }

    /// One loan.
    pub async fn loan(&self, id: LoanId) -> Result<Option<Loan>> {
        let row: Option<LoanRow> = on!(&self.db, |db| {
            sqlx::query_as(concat!("SELECT ", loan_columns!(), " FROM loan WHERE id = $1"))
                .bind(id.to_string())
                .fetch_optional(db)
                .await
        })?;
        row.map(Loan::try_from).transpose()
    }

    /// Makes loans and holds that ended before `before` nobody's, at most `many` of each; answers with how many there were of
    /// that of which there were more.
    pub async fn anonymise(&self, before: Timestamp, many: i64) -> Result<u64> {
        tx!(&self.db, |tx| {
            let mut most = 0;
            for sql in [
                "UPDATE loan SET patron_id = NULL WHERE id IN
                     (SELECT id FROM loan WHERE returned_at < $1 AND patron_id IS NOT NULL LIMIT $2)",
                "UPDATE hold SET patron_id = NULL WHERE id IN
                     (SELECT id FROM hold WHERE ended_at < $1 AND patron_id IS NOT NULL LIMIT $2)",
            ] {
                let changed = sqlx::query(sql).bind(before).bind(many).execute(&mut *tx).await?;
                most = changed.rows_affected().max(most);
            }
            most
        })
    }

    /// Wakes whoever follows, if anything came of it.
    pub(super) fn tell<T>(&self, outcome: Result<T>) -> Result<T> {
        if outcome.is_ok() {
            self.changes.notify_waiters();
        }
        outcome
    }
}
