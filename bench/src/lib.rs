//! The figures that bibliotique promises, measured against yardsticks in the same run; and what it takes to measure them: a suite in
//! processes of its own, books for it, requests as fast as they are answered or at a steady rate, percentiles, a table.

mod books;
mod data;
mod database;
pub mod flood;
mod generator;
pub mod import;
mod latencies;
pub mod lending;
mod load;
pub mod one_book;
mod probe;
pub mod process;
mod random;
mod ratio;
pub mod school;
pub mod search;
mod served;
mod settled;
mod several;
pub mod suite;
mod table;
mod wire;
mod yardstick;

use books::{Books, Question};
use data::{Addresses, Data, free_address};
use database::Database;
use latencies::Latencies;
use load::load;
use probe::probe;
use random::Random;
use ratio::{Goal, Ratio, median};
use served::{Roles, Served, serve_if_asked};
use several::Several;
use table::Table;
