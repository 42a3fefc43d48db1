//! Logs: one line an event, with the request's id.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Starts logging to standard error. `filter` is a level (`info`) or directives (`info,gateway=debug`), in the syntax of
/// tracing-subscriber's `EnvFilter`.
///
/// # Errors
/// A sentence when `filter` cannot be read or logging is on already.
pub fn start(filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("the log filter is not understood: {error}"))?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        // A log that cannot be written, on a full disk for example, would be complained of by a panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    subscriber.try_init().map_err(|error| format!("logging cannot start: {error}"))?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Where it was, and not what it said: that may hold anything, a secret too.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, "panicked");
}
