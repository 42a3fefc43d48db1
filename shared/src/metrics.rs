//! Figures for whoever watches a role: Prometheus reads them from a port of its own, which serves nothing else.
//!
//! Without that port there is no recorder, and what is counted goes nowhere. So it is opened before anything takes a handle.

mod calls;
mod pools;
mod process;

use std::{
    net::SocketAddr,
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use axum::{Router, extract::State, http::header::CONTENT_TYPE, response::IntoResponse, routing::get};
use clap::Args;
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::{net::TcpListener, task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::server::{Limits, serve};
pub use calls::Calls;
pub use pools::watch_pools;

/// Upper bounds of histograms, in seconds. A book is read in less than the first, and nobody waits longer than the last.
const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Observations are kept one by one until they are put into their buckets: so often that they never are many.
const UPKEEP: Duration = Duration::from_secs(1);

/// Where figures are read.
#[derive(Args, Clone, Copy, Debug)]
pub struct MetricsArgs {
    /// Where Prometheus reads figures, at /metrics, like 127.0.0.1:9464; nowhere without. There is no password: not for the
    /// outside.
    #[arg(long, env = "BIBLIOTIQUE_METRICS_ADDR")]
    pub metrics_addr: Option<SocketAddr>,
}

/// A figure: what it is called, what it counts and what it means.
pub struct Figure {
    /// As of Prometheus' conventions: a unit at the end, `_total` of what only grows.
    pub name: &'static str,
    /// What it does.
    pub kind: Kind,
    /// A sentence.
    pub help: &'static str,
}

/// What a figure does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Seconds, in buckets.
    Seconds,
}

/// What every role has.
const FIGURES: [Figure; 7] = [
    gauge_of("bibliotique_build_info", "1, with the version as a label."),
    gauge_of("bibliotique_start_seconds", "How long it took from the start of the process until it was ready."),
    gauge_of("bibliotique_ready", "1 while a role can do its work, otherwise 0."),
    gauge_of(
        "bibliotique_certificate_expires_seconds",
        "How long the certificate that the process shows to others is good for; below 0 when it has expired.",
    ),
    counter_of("bibliotique_trace_spans_lost_total", "Spans that the collector of traces did not take."),
    counter_of("bibliotique_work_rounds_total", "Rounds of work that nobody asked for, by what came of them."),
    counter_of("bibliotique_panics_total", "Failures of ours that ended a request or a round of work."),
];

/// What only grows.
pub const fn counter_of(name: &'static str, help: &'static str) -> Figure {
    Figure { name, kind: Kind::Counter, help }
}

/// What goes up and down.
pub const fn gauge_of(name: &'static str, help: &'static str) -> Figure {
    Figure { name, kind: Kind::Gauge, help }
}

/// Seconds, in buckets.
pub const fn seconds_of(name: &'static str, help: &'static str) -> Figure {
    Figure { name, kind: Kind::Seconds, help }
}

/// Says what figures mean.
pub fn describe(figures: &[Figure]) {
    for Figure { name, kind, help } in figures {
        match kind {
            Kind::Counter => describe_counter!(*name, *help),
            Kind::Gauge => describe_gauge!(*name, *help),
            Kind::Seconds => describe_histogram!(*name, Unit::Seconds, *help),
        }
    }
}

type Look = Box<dyn Fn() + Send>;

/// What is looked at when somebody reads the figures; there from the moment on in which they can be read.
static LOOKS: OnceLock<Mutex<Vec<Look>>> = OnceLock::new();

/// Whether anybody can read the figures.
pub fn are_read() -> bool {
    LOOKS.get().is_some()
}

/// Sets gauges each time the figures are read, if they are: `look` must be quick and wait for nothing.
pub fn when_read(look: impl Fn() + Send + 'static) {
    if let Some(looks) = LOOKS.get() {
        looks.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(look));
    }
}

/// The port, as long as it is open.
pub struct Port {
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Port {
    /// Opens it, if that is asked for.
    ///
    /// # Errors
    /// A sentence on what is in the way.
    pub async fn open(args: MetricsArgs) -> Result<Option<Self>, String> {
        let Some(address) = args.metrics_addr else { return Ok(None) };
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|error| format!("cannot listen on {address} for metrics: {error}"))?;
        let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).map_err(|error| error.to_string())?;
        let figures = builder.install_recorder().map_err(|error| format!("nothing can be measured: {error}"))?;
        LOOKS.set(Mutex::default()).map_err(|_| "the figures are read already".to_owned())?;
        describe(&FIGURES);
        describe(&calls::FIGURES);
        describe(&pools::FIGURES);
        gauge!("bibliotique_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        metrics::counter!("bibliotique_panics_total").absolute(0);

        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned(keep_small(figures.clone())));
        let app = Router::new().route("/metrics", get(read)).with_state(figures);
        // Whoever reads the figures does so alone, every few seconds; at the end nobody waits for him.
        let limits = Limits { connections: 16, grace: Duration::from_millis(500), ..Limits::default() };
        let serving = tokio::spawn(serve(listener, app, limits, stop.clone()));
        Ok(Some(Self { stop, serving }))
    }

    /// Closes it.
    pub async fn close(self) {
        self.stop.cancel();
        // It only fails when the runtime ends, and then it is closed.
        let _closed = self.serving.await;
    }
}

/// To be called when the role is ready: says how long that took.
pub fn ready() {
    if let Some(seconds) = process::age().filter(|_| are_read()) {
        gauge!("bibliotique_start_seconds").set(seconds);
    }
}

async fn keep_small(figures: PrometheusHandle) {
    loop {
        sleep(UPKEEP).await;
        figures.run_upkeep();
    }
}

async fn read(State(figures): State<PrometheusHandle>) -> impl IntoResponse {
    if let Some(looks) = LOOKS.get() {
        looks.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|look| look());
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], figures.render() + &process::figures())
}

/// Seconds since `began`, for a histogram.
pub fn since(began: Instant) -> f64 {
    began.elapsed().as_secs_f64()
}
