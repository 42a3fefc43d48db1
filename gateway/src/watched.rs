//! A request as those see it who watch: a line in the log, figures, a span.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Instant,
};

use axum::{
    extract::{MatchedPath, Request},
    http::{Method, StatusCode},
};
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use shared::{
    metrics::{Figure, counter_of, describe, gauge_of, seconds_of},
    telemetry::Plain,
    trace::{Sender, Span, Trace},
};

use crate::{probes, surfaces::Surface};

const FIGURES: [Figure; 4] = [
    counter_of(
        "bibliotique_http_requests_total",
        "Requests, by the class of their status; `none`: nobody waited for it.",
    ),
    seconds_of("bibliotique_http_request_duration_seconds", "How long requests took until their answer began."),
    gauge_of("bibliotique_http_requests_in_flight", "Requests that are being answered."),
    counter_of("bibliotique_http_limited_total", "Requests refused with 429: too many in a time, or wrong passwords."),
];

/// How a status is counted.
const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// What stands for a route where none was found. A client may invent paths, and each would be a figure of its own.
const NO_ROUTE: &str = "other";

/// All operations that were asked for.
pub struct Operations {
    seen: RwLock<HashMap<(Surface, &'static str), Routes>>,
    in_flight: Gauge,
}

/// The operations of a surface and a method, by their routes.
type Routes = HashMap<Box<str>, Arc<Operation>>;

/// A method and a route of a surface.
struct Operation {
    surface: Surface,
    method: &'static str,
    route: Box<str>,
    duration: Histogram,
    classes: [OnceLock<Counter>; CLASSES.len()],
    limited: OnceLock<Counter>,
}

/// A request that is being answered. Dropped before it is, nobody waited for the answer.
pub struct Watched {
    operation: Arc<Operation>,
    in_flight: Gauge,
    method: Method,
    path: String,
    began: Instant,
    status: Option<StatusCode>,
    span: Span,
}

impl Operations {
    /// None was asked for yet.
    pub fn new() -> Self {
        describe(&FIGURES);
        Self { seen: RwLock::default(), in_flight: gauge!("bibliotique_http_requests_in_flight") }
    }

    /// Watches a request.
    pub fn watch(&self, surface: Surface, request: &Request) -> Watched {
        let route = request.extensions().get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str);
        let operation = self.operation(surface, known(request.method()), route);
        // What is asked every second by whoever looks after us is in no trace.
        let span = if probes::PATHS.contains(&route) { Span::none() } else { operation.span(request) };
        self.in_flight.increment(1.0);
        Watched {
            operation,
            in_flight: self.in_flight.clone(),
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            began: Instant::now(),
            status: None,
            span,
        }
    }

    /// Found by its names once, and then in a table.
    fn operation(&self, surface: Surface, method: &'static str, route: &str) -> Arc<Operation> {
        let key = (surface, method);
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(operation) = seen.get(&key).and_then(|routes| routes.get(route)) {
            return Arc::clone(operation);
        }
        drop(seen);
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        let routes = seen.entry(key).or_default();
        let new = || Arc::new(Operation::new(surface, method, route));
        Arc::clone(routes.entry(route.into()).or_insert_with(new))
    }
}

impl Operation {
    fn new(surface: Surface, method: &'static str, route: &str) -> Self {
        let labels =
            [("surface", surface.name().to_owned()), ("method", method.to_owned()), ("route", route.to_owned())];
        let duration = histogram!("bibliotique_http_request_duration_seconds", &labels);
        let operation = Self {
            surface,
            method,
            route: route.into(),
            duration,
            classes: [const { OnceLock::new() }; CLASSES.len()],
            limited: OnceLock::new(),
        };
        // There from the beginning, so that the first one is seen as one more.
        if let Some(failures) = operation.class(5) {
            failures.increment(0);
        }
        operation.limited().increment(0);
        operation
    }

    fn class(&self, class: usize) -> Option<&Counter> {
        let (counter, name) = (self.classes.get(class)?, CLASSES.get(class)?);
        Some(counter.get_or_init(|| {
            let (surface, route) = (self.surface.name(), self.route.to_string());
            counter!(
                "bibliotique_http_requests_total",
                "surface" => surface, "method" => self.method, "route" => route, "status" => *name
            )
        }))
    }

    fn limited(&self) -> &Counter {
        self.limited.get_or_init(|| counter!("bibliotique_http_limited_total", "surface" => self.surface.name()))
    }

    /// Whoever asks is a stranger: his trace is gone on with, and whether it is recorded is ours to say.
    fn span(&self, request: &Request) -> Span {
        let has_route = &*self.route != NO_ROUTE;
        let method = if self.method == "_OTHER" { "HTTP" } else { self.method };
        let name = || if has_route { format!("{method} {}", self.route) } else { method.to_owned() };
        let mut span = Span::serving(Sender::Stranger(Trace::from_headers(request.headers())), name);
        span.set("http.request.method", self.method);
        if has_route {
            span.set("http.route", self.route.to_string());
        }
        span
    }
}

impl Watched {
    /// Where in a trace it is.
    pub fn here(&self) -> Option<Trace> {
        self.span.here()
    }

    /// It is answered.
    pub fn answered(mut self, status: StatusCode) {
        self.status = Some(status);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let (took, status) = (self.began.elapsed(), self.status.map(|status| status.as_u16()));
        self.in_flight.decrement(1.0);
        self.operation.duration.record(took.as_secs_f64());
        if let Some(counter) = self.operation.class(usize::from(status.unwrap_or(0) / 100)) {
            counter.increment(1);
        }
        if self.status == Some(StatusCode::TOO_MANY_REQUESTS) {
            self.operation.limited().increment(1);
        }
        if let Some(status) = status {
            self.span.set("http.response.status_code", i64::from(status));
        }
        if status.is_none_or(|status| status >= 500) {
            self.span.fail();
        }
        // No query: it may hold what is nobody's business.
        tracing::info!(
            surface = %self.operation.surface.name(),
            method = %Plain(self.method.as_str()),
            route = %self.operation.route,
            path = %Plain(&self.path),
            status,
            took_ms = f64::from(u32::try_from(took.as_micros()).unwrap_or(u32::MAX)) / 1000.0,
            "{}", if status.is_some() { "answered" } else { "nobody waited for the answer" },
        );
    }
}

/// A method by its name, as long as it is one of those that there are (RFC 9110 and RFC 5789).
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    KNOWN.into_iter().find(|known| method.as_str() == *known).unwrap_or("_OTHER")
}
