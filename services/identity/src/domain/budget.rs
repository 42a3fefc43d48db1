//! How often a password may be guessed wrong: one budget for each account, over sign-in and all changes.

use std::time::Duration;

use shared::Timestamp;

use super::Refusal;

/// This many failures within [`WINDOW`] lock an account for a while, and every further one for longer.
const FREE: i64 = 10;

/// In which the free failures are counted: from the first one on, so that two windows may touch.
const WINDOW: Duration = Duration::from_secs(600);

/// The first delay; every further failure doubles it.
const FIRST_DELAY: Duration = Duration::from_secs(60);

/// The longest delay.
const LONGEST_DELAY: Duration = Duration::from_secs(3600);

/// This many failures in a row and only an admin can lift the lock (NIST SP 800-63B-4, 3.2.2).
const MOST: i64 = 100;

/// Failures since the last right password. Every attempt counts as one before it is looked at, and is forgiven when it was
/// right: so guesses at the same time cannot get past the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Since the last right password.
    pub in_a_row: i64,
    /// Since `window_start`.
    pub in_window: i64,
    /// When the current window began.
    pub window_start: Option<Timestamp>,
    /// No attempt is let through before.
    pub locked_until: Option<Timestamp>,
}

impl Budget {
    /// The budget after one more attempt.
    ///
    /// # Errors
    /// [`Refusal::TooManyAttempts`]: the attempt must not even be looked at.
    pub fn spend(self, now: Timestamp) -> Result<Self, Refusal> {
        if self.in_a_row >= MOST {
            return Err(Refusal::TooManyAttempts { retry_after: None });
        }
        if let Some(until) = self.locked_until.filter(|until| *until > now) {
            return Err(Refusal::TooManyAttempts { retry_after: Some(until.since(now)) });
        }
        let same_window = self.window_start.filter(|start| now.since(*start) < WINDOW);
        let in_window = if same_window.is_some() { self.in_window + 1 } else { 1 };
        let in_a_row = self.in_a_row + 1;
        let is_locked = in_window >= FREE || self.locked_until.is_some();
        let locked_until = is_locked.then(|| now + delay(in_a_row));
        Ok(Self { in_a_row, in_window, window_start: same_window.or(Some(now)), locked_until })
    }

    /// Whether this attempt was the last one for a while.
    pub const fn is_locked(self) -> bool {
        self.locked_until.is_some() || self.in_a_row >= MOST
    }
}

/// 1, 2, 4 … minutes from the tenth failure in a row on, at most an hour.
fn delay(in_a_row: i64) -> Duration {
    let doublings = u32::try_from((in_a_row - FREE).clamp(0, 16)).unwrap_or(0);
    FIRST_DELAY.saturating_mul(1 << doublings).min(LONGEST_DELAY)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOON: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn spent(times: i64) -> Budget {
        (0..times).fold(Budget::default(), |budget, _| budget.spend(NOON).unwrap())
    }

    #[test]
    fn ten_failures_in_ten_minutes_lock_for_a_minute_then_for_longer() {
        let after = |seconds| NOON + Duration::from_secs(seconds);
        let wait = |seconds| Err(Refusal::TooManyAttempts { retry_after: Some(Duration::from_secs(seconds)) });

        assert!(!spent(9).is_locked());
        assert_eq!(spent(10).spend(NOON), wait(60));
        let eleventh = spent(10).spend(after(60)).unwrap();
        assert_eq!(eleventh.spend(after(60)), wait(120));
        assert_eq!(eleventh.spend(after(180)).unwrap().spend(after(180)), wait(240));
        assert_eq!(eleventh.spend(after(86_400)).unwrap().spend(after(86_400)), wait(240));
    }

    #[test]
    fn failures_spread_over_more_than_ten_minutes_do_not_lock() {
        let fifteen_later = spent(9).spend(NOON + WINDOW).unwrap();

        assert!(!fifteen_later.is_locked());
        assert_eq!((fifteen_later.in_a_row, fifteen_later.in_window), (10, 1));
    }

    #[test]
    fn after_a_hundred_failures_only_an_admin_helps() {
        let spent = Budget { in_a_row: 100, ..Budget::default() };

        let refusal = spent.spend(NOON + Duration::from_secs(10_000_000));
        assert_eq!(refusal, Err(Refusal::TooManyAttempts { retry_after: None }));
    }

    proptest! {
        #[test]
        fn whatever_the_timing_no_more_than_two_windows_of_ten_touch_and_a_hundred_get_through_in_all(
            gaps in prop::collection::vec(0_u64..1200, 1..400),
        ) {
            let (mut budget, mut now, mut let_through) = (Budget::default(), NOON, Vec::new());
            for gap in gaps {
                now = now + Duration::from_secs(gap);
                if let Ok(spent) = budget.spend(now) {
                    budget = spent;
                    let_through.push(now);
                }
            }

            prop_assert!(let_through.len() <= 100);
            for (at, time) in let_through.iter().enumerate() {
                let within = let_through[at..].iter().filter(|later| later.since(*time) < WINDOW).count();
                prop_assert!(within <= 20, "{within} within ten minutes");
            }
        }
    }
}
