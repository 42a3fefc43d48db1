//! The yardstick: lending's statements straight on a database of the same kind, with nothing above them.
//!
//! The same schema, pools and settings (`shared::Db` opens it), the same statements in the same order in the same two
//! transactions; no HTTP, no tokens, no passports, no rules, nobody who follows.

use std::{convert::Infallible, time::Duration};

use anyhow::anyhow;
use shared::{Clock, Db, Error, Id, Timestamp, database::Migrations, secret::Secret, tx};
use sqlx::AssertSqlSafe;

use super::fill::{Item, LOAN_LIMIT};

/// Of a loan, as the policy has it when nobody changed it.
const LOAN_DAYS: u64 = 14;

/// Opens a database as lending does.
///
/// # Errors
/// When it cannot be opened, or has another schema.
pub async fn open(url: &str) -> anyhow::Result<Db> {
    let migrations = Migrations {
        sqlite: sqlx::migrate!("../services/lending/migrations/sqlite"),
        postgres: sqlx::migrate!("../services/lending/migrations/postgres"),
    };
    Ok(Db::open(&Secret::from(url), &migrations).await?)
}

/// People who borrow from a database.
pub struct Bare {
    /// Whose statements run there.
    pub db: Db,
    /// Who they are.
    pub patrons: Vec<String>,
    /// What there is.
    pub items: Vec<Item>,
}

/// The one row of a query.
macro_rules! one {
    ($tx:expr, $sql:expr, $($value:expr),*) => { sqlx::query_as($sql)$(.bind($value))*.fetch_one(&mut *$tx).await? };
}

/// The one row of a query, if there is one.
macro_rules! any {
    ($tx:expr, $sql:expr, $($value:expr),*) => {
        sqlx::query_as($sql)$(.bind($value))*.fetch_optional(&mut *$tx).await?
    };
}

/// A statement.
macro_rules! run {
    ($tx:expr, $sql:expr, $($value:expr),*) => { sqlx::query($sql)$(.bind($value))*.execute(&mut *$tx).await? };
}

/// Moves a copy, and its book's counts with it.
macro_rules! move_copy {
    ($tx:expr, $db:expr, $book:expr, $copy:expr, $from:expr, $to:expr, $lent:expr) => {{
        run!($tx, "UPDATE copy SET state = $2 WHERE id = $1 AND state = $3", $copy, $to, $from);
        let sql = format!(
            "UPDATE stock SET on_shelf = on_shelf + $2, on_loan = on_loan + $3, on_hold_shelf = on_hold_shelf + $4,
                 lost = lost + $5, changed = {} WHERE book_id = $1",
            $db.change_of("stock")
        );
        run!($tx, AssertSqlSafe(sql), $book, -$lent, $lent, 0_i64, 0_i64);
    }};
}

/// How many copies of a book are where.
type Stock = (i64, i64, i64, i64);

/// A loan's columns.
type Loan = (String, Option<String>, String, String, Timestamp, Timestamp, Option<Timestamp>, i64, bool);

