//! When the operator is told that a certificate ends: in time, and again every day until there is another one.

use std::time::Duration;

use tokio::time::Instant;

/// How long before its end a certificate is told of, in seconds.
const EARLY: i64 = 30 * 24 * 3600;

/// From one time that it is said to the next: one line alone is lost among those of a month.
const AGAIN: Duration = Duration::from_secs(24 * 3600);

/// What was said last, and when.
#[derive(Debug, Default)]
pub(super) struct Notice(Option<(&'static str, Instant)>);

impl Notice {
    /// What there is to say now of a certificate that is good for so many seconds more. Whoever asks says it.
    pub(super) fn due(&mut self, left: i64, now: Instant) -> Option<&'static str> {
        let words = match left {
            EARLY.. => return None,
            1.. => "the certificate expires within thirty days",
            _ => "the certificate has expired",
        };
        let was_said = self.0.is_some_and(|(said, last)| said == words && now.saturating_duration_since(last) < AGAIN);
        if was_said {
            return None;
        }
        self.0 = Some((words, now));
        Some(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600;

    #[test]
    fn it_is_said_every_day_from_thirty_days_before_the_end() {
        let (mut notice, now) = (Notice::default(), Instant::now());
        let hours = |hours: u64| now + Duration::from_secs(hours * 3600);

        assert_eq!(notice.due(31 * DAY, now), None);
        assert_eq!(notice.due(29 * DAY, now), Some("the certificate expires within thirty days"));
        assert_eq!([1, 23].map(|at| notice.due(29 * DAY, hours(at))), [None; 2], "a few hours later");
        assert_eq!(notice.due(28 * DAY, hours(24)), Some("the certificate expires within thirty days"));
        assert_eq!(notice.due(28 * DAY, hours(47)), None);
        assert_eq!(notice.due(0, hours(47)), Some("the certificate has expired"), "that is news");
        assert_eq!(notice.due(-1, hours(48)), None);
    }

    #[test]
    fn nothing_is_said_of_its_successor() {
        let (mut notice, now) = (Notice::default(), Instant::now());
        assert!(notice.due(DAY, now).is_some());

        assert_eq!(notice.due(365 * DAY, now + 2 * AGAIN), None);
    }
}
