//! gRPC calls in figures, on the side that serves and on the side that asks.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Instant,
};

use metrics::{Counter, Gauge, Histogram, Label, counter, gauge, histogram};

use super::{Figure, counter_of, gauge_of, seconds_of, since};

/// What is said of calls.
pub(super) const FIGURES: [Figure; 6] = [
    counter_of("bibliotique_grpc_server_calls_total", "Calls that were answered; of a stream, its beginning."),
    seconds_of("bibliotique_grpc_server_call_duration_seconds", "How long calls took; of a stream, its beginning."),
    gauge_of("bibliotique_grpc_server_calls_in_flight", "Calls that are being answered."),
    counter_of("bibliotique_grpc_client_calls_total", "Calls to another role, tries counted as one."),
    seconds_of("bibliotique_grpc_client_call_duration_seconds", "How long calls to another role took, all tries."),
    gauge_of("bibliotique_grpc_client_calls_in_flight", "Calls to another role that are not answered yet."),
];

/// The names of the codes 0 to 16.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// The calls of one side. A call costs a look into a table and a few additions: what is found by names is found once.
pub struct Calls {
    side: Side,
    seen: RwLock<HashMap<Box<str>, Arc<Rpc>>>,
}

enum Side {
    Serves,
    Asks(&'static str),
}

struct Rpc {
    calls: &'static str,
    labels: Vec<Label>,
    duration: Histogram,
    in_flight: Gauge,
    codes: [OnceLock<Counter>; CODES.len()],
}

/// A call that is not answered yet. Dropped before, nobody waited for the answer: CANCELLED.
pub struct Running {
    rpc: Arc<Rpc>,
    began: Instant,
    code: usize,
}

impl Calls {
    /// Of a service.
    pub fn served() -> Self {
        Self { side: Side::Serves, seen: RwLock::default() }
    }

    /// To the service `target`.
    pub fn to(target: &'static str) -> Self {
        Self { side: Side::Asks(target), seen: RwLock::default() }
    }

    /// A call of an rpc, by its path. Whoever calls sees to it that there are not more paths than rpcs.
    pub fn begin(&self, path: &str) -> Running {
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner).get(path).map(Arc::clone);
        let rpc = seen.unwrap_or_else(|| {
            let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(seen.entry(path.into()).or_insert_with(|| Arc::new(Rpc::new(&self.side, path))))
        });
        rpc.in_flight.increment(1.0);
        Running { rpc, began: Instant::now(), code: 1 }
    }
}

impl Rpc {
    fn new(side: &Side, path: &str) -> Self {
        let (service, method) = path.trim_start_matches('/').split_once('/').unwrap_or((path, path));
        let mut labels = vec![Label::new("service", service.to_owned()), Label::new("method", method.to_owned())];
        let (calls, duration, in_flight) = match side {
            Side::Serves => (
                "bibliotique_grpc_server_calls_total",
                "bibliotique_grpc_server_call_duration_seconds",
                gauge!("bibliotique_grpc_server_calls_in_flight", "service" => service.to_owned()),
            ),
            Side::Asks(target) => {
                labels.push(Label::new("target", *target));
                (
                    "bibliotique_grpc_client_calls_total",
                    "bibliotique_grpc_client_call_duration_seconds",
                    gauge!("bibliotique_grpc_client_calls_in_flight", "target" => *target),
                )
            }
        };
        let duration = histogram!(duration, labels.clone());
        Self { calls, labels, duration, in_flight, codes: [const { OnceLock::new() }; CODES.len()] }
    }
}

impl Running {
    /// It is answered, with a code as in `grpc-status`.
    pub fn end(mut self, code: &str) {
        self.code = code.parse().ok().filter(|code| *code < CODES.len()).unwrap_or(2);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.rpc.in_flight.decrement(1.0);
        self.rpc.duration.record(since(self.began));
        let (Some(counter), Some(name)) = (self.rpc.codes.get(self.code), CODES.get(self.code)) else { return };
        let of_code = || {
            let labels = [self.rpc.labels.as_slice(), &[Label::new("code", *name)]].concat();
            counter!(self.rpc.calls, labels)
        };
        counter.get_or_init(of_code).increment(1);
    }
}
