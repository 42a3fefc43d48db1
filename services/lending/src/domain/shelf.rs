//! What there is of a book for somebody who wants it.

use super::{CopyId, HoldId, Refusal, copy::MOST};

/// How many copies of a book are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// Can be borrowed.
    pub on_shelf: i64,
    /// Are out.
    pub on_loan: i64,
    /// Are set aside.
    pub on_hold_shelf: i64,
    /// Are lost.
    pub lost: i64,
    /// Grows with every change: of two, the larger is the newer.
    pub revision: i64,
}

impl Stock {
    /// All that are not withdrawn.
    pub const fn copies(&self) -> i64 {
        self.on_shelf + self.on_loan + self.on_hold_shelf + self.lost
    }

    /// Whether the book can go for good.
    ///
    /// # Errors
    /// [`Refusal::BookOnLoan`]
    pub const fn withdraw(&self) -> Result<(), Refusal> {
        if self.on_loan > 0 { Err(Refusal::BookOnLoan) } else { Ok(()) }
    }

    /// Whether so many more are too many.
    pub const fn is_full_with(&self, more: i64) -> bool {
        self.copies() + more > MOST
    }
}

/// What a patron may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// There is no such book.
    Unknown,
    /// Of the book that he asked for, nothing.
    Empty,
    /// The copy that he brought to the desk is not for him.
    Kept,
    /// This copy.
    Copy {
        /// Which one.
        copy: CopyId,
        /// What it fulfils: his hold on the book, if he has one.
        hold: Option<HoldId>,
    },
}

/// How a patron stands to the queue for a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// There is no such book.
    Unknown,
    /// He is not in it.
    Without,
    /// He is in it already.
    With,
}
