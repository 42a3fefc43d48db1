//! Copies: added, found, lost, withdrawn; one by one for an admin, and in numbers for the owner of books.

use std::{collections::BTreeMap, time::Duration};

use shared::{
    Id, Timestamp, on, once,
    page::Page,
    replay::{Message, Replay},
    tx,
};
use sqlx::{AssertSqlSafe, FromRow};

use super::{
    CopyRow, LoanRow, Result, Store, Total, loan_columns,
    loans::{is_known, keep_loan, lock_loan, stock},
    moves::{count, deltas, expire_holds, lock_stock, move_copy, release},
    read, record,
};
use crate::domain::{
    BookId, CopyId, LoanId, PatronId, Refusal,
    audit::{Event, Origin},
    copy::{Barcode, Change, Copy, State},
    loan::Loan,
    shelf::Stock,
};

/// Rows of one statement.
const TOGETHER: usize = 200;

/// A book's counts with its id.
#[derive(FromRow)]
struct CountRow {
    book_id: String,
    #[sqlx(flatten)]
    stock: super::StockRow,
}

/// The places of a statement's values, `columns` a row.
fn rows(many: usize, columns: usize, more: &str) -> String {
    let row = |row: usize| {
        let places: Vec<String> = (1..=columns).map(|column| format!("${}", row * columns + column)).collect();
        format!("({}{more})", places.join(", "))
    };
    (0..many).map(row).collect::<Vec<_>>().join(", ")
}

/// The ids of books as a JSON array.
fn json_of(books: &[(BookId, i64)]) -> String {
    let ids: Vec<String> = books.iter().map(|(book, _)| format!("\"{book}\"")).collect();
    format!("[{}]", ids.join(","))
}

/// Keeps new copies, all on the shelf; the counts are the caller's.
macro_rules! insert_copies {
    ($tx:expr, $db:expr, $copies:expr) => {{
        let copies: &[Copy] = $copies;
        for some in copies.chunks(TOGETHER) {
            let sql = format!(
                "INSERT INTO copy (id, book_id, barcode, state, created_at) VALUES {}",
                rows(some.len(), 5, "")
            );
            let mut query = sqlx::query(AssertSqlSafe($db.in_order(sql)));
            for copy in some {
                query = query
                    .bind(copy.id.to_string())
                    .bind(copy.book.to_string())
                    .bind(copy.barcode.as_ref().map(|barcode| barcode.as_str().to_owned()))
                    .bind(copy.state.name())
                    .bind(copy.created);
            }
            query.execute(&mut *$tx).await?;
        }
    }};
}

/// Gives copies that are on the shelf to those who wait for the book.
macro_rules! serve_queue {
    ($tx:expr, $db:expr, $book:expr, $now:expr) => {
        loop {
            let free: Option<String> = sqlx::query_scalar(
                "SELECT id FROM copy WHERE book_id = $1 AND state = 'on_shelf' AND EXISTS
                     (SELECT 1 FROM hold WHERE book_id = $1 AND ended_at IS NULL AND copy_id IS NULL)
                 ORDER BY number LIMIT 1",
            )
            .bind($book.to_string())
            .fetch_optional(&mut *$tx)
            .await?;
            let Some(copy) = free else { break };
            release!($tx, $db, $book, copy, State::OnShelf, $now);
        }
    };
}

/// One copy, as it is now.
macro_rules! copy {
    ($executor:expr, $id:expr) => {{
        let row: CopyRow = sqlx::query_as("SELECT id, book_id, barcode, state, created_at FROM copy WHERE id = $1")
            .bind($id.to_string())
            .fetch_one($executor)
            .await?;
        Copy::try_from(row)?
    }};
}

/// Takes what a copy's change needs: the row of the patron who has it, that of its book, and then the copy as it is. Who has it
/// may have changed until then: the transaction is tried again.
macro_rules! lock_copy {
    ($tx:expr, $id:expr) => {{
        let found: Option<(String, Option<String>)> = sqlx::query_as(
            "SELECT c.book_id, l.patron_id FROM copy c LEFT JOIN loan l ON l.copy_id = c.id AND l.returned_at IS NULL
             WHERE c.id = $1 AND c.state <> 'withdrawn'",
        )
        .bind($id.to_string())
        .fetch_optional(&mut *$tx)
        .await?;
        let (book, patron) = found.ok_or(shared::Error::Refused(Refusal::CopyNotFound))?;
        if let Some(patron) = patron {
            sqlx::query("UPDATE patron SET version = version + 1 WHERE id = $1")
                .bind(patron)
                .execute(&mut *$tx)
                .await?;
        }
        let book: BookId = read(&book)?;
        lock_stock!($tx, book).ok_or(shared::Error::Refused(Refusal::CopyNotFound))?;
        copy!(&mut *$tx, $id)
    }};
}

