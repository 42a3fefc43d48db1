//! Loans that were never asked for: straight into the tables, with counts that fit.

use std::fmt::Write as _;

use crate::Random;
use shared::{Clock, Db, Id, Timestamp, on};
use sqlx::{AssertSqlSafe, Executor as _, FromRow};

/// The limit under which everything is lent here: the most that a policy takes.
pub const LOAN_LIMIT: i64 = 10_000;

/// Rows of a statement.
const TOGETHER: usize = 5000;

const DAY: i64 = 24 * 3600 * 1_000_000;

/// Past loans began on one of so many days, the first of them a year ago.
const DAYS: i64 = 300;

/// A book and its copy on the shelf.
#[derive(Clone, FromRow)]
pub struct Item {
    /// The book's id.
    pub book: String,
    /// The copy's.
    pub copy: String,
}

/// A lending database that is filled.
pub struct Filled<'a> {
    /// Which.
    pub db: &'a Db,
    /// What there is.
    pub items: &'a [Item],
}

/// What there is.
///
/// # Errors
/// What the database fails with.
pub async fn items(db: &Db) -> sqlx::Result<Vec<Item>> {
    on!(db, |db| sqlx::query_as("SELECT book_id AS book, id AS copy FROM copy ORDER BY number").fetch_all(db).await)
}

/// Runs statements that only this file writes.
///
/// # Errors
/// What the database fails with.
pub async fn execute(db: &Db, sql: String) -> sqlx::Result<()> {
    match db {
        Db::Sqlite { write, .. } => sqlx::raw_sql(AssertSqlSafe(sql)).execute(write).await.map(drop),
        Db::Postgres(pool) => {
            let mut connection = pool.acquire().await?;
            // An index of a million rows takes its time.
            connection.execute("SET statement_timeout = 0").await?;
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await?;
            connection.execute("RESET statement_timeout").await.map(drop)
        }
    }
}

/// The indexes of the table of loans, but for its key: their names and how they are made.
async fn indexes(db: &Db) -> sqlx::Result<Vec<(String, String)>> {
    match db {
        Db::Sqlite { read, .. } => {
            let sql =
                "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'loan' AND sql IS NOT NULL";
            sqlx::query_as(sql).fetch_all(read).await
        }
        Db::Postgres(pool) => {
            let sql =
                "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'loan' AND indexname <> 'loan_pkey'";
            sqlx::query_as(sql).fetch_all(pool).await
        }
    }
}

/// A point in time, as SQL.
fn time(db: &Db, micros: i64) -> String {
    match db {
        Db::Sqlite { .. } => micros.to_string(),
        Db::Postgres(_) => format!("to_timestamp({micros} / 1000000.0)"),
    }
}

/// Gives everybody an account that looks like `model`'s but for its id and its login, in identity's database.
///
/// # Errors
/// What the database fails with.
pub async fn accounts(db: &Db, model: &str, ids: &[String]) -> sqlx::Result<()> {
    let rows: Vec<String> = ids.iter().map(|id| format!("('{id}')")).collect();
    let told = format!("(VALUES {}) AS told", rows.join(","));
    let account = format!(
        "INSERT INTO account (id, realm, login_key, email, name, address, role, active, created_at)
         SELECT told.column1, realm, told.column1 || '@example.org', told.column1 || '@example.org', name, address, role,
             active, created_at
         FROM account, {told} WHERE account.id = '{model}'"
    );
    let credential = format!(
        "INSERT INTO credential (account_id, password_hash)
         SELECT told.column1, password_hash FROM credential, {told} WHERE account_id = '{model}'"
    );
    execute(db, account).await?;
    execute(db, credential).await
}

