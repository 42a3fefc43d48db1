//! The suite, put together: all roles in one process, or one role alone; and the operator's commands.

mod backup;
mod books;
pub mod certs;
mod check;
pub mod cli;
mod databases;
pub mod deployment;
mod descriptors;
pub mod health;
mod migrate;
mod operator;
mod restore;
mod roles;
mod secrets;
mod suite;

pub use operator::Operator;
pub use suite::{Suite, SuiteSettings};

use mimalloc::MiMalloc;

use cli::{Cli, Command, ExportCommand, ImportCommand, ServeArgs, ServedRole};
use shared::telemetry::Telemetry;

/// A request takes and gives back hundreds of small pieces of memory, on more threads than one: the system's allocator spent a
/// fifth of a small request's time on them.
#[global_allocator]
static MEMORY: MiMalloc = MiMalloc;

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
        Some(Command::Backup(args)) => backup::run(&args).await,
        Some(Command::Restore(args)) => restore::run(&args).await,
        Some(Command::Migrate(args)) => migrate::run(&args).await,
        Some(Command::Descriptors(args)) => descriptors::write(&args),
        Some(Command::Passport(args)) => operator::passport(&args),
        Some(Command::Health(args)) => health::run(&args).await,
        Some(Command::Certs(args)) => certs::run(&args),
        Some(Command::Secrets(args)) => deployment::run(&args),
    }
}

async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let telemetry = Telemetry::start(&args.common.log, &args.telemetry, ServedRole::service(args.role));
    let telemetry = telemetry.await.map_err(anyhow::Error::msg)?;
    let outcome = roles::run(args).await;
    telemetry.end().await;
    outcome
}
