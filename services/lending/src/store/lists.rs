//! Lists of loans and holds, by what they have in common; and the audit log.

use shared::{Timestamp, on, page::Page};
use sqlx::{AssertSqlSafe, FromRow};

use super::{LoanRow, Result, Store, Total, hold_columns, loan_columns};
use crate::domain::{
    BookId, PatronId,
    audit::Record,
    hold::Hold,
    loan::{Loan, State},
};

/// What the loans of a list have in common.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoanFilter {
    /// Whose they are.
    pub patron: Option<PatronId>,
    /// Of which book.
    pub book: Option<BookId>,
    /// How they stand.
    pub state: Option<State>,
}

/// What the holds of a list have in common.
#[derive(Clone, Copy, Debug, Default)]
pub struct HoldFilter {
    /// Whose they are.
    pub patron: Option<PatronId>,
    /// For which book.
    pub book: Option<BookId>,
    /// Only those that have not ended.
    pub open: bool,
}

/// A value that a condition compares with.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Number(i64),
    Time(Timestamp),
}

/// Binds the values of conditions to a query, one after the other.
macro_rules! bind {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value {
                $crate::store::lists::Value::Text(text) => query.bind(text.clone()),
                $crate::store::lists::Value::Number(number) => query.bind(*number),
                $crate::store::lists::Value::Time(time) => query.bind(*time),
            };
        }
        query
    }};
}
pub(super) use bind;

/// Conditions, and what they compare with, in the order of the parameters.
#[derive(Clone, Debug, Default)]
struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    /// One condition more; `?` is its value.
    fn and(&mut self, condition: &str, value: Option<Value>) {
        let place = format!("${}", self.values.len() + 1);
        let word = if self.sql.is_empty() { " WHERE " } else { " AND " };
        self.sql.push_str(word);
        self.sql.push_str(&condition.replace('?', &place));
        self.values.extend(value);
    }

    fn of_loans(filter: &LoanFilter, now: Timestamp) -> Self {
        let mut all = Self::default();
        if let Some(patron) = filter.patron {
            all.and("patron_id = ?", Some(Value::Text(patron.to_string())));
        }
        if let Some(book) = filter.book {
            all.and("book_id = ?", Some(Value::Text(book.to_string())));
        }
        match filter.state {
            None => (),
            Some(State::Returned) => all.and("returned_at IS NOT NULL", None),
            Some(State::Open) => all.and("returned_at IS NULL AND due_at >= ?", Some(Value::Time(now))),
            Some(State::Overdue) => all.and("returned_at IS NULL AND due_at < ?", Some(Value::Time(now))),
        }
        all
    }

    fn of_holds(filter: &HoldFilter) -> Self {
        let mut all = Self::default();
        if let Some(patron) = filter.patron {
            all.and("h.patron_id = ?", Some(Value::Text(patron.to_string())));
        }
        if let Some(book) = filter.book {
            all.and("h.book_id = ?", Some(Value::Text(book.to_string())));
        }
        if filter.open {
            all.and("h.ended_at IS NULL", None);
        }
        all
    }

    /// The rows of a page, behind the row with the key `after`.
    fn page(mut self, select: &str, key: &str, after: Option<Value>, page: &Page) -> (String, Vec<Value>) {
        if let Some(after) = after {
            self.and(&format!("{key} > ?"), Some(after));
        }
        let place = self.values.len();
        let sql = format!("{select}{} ORDER BY {key} LIMIT ${} OFFSET ${}", self.sql, place + 1, place + 2);
        self.values.extend([Value::Number(page.probe()), Value::Number(page.skip)]);
        (sql, self.values)
    }
}

#[derive(FromRow)]
struct RecordRow {
    id: String,
    created_at: Timestamp,
    event: String,
    subject: String,
    actor: String,
    request_id: String,
    detail: String,
}

impl Store {
    /// A page of loans, the oldest first, with one row more than the page holds if there is one, and how many there are in all.
    pub async fn loans(&self, filter: &LoanFilter, page: &Page, now: Timestamp) -> Result<(Vec<Loan>, i64)> {
        let conditions = Conditions::of_loans(filter, now);
        let total = self.total("loan", &conditions).await?;
        let after = Some(&page.after).filter(|after| !after.is_empty()).map(|after| Value::Text(after.clone()));
        let select = concat!("SELECT ", loan_columns!(), " FROM loan");
        let (sql, values) = conditions.page(select, "id", after, page);
        let rows: Vec<LoanRow> =
            on!(&self.db, |db| bind!(sqlx::query_as(AssertSqlSafe(sql)), &values).fetch_all(db).await)?;
        let loans: Result<Vec<Loan>> = rows.into_iter().map(Loan::try_from).collect();
        Ok((loans?, total))
    }

    /// A page of holds, the oldest first, with one row more than the page holds if there is one, and how many there are in all.
    pub async fn holds(&self, filter: &HoldFilter, page: &Page, now: Timestamp) -> Result<(Vec<Hold>, i64)> {
        let conditions = Conditions::of_holds(filter);
        let total = self.total("hold h", &conditions).await?;
        let after = Some(&page.after).filter(|after| !after.is_empty()).map(|after| Value::Text(after.clone()));
        let select = concat!("SELECT ", hold_columns!(), " FROM hold h");
        let (sql, values) = conditions.page(select, "h.id", after, page);
        let holds = self.holds_where(sql, &values).await?;
        Ok((holds.into_iter().map(|hold| hold.at(now)).collect(), total))
    }

    async fn total(&self, table: &str, conditions: &Conditions) -> Result<i64> {
        let sql = format!("SELECT COUNT(*) AS count FROM {table}{}", conditions.sql);
        let total: Total =
            on!(&self.db, |db| bind!(sqlx::query_as(AssertSqlSafe(sql)), &conditions.values).fetch_one(db).await)?;
        Ok(total.count)
    }

    /// A page of the audit log, the newest first, with one row more than the page holds if there is one.
    pub async fn audit_log(&self, page: &Page) -> Result<Vec<Record>> {
        let rows: Vec<RecordRow> = on!(&self.db, |db| {
            sqlx::query_as(
                "SELECT id, created_at, event, subject, actor, request_id, detail FROM audit_event
                 WHERE $1 = '' OR id < $1 ORDER BY id DESC LIMIT $2",
            )
            .bind(&page.after)
            .bind(page.probe())
            .fetch_all(db)
            .await
        })?;
        let record = |row: RecordRow| Record {
            id: row.id,
            created: row.created_at,
            event: row.event,
            subject: row.subject,
            actor: row.actor,
            request_id: row.request_id,
            detail: row.detail,
        };
        Ok(rows.into_iter().map(record).collect())
    }
}