impl Bare {
    /// Lends a book; answers with the loan's id, or nothing when no copy is on the shelf.
    ///
    /// # Errors
    /// What the database fails with.
    pub async fn borrow(&self, client: usize, book: usize) -> anyhow::Result<Option<String>> {
        let (db, patron, book) = (&self.db, &self.patrons[client], &self.items[book].book);
        let now = Clock::system().now();
        let due = now + Duration::from_secs(LOAN_DAYS * 24 * 3600);
        let loan = Id::fresh(now).to_string();
        let lent: Result<Option<String>, Error<Infallible>> = tx!(db, |tx| {
            let _: (i64, Option<Timestamp>) = one!(
                tx,
                "INSERT INTO patron (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET version = patron.version + 1
                 RETURNING open_loans, closed_at",
                patron
            );
            let _: (Option<Timestamp>, i64) = one!(
                tx,
                "SELECT (SELECT MIN(due_at) FROM loan WHERE patron_id = $1 AND returned_at IS NULL),
                        (SELECT COUNT(*) FROM hold WHERE patron_id = $1 AND ended_at IS NULL)",
                patron
            );
            let stock: Option<Stock> = any!(
                tx,
                "UPDATE stock SET version = version + 1
                 WHERE book_id = $1 AND withdrawn_at IS NULL AND (on_shelf > 0 OR on_hold_shelf > 0)
                 RETURNING on_shelf, on_loan, on_hold_shelf, lost",
                book
            );
            if stock.is_none() {
                return Ok(None);
            }
            let (copy, _, _): (Option<String>, Option<String>, Option<String>) = one!(
                tx,
                "SELECT (SELECT id FROM copy WHERE book_id = $1 AND state = 'on_shelf' ORDER BY number LIMIT 1),
                        (SELECT id FROM hold WHERE patron_id = $2 AND book_id = $1 AND ended_at IS NULL),
                        (SELECT copy_id FROM hold WHERE patron_id = $2 AND book_id = $1 AND ended_at IS NULL)",
                book,
                patron
            );
            let _: Option<(String, i64, i64, i64, i64, i64, bool)> = any!(
                tx,
                "SELECT category, loan_limit, loan_days, renewal_limit, hold_limit, hold_days, borrow_while_overdue
                 FROM policy WHERE category = '' OR category = $1 ORDER BY category DESC LIMIT 1",
                "client"
            );
            move_copy!(tx, db, book, &copy, "on_shelf", "on_loan", 1_i64);
            run!(
                tx,
                "INSERT INTO loan (id, patron_id, book_id, copy_id, borrowed_at, due_at, renewals, lost, loan_limit)
                 VALUES ($1, $2, $3, $4, $5, $6, 0, FALSE, $7)",
                &loan,
                patron,
                book,
                &copy,
                now,
                due,
                LOAN_LIMIT
            );
            run!(tx, "UPDATE patron SET open_loans = open_loans + 1 WHERE id = $1", patron);
            Some(loan.clone())
        });
        lent.map_err(|error| anyhow!("{error:?}"))
    }

    /// Ends a loan.
    ///
    /// # Errors
    /// What the database fails with.
    pub async fn give_back(&self, loan: &str) -> anyhow::Result<()> {
        let (db, now) = (&self.db, Clock::system().now());
        let returned: Result<(), Error<Infallible>> = tx!(db, |tx| {
            let (patron, book): (String, String) = one!(tx, "SELECT patron_id, book_id FROM loan WHERE id = $1", loan);
            run!(tx, "UPDATE patron SET version = version + 1 WHERE id = $1", &patron);
            run!(tx, "UPDATE stock SET version = version + 1 WHERE book_id = $1", &book);
            let (_, _, _, copy, _, due, ..): Loan = one!(
                tx,
                "SELECT id, patron_id, book_id, copy_id, borrowed_at, due_at, returned_at, renewals, lost
                 FROM loan WHERE id = $1",
                loan
            );
            run!(
                tx,
                "UPDATE loan SET due_at = $2, returned_at = $3, renewals = $4, lost = $5 WHERE id = $1",
                loan,
                due,
                now,
                0_i64,
                false
            );
            run!(tx, "UPDATE patron SET open_loans = open_loans - 1 WHERE id = $1", &patron);
            let _: Option<(String, i64)> = any!(
                tx,
                "SELECT id, hold_days FROM hold WHERE book_id = $1 AND ended_at IS NULL AND copy_id IS NULL
                 ORDER BY number LIMIT 1",
                &book
            );
            move_copy!(tx, db, &book, &copy, "on_loan", "on_shelf", -1_i64);
            let _: Stock =
                one!(tx, "SELECT on_shelf, on_loan, on_hold_shelf, lost FROM stock WHERE book_id = $1", &book);
        });
        returned.map_err(|error| anyhow!("{error:?}"))
    }
}
