//! Logs: one line an event, with the request's id and its trace. And what else tells an operator how a role is.

mod json;
mod lines;

use std::io::IsTerminal as _;

use clap::{Args, ValueEnum};
use tracing_subscriber::{EnvFilter, Layer, Registry, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::{
    metrics::{MetricsArgs, Port},
    trace::{Export, TraceArgs},
};
use json::Json;
use lines::Lines;
pub use lines::Plain;

/// What a role tells of itself, and to whom.
#[derive(Args, Clone, Debug)]
pub struct TelemetryArgs {
    /// How log lines are written.
    #[arg(long, env = "BIBLIOTIQUE_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// See [`MetricsArgs`].
    #[command(flatten)]
    pub metrics: MetricsArgs,

    /// See [`TraceArgs`].
    #[command(flatten)]
    pub trace: TraceArgs,
}

/// How log lines are written.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// A JSON object each, for programs.
    Json,
}

/// What is told, as long as this is there.
pub struct Telemetry {
    metrics: Option<Port>,
    traces: Option<Export>,
}

impl Telemetry {
    /// Starts logging to standard error and, where that is asked for, opens the port of figures and exports traces. `filter` is a
    /// level (`info`) or directives (`info,gateway=debug`), in the syntax of tracing-subscriber's `EnvFilter`; `service` is what
    /// traces say that they are of.
    ///
    /// # Errors
    /// A sentence on what cannot be understood or is in the way.
    pub async fn start(filter: &str, args: &TelemetryArgs, service: &str) -> Result<Self, String> {
        log(filter, args.log_format)?;
        let metrics = Port::open(args.metrics).await?;
        Ok(Self { metrics, traces: Export::start(&args.trace, service)? })
    }

    /// Tells the last of it, within a few seconds.
    pub async fn end(self) {
        if let Some(traces) = self.traces {
            traces.end().await;
        }
        if let Some(metrics) = self.metrics {
            metrics.close().await;
        }
    }
}

fn log(filter: &str, format: LogFormat) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("the log filter is not understood: {error}"))?;
    let subscriber = tracing_subscriber::registry().with(layer(format)).with(filter);
    subscriber.try_init().map_err(|error| format!("logging cannot start: {error}"))?;
    std::panic::set_hook(Box::new(note_panic));
    Ok(())
}

fn layer(format: LogFormat) -> Box<dyn Layer<Registry> + Send + Sync> {
    let coloured = std::io::stderr().is_terminal();
    match format {
        LogFormat::Json => Box::new(Json(std::io::stderr)),
        LogFormat::Text => Box::new(
            tracing_subscriber::fmt::layer()
                .with_ansi(coloured)
                // A log that cannot be written, on a full disk for example, would be complained of by a panic.
                .log_internal_errors(false)
                .with_writer(move || Lines { coloured, to: std::io::stderr() }),
        ),
    }
}

/// Where it was, and not what it said: that may hold anything, a secret too.
fn note_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    metrics::counter!("bibliotique_panics_total").increment(1);
    tracing::error!(place, "panicked");
}
