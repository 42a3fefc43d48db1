//! What is written down of what was done, and by whom.

use shared::{Timestamp, context::RequestId};

/// Who does it, in which request, when.
#[derive(Clone)]
pub struct Origin {
    /// An account's id, `operator` or `service:<role>`.
    pub actor: String,
    /// In which request.
    pub request_id: RequestId,
    /// When.
    pub at: Timestamp,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A policy is another.
    PolicyUpdated,
    /// A book is out of lending, with its copies.
    BookWithdrawn,
    /// A copy is out of lending.
    CopyWithdrawn,
    /// Copies of a book are out of lending, because fewer were wanted.
    CopiesWithdrawn,
    /// A copy is lost.
    CopyLost,
    /// A copy was found.
    CopyFound,
    /// A loan has another due time, or was ended by an admin.
    LoanUpdated,
    /// A loan is forgotten.
    LoanDeleted,
    /// A patron is gone.
    PatronClosed,
}

impl Event {
    /// As it is kept.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PolicyUpdated => "policy_updated",
            Self::BookWithdrawn => "book_withdrawn",
            Self::CopyWithdrawn => "copy_withdrawn",
            Self::CopiesWithdrawn => "copies_withdrawn",
            Self::CopyLost => "copy_lost",
            Self::CopyFound => "copy_found",
            Self::LoanUpdated => "loan_updated",
            Self::LoanDeleted => "loan_deleted",
            Self::PatronClosed => "patron_closed",
        }
    }
}

/// A row of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Sorts by age.
    pub id: String,
    /// When.
    pub created: Timestamp,
    /// See [`Event`].
    pub event: String,
    /// What it was done to.
    pub subject: String,
    /// By whom.
    pub actor: String,
    /// In which request.
    pub request_id: String,
    /// More.
    pub detail: String,
}
