//! What travels with a request through all roles: its id, the time that is left for it, and where in a trace it is.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use http::HeaderMap;
use tokio::time::Instant;

use crate::trace::Trace;

/// The header, in HTTP and in gRPC metadata.
pub const REQUEST_ID: &str = "x-request-id";

/// Names one request in the answer's header and in the log lines of all roles.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// A new one.
    pub fn fresh() -> Self {
        Self(hex::encode(crate::random::bytes::<12>()).into())
    }

    /// The one that the sender chose, if it is 1 to 128 letters, digits, `.`, `_` or `-`: it goes into logs.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(REQUEST_ID)?.to_str().ok()?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        ((1..=128).contains(&text.len()) && text.bytes().all(plain)).then(|| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A request's id and deadline, and where in a trace its work is, if in one.
#[derive(Clone)]
pub struct Context {
    /// See [`RequestId`].
    pub request_id: RequestId,
    /// When nobody waits for the answer any more.
    pub deadline: Instant,
    /// A neighbour was away, as often as it was asked.
    given_up: Arc<AtomicBool>,
    /// See [`Trace`].
    pub trace: Option<Trace>,
}

tokio::task_local! {
    static CURRENT: Context;
}

impl Context {
    /// A request that starts now and has `budget` to be answered.
    pub fn new(request_id: RequestId, budget: Duration) -> Self {
        Self { request_id, deadline: Instant::now() + budget, given_up: Arc::default(), trace: None }
    }

    /// Here in a trace.
    #[must_use]
    pub fn in_trace(self, trace: Option<Trace>) -> Self {
        Self { trace, ..self }
    }

    /// The same request, with no more than `budget` left.
    #[must_use]
    pub fn within(self, budget: Duration) -> Self {
        Self { deadline: self.deadline.min(Instant::now() + budget), ..self }
    }

    /// The request that this task works for; a new one with ten seconds if it works for none.
    pub fn current() -> Self {
        CURRENT.try_with(Self::clone).unwrap_or_else(|_| Self::new(RequestId::fresh(), Duration::from_secs(10)))
    }

    /// Runs `work` for this request.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    /// To be told when a neighbour was away as often as it was asked: whoever asked for this would have it asked as often again.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    /// Whether it was told.
    pub fn has_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    /// How long is left.
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_plain_short_request_id_is_taken_from_the_sender() {
        let taken = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(text).unwrap());
            RequestId::from_headers(&headers).is_some()
        };

        assert!(taken("7f3a-b.c_D"));
        assert!(!taken(""));
        assert!(!taken("two words"));
        assert!(!taken(&"x".repeat(129)));
    }
}