impl Filled<'_> {
    /// Makes the books and copies in a database that has none.
    ///
    /// # Errors
    /// What the database fails with.
    pub async fn with_items(&self) -> sqlx::Result<()> {
        let now = time(self.db, Clock::system().now().micros());
        for some in self.items.chunks(TOGETHER) {
            let stock: Vec<String> = some.iter().map(|item| format!("('{}', 1, 1)", item.book)).collect();
            let copy = some.iter().map(|Item { book, copy }| format!("('{copy}', '{book}', 'on_shelf', {now})"));
            let copy: Vec<String> = copy.collect();
            execute(self.db, format!("INSERT INTO stock (book_id, on_shelf, changed) VALUES {}", stock.join(",")))
                .await?;
            execute(self.db, format!("INSERT INTO copy (id, book_id, state, created_at) VALUES {}", copy.join(",")))
                .await?;
        }
        Ok(())
    }

    /// Makes patrons who have nothing yet.
    ///
    /// # Errors
    /// What the database fails with.
    pub async fn with_patrons(&self, ids: &[String]) -> sqlx::Result<()> {
        let rows: Vec<String> = ids.iter().map(|id| format!("('{id}')")).collect();
        let sql = format!("INSERT INTO patron (id) VALUES {} ON CONFLICT (id) DO NOTHING", rows.join(","));
        execute(self.db, sql).await
    }

    /// Makes so many loans that ended long ago, of random patrons and books. `seed`: no two fillings with the same one.
    ///
    /// # Errors
    /// What the database fails with.
    pub async fn with_past_loans(&self, patrons: &[String], loans: usize, seed: u16) -> sqlx::Result<()> {
        // Sorted, they are made many times sooner than row by row.
        let indexes = indexes(self.db).await?;
        for (name, _) in &indexes {
            execute(self.db, format!("DROP INDEX {name}")).await?;
        }
        self.insert_past_loans(patrons, loans, seed).await?;
        for (_, made) in indexes {
            execute(self.db, made).await?;
        }
        match self.db {
            Db::Sqlite { .. } => Ok(()),
            // Within a minute it would do so by itself: not while we measure.
            Db::Postgres(_) => execute(self.db, "VACUUM ANALYZE".to_owned()).await,
        }
    }

    /// The same, with the indexes there.
    ///
    /// # Errors
    /// What the database fails with.
    pub async fn insert_past_loans(&self, patrons: &[String], loans: usize, seed: u16) -> sqlx::Result<()> {
        let mut random = Random::new(seed.into());
        let began = Clock::system().now().micros() - 365 * DAY;
        let numbers: Vec<usize> = (0..loans).collect();
        for some in numbers.chunks(TOGETHER) {
            let mut sql =
                "INSERT INTO loan (id, patron_id, book_id, copy_id, borrowed_at, due_at, returned_at, loan_limit)
                           VALUES "
                    .to_owned();
            for number in some {
                let borrowed = began + DAYS * DAY / loans as i64 * *number as i64;
                let [borrowed_at, due_at, returned_at] =
                    [borrowed, borrowed + 14 * DAY, borrowed + 7 * DAY].map(|micros| time(self.db, micros));
                let (id, patron) = (id(borrowed, *number, seed), &patrons[random.below(patrons.len())]);
                let Item { book, copy } = &self.items[random.below(self.items.len())];
                let comma = if number == &some[0] { "" } else { "," };
                let _ = write!(
                    sql,
                    "{comma}('{id}','{patron}','{book}','{copy}',{borrowed_at},{due_at},{returned_at},{LOAN_LIMIT})"
                );
            }
            execute(self.db, sql).await?;
        }
        Ok(())
    }

    /// Makes so many open loans of a patron, each of a copy of its own.
    ///
    /// # Errors
    /// What the database fails with.
    pub async fn with_open_loans(&self, patron: &str, loans: usize, seed: u16) -> sqlx::Result<()> {
        let now = Clock::system().now().micros();
        let [borrowed, due] = [now - DAY, now + 13 * DAY].map(|micros| time(self.db, micros));
        let (mut copies, mut lent, mut books) = (Vec::new(), Vec::new(), Vec::new());
        let step = self.items.len() / loans;
        for (number, Item { book, .. }) in self.items.iter().step_by(step).take(loans).enumerate() {
            let id = id(now - DAY, number, seed);
            copies.push(format!("('{id}', '{book}', 'on_loan', {borrowed})"));
            lent.push(format!("('{id}', '{patron}', '{book}', '{id}', {borrowed}, {due}, {LOAN_LIMIT})"));
            books.push(format!("'{book}'"));
        }
        for sql in [
            format!("INSERT INTO copy (id, book_id, state, created_at) VALUES {}", copies.join(",")),
            format!(
                "INSERT INTO loan (id, patron_id, book_id, copy_id, borrowed_at, due_at, loan_limit) VALUES {}",
                lent.join(",")
            ),
            format!(
                "UPDATE stock SET on_loan = on_loan + 1, changed = {} WHERE book_id IN ({})",
                self.db.change_of("stock"),
                books.join(",")
            ),
            format!("UPDATE patron SET open_loans = open_loans + {loans} WHERE id = '{patron}'"),
        ] {
            execute(self.db, sql).await?;
        }
        Ok(())
    }
}

/// The id of something made at a point in time.
pub fn id(micros: i64, number: usize, seed: u16) -> String {
    let [.., a, b, c] = number.to_be_bytes();
    let [d, e] = seed.to_be_bytes();
    Id::new(Timestamp::from_micros(micros), [d, e, a, b, c]).to_string()
}
