//! The one binary.

use std::process::ExitCode;

use bibliotique::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    match bibliotique::run(Cli::read()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bibliotique: {error:#}");
            ExitCode::FAILURE
        }
    }
}
