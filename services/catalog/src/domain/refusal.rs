//! Everything that the rules can answer other than yes.

use super::BookId;

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such book.
    BookNotFound,
    /// There is no such category.
    CategoryNotFound,
    /// Another book has this ISBN.
    IsbnTaken {
        /// The one that has it.
        book: BookId,
        /// Its title.
        title: String,
    },
    /// Another category has this name.
    CategoryTaken,
    /// Books stand in the category.
    CategoryInUse,
    /// A copy of the book is on loan.
    BookOnLoan,
    /// The request's id was that of another request.
    RequestIdReused,
    /// It has been changed since the caller read it.
    StaleEtag,
}
