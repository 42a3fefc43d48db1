//! Whether what is kept fits together: each invariant is a query for the rows that break it.

use shared::on;

use super::{Result, Store};

/// What `bibliotique check` compares with what others have.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// A sentence for each thing that does not fit.
    pub misfits: Vec<String>,
    /// The books that can be lent, by their ids: catalog has to know them.
    pub books: Vec<String>,
    /// Those that were withdrawn: catalog must not have them any more.
    pub withdrawn: Vec<String>,
    /// The people who have or had something, or wait for it: identity has to know them.
    pub patrons: Vec<String>,
    /// Those who were closed: identity must not have them any more.
    pub closed: Vec<String>,
}

/// A sentence on what would be wrong, and a query for the names of what breaks it.
const INVARIANTS: [(&str, &str); 14] = [
    (
        "more than one open loan of copy",
        "SELECT copy_id FROM loan WHERE returned_at IS NULL GROUP BY copy_id HAVING COUNT(*) > 1",
    ),
    (
        "copies, loans and counts disagree about book",
        "SELECT s.book_id FROM stock s WHERE s.withdrawn_at IS NULL AND (
             s.on_shelf <> (SELECT COUNT(*) FROM copy c WHERE c.book_id = s.book_id AND c.state = 'on_shelf')
             OR s.on_loan <> (SELECT COUNT(*) FROM copy c WHERE c.book_id = s.book_id AND c.state = 'on_loan')
             OR s.on_hold_shelf <> (SELECT COUNT(*) FROM copy c WHERE c.book_id = s.book_id AND c.state = 'on_hold_shelf')
             OR s.lost <> (SELECT COUNT(*) FROM copy c WHERE c.book_id = s.book_id AND c.state = 'lost')
             OR s.on_loan <> (SELECT COUNT(*) FROM loan l WHERE l.book_id = s.book_id AND l.returned_at IS NULL))",
    ),
    (
        "a copy is on loan without an open loan: copy",
        "SELECT c.id FROM copy c WHERE c.state = 'on_loan'
             AND NOT EXISTS (SELECT 1 FROM loan l WHERE l.copy_id = c.id AND l.returned_at IS NULL)",
    ),
    (
        "an open loan of a copy that is not on loan: loan",
        "SELECT l.id FROM loan l LEFT JOIN copy c ON c.id = l.copy_id
         WHERE l.returned_at IS NULL AND (c.state IS NULL OR c.state <> 'on_loan' OR c.book_id <> l.book_id)",
    ),
    (
        "an open loan of a book that was withdrawn: loan",
        "SELECT l.id FROM loan l LEFT JOIN stock s ON s.book_id = l.book_id
         WHERE l.returned_at IS NULL AND (s.book_id IS NULL OR s.withdrawn_at IS NOT NULL)",
    ),
    (
        "a withdrawn book has copies: book",
        "SELECT DISTINCT c.book_id FROM copy c JOIN stock s ON s.book_id = c.book_id
         WHERE s.withdrawn_at IS NOT NULL AND c.state <> 'withdrawn'",
    ),
    (
        "a loan of a patron who is gone: loan",
        "SELECT l.id FROM loan l LEFT JOIN patron p ON p.id = l.patron_id
         WHERE (l.returned_at IS NULL AND l.patron_id IS NULL)
             OR (l.patron_id IS NOT NULL AND (p.id IS NULL OR p.closed_at IS NOT NULL))",
    ),
    (
        "open loans and their count disagree: patron",
        "SELECT p.id FROM patron p
         WHERE p.open_loans <> (SELECT COUNT(*) FROM loan l WHERE l.patron_id = p.id AND l.returned_at IS NULL)",
    ),
    (
        "more open loans than any of them was lent under: patron",
        "SELECT patron_id FROM loan WHERE returned_at IS NULL GROUP BY patron_id HAVING COUNT(*) > MAX(loan_limit)",
    ),
    (
        "a loan ended before it began, or was due before: loan",
        "SELECT id FROM loan WHERE returned_at < borrowed_at OR due_at < borrowed_at",
    ),
    (
        "a hold has a copy that is not set aside: hold",
        "SELECT h.id FROM hold h LEFT JOIN copy c ON c.id = h.copy_id
         WHERE h.ended_at IS NULL AND h.copy_id IS NOT NULL
             AND (c.state IS NULL OR c.state <> 'on_hold_shelf' OR c.book_id <> h.book_id)",
    ),
    (
        "a copy is set aside for nobody: copy",
        "SELECT c.id FROM copy c WHERE c.state = 'on_hold_shelf'
             AND NOT EXISTS (SELECT 1 FROM hold h WHERE h.copy_id = c.id AND h.ended_at IS NULL)",
    ),
    (
        "somebody waits while a copy is on the shelf: book",
        "SELECT DISTINCT h.book_id FROM hold h JOIN copy c ON c.book_id = h.book_id AND c.state = 'on_shelf'
         WHERE h.ended_at IS NULL AND h.copy_id IS NULL",
    ),
    ("a request was remembered without its answer: request", "SELECT id FROM request WHERE LENGTH(answer) = 0"),
];

impl Store {
    /// See [`Findings`].
    pub async fn check(&self) -> Result<Findings> {
        let mut findings = Findings { misfits: self.db.broken(&INVARIANTS).await?, ..Findings::default() };
        on!(&self.db, |db| {
            findings.books =
                sqlx::query_scalar("SELECT book_id FROM stock WHERE withdrawn_at IS NULL").fetch_all(db).await?;
            findings.withdrawn =
                sqlx::query_scalar("SELECT book_id FROM stock WHERE withdrawn_at IS NOT NULL").fetch_all(db).await?;
            findings.patrons = sqlx::query_scalar(
                "SELECT patron_id FROM loan WHERE patron_id IS NOT NULL UNION
                 SELECT patron_id FROM hold WHERE patron_id IS NOT NULL AND ended_at IS NULL",
            )
            .fetch_all(db)
            .await?;
            findings.closed =
                sqlx::query_scalar("SELECT id FROM patron WHERE closed_at IS NOT NULL").fetch_all(db).await?;
            Ok(findings)
        })
    }
}
