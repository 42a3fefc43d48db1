//! The bounds of the time of creation: `start_at`, `end_at`, `period`.

use jiff::{Span, Zoned, civil::DateTime, tz::TimeZone};
use shared::Timestamp;

/// As an address has them; empty when it does not.
#[derive(Clone, Copy, Default)]
pub struct Bounds<'a> {
    pub start: &'a str,
    pub end: &'a str,
    pub period: &'a str,
}

impl Bounds<'_> {
    /// From when, and before when.
    ///
    /// A period begins at `start_at` or ends at `end_at`; with neither it lasts until now, with both it says nothing. What is
    /// malformed or beyond the calendar is no bound.
    pub fn times(self, now: Timestamp, zone: &TimeZone) -> (Option<Timestamp>, Option<Timestamp>) {
        let Ok(now) = jiff::Timestamp::from_microsecond(now.micros()) else { return (None, None) };
        let now = now.to_zoned(zone.clone());
        let (start, end) = (instant(self.start, &now), instant(self.end, &now));
        let (start, end) = match (period(self.period), start, end) {
            (Some(period), Some(start), None) => (Some(start.clone()), start.checked_add(period).ok()),
            (Some(period), None, Some(end)) => (end.checked_sub(period).ok(), Some(end)),
            (Some(period), None, None) => (now.checked_sub(period).ok(), None),
            (_, start, end) => (start, end),
        };
        (start.and_then(exact), end.and_then(exact))
    }
}

/// A time of the years 1 to 9999: others no neighbour can read.
fn exact(at: Zoned) -> Option<Timestamp> {
    (at.year() > 0).then(|| Timestamp::from_micros(at.timestamp().as_microsecond()))
}

/// `today`, a date, or a date-time; without an offset they are of the zone of `now`.
fn instant(text: &str, now: &Zoned) -> Option<Zoned> {
    if text == "today" {
        return now.start_of_day().ok();
    }
    // An unescaped plus has become a blank.
    let text = if text.contains('T') { text.replace(' ', "+") } else { text.to_owned() };
    let zone = now.time_zone().clone();
    match text.parse::<jiff::Timestamp>() {
        Ok(at) => Some(at.to_zoned(zone)),
        Err(_) => text.parse::<DateTime>().ok()?.to_zoned(zone).ok(),
    }
}

/// `<n>d`, `<n>w`, `<n>m` or `<n>y`.
fn period(text: &str) -> Option<Span> {
    let (at, unit) = text.char_indices().next_back()?;
    let (number, _) = text.split_at_checked(at)?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Longer than any calendar, but still in the type.
    let number = number.parse().unwrap_or(i64::MAX);
    let span = match unit {
        'd' => Span::new().try_days(number),
        'w' => Span::new().try_weeks(number),
        'm' => Span::new().try_months(number),
        'y' => Span::new().try_years(number),
        _ => return None,
    };
    span.ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `from` and `before`, as seen half an hour before the midnight of UTC.
    fn times(start: &str, end: &str, period: &str) -> (String, String) {
        let now = "2026-03-20T23:30:00Z".parse::<jiff::Timestamp>().unwrap();
        let zone = TimeZone::get("Africa/Tunis").unwrap();
        let bounds = Bounds { start, end, period };
        let (from, before) = bounds.times(Timestamp::from_micros(now.as_microsecond()), &zone);
        let shown = |at: Option<Timestamp>| at.map(Timestamp::iso_millis).unwrap_or_default();
        (shown(from), shown(before))
    }

    #[test]
    fn a_bound_is_a_day_a_time_or_today_where_the_gateway_is() {
        for (text, at) in [
            ("2026-03-01", "2026-02-28T23:00:00.000Z"),
            ("2026-03-01T12:00:00", "2026-03-01T11:00:00.000Z"),
            ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000Z"),
            ("2026-03-01T12:00:00.5-02:00", "2026-03-01T14:00:00.500Z"),
            ("2026-03-01T12:00:00 02:00", "2026-03-01T10:00:00.000Z"),
            // There it is the 21st already.
            ("today", "2026-03-20T23:00:00.000Z"),
            ("", ""),
            ("tomorrow", ""),
            ("2026-02-30", ""),
            ("-005000-01-01", ""),
            ("0000-06-01", ""),
            ("99999-01-01", ""),
            ("2026-13-01T00:00:00Z", ""),
        ] {
            assert_eq!(times(text, "", ""), (at.to_owned(), String::new()), "{text}");
            assert_eq!(times("", text, ""), (String::new(), at.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_period_hangs_on_the_one_bound_or_on_now() {
        for (start, end, period, from, before) in [
            ("", "", "1d", "2026-03-19T23:30:00.000Z", ""),
            ("", "", "2w", "2026-03-06T23:30:00.000Z", ""),
            ("", "", "1m", "2026-02-20T23:30:00.000Z", ""),
            ("", "", "1y", "2025-03-20T23:30:00.000Z", ""),
            ("2026-01-01T00:00:00Z", "", "1d", "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"),
            ("", "2026-01-02T00:00:00Z", "1d", "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"),
            (
                "2026-01-01T00:00:00Z",
                "2026-01-05T00:00:00Z",
                "1d",
                "2026-01-01T00:00:00.000Z",
                "2026-01-05T00:00:00.000Z",
            ),
            ("", "", "99999999999999999999y", "", ""),
            ("", "", "9000y", "", ""),
            ("", "", "d", "", ""),
            ("", "", "1", "", ""),
            ("", "", "-1d", "", ""),
            ("", "", "1é", "", ""),
        ] {
            assert_eq!(times(start, end, period), (from.to_owned(), before.to_owned()), "{start} {end} {period}");
        }
    }

    proptest! {
        #[test]
        fn no_bound_is_too_odd(start: String, end: String, period in "[0-9]{0,30}[dwmyx]?") {
            times(&start, &end, &period);
        }
    }
}
