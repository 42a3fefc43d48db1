//! Copies: where one is, and what it is called at the desk.

use std::str::FromStr;

use shared::Timestamp;

use super::{BookId, CopyId, Refusal};

/// The most copies that a book has.
pub const MOST: i64 = 9999;

/// One thing that can be borrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Never changes.
    pub id: CopyId,
    /// Never changes.
    pub book: BookId,
    /// See [`Barcode`].
    pub barcode: Option<Barcode>,
    /// See [`State`].
    pub state: State,
    /// When it came.
    pub created: Timestamp,
}

/// Where a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It can be borrowed.
    OnShelf,
    /// Somebody has it.
    OnLoan,
    /// Set aside for the first in the queue.
    OnHoldShelf,
    /// Nobody knows.
    Lost,
    /// Gone for good.
    Withdrawn,
}

/// What happens to a copy that an admin says to be somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is there.
    None,
    /// It is lost.
    Lose,
    /// It was lost.
    Find,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::OnShelf, Self::OnLoan, Self::OnHoldShelf, Self::Lost, Self::Withdrawn];

    /// As it is kept.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnShelf => "on_shelf",
            Self::OnLoan => "on_loan",
            Self::OnHoldShelf => "on_hold_shelf",
            Self::Lost => "lost",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// What it takes that a copy that is here is said to be there: only what is lost can be found, and the rest comes of loans.
    ///
    /// # Errors
    /// [`Refusal::CopyStateContradicted`]
    pub const fn change(self, to: Self) -> Result<Change, Refusal> {
        match (self, to) {
            (Self::Lost, Self::Lost) | (Self::OnShelf, Self::OnShelf) => Ok(Change::None),
            (_, Self::Lost) => Ok(Change::Lose),
            (Self::Lost, Self::OnShelf) => Ok(Change::Find),
            (_, Self::OnShelf | Self::OnLoan | Self::OnHoldShelf | Self::Withdrawn) => {
                Err(Refusal::CopyStateContradicted)
            }
        }
    }

    /// Whether a copy that is here can go for good.
    ///
    /// # Errors
    /// [`Refusal::CopyOnLoan`], [`Refusal::CopySetAside`], [`Refusal::CopyNotFound`]
    pub const fn withdraw(self) -> Result<(), Refusal> {
        match self {
            Self::OnShelf | Self::Lost => Ok(()),
            Self::OnLoan => Err(Refusal::CopyOnLoan),
            Self::OnHoldShelf => Err(Refusal::CopySetAside),
            Self::Withdrawn => Err(Refusal::CopyNotFound),
        }
    }
}

impl FromStr for State {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, &'static str> {
        Self::ALL.into_iter().find(|state| state.name() == name).ok_or("is no state of a copy")
    }
}

/// What is printed on a copy: 1 to 64 visible ASCII characters, one copy's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Barcode(String);

impl Barcode {
    /// As it was scanned.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Barcode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let fits = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err("must be 1 to 64 visible ASCII characters") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_reads_back_by_its_name() {
        for state in State::ALL {
            assert_eq!(state.name().parse(), Ok(state));
        }
        assert!("".parse::<State>().is_err());
    }

    #[test]
    fn only_what_is_here_can_go() {
        assert_eq!(State::OnShelf.withdraw(), Ok(()));
        assert_eq!(State::OnLoan.withdraw(), Err(Refusal::CopyOnLoan));
        assert_eq!(State::OnHoldShelf.withdraw(), Err(Refusal::CopySetAside));
        assert_eq!(State::OnLoan.change(State::OnShelf), Err(Refusal::CopyStateContradicted));
        assert_eq!(State::OnShelf.change(State::OnLoan), Err(Refusal::CopyStateContradicted));
        assert_eq!(State::Lost.change(State::OnShelf), Ok(Change::Find));
        assert_eq!(State::OnLoan.change(State::Lost), Ok(Change::Lose));
        assert_eq!(State::Lost.change(State::Lost), Ok(Change::None));
    }

    #[test]
    fn a_barcode_is_visible_ascii() {
        assert!("A-1".parse::<Barcode>().is_ok());
        for misfit in ["", "a b", "é", &"1".repeat(65), "a\n"] {
            assert!(misfit.parse::<Barcode>().is_err(), "{misfit}");
        }
    }
}
