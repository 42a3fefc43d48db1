//! Holds: first come, first served.

use shared::Timestamp;

use super::{BookId, CopyId, HoldId, PatronId, Refusal};

/// A patron's place in the queue for a book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Never changes.
    pub id: HoldId,
    /// Whose it is; `None` when it ended and is nobody's any more.
    pub patron: Option<PatronId>,
    /// For which book.
    pub book: BookId,
    /// Since when.
    pub placed: Timestamp,
    /// See [`Progress`].
    pub progress: Progress,
}

/// How far a hold has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// In the queue.
    Waiting {
        /// 1 for the first; computed when it is read.
        position: u32,
    },
    /// A copy is set aside.
    Ready {
        /// Which one.
        copy: CopyId,
        /// Until when.
        expires: Timestamp,
    },
    /// Out of the queue.
    Ended(Outcome),
}

/// How a hold ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The patron borrowed the book.
    Fulfilled,
    /// It was taken back, or the book or the patron went.
    Cancelled,
    /// The copy was not fetched in time.
    Expired,
}

impl Hold {
    /// As it stands at `now`: a copy that was not fetched in time is for the next, though nobody has come to give it to him.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        match self.progress {
            Progress::Ready { expires, .. } if expires < now => {
                Self { progress: Progress::Ended(Outcome::Expired), ..self }
            }
            Progress::Ready { .. } | Progress::Waiting { .. } | Progress::Ended(_) => self,
        }
    }

    /// Whether it can be cancelled.
    ///
    /// # Errors
    /// [`Refusal::HoldEnded`]
    pub const fn must_be_open(&self) -> Result<(), Refusal> {
        match self.progress {
            Progress::Waiting { .. } | Progress::Ready { .. } => Ok(()),
            Progress::Ended(_) => Err(Refusal::HoldEnded),
        }
    }
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Fulfilled, Self::Cancelled, Self::Expired];

    /// As it is kept.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fulfilled => "fulfilled",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}

impl std::str::FromStr for Outcome {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, &'static str> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name).ok_or("is no outcome of a hold")
    }
}
