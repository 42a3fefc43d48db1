//! Books in and out of files, through catalog's streams.

mod export;
mod import;
mod report;

pub use export::export;
pub use import::import;
