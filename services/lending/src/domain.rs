//! The rules of lending: plain types and methods, without SQL, transport or clock.

pub mod account;
pub mod audit;
pub mod copy;
pub mod hold;
pub mod loan;
pub mod policy;
pub mod refusal;
pub mod shelf;

pub use refusal::Refusal;

shared::ids! {
    /// Of a book, which is catalog's.
    BookId,
    /// Of a copy.
    CopyId,
    /// Of a loan.
    LoanId,
    /// Of a hold.
    HoldId,
    /// Of a patron: his account's, which is identity's.
    PatronId,
}
