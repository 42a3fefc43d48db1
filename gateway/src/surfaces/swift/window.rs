//! The limit of 100 requests in a fixed window of 600 seconds for each client address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use shared::Timestamp;

use crate::client::Client;

/// Requests in a window.
pub const LIMIT: u32 = 100;

/// How long a window lasts, from its first request.
const LENGTH: Duration = Duration::from_secs(600);

/// Addresses that are remembered. Beyond that, windows that have passed are forgotten, and then all: the failure budget of
/// the accounts still stands.
const ADDRESSES: usize = 100_000;

/// An address' window, after a request was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    start: Timestamp,
    hits: u32,
}

impl Window {
    /// Whether this request is one too many.
    pub const fn is_over(self) -> bool {
        self.hits > LIMIT
    }

    /// Requests that are left.
    pub const fn remaining(self) -> u32 {
        LIMIT.saturating_sub(self.hits)
    }

    /// When the next window may begin.
    pub fn end(self) -> Timestamp {
        self.start + LENGTH
    }

    /// The window after a request at `now`.
    fn hit(self, now: Timestamp) -> Self {
        if now < self.end() { Self { hits: self.hits.saturating_add(1), ..self } } else { Self { start: now, hits: 1 } }
    }
}

/// The windows of all addresses.
#[derive(Default)]
pub struct Windows(Mutex<HashMap<IpAddr, Window>>);

impl Windows {
    /// Counts a request.
    pub fn hit(&self, client: Client, now: Timestamp) -> Window {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= ADDRESSES {
            windows.retain(|_, window| now < window.end());
        }
        if windows.len() >= ADDRESSES {
            windows.clear();
        }
        let window = windows.entry(client.network()).or_insert(Window { start: now, hits: 0 });
        *window = window.hit(now);
        *window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hundred_and_first_request_in_ten_minutes_is_one_too_many() {
        let (windows, peer, now) =
            (Windows::default(), Client::elsewhere(IpAddr::from([127, 0, 0, 1])), Timestamp::from_micros(0));
        let hundredth = (0..100).map(|_| windows.hit(peer, now)).last().unwrap();

        assert!(!hundredth.is_over());
        assert_eq!(hundredth.remaining(), 0);
        assert!(windows.hit(peer, now).is_over());
        assert!(!windows.hit(Client::elsewhere(IpAddr::from([127, 0, 0, 2])), now).is_over());
        assert_eq!(windows.hit(peer, now + LENGTH).remaining(), 99);
    }
}
