//! What the benchmarks share: a suite in a process of its own, requests at a steady rate, percentiles, a table.

mod latencies;
mod probe;
mod served;
mod table;

pub use latencies::Latencies;
pub use probe::probe;
pub use served::{Served, serve_if_asked};
pub use table::Table;
