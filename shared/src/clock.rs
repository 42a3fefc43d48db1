//! Time: a point in it, and where a role gets it from.

use std::{
    ops::{Add, Sub},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

/// A point in time, exact to a microsecond: what both databases can keep.
///
/// Stored as `TIMESTAMPTZ` on PostgreSQL and as an integer of microseconds on SQLite, where the driver's own text form
/// would not sort (`…00.5Z` comes before `…00Z`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

const MILLIS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

impl Timestamp {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// ISO 8601 in UTC with milliseconds: `2023-10-30T02:06:04.217Z`.
    pub fn iso_millis(self) -> String {
        self.to_date_time().format(MILLIS).unwrap_or_default()
    }

    pub(crate) fn to_date_time(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    pub(crate) fn from_date_time(at: OffsetDateTime) -> Self {
        Self(i64::try_from(at.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl From<Timestamp> for prost_types::Timestamp {
    fn from(at: Timestamp) -> Self {
        let nanos = at.0.rem_euclid(1_000_000) * 1000;
        Self { seconds: at.seconds(), nanos: i32::try_from(nanos).unwrap_or(0) }
    }
}

impl From<prost_types::Timestamp> for Timestamp {
    fn from(at: prost_types::Timestamp) -> Self {
        Self(at.seconds.saturating_mul(1_000_000).saturating_add(i64::from(at.nanos) / 1000))
    }
}

/// Where a role gets the time from: the machine, or a test's hand.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The machine's clock.
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `start` until its [`Hand`] moves it.
    pub fn manual(start: Timestamp) -> (Self, Hand) {
        let micros = Arc::new(AtomicI64::new(start.micros()));
        (Self(Some(Arc::clone(&micros))), Hand(micros))
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Some(micros) => Timestamp(micros.load(Ordering::SeqCst)),
            None => machine_time(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
fn machine_time() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}

/// Moves a manual [`Clock`].
#[derive(Clone, Debug)]
pub struct Hand(Arc<AtomicI64>);

impl Hand {
    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Sets the clock.
    pub fn set(&self, to: Timestamp) {
        self.0.store(to.micros(), Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_prints_with_milliseconds_and_goes_through_protobuf_unchanged() {
        let at = Timestamp::from_micros(1_698_631_564_217_123);

        assert_eq!(at.iso_millis(), "2023-10-30T02:06:04.217Z");
        assert_eq!(Timestamp::from(prost_types::Timestamp::from(at)), at);
    }

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let (clock, hand) = Clock::manual(Timestamp::from_micros(5));

        hand.advance(Duration::from_micros(7));

        assert_eq!(clock.now(), Timestamp::from_micros(12));
        assert_eq!(clock.now().since(Timestamp::from_micros(20)), Duration::ZERO);
    }
}