/// A copy is lost, wherever it was: the loan that it was out with ends, and whoever it was set aside for waits again, as the first.
macro_rules! lose {
    ($tx:expr, $db:expr, $copy:expr, $by:expr) => {{
        let copy: &Copy = $copy;
        let loan: Option<String> = sqlx::query_scalar("SELECT id FROM loan WHERE copy_id = $1 AND returned_at IS NULL")
            .bind(copy.id.to_string())
            .fetch_optional(&mut *$tx)
            .await?;
        match loan {
            Some(loan) => {
                let loan: LoanId = read(&loan)?;
                let before = lock_loan!($tx, loan, None);
                let after = before.lose($by.at).map_err(shared::Error::Refused)?;
                keep_loan!($tx, $db, &before, &after, $by.at);
            }
            None => {
                sqlx::query(
                    "UPDATE hold SET copy_id = NULL, expires_at = NULL WHERE copy_id = $1 AND ended_at IS NULL",
                )
                .bind(copy.id.to_string())
                .execute(&mut *$tx)
                .await?;
                move_copy!($tx, $db, copy.book, copy.id, copy.state, State::Lost);
            }
        }
    }};
}

fn new_copies(book: BookId, many: i64, now: Timestamp) -> impl Iterator<Item = Copy> {
    // Ids of one microsecond differ by chance alone, and there may be very many.
    let at = move |number: i64| now + Duration::from_micros(number.unsigned_abs());
    let copy = move |number| {
        let id = Id::fresh(at(number)).into();
        Copy { id, book, barcode: None, state: State::OnShelf, created: now }
    };
    (0..many).map(copy)
}

impl Store {
    /// Makes books known and adds so many copies of each. Answers with the counts of those that were not withdrawn.
    ///
    /// # Errors
    /// [`Refusal::RequestIdReused`]
    pub async fn add_copies<M: Message + Default>(
        &self,
        additions: &BTreeMap<BookId, i64>,
        now: Timestamp,
        replay: Option<&Replay>,
        render: impl Fn(&[(BookId, Stock)]) -> M,
    ) -> Result<M> {
        let all: Vec<(BookId, i64)> = additions.iter().map(|(book, copies)| (*book, *copies)).collect();
        let added = tx!(&self.db, |tx| {
            once!(tx, replay, Refusal::RequestIdReused, {
                let mut known: BTreeMap<BookId, Stock> = BTreeMap::new();
                for some in all.chunks(TOGETHER) {
                    let change = format!(", {}", self.db.change_of("stock"));
                    let sql = format!(
                        "INSERT INTO stock (book_id, on_shelf, changed) VALUES {}
                         ON CONFLICT (book_id) DO UPDATE SET on_shelf = stock.on_shelf + excluded.on_shelf,
                             changed = excluded.changed, version = stock.version + 1 WHERE stock.withdrawn_at IS NULL
                         RETURNING book_id, on_shelf, on_loan, on_hold_shelf, lost, version",
                        rows(some.len(), 2, &change)
                    );
                    let mut query = sqlx::query_as(AssertSqlSafe(self.db.in_order(sql)));
                    for (book, copies) in some {
                        query = query.bind(book.to_string()).bind(*copies);
                    }
                    let kept: Vec<CountRow> = query.fetch_all(&mut *tx).await?;
                    for row in kept {
                        known.insert(read(&row.book_id)?, row.stock.into());
                    }
                }
                let added = all.iter().filter(|(book, _)| known.contains_key(book));
                let copies: Vec<Copy> = added.flat_map(|(book, many)| new_copies(*book, *many, now)).collect();
                insert_copies!(tx, &self.db, &copies);
                let sql = format!(
                    "SELECT DISTINCT book_id FROM hold WHERE ended_at IS NULL AND copy_id IS NULL AND book_id IN ({})",
                    self.db.texts_in_json("$1")
                );
                let awaited: Vec<String> =
                    sqlx::query_scalar(AssertSqlSafe(sql)).bind(json_of(&all)).fetch_all(&mut *tx).await?;
                for book in awaited {
                    let book: BookId = read(&book)?;
                    serve_queue!(tx, &self.db, book, now);
                    known.insert(book, stock!(&mut *tx, book));
                }
                shared::crash::point("lending.add_copies.before_commit");
                let in_order: Vec<(BookId, Stock)> = known.into_iter().collect();
                render(&in_order)
            })
        });
        shared::crash::point("lending.add_copies.after_commit");
        self.tell(added)
    }

