//! Who was not let in, logged seldom: a stranger who comes again and again must not fill the log.

use std::{
    io,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// How often a line is written, at most.
const SELDOM: Duration = Duration::from_secs(10);

/// What was logged last, and how many were not.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<(Option<Instant>, u64)>);

impl Refusals {
    /// Somebody was not let in.
    pub(crate) fn add(&self, peer: SocketAddr, error: &io::Error) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, unsaid) = &mut *state;
        if last.is_some_and(|last| last.elapsed() < SELDOM) {
            *unsaid += 1;
            return;
        }
        *last = Some(Instant::now());
        let before = std::mem::take(unsaid);
        tracing::warn!(peer = %peer.ip(), %error, before, "somebody without a good certificate was not let in");
    }
}
