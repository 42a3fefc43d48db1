//! The suite, put together: all roles in one process, or one role alone; and the operator's commands.

mod books;
mod check;
pub mod cli;
mod descriptors;
mod operator;
mod roles;
mod secrets;
mod suite;

pub use operator::Operator;
pub use suite::{Suite, SuiteSettings};

use cli::{Cli, Command, ExportCommand, ImportCommand, ServeArgs};

/// Does what the command line asks for.
///
/// # Errors
/// A sentence on what is in the way.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        None => serve(ServeArgs::by_default().unwrap_or_else(|misfit| misfit.exit())).await,
        Some(Command::Serve(args)) => serve(*args).await,
        Some(Command::Admin(command)) => operator::admin(command).await,
        Some(Command::ApiKey(command)) => operator::api_key(command).await,
        Some(Command::SigningKey(command)) => operator::signing_key(command).await,
        Some(Command::Import(ImportCommand::Books(args))) => books::import(*args).await,
        Some(Command::Export(ExportCommand::Books(args))) => books::export(*args).await,
        Some(Command::Check(args)) => check::run(&args).await,
        Some(Command::Descriptors(args)) => descriptors::write(&args),
        Some(Command::Passport(args)) => operator::passport(&args),
    }
}

async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    shared::telemetry::start(&args.common.log).map_err(anyhow::Error::msg)?;
    roles::run(args).await
}
