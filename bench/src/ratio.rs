//! What a figure ought to be, and whether it is.

use std::fmt;

/// What a figure ought to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
    /// Less than this.
    Below(f64),
}

/// A figure to a yardstick of the same run.
#[derive(Clone, Debug)]
pub struct Ratio {
    /// Of what to what.
    pub of: String,
    /// The figure.
    pub value: f64,
    /// What it ought to be.
    pub goal: Goal,
    /// The two figures that it is made of.
    pub told: String,
}

impl Goal {
    /// Whether a figure is what it ought to be. One that could not be had is not.
    pub fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
            Self::Below(most) => value < most,
        }
    }

    /// The goal, and whether a figure meets it.
    pub fn told(self, value: f64) -> String {
        let verdict = if self.is_met_by(value) { "met" } else { "**missed**" };
        format!("{self}: {verdict}")
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "≥ {least}"),
            Self::AtMost(most) => write!(f, "≤ {most}"),
            Self::Below(most) => write!(f, "< {most}"),
        }
    }
}

/// The middle one; of an even number the upper of the two.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_at_its_bound_but_not_below_one_that_excludes_it() {
        assert!(Goal::AtLeast(0.5).is_met_by(0.5) && !Goal::AtLeast(0.5).is_met_by(0.49));
        assert!(Goal::AtMost(2.0).is_met_by(2.0) && !Goal::AtMost(2.0).is_met_by(2.01));
        assert!(Goal::Below(60.0).is_met_by(59.9) && !Goal::Below(60.0).is_met_by(60.0));
        assert!(!Goal::AtLeast(0.5).is_met_by(f64::NAN) && !Goal::AtMost(0.5).is_met_by(f64::NAN));
        assert_eq!(Goal::AtMost(1.2).told(1.3), "≤ 1.2: **missed**");
    }

    #[test]
    fn a_median_is_the_middle_one() {
        assert!((median(vec![9.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
    }
}
