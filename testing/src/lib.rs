//! What our integration tests share: an empty database for each test, and a PostgreSQL that dies with the test process.
//!
//! Nothing is mocked and nothing is left behind. `BIBLIOTIQUE_TEST_POSTGRES` says what happens to the PostgreSQL half:
//!
//! | value | PostgreSQL is there | it is not |
//! |---|---|---|
//! | `auto` (default) | tests run | tests are skipped, and one line on stderr says so |
//! | `required` | tests run | tests fail |
//! | `off` | tests are skipped | tests are skipped |
//!
//! "There" means `initdb` and `postgres` are installed: each test process starts a private cluster and removes it.
//! With `BIBLIOTIQUE_TEST_POSTGRES_URL` databases are created in that running server instead; a [`Cluster`] is always private.
//!
//! Everything is made where temporary files go. Where `TMPDIR` is in memory, a database is there many times sooner.

mod account;
mod cluster;
mod database;
mod installed;
mod on_both;
mod server;
pub mod suite;
mod surfaces;
mod watchdog;
mod wire;

pub use cluster::Cluster;
pub use database::{Database, Kind, postgres, sqlite};
pub use suite::TestSuite;
pub use surfaces::SURFACES;
pub use wire::Wire;
