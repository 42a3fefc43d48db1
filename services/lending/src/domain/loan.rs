//! Loans: what may become of one.

use shared::Timestamp;

use super::{BookId, CopyId, LoanId, PatronId, Refusal, account::Standing, policy::Policy};

/// A copy that a patron has, or had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loan {
    /// Never changes.
    pub id: LoanId,
    /// Whose it is; `None` when it is returned and nobody's any more.
    pub patron: Option<PatronId>,
    /// Of which book.
    pub book: BookId,
    /// Which copy.
    pub copy: CopyId,
    /// Since when.
    pub borrowed: Timestamp,
    /// Until when.
    pub due: Timestamp,
    /// When it ended.
    pub returned: Option<Timestamp>,
    /// How often it was renewed.
    pub renewals: u32,
    /// Whether it ended because the copy was lost.
    pub lost: bool,
}

/// How a loan stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Out, and not past its due time.
    Open,
    /// Out, and past it.
    Overdue,
    /// Ended.
    Returned,
}

/// What an admin changes of a loan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Until when.
    pub due: Option<Timestamp>,
    /// How it stands: a return, or what it is already.
    pub state: Option<State>,
}

impl Loan {
    /// How it stands at `now`: from the clock, never from a job that runs at night.
    pub fn state(&self, now: Timestamp) -> State {
        match self.returned {
            Some(_) => State::Returned,
            None if self.due < now => State::Overdue,
            None => State::Open,
        }
    }

    /// Ended, once.
    ///
    /// # Errors
    /// [`Refusal::LoanReturned`]
    pub fn end(&self, now: Timestamp) -> Result<Self, Refusal> {
        self.must_be_out()?;
        // A clock that went back must not make it end before it began.
        Ok(Self { returned: Some(now.max(self.borrowed)), ..self.clone() })
    }

    /// Ended because the copy is lost.
    ///
    /// # Errors
    /// [`Refusal::LoanReturned`]
    pub fn lose(&self, now: Timestamp) -> Result<Self, Refusal> {
        Ok(Self { lost: true, ..self.end(now)? })
    }

    /// For another period that begins now, but never for less than it had. `standing`: of whoever has it, if identity knows him;
    /// `is_awaited`: somebody waits for the book.
    ///
    /// # Errors
    /// The first of [`Refusal::LoanReturned`], [`Refusal::PatronBlocked`], [`Refusal::LoanOverdue`],
    /// [`Refusal::RenewalLimitReached`], [`Refusal::BookAwaited`]
    pub fn renew(
        &self,
        standing: Option<&Standing>,
        policy: &Policy,
        is_awaited: bool,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        match self.state(now) {
            State::Returned => Err(Refusal::LoanReturned),
            State::Open | State::Overdue if !standing.is_some_and(|standing| standing.active) => {
                Err(Refusal::PatronBlocked)
            }
            State::Overdue => Err(Refusal::LoanOverdue),
            State::Open if self.renewals >= policy.renewal_limit.get() => Err(Refusal::RenewalLimitReached),
            State::Open if is_awaited => Err(Refusal::BookAwaited),
            State::Open => {
                let due = self.due.max(now + policy.loan_days.duration());
                Ok(Self { due, renewals: self.renewals + 1, ..self.clone() })
            }
        }
    }

    /// With an admin's changes.
    ///
    /// # Errors
    /// [`Refusal::LoanReturned`], [`Refusal::DueTimeTooEarly`], [`Refusal::LoanStateContradicted`]
    pub fn change(&self, changes: Changes, now: Timestamp) -> Result<Self, Refusal> {
        let mut changed = self.clone();
        if let Some(due) = changes.due {
            self.must_be_out()?;
            if due < self.borrowed {
                return Err(Refusal::DueTimeTooEarly);
            }
            changed.due = due;
        }
        match changes.state {
            None => Ok(changed),
            Some(State::Returned) => changed.end(now),
            Some(state) if state == changed.state(now) => Ok(changed),
            Some(_) => Err(Refusal::LoanStateContradicted),
        }
    }

