//! Percentiles.

use std::time::Duration;

/// How long each request took, from when it should have been sent to the end of its answer.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    sorted: Vec<Duration>,
    failed: usize,
}

impl Latencies {
    /// Of requests; `None` is one that failed.
    pub fn of(took: impl IntoIterator<Item = Option<Duration>>) -> Self {
        let all: Vec<Option<Duration>> = took.into_iter().collect();
        let failed = all.iter().filter(|took| took.is_none()).count();
        let mut sorted: Vec<Duration> = all.into_iter().flatten().collect();
        sorted.sort_unstable();
        Self { sorted, failed }
    }

    /// What `percent` of the requests took at most; zero when there were none.
    pub fn percentile(&self, percent: usize) -> Duration {
        let at = (self.sorted.len() * percent).div_ceil(100).saturating_sub(1);
        self.sorted.get(at).copied().unwrap_or_default()
    }

    /// The same in milliseconds.
    pub fn millis(&self, percent: usize) -> f64 {
        self.percentile(percent).as_secs_f64() * 1000.0
    }

    /// How many were answered.
    pub const fn answered(&self) -> usize {
        self.sorted.len()
    }

    /// How many failed.
    pub const fn failed(&self) -> usize {
        self.failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_time_within_which_so_many_were_answered() {
        let latencies = Latencies::of((1..=200).rev().map(|millis| Some(Duration::from_millis(millis))).chain([None]));

        assert_eq!(latencies.percentile(50), Duration::from_millis(100));
        assert_eq!(latencies.percentile(99), Duration::from_millis(198));
        assert_eq!(latencies.percentile(100), Duration::from_millis(200));
        assert_eq!((latencies.answered(), latencies.failed()), (200, 1));
        assert_eq!(Latencies::default().percentile(99), Duration::ZERO);
    }
}
