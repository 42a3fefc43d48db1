//! The limit of 100 requests in a fixed window of 600 seconds for each client address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use shared::Timestamp;

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
    pub fn hit(&self, peer: IpAddr, now: Timestamp) -> Window {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= ADDRESSES {
            windows.retain(|_, window| now < window.end());
        }
        if windows.len() >= ADDRESSES {
            windows.clear();
        }
        let window = windows.entry(network(peer)).or_insert(Window { start: now, hits: 0 });
        *window = window.hit(now);
        *window
    }
}

/// One subscriber has a whole /64 of IPv6 addresses.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hundred_and_first_request_in_ten_minutes_is_one_too_many() {
        let (windows, peer, now) = (Windows::default(), IpAddr::from([127, 0, 0, 1]), Timestamp::from_micros(0));
        let hundredth = (0..100).map(|_| windows.hit(peer, now)).last().unwrap();

        assert!(!hundredth.is_over());
        assert_eq!(hundredth.remaining(), 0);
        assert!(windows.hit(peer, now).is_over());
        assert!(!windows.hit(IpAddr::from([127, 0, 0, 2]), now).is_over());
        assert_eq!(windows.hit(peer, now + LENGTH).remaining(), 99);
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_a_window() {
        let at = |text: &str| network(text.parse().unwrap());

        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:127.0.0.1"), at("127.0.0.1"));
    }
}
