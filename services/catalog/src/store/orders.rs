//! Orders of copies: written with what they are for, carried out in their order, and then gone.

use shared::{on, tx};
use sqlx::FromRow;

use super::{Availability, Result, Store, feed::keep_said};
use crate::domain::{
    BookId, Refusal,
    book::Copies,
    order::{CopiesOrder, Kind},
};
use crate::figures::Waiting;

/// Rows of one statement.
pub(super) const TOGETHER: usize = 200;

/// One book of an order.
#[derive(FromRow)]
struct OrderRow {
    request_id: String,
    kind: String,
    book_id: String,
    copies: i32,
}

/// Orders copies of books, in the transaction that holds the rows of those that were there before: of one book, orders are numbered
/// as they follow each other.
macro_rules! order {
    ($tx:expr, $db:expr, $kind:expr, $books:expr, $now:expr) => {{
        let kind: $crate::domain::order::Kind = $kind;
        for request in $crate::domain::order::in_requests(kind, $books) {
            let id = shared::Id::fresh($now).to_string();
            for some in request.chunks($crate::store::orders::TOGETHER) {
                let sql = $db.in_order($crate::store::orders::insertion(some.len()));
                let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
                for (book, copies) in some {
                    query = query
                        .bind(id.clone())
                        .bind(kind.name())
                        .bind(book.to_string())
                        .bind(i64::from(copies.get()))
                        .bind($now);
                }
                query.execute(&mut *$tx).await?;
            }
        }
    }};
}
pub(super) use order;

/// Writes so many rows.
pub(super) fn insertion(rows: usize) -> String {
    let values: Vec<String> = (0..rows).map(|row| format!("({})", super::lists::places(5 * row + 1, 5))).collect();
    format!("INSERT INTO copies_order (request_id, kind, book_id, copies, created_at) VALUES {}", values.join(", "))
}

/// What is to be expected of a book when what is ordered is done. Lending's feed has the last word.
macro_rules! foresee {
    ($tx:expr, $kind:expr, $book:expr, $copies:expr) => {{
        let sql = match $kind {
            $crate::domain::order::Kind::Add => {
                "UPDATE book SET copies = CASE WHEN copies + $2 > 9999 THEN 9999 ELSE copies + $2 END,
                     available = CASE WHEN available + $2 > 9999 THEN 9999 ELSE available + $2 END WHERE id = $1"
            }
            $crate::domain::order::Kind::Set => {
                "UPDATE book SET available = $2,
                     copies = CASE WHEN copies - available + $2 > 9999 THEN 9999 ELSE copies - available + $2 END
                 WHERE id = $1"
            }
        };
        sqlx::query(sql).bind($book.to_string()).bind(i64::from($copies.get())).execute(&mut *$tx).await?;
    }};
}
pub(super) use foresee;

impl Store {
    /// The order that is to be carried out next.
    pub async fn next_order(&self) -> Result<Option<CopiesOrder>> {
        let rows: Vec<OrderRow> = on!(&self.db, |db| {
            sqlx::query_as(
                "SELECT request_id, kind, book_id, copies FROM copies_order
                 WHERE request_id = (SELECT request_id FROM copies_order ORDER BY number LIMIT 1) ORDER BY number",
            )
            .fetch_all(db)
            .await
        })?;
        Ok(orders(rows)?.pop())
    }

    /// How many orders there are, and since when the oldest.
    pub async fn waiting_orders(&self) -> Result<Waiting> {
        let (orders, oldest) = on!(&self.db, |db| {
            sqlx::query_as("SELECT COUNT(DISTINCT request_id), MIN(created_at) FROM copies_order").fetch_one(db).await
        })?;
        Ok(Waiting { orders, oldest })
    }

    /// The orders that are open of a book, in the order in which they are to be carried out; whole ones, of other books too.
    pub async fn orders_of(&self, book: BookId) -> Result<Vec<CopiesOrder>> {
        let rows: Vec<OrderRow> = on!(&self.db, |db| {
            sqlx::query_as(
                "SELECT request_id, kind, book_id, copies FROM copies_order
                 WHERE request_id IN (SELECT request_id FROM copies_order WHERE book_id = $1) ORDER BY number",
            )
            .bind(book.to_string())
            .fetch_all(db)
            .await
        })?;
        orders(rows)
    }

    /// An order is done, and this is how many copies there are now; or it never will be.
    pub async fn close_order(&self, id: &str, said: &[Availability]) -> Result<()> {
        tx!(&self.db, |tx| {
            keep_said!(tx, &self.db, said);
            sqlx::query("DELETE FROM copies_order WHERE request_id = $1").bind(id).execute(&mut *tx).await?;
        })
    }

    /// The same of one whose book lending has withdrawn: there are no copies of it.
    pub async fn close_vain_order(&self, id: &str, book: BookId) -> Result<()> {
        tx!(&self.db, |tx| {
            sqlx::query("UPDATE book SET copies = 0, available = 0 WHERE id = $1")
                .bind(book.to_string())
                .execute(&mut *tx)
                .await?;
            sqlx::query("DELETE FROM copies_order WHERE request_id = $1").bind(id).execute(&mut *tx).await?;
        })
    }
}

/// Rows to orders, in the order of the first row of each.
fn orders(rows: Vec<OrderRow>) -> Result<Vec<CopiesOrder>> {
    let mut orders: Vec<CopiesOrder> = Vec::new();
    for row in rows {
        let book: BookId = row.book_id.parse().map_err(shared::Error::internal)?;
        let copies = Copies::try_from(row.copies).map_err(shared::Error::<Refusal>::internal)?;
        match orders.iter_mut().find(|order| order.id == row.request_id) {
            Some(order) => order.books.push((book, copies)),
            None => {
                orders.push(CopiesOrder { id: row.request_id, kind: kind(&row.kind)?, books: vec![(book, copies)] })
            }
        }
    }
    Ok(orders)
}

fn kind(name: &str) -> Result<Kind> {
    [Kind::Add, Kind::Set]
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or_else(|| shared::Error::internal("an order is of a newer version"))
}
