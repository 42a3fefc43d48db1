//! What a patron may borrow and hold.

use shared::Timestamp;

use super::{
    BookId, HoldId, LoanId, PatronId, Refusal,
    hold::{Hold, Progress},
    loan::Loan,
    policy::{Category, Policy},
    shelf::{Queue, Shelf},
};

/// What identity says of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether it may use the place.
    pub active: bool,
    /// Whose policy holds for it.
    pub category: Category,
}

impl Standing {
    /// Of an account of this kind; none of a program, which is no patron.
    pub fn of(active: bool, category: Category) -> Option<Self> {
        (category.as_str() != "application").then_some(Self { active, category })
    }
}

/// What a patron has here. `standing` is `None` when identity knows no such account, or it is no patron's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Whose it is.
    pub patron: PatronId,
    /// See [`Standing`].
    pub standing: Option<Standing>,
    /// Closed for good.
    pub closed: bool,
    /// How many loans are out.
    pub open_loans: i64,
    /// When the first of them is due.
    pub first_due: Option<Timestamp>,
    /// How many holds wait or have a copy set aside.
    pub open_holds: i64,
}

impl Account {
    /// The loan of what is on the shelf.
    ///
    /// # Errors
    /// The first of [`Self::obstacles`].
    pub fn borrow(
        &self,
        book: BookId,
        shelf: &Shelf,
        id: LoanId,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Loan, Refusal> {
        let obstacles = self.obstacles(shelf, policy, now);
        match (obstacles.first(), shelf) {
            (Some(first), _) => Err(*first),
            (None, Shelf::Copy { copy, .. }) => Ok(Loan {
                id,
                patron: Some(self.patron),
                book,
                copy: *copy,
                borrowed: now,
                due: now + policy.loan_days.duration(),
                returned: None,
                renewals: 0,
                lost: false,
            }),
            (None, Shelf::Unknown | Shelf::Empty | Shelf::Kept) => Err(Refusal::BookNotAvailable),
        }
    }

    /// Everything that is in the way of borrowing, the weightiest first. Of somebody or something that does not exist,
    /// that alone.
    pub fn obstacles(&self, shelf: &Shelf, policy: &Policy, now: Timestamp) -> Vec<Refusal> {
        let Some(standing) = self.standing.as_ref().filter(|_| !self.closed) else {
            return vec![Refusal::PatronNotFound];
        };
        if *shelf == Shelf::Unknown {
            return vec![Refusal::BookNotFound];
        }
        let is_overdue = self.first_due.is_some_and(|due| due < now);
        let obstacles = [
            (!standing.active, Refusal::PatronBlocked),
            (self.open_loans >= i64::from(policy.loan_limit.get()), Refusal::LoanLimitReached),
            (is_overdue && !policy.borrow_while_overdue, Refusal::PatronHasOverdueLoans),
            (*shelf == Shelf::Empty, Refusal::BookNotAvailable),
            (*shelf == Shelf::Kept, Refusal::CopyNotAvailable),
        ];
        obstacles.into_iter().filter_map(|(is_there, refusal)| is_there.then_some(refusal)).collect()
    }

    /// A place in the queue for a book, behind everybody.
    ///
    /// # Errors
    /// The first of [`Refusal::PatronNotFound`], [`Refusal::BookNotFound`], [`Refusal::PatronBlocked`], [`Refusal::HoldExists`],
    /// [`Refusal::HoldLimitReached`]
    pub fn hold(
        &self,
        book: BookId,
        queue: Queue,
        id: HoldId,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Hold, Refusal> {
        let standing = self.standing.as_ref().filter(|_| !self.closed).ok_or(Refusal::PatronNotFound)?;
        if queue == Queue::Unknown {
            return Err(Refusal::BookNotFound);
        }
        if !standing.active {
            return Err(Refusal::PatronBlocked);
        }
        if queue == Queue::With {
            return Err(Refusal::HoldExists);
        }
        if self.open_holds >= i64::from(policy.hold_limit.get()) {
            return Err(Refusal::HoldLimitReached);
        }
        let progress = Progress::Waiting { position: 0 };
        Ok(Hold { id, patron: Some(self.patron), book, placed: now, progress })
    }

    /// Whether he may be closed for good.
    ///
    /// # Errors
    /// [`Refusal::PatronHasLoans`]
    pub const fn may_close(&self) -> Result<(), Refusal> {
        if self.open_loans == 0 { Ok(()) } else { Err(Refusal::PatronHasLoans) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use shared::Id;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn id<T: From<Id>>() -> T {
        Id::new(NOW, [0; 5]).into()
    }

    fn account(open_loans: i64) -> Account {
        let standing = Some(Standing { active: true, category: Category::everybody() });
        Account { patron: id(), standing, closed: false, open_loans, first_due: None, open_holds: 0 }
    }

    fn copy() -> Shelf {
        Shelf::Copy { copy: id(), hold: None }
    }

    fn borrow(account: &Account, shelf: Shelf) -> Result<Loan, Refusal> {
        account.borrow(id(), &shelf, id(), &Policy::default(), NOW)
    }

    #[test]
    fn a_program_is_no_patron() {
        for (category, is_patron) in [("child", true), ("client", true), ("", true), ("application", false)] {
            assert_eq!(Standing::of(true, category.parse().unwrap()).is_some(), is_patron, "{category}");
        }
    }

    #[test]
    fn a_full_account_may_not_borrow() {
        assert!(borrow(&account(4), copy()).is_ok());
        assert_eq!(borrow(&account(5), copy()), Err(Refusal::LoanLimitReached));
    }

    #[test]
    fn nobody_borrows_while_something_is_overdue_unless_the_policy_lets_him() {
        let late = Account { first_due: Some(NOW - Duration::from_secs(1)), ..account(1) };
        let lenient = Policy { borrow_while_overdue: true, ..Policy::default() };

        assert_eq!(borrow(&late, copy()), Err(Refusal::PatronHasOverdueLoans));
        assert!(late.borrow(id(), &copy(), id(), &lenient, NOW).is_ok());
        assert!(borrow(&Account { first_due: Some(NOW), ..account(1) }, copy()).is_ok());
    }

    #[test]
    fn all_that_is_in_the_way_is_said_at_once() {
        let standing = Some(Standing { active: false, category: Category::everybody() });
        let late = Account { standing, first_due: Some(NOW - Duration::from_secs(1)), ..account(5) };

        assert_eq!(
            late.obstacles(&Shelf::Empty, &Policy::default(), NOW),
            [
                Refusal::PatronBlocked,
                Refusal::LoanLimitReached,
                Refusal::PatronHasOverdueLoans,
                Refusal::BookNotAvailable
            ]
        );
    }

    #[test]
    fn who_or_what_is_not_there_is_all_that_is_said() {
        let gone = Account { standing: None, ..account(5) };
        let closed = Account { closed: true, ..account(5) };

        assert_eq!(gone.obstacles(&Shelf::Empty, &Policy::default(), NOW), [Refusal::PatronNotFound]);
        assert_eq!(closed.obstacles(&Shelf::Empty, &Policy::default(), NOW), [Refusal::PatronNotFound]);
        assert_eq!(account(5).obstacles(&Shelf::Unknown, &Policy::default(), NOW), [Refusal::BookNotFound]);
    }

    #[test]
    fn somebody_waits_once_for_a_book_and_for_no_more_books_than_he_may() {
        let hold = |account: &Account, queue| account.hold(id(), queue, id(), &Policy::default(), NOW);

        assert!(hold(&account(0), Queue::Without).is_ok());
        assert_eq!(hold(&account(0), Queue::With), Err(Refusal::HoldExists));
        let gone = Account { standing: None, ..account(0) };
        assert_eq!(hold(&account(0), Queue::Unknown), Err(Refusal::BookNotFound));
        assert_eq!(hold(&gone, Queue::Unknown), Err(Refusal::PatronNotFound));
        assert_eq!(hold(&Account { open_holds: 10, ..account(0) }, Queue::Without), Err(Refusal::HoldLimitReached));
    }

    proptest! {
        #[test]
        fn a_loan_is_made_just_when_nothing_is_in_the_way(
            open in 0_i64..10, limit in 0_i64..10, late: bool, lenient: bool, active: bool, closed: bool, there: bool,
        ) {
            let first_due = Some(if late { NOW - Duration::from_secs(1) } else { NOW }).filter(|_| open > 0);
            let standing = Some(Standing { active, category: Category::everybody() });
            let account = Account { standing, closed, first_due, ..account(open) };
            let policy =
                Policy { loan_limit: limit.try_into().unwrap(), borrow_while_overdue: lenient, ..Policy::default() };
            let shelf = if there { copy() } else { Shelf::Empty };

            let loan = account.borrow(id(), &shelf, id(), &policy, NOW);

            prop_assert_eq!(loan.as_ref().err().copied(), account.obstacles(&shelf, &policy, NOW).first().copied());
            if let Ok(loan) = loan {
                prop_assert!(active && !closed && there && open < limit && (lenient || !late || open == 0));
                prop_assert_eq!(loan.due, NOW + policy.loan_days.duration());
            }
        }
    }
}
