//! What every role of the suite does alike: settings, telemetry, servers, channels, passports, databases.

pub mod channel;
pub mod clock;
mod connections;
pub mod context;
pub mod crash;
pub mod database;
pub mod error;
pub mod feed;
pub mod file;
pub mod health;
pub mod id;
pub mod metrics;
pub mod page;
pub mod passport;
pub mod random;
pub mod replay;
mod replicas;
pub mod rpc;
pub mod secret;
pub mod server;
pub mod telemetry;
pub mod tls;
pub mod trace;
pub mod work;

pub use clock::{Clock, Timestamp};
pub use database::Db;
pub use error::Error;
pub use id::Id;