    /// Sets how many copies of a book are on the shelf, by adding copies or withdrawing ones that are there: those without a
    /// barcode first, the newest first.
    ///
    /// # Errors
    /// [`Refusal::BookNotFound`], [`Refusal::RequestIdReused`]
    pub async fn set_available<M: Message + Default>(
        &self,
        book: BookId,
        wanted: i64,
        by: &Origin,
        replay: Option<&Replay>,
        render: impl Fn(&Stock) -> M,
    ) -> Result<M> {
        let now = by.at;
        let set = tx!(&self.db, |tx| {
            once!(tx, replay, Refusal::RequestIdReused, {
                lock_stock!(tx, book).ok_or(shared::Error::Refused(Refusal::BookNotFound))?;
                expire_holds!(tx, &self.db, book, now);
                let on_shelf = stock!(&mut *tx, book).on_shelf;
                if wanted > on_shelf {
                    let copies: Vec<Copy> = new_copies(book, wanted - on_shelf, now).collect();
                    insert_copies!(tx, &self.db, &copies);
                    count!(tx, &self.db, book, (wanted - on_shelf, 0, 0, 0));
                    serve_queue!(tx, &self.db, book, now);
                }
                if wanted < on_shelf {
                    sqlx::query(
                        "UPDATE copy SET state = 'withdrawn' WHERE id IN
                             (SELECT id FROM copy WHERE book_id = $1 AND state = 'on_shelf'
                              ORDER BY (barcode IS NOT NULL), number DESC LIMIT $2)",
                    )
                    .bind(book.to_string())
                    .bind(on_shelf - wanted)
                    .execute(&mut *tx)
                    .await?;
                    count!(tx, &self.db, book, (wanted - on_shelf, 0, 0, 0));
                    let detail = format!("copies={}", on_shelf - wanted);
                    record!(tx, by, Event::CopiesWithdrawn, book.to_string(), detail);
                }
                render(&stock!(&mut *tx, book))
            })
        });
        self.tell(set)
    }

    /// Takes a book out of lending for good, with its copies and the holds on it.
    ///
    /// # Errors
    /// [`Refusal::BookOnLoan`]
    pub async fn withdraw_book(&self, book: BookId, by: &Origin) -> Result<()> {
        let change = self.db.change_of("stock");
        let withdrawn = tx!(&self.db, |tx| {
            // One that is not known is made known, as withdrawn: an order for copies may still be on its way.
            let sql = format!(
                "INSERT INTO stock (book_id, changed) VALUES ($1, {change})
                 ON CONFLICT (book_id) DO UPDATE SET version = stock.version + 1"
            );
            sqlx::query(AssertSqlSafe(sql)).bind(book.to_string()).execute(&mut *tx).await?;
            stock!(&mut *tx, book).withdraw().map_err(shared::Error::Refused)?;
            sqlx::query(
                "UPDATE hold SET ended_at = $2, outcome = 'cancelled', copy_id = NULL, expires_at = NULL
                 WHERE book_id = $1 AND ended_at IS NULL",
            )
            .bind(book.to_string())
            .bind(by.at)
            .execute(&mut *tx)
            .await?;
            sqlx::query("UPDATE copy SET state = 'withdrawn' WHERE book_id = $1")
                .bind(book.to_string())
                .execute(&mut *tx)
                .await?;
            let sql = format!(
                "UPDATE stock SET on_shelf = 0, on_hold_shelf = 0, lost = 0, withdrawn_at = $2, changed = {change},
                     version = version + 1
                 WHERE book_id = $1 AND withdrawn_at IS NULL"
            );
            let is_news = sqlx::query(AssertSqlSafe(sql)).bind(book.to_string()).bind(by.at).execute(&mut *tx).await?;
            if is_news.rows_affected() > 0 {
                record!(tx, by, Event::BookWithdrawn, book.to_string(), "");
            }
            shared::crash::point("lending.withdraw_book.before_commit");
        });
        shared::crash::point("lending.withdraw_book.after_commit");
        self.tell(withdrawn)
    }

    /// Keeps a new copy, which goes to the first who waits for the book.
    ///
    /// # Errors
    /// [`Refusal::BookNotFound`], [`Refusal::TooManyCopies`], [`Refusal::BarcodeTaken`], [`Refusal::RequestIdReused`]
    pub async fn create_copy<M: Message + Default>(
        &self,
        copy: &Copy,
        replay: Option<&Replay>,
        render: impl Fn(&Copy) -> M,
    ) -> Result<M> {
        let made = tx!(&self.db, |tx| {
            once!(tx, replay, Refusal::RequestIdReused, {
                let stock = lock_stock!(tx, copy.book).ok_or(shared::Error::Refused(Refusal::BookNotFound))?;
                if stock.is_full_with(1) {
                    return Err(shared::Error::Refused(Refusal::TooManyCopies));
                }
                insert_copies!(tx, &self.db, std::slice::from_ref(copy));
                count!(tx, &self.db, copy.book, deltas(State::Withdrawn, copy.state));
                release!(tx, &self.db, copy.book, copy.id, copy.state, copy.created);
                render(&copy!(&mut *tx, copy.id))
            })
        });
        self.tell(made.map_err(taken))
    }

