//! The one binary.

use std::process::ExitCode;

use bibliotique::cli::Cli;
use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    match bibliotique::run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bibliotique: {error:#}");
            ExitCode::FAILURE
        }
    }
}
