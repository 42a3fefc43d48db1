//! Everything that the rules can answer other than yes.

/// Why something is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No account has this id, or it is closed here, or it is somebody else's.
    PatronNotFound,
    /// The account may not use the place now.
    PatronBlocked,
    /// He has as many loans as he may have.
    LoanLimitReached,
    /// He has a loan that is past its due time.
    PatronHasOverdueLoans,
    /// He has something out.
    PatronHasLoans,
    /// Lending knows no such book, or it was withdrawn.
    BookNotFound,
    /// No copy of the book is on the shelf, or set aside for him.
    BookNotAvailable,
    /// A copy of the book is out.
    BookOnLoan,
    /// Somebody waits for the book.
    BookAwaited,
    /// The book has as many copies as a book can have.
    TooManyCopies,
    /// There is no such copy, or it was withdrawn.
    CopyNotFound,
    /// The copy is out, lost, or set aside for somebody else.
    CopyNotAvailable,
    /// The copy is out.
    CopyOnLoan,
    /// The copy is not out.
    CopyNotOnLoan,
    /// The copy is set aside for somebody.
    CopySetAside,
    /// The copy cannot be in this state now.
    CopyStateContradicted,
    /// Another copy has this barcode.
    BarcodeTaken,
    /// There is no such loan, or it is somebody else's.
    LoanNotFound,
    /// The loan has ended.
    LoanReturned,
    /// The loan is past its due time.
    LoanOverdue,
    /// The loan cannot be in this state now.
    LoanStateContradicted,
    /// The loan would be due before it began.
    DueTimeTooEarly,
    /// The loan was renewed as often as it may be.
    RenewalLimitReached,
    /// There is no such hold, or it is somebody else's.
    HoldNotFound,
    /// The hold has ended.
    HoldEnded,
    /// He is in the queue for the book already.
    HoldExists,
    /// He has as many holds as he may have.
    HoldLimitReached,
    /// The id of this request was another request's.
    RequestIdReused,
}