    /// One copy that was not withdrawn.
    pub async fn copy(&self, id: CopyId) -> Result<Option<Copy>> {
        let row: Option<CopyRow> = on!(&self.db, |db| {
            sqlx::query_as(
                "SELECT id, book_id, barcode, state, created_at FROM copy WHERE id = $1 AND state <> 'withdrawn'",
            )
            .bind(id.to_string())
            .fetch_optional(db)
            .await
        })?;
        row.map(Copy::try_from).transpose()
    }

    /// A page of a book's copies in the order in which they came, with one row more than the page holds if there is one, and
    /// how many there are in all.
    ///
    /// # Errors
    /// [`Refusal::BookNotFound`]
    pub async fn copies(&self, book: BookId, page: &Page) -> Result<(Vec<Copy>, i64)> {
        let (rows, total): (Vec<CopyRow>, Total) = on!(&self.db, |db| {
            if !is_known!(db, book) {
                return Err(shared::Error::Refused(Refusal::BookNotFound));
            }
            let rows = sqlx::query_as(
                "SELECT id, book_id, barcode, state, created_at FROM copy
                 WHERE book_id = $1 AND state <> 'withdrawn' AND number > COALESCE((SELECT number FROM copy WHERE id = $2), 0)
                 ORDER BY number LIMIT $3 OFFSET $4",
            )
            .bind(book.to_string())
            .bind(&page.after)
            .bind(page.probe())
            .bind(page.skip)
            .fetch_all(db)
            .await?;
            let total =
                sqlx::query_as("SELECT COUNT(*) AS count FROM copy WHERE book_id = $1 AND state <> 'withdrawn'")
                    .bind(book.to_string())
                    .fetch_one(db)
                    .await?;
            (rows, total)
        });
        let copies: Result<Vec<Copy>> = rows.into_iter().map(Copy::try_from).collect();
        Ok((copies?, total.count))
    }

    /// Gives a copy another barcode, and says that it is lost or found.
    ///
    /// # Errors
    /// [`Refusal::CopyNotFound`], [`Refusal::BarcodeTaken`], [`Refusal::CopyStateContradicted`]
    pub async fn update_copy(
        &self,
        id: CopyId,
        barcode: Option<Option<Barcode>>,
        state: Option<State>,
        by: &Origin,
    ) -> Result<Copy> {
        let updated = tx!(&self.db, |tx| {
            let before = lock_copy!(tx, id);
            if let Some(barcode) = &barcode {
                sqlx::query("UPDATE copy SET barcode = $2 WHERE id = $1")
                    .bind(id.to_string())
                    .bind(barcode.as_ref().map(|barcode| barcode.as_str().to_owned()))
                    .execute(&mut *tx)
                    .await?;
            }
            let change = state.map_or(Ok(Change::None), |state| before.state.change(state));
            match change.map_err(shared::Error::Refused)? {
                Change::None => (),
                Change::Lose => {
                    lose!(tx, &self.db, &before, by);
                    // Whoever it was set aside for takes another one that is here.
                    serve_queue!(tx, &self.db, before.book, by.at);
                    record!(tx, by, Event::CopyLost, id.to_string(), format!("state={}", before.state.name()));
                }
                Change::Find => {
                    release!(tx, &self.db, before.book, id, State::Lost, by.at);
                    record!(tx, by, Event::CopyFound, id.to_string(), "");
                }
            }
            copy!(&mut *tx, id)
        });
        self.tell(updated.map_err(taken))
    }

    /// Takes a copy out of lending for good.
    ///
    /// # Errors
    /// [`Refusal::CopyNotFound`], [`Refusal::CopyOnLoan`], [`Refusal::CopySetAside`]
    pub async fn withdraw_copy(&self, id: CopyId, by: &Origin) -> Result<Copy> {
        let withdrawn = tx!(&self.db, |tx| {
            let copy = lock_copy!(tx, id);
            copy.state.withdraw().map_err(shared::Error::Refused)?;
            move_copy!(tx, &self.db, copy.book, id, copy.state, State::Withdrawn);
            record!(tx, by, Event::CopyWithdrawn, id.to_string(), format!("book={}", copy.book));
            copy!(&mut *tx, id)
        });
        self.tell(withdrawn)
    }
}

/// Another copy has the barcode.
fn taken(error: shared::Error<Refusal>) -> shared::Error<Refusal> {
    error.or_taken("copy_barcode", Refusal::BarcodeTaken)
}
