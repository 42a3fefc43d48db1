//! Policies: how much, how long, how often.

use std::{str::FromStr, time::Duration};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What patrons of a category may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Open loans at once.
    pub loan_limit: Limit,
    /// Of a loan and of a renewal.
    pub loan_days: Days,
    /// Of a loan.
    pub renewal_limit: Limit,
    /// Open holds at once.
    pub hold_limit: Limit,
    /// For which a copy is set aside.
    pub hold_days: Days,
    /// Whether somebody with an overdue loan may borrow.
    pub borrow_while_overdue: bool,
}

/// What is to change; `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of Policy")]
pub struct Changes {
    pub loan_limit: Option<Limit>,
    pub loan_days: Option<Days>,
    pub renewal_limit: Option<Limit>,
    pub hold_limit: Option<Limit>,
    pub hold_days: Option<Days>,
    pub borrow_while_overdue: Option<bool>,
}

impl Policy {
    /// The policy with `changes`.
    #[must_use]
    pub fn change(self, changes: &Changes) -> Self {
        Self {
            loan_limit: changes.loan_limit.unwrap_or(self.loan_limit),
            loan_days: changes.loan_days.unwrap_or(self.loan_days),
            renewal_limit: changes.renewal_limit.unwrap_or(self.renewal_limit),
            hold_limit: changes.hold_limit.unwrap_or(self.hold_limit),
            hold_days: changes.hold_days.unwrap_or(self.hold_days),
            borrow_while_overdue: changes.borrow_while_overdue.unwrap_or(self.borrow_while_overdue),
        }
    }
}

impl Default for Policy {
    /// Five loans of fourteen days, none while one is overdue.
    fn default() -> Self {
        Self {
            loan_limit: Limit(5),
            loan_days: Days(14),
            renewal_limit: Limit(2),
            hold_limit: Limit(10),
            hold_days: Days(7),
            borrow_while_overdue: false,
        }
    }
}

/// How many at most: 0 to 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limit(u32);

impl Limit {
    /// As a number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<i64> for Limit {
    type Error = &'static str;

    fn try_from(limit: i64) -> Result<Self, &'static str> {
        let limit = u32::try_from(limit).ok().filter(|limit| *limit <= 10_000);
        limit.map(Self).ok_or("must be a whole number from 0 to 10000")
    }
}

/// Days: 1 to 3650.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Days(u32);

impl Days {
    /// As a number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// So many times 24 hours.
    pub const fn duration(self) -> Duration {
        DAY.saturating_mul(self.0)
    }
}

impl TryFrom<i64> for Days {
    type Error = &'static str;

    fn try_from(days: i64) -> Result<Self, &'static str> {
        let days = u32::try_from(days).ok().filter(|days| (1..=3650).contains(days));
        days.map(Self).ok_or("must be a whole number of days from 1 to 3650")
    }
}

impl FromStr for Limit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        text.parse().unwrap_or(-1_i64).try_into()
    }
}

impl FromStr for Days {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        text.parse().unwrap_or(-1_i64).try_into()
    }
}

/// Whom a policy is for: a role, as of identity, in lower-case letters; or everybody whose category has none of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category(String);

impl Category {
    /// Everybody's.
    pub const fn everybody() -> Self {
        Self(String::new())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Category {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let fits = text.len() <= 50 && text.bytes().all(|byte| byte.is_ascii_lowercase());
        if fits { Ok(Self(text.to_owned())) } else { Err("must be at most 50 lower-case letters") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_days_have_bounds() {
        assert!(Limit::try_from(0).is_ok() && Limit::try_from(10_000).is_ok());
        assert!(Limit::try_from(-1).is_err() && Limit::try_from(10_001).is_err());
        assert!(Days::try_from(1).is_ok() && Days::try_from(3650).is_ok());
        assert!(Days::try_from(0).is_err() && Days::try_from(3651).is_err());
        assert!("x".parse::<Limit>().is_err() && "7".parse::<Days>().is_ok());
    }

    #[test]
    fn what_is_not_named_stays() {
        let changes = Changes { loan_days: Days::try_from(21).ok(), ..Changes::default() };

        assert_eq!(Policy::default().change(&changes), Policy { loan_days: Days(21), ..Policy::default() });
    }
}
