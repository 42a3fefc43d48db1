//! Times, as the surface prints and reads them.

use jiff::{civil::Date, tz::TimeZone};
use shared::Timestamp;

/// A time as the contract prints it.
pub fn iso(at: prost_types::Timestamp) -> String {
    Timestamp::from(at).iso_millis()
}

/// A time in ISO 8601: a date-time that says how far from UTC it is, or a date, which means its midnight in UTC, as it does to
/// ECMAScript.
pub fn instant(text: &str) -> Option<Timestamp> {
    let at = match text.len() {
        10 => text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp(),
        _ => text.parse::<jiff::Timestamp>().ok()?,
    };
    Some(Timestamp::from_micros(at.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        instant(text).map(Timestamp::iso_millis)
    }

    #[test]
    fn a_date_time_says_its_offset_and_a_date_is_its_midnight() {
        for (text, at) in [
            ("2026-03-20T18:30:00Z", "2026-03-20T18:30:00.000Z"),
            ("2026-03-20T18:30:00.1239Z", "2026-03-20T18:30:00.123Z"),
            ("2026-03-20T18:30:00+01:00", "2026-03-20T17:30:00.000Z"),
            ("2026-03-20T18:30+01:00", "2026-03-20T17:30:00.000Z"),
            ("2024-02-29", "2024-02-29T00:00:00.000Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(at), "{text}");
        }
        for text in [
            "",
            "x",
            "2026",
            "2026-03",
            "2026-02-29",
            "2026-13-01",
            "20/03/2026",
            "2026-03-20T18:30:00",
            "1774000000",
            "2026-03-20T25:00:00Z",
            "2026-03-20T18:30:00+25:99",
            "demain",
            "2026-03-20T18:30:00Z x",
            "99999-01-01",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
