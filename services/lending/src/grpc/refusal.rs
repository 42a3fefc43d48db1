//! Each refusal's code, reason and sentence: the only place where they stand.

use shared::error::{Telling, refusal};
use tonic::{
    Code::{self, AlreadyExists, FailedPrecondition, InvalidArgument, NotFound},
    Status,
};

use crate::domain::Refusal;

/// The domain of the reasons (AIP-193).
const DOMAIN: &str = "lending.bibliotique";

impl From<Refusal> for Status {
    fn from(refused: Refusal) -> Self {
        let (code, reason, sentence) = words(refused);
        refusal(code, DOMAIN, reason, sentence, Telling::default())
    }
}

/// A refusal's code, reason and sentence.
pub const fn words(refused: Refusal) -> (Code, &'static str, &'static str) {
    match refused {
        Refusal::PatronNotFound => (NotFound, "PATRON_NOT_FOUND", "there is no such patron"),
        Refusal::PatronBlocked => (FailedPrecondition, "PATRON_BLOCKED", "the patron's account is blocked"),
        Refusal::LoanLimitReached => {
            (FailedPrecondition, "LOAN_LIMIT_REACHED", "the patron has as many loans as he may have")
        }
        Refusal::PatronHasOverdueLoans => {
            (FailedPrecondition, "PATRON_HAS_OVERDUE_LOANS", "the patron has a loan that is overdue")
        }
        Refusal::PatronHasLoans => (FailedPrecondition, "PATRON_HAS_LOANS", "the patron has books on loan"),
        Refusal::BookNotFound => (NotFound, "BOOK_NOT_FOUND", "there is no such book"),
        Refusal::BookNotAvailable => (FailedPrecondition, "BOOK_NOT_AVAILABLE", "no copy of the book is on the shelf"),
        Refusal::BookOnLoan => (FailedPrecondition, "BOOK_ON_LOAN", "a copy of the book is on loan"),
        Refusal::BookAwaited => (FailedPrecondition, "BOOK_AWAITED", "somebody waits for the book"),
        Refusal::TooManyCopies => (FailedPrecondition, "TOO_MANY_COPIES", "the book has 9999 copies"),
        Refusal::CopyNotFound => (NotFound, "COPY_NOT_FOUND", "there is no such copy"),
        Refusal::CopyNotAvailable => {
            (FailedPrecondition, "COPY_NOT_AVAILABLE", "the copy is out, lost or set aside for somebody else")
        }
        Refusal::CopyOnLoan => (FailedPrecondition, "COPY_ON_LOAN", "the copy is on loan"),
        Refusal::CopyNotOnLoan => (FailedPrecondition, "COPY_NOT_ON_LOAN", "the copy is not on loan"),
        Refusal::CopySetAside => (FailedPrecondition, "COPY_SET_ASIDE", "the copy is set aside for somebody"),
        Refusal::CopyStateContradicted => {
            (FailedPrecondition, "COPY_STATE_CONTRADICTED", "the copy cannot be in this state now")
        }
        Refusal::BarcodeTaken => (AlreadyExists, "BARCODE_TAKEN", "another copy has this barcode"),
        Refusal::LoanNotFound => (NotFound, "LOAN_NOT_FOUND", "there is no such loan"),
        Refusal::LoanReturned => (FailedPrecondition, "LOAN_RETURNED", "the loan has ended"),
        Refusal::LoanOverdue => (FailedPrecondition, "LOAN_OVERDUE", "the loan is overdue"),
        Refusal::LoanStateContradicted => {
            (FailedPrecondition, "LOAN_STATE_CONTRADICTED", "the loan cannot be in this state now")
        }
        Refusal::DueTimeTooEarly => (InvalidArgument, "DUE_TIME_TOO_EARLY", "the loan would be due before it began"),
        Refusal::RenewalLimitReached => {
            (FailedPrecondition, "RENEWAL_LIMIT_REACHED", "the loan was renewed as often as it may be")
        }
        Refusal::HoldNotFound => (NotFound, "HOLD_NOT_FOUND", "there is no such hold"),
        Refusal::HoldEnded => (FailedPrecondition, "HOLD_ENDED", "the hold has ended"),
        Refusal::HoldExists => (AlreadyExists, "HOLD_EXISTS", "the patron waits for this book already"),
        Refusal::HoldLimitReached => {
            (FailedPrecondition, "HOLD_LIMIT_REACHED", "the patron has as many holds as he may have")
        }
        Refusal::RequestIdReused => {
            (FailedPrecondition, "REQUEST_ID_REUSED", "the request's id was that of another request")
        }
    }
}
