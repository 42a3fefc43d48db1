//! Whether what is kept fits together, and what of it others have to know.

use shared::on;

use super::{Result, Store};

/// What `bibliotique check` compares with what others have.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// A sentence for each thing that does not fit.
    pub misfits: Vec<String>,
    /// All books, by their ids.
    pub books: Vec<String>,
    /// Those that lending has still to hear something about, or that are about to go.
    pub underway: Vec<String>,
}

/// A sentence on what would be wrong, and a query for the names of what breaks it.
const INVARIANTS: [(&str, &str); 3] = [
    ("an order for a book that is gone: book", {
        // One that is of other books too stays until it is done.
        "SELECT o.book_id FROM copies_order o LEFT JOIN book b ON b.id = o.book_id WHERE b.id IS NULL AND NOT EXISTS
             (SELECT 1 FROM copies_order other WHERE other.request_id = o.request_id AND other.book_id <> o.book_id)"
    }),
    ("more can be borrowed than there is: book", "SELECT id FROM book WHERE available > copies"),
    ("a request was remembered without its answer: request", "SELECT id FROM request WHERE LENGTH(answer) = 0"),
];

impl Store {
    /// See [`Findings`].
    pub async fn check(&self) -> Result<Findings> {
        let mut findings = Findings { misfits: self.db.broken(&INVARIANTS).await?, ..Findings::default() };
        on!(&self.db, |db| {
            findings.underway =
                sqlx::query_scalar("SELECT book_id FROM copies_order UNION SELECT book_id FROM departure")
                    .fetch_all(db)
                    .await?;
            findings.books = sqlx::query_scalar("SELECT id FROM book").fetch_all(db).await?;
            Ok(findings)
        })
    }
}