    fn must_be_out(&self) -> Result<(), Refusal> {
        if self.returned.is_none() { Ok(()) } else { Err(Refusal::LoanReturned) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use shared::Id;

    use super::*;
    use crate::domain::policy::Category;

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn id<T: From<Id>>() -> T {
        Id::new(NOW, [0; 5]).into()
    }

    fn loan(due: Timestamp) -> Loan {
        let (borrowed, returned) = (NOW, None);
        Loan { id: id(), patron: Some(id()), book: id(), copy: id(), borrowed, due, returned, renewals: 0, lost: false }
    }

    fn active() -> Standing {
        Standing { active: true, category: Category::everybody() }
    }

    fn days(days: u64) -> Duration {
        Duration::from_secs(days * 24 * 3600)
    }

    #[test]
    fn a_loan_is_overdue_past_its_due_time_and_not_at_it() {
        let loan = loan(NOW + days(14));

        assert_eq!(loan.state(NOW + days(14)), State::Open);
        assert_eq!(loan.state(NOW + days(14) + Duration::from_micros(1)), State::Overdue);
        assert_eq!(loan.end(NOW + days(20)).unwrap().state(NOW + days(21)), State::Returned);
    }

    #[test]
    fn a_loan_ends_once() {
        let ended = loan(NOW + days(14)).end(NOW + days(1)).unwrap();

        assert_eq!(ended.returned, Some(NOW + days(1)));
        assert_eq!(ended.end(NOW + days(2)), Err(Refusal::LoanReturned));
        assert_eq!(ended.lose(NOW + days(2)), Err(Refusal::LoanReturned));
        assert_eq!(ended.renew(Some(&active()), &Policy::default(), false, NOW + days(2)), Err(Refusal::LoanReturned));
    }

    #[test]
    fn a_loan_is_renewed_as_often_as_the_policy_says_and_not_while_somebody_waits() {
        let policy = Policy::default();
        let first = loan(NOW + days(14));
        let second = first.renew(Some(&active()), &policy, false, NOW + days(10)).unwrap();
        let third = second.renew(Some(&active()), &policy, false, NOW + days(20)).unwrap();

        assert_eq!((second.due, second.renewals), (NOW + days(24), 1));
        assert_eq!((third.due, third.renewals), (NOW + days(34), 2));
        assert_eq!(third.renew(Some(&active()), &policy, false, NOW + days(30)), Err(Refusal::RenewalLimitReached));
        assert_eq!(first.renew(Some(&active()), &policy, true, NOW), Err(Refusal::BookAwaited));
        assert_eq!(first.renew(Some(&active()), &policy, false, NOW + days(15)), Err(Refusal::LoanOverdue));
    }

    #[test]
    fn who_is_blocked_renews_nothing_and_that_a_loan_has_ended_is_said_first() {
        let (open, policy) = (loan(NOW + days(14)), Policy::default());
        let blocked = Standing { active: false, ..active() };

        for standing in [Some(&blocked), None] {
            assert_eq!(open.renew(standing, &policy, false, NOW), Err(Refusal::PatronBlocked));
            assert_eq!(open.end(NOW).unwrap().renew(standing, &policy, false, NOW), Err(Refusal::LoanReturned));
        }
    }

    #[test]
    fn a_state_that_contradicts_the_facts_is_refused() {
        let open = loan(NOW + days(14));
        let to = |state| Changes { state: Some(state), ..Changes::default() };
        let ended = open.end(NOW).unwrap();

        assert_eq!(open.change(to(State::Open), NOW), Ok(open.clone()));
        assert_eq!(open.change(to(State::Overdue), NOW), Err(Refusal::LoanStateContradicted));
        assert_eq!(open.change(to(State::Returned), NOW), Ok(ended.clone()));
        assert_eq!(ended.change(to(State::Open), NOW), Err(Refusal::LoanStateContradicted));
        assert_eq!(ended.change(to(State::Returned), NOW), Err(Refusal::LoanReturned));
        let past = Changes { due: Some(NOW), state: Some(State::Overdue) };
        assert_eq!(open.change(past, NOW + days(1)).unwrap().due, NOW);
    }

    proptest! {
        #[test]
        fn a_renewal_never_shortens_a_loan(due in 0_u64..400, at in 0_u64..400, awaited: bool) {
            let loan = loan(NOW + days(due));

            if let Ok(renewed) = loan.renew(Some(&active()), &Policy::default(), awaited, NOW + days(at)) {
                prop_assert!(renewed.due >= loan.due && renewed.renewals == 1 && !awaited && at <= due);
            }
        }

        #[test]
        fn a_loan_never_ends_before_it_began(at in -10_i64..10) {
            let ended = loan(NOW + days(14)).end(Timestamp::from_micros(NOW.micros() + at)).unwrap();

            prop_assert!(ended.returned.unwrap() >= ended.borrowed);
        }
    }
}
