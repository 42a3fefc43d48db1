//! What the benchmarks share: a suite in processes of its own, books for it, requests at a steady rate, percentiles, a table.

mod books;
mod database;
mod latencies;
mod load;
mod probe;
pub mod process;
mod random;
mod served;
mod table;

pub use books::{Book, Books, Question};
pub use database::Database;
pub use latencies::Latencies;
pub use load::load;
pub use probe::probe;
pub use random::Random;
pub use served::{ADMIN, Addresses, Data, Served, free_address, serve_if_asked};
pub use table::Table;
