//! The command line: every setting a flag and a variable.

use std::{env, ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use catalog::CatalogArgs;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use gateway::GatewayArgs;
use identity::IdentityArgs;
use lending::LendingArgs;
use records::Assignment;
use shared::{
    passport::{Caller, Role},
    secret::{Secret, SecretParser, also_from_files},
    telemetry::TelemetryArgs,
    tls::TlsArgs,
};

use crate::{
    backup::BackupArgs,
    certs::CertsArgs,
    databases::DatabaseArgs,
    deployment::SecretsArgs,
    health::HealthArgs,
    migrate::{MigrateArgs, StartArgs},
    restore::RestoreArgs,
};

/// The lending platform that a small library, a school or an association starts with one command.
///
/// Without a command it serves everything, with its data in ./data.
#[derive(Parser, Debug)]
#[command(version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

impl Cli {
    /// What this process was started with: flags, variables, and files with secrets that variables name. Where that cannot be,
    /// says so and ends the process.
    pub fn read() -> Self {
        Self::try_read_from(env::args_os()).unwrap_or_else(|misfit| misfit.exit())
    }

    /// The same, with these flags.
    ///
    /// # Errors
    /// What is wrong with them, or with the environment.
    pub fn try_read_from<T: Into<OsString> + Clone>(flags: impl IntoIterator<Item = T>) -> Result<Self, clap::Error> {
        Self::from_arg_matches(&also_from_files(Self::command()).try_get_matches_from(flags)?)
    }
}

/// What to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Serve everything in this process, or one role.
    Serve(Box<ServeArgs>),
    /// Look after the admins.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Look after the keys that applications show.
    #[command(subcommand)]
    ApiKey(ApiKeyCommand),
    /// Look after the keys that sign access tokens.
    #[command(subcommand)]
    SigningKey(SigningKeyCommand),
    /// Bring something in from a file.
    #[command(subcommand)]
    Import(ImportCommand),
    /// Write something out into a file.
    #[command(subcommand)]
    Export(ExportCommand),
    /// Read the databases of a suite, stopped or running, and report what does not fit together. Exit status 1 if anything.
    Check(Box<DatabaseArgs>),
    /// Copy the databases of a suite, stopped or running, into a directory: all of one moment, without the sessions.
    Backup(Box<BackupArgs>),
    /// Bring the databases of a backup into an empty place.
    Restore(Box<RestoreArgs>),
    /// Bring the schemas of the databases up to date, as every start does, and end.
    Migrate(Box<MigrateArgs>),
    /// Write what there is over gRPC as a descriptor set (a google.protobuf.FileDescriptorSet, with comments), for example for
    /// grpcurl -protoset.
    Descriptors(DescriptorsArgs),
    /// Print a passport, good for a minute: what the gRPC services ask for in the metadata `passport`.
    Passport(PassportArgs),
    /// Ask a role whether it is ready. Exit status 1 if it is not.
    Health(HealthArgs),
    /// Make an authority, and certificates with which the roles speak TLS. What is there stays as it is.
    Certs(CertsArgs),
    /// Make all secrets of a suite on PostgreSQL, each in a file for who needs it, and certificates. What is there stays as it is.
    Secrets(SecretsArgs),
}

/// What all roles and commands need to find and trust each other.
#[derive(Args, Clone, Debug)]
pub struct CommonArgs {
    /// Where an embedded suite keeps its databases and the secrets that it makes.
    #[arg(long, env = "BIBLIOTIQUE_DATA_DIR", default_value = "data")]
    pub data_dir: PathBuf,

    /// Where identity listens; for a role apart, where it is reached (several with commas).
    #[arg(long, env = "BIBLIOTIQUE_IDENTITY_ADDR", default_value = "127.0.0.1:50051")]
    pub identity_addr: String,

    /// Where catalog listens; for a role apart, where it is reached (several with commas).
    #[arg(long, env = "BIBLIOTIQUE_CATALOG_ADDR", default_value = "127.0.0.1:50052")]
    pub catalog_addr: String,

    /// Where lending listens; for a role apart, where it is reached (several with commas).
    #[arg(long, env = "BIBLIOTIQUE_LENDING_ADDR", default_value = "127.0.0.1:50053")]
    pub lending_addr: String,

    /// Secret that the roles of a suite share, at least 32 bytes. Embedded, made once and kept in the data directory.
    #[arg(long, env = "BIBLIOTIQUE_INTERNAL_KEY", hide_env_values = true, value_parser = SecretParser::KEY)]
    pub internal_key: Option<Secret>,

    /// See [`TlsArgs`].
    #[command(flatten)]
    pub tls: TlsArgs,

    /// What is logged: a level (error, warn, info, debug, trace) or directives such as info,gateway=debug.
    #[arg(long, env = "BIBLIOTIQUE_LOG", default_value = "info")]
    pub log: String,
}

/// `bibliotique serve`.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// One role alone; without it, everything.
    pub role: Option<ServedRole>,

    /// How many hours a sign-in lasts.
    #[arg(long, env = "BIBLIOTIQUE_SESSION_HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=8760))]
    pub session_hours: u32,

    /// How many seconds to go on serving after SIGTERM while already reported as not ready, so that no new request is sent
    /// here when serving ends. Not waited for after ctrl-C.
    #[arg(long, env = "BIBLIOTIQUE_DRAIN_SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=8))]
    pub drain_seconds: u32,

    /// Whether to tell what rpcs there are to whoever asks at a gRPC port. By default only on loopback.
    #[arg(long, env = "BIBLIOTIQUE_REFLECTION", default_value = "auto")]
    pub reflection: Reflection,

    /// Whether this start migrates.
    #[command(flatten)]
    pub start: StartArgs,

    /// See [`CommonArgs`].
    #[command(flatten)]
    pub common: CommonArgs,

    /// See [`TelemetryArgs`].
    #[command(flatten)]
    pub telemetry: TelemetryArgs,

    /// See [`IdentityArgs`].
    #[command(flatten)]
    pub identity: IdentityArgs,

    /// See [`CatalogArgs`].
    #[command(flatten)]
    pub catalog: CatalogArgs,

    /// See [`LendingArgs`].
    #[command(flatten)]
    pub lending: LendingArgs,

    /// See [`GatewayArgs`].
    #[command(flatten)]
    pub gateway: GatewayArgs,
}

impl ServeArgs {
    /// What `bibliotique serve` would get from the environment.
    ///
    /// # Errors
    /// What the command line would say.
    pub fn by_default() -> Result<Self, clap::Error> {
        match Cli::try_read_from(["bibliotique", "serve"])?.command {
            Some(Command::Serve(args)) => Ok(*args),
            _ => Err(clap::Error::new(clap::error::ErrorKind::MissingSubcommand)),
        }
    }

    /// How long a session lasts.
    pub fn session(&self) -> Duration {
        Duration::from_secs(u64::from(self.session_hours) * 3600)
    }
}

/// gRPC reflection.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum Reflection {
    /// On loopback alone.
    Auto,
    /// Wherever the port is.
    On,
    /// Nowhere.
    Off,
}

impl Reflection {
    /// Whether a port tells.
    pub fn at(self, port: SocketAddr) -> bool {
        match self {
            Self::Auto => port.ip().is_loopback(),
            Self::On => true,
            Self::Off => false,
        }
    }
}

/// A role that can be served alone.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedRole {
    /// Who may come in.
    Identity,
    /// What exists.
    Catalog,
    /// What is out.
    Lending,
    /// The HTTP door.
    Gateway,
}

impl ServedRole {
    /// What traces say that they are of; of all roles in one process, `bibliotique`.
    pub const fn service(role: Option<Self>) -> &'static str {
        match role {
            None => "bibliotique",
            Some(Self::Identity) => "bibliotique-identity",
            Some(Self::Catalog) => "bibliotique-catalog",
            Some(Self::Lending) => "bibliotique-lending",
            Some(Self::Gateway) => "bibliotique-gateway",
        }
    }
}

/// What an operator's command needs to find the suite, or to open an embedded one that does not run.
#[derive(Args, Clone, Debug)]
pub struct OperatorArgs {
    /// See [`CommonArgs`].
    #[command(flatten)]
    pub common: CommonArgs,

    /// See [`IdentityArgs`].
    #[command(flatten)]
    pub identity: IdentityArgs,
}

/// `bibliotique admin`.
#[derive(Subcommand, Debug)]
pub enum AdminCommand {
    /// Make an admin. Asks for a password; without a terminal, makes one and prints it, once.
    Create {
        /// What he signs in with.
        #[arg(long)]
        email: String,
        /// What he is called.
        #[arg(long, default_value = "Admin")]
        name: String,
        /// See [`OperatorArgs`].
        #[command(flatten)]
        operator: Box<OperatorArgs>,
    },
}

/// `bibliotique api-key`.
#[derive(Subcommand, Debug)]
pub enum ApiKeyCommand {
    /// Make a key and print it, once.
    Create {
        /// Which application it is for.
        #[arg(long)]
        name: String,
        /// See [`OperatorArgs`].
        #[command(flatten)]
        operator: Box<OperatorArgs>,
    },
}

/// `bibliotique signing-key`.
#[derive(Subcommand, Debug)]
pub enum SigningKeyCommand {
    /// Sign with a new key from now on; tokens of the old one stay good until they expire.
    Rotate {
        /// See [`OperatorArgs`].
        #[command(flatten)]
        operator: Box<OperatorArgs>,
    },
}

/// `bibliotique import`.
#[derive(Subcommand, Debug)]
pub enum ImportCommand {
    /// Books from CSV, MARC 21 or UNIMARC (ISO 2709), or MARCXML.
    ///
    /// A record is the book that has its ISBN; without an ISBN, the book without one that has its title, author and year.
    /// What became of every record stands in a report, a CSV file that can be corrected and imported again: of it only what
    /// was refused is read. Interrupted and run again, an import neither loses nor doubles a book.
    Books(Box<ImportBooksArgs>),
}

/// `bibliotique import books`.
#[derive(Args, Clone, Debug)]
pub struct ImportBooksArgs {
    /// The file.
    pub file: PathBuf,

    /// What the file is, where its beginning does not show.
    #[arg(long)]
    pub format: Option<FileFormat>,

    /// What a column of a CSV file holds, such as `title=Name of the book`; as often as needed. Other columns are guessed from
    /// their headings.
    #[arg(long = "map", value_name = "FIELD=COLUMN")]
    pub map: Vec<Assignment>,

    /// What to do with a record whose book is there already.
    #[arg(long, default_value = "skip")]
    pub on_match: MatchedBook,

    /// How many copies a new book gets where the file does not say.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=9999))]
    pub copies: u16,

    /// Only say what would become of the records.
    #[arg(long)]
    pub dry_run: bool,

    /// Where to write the report; by default FILE.report.csv.
    #[arg(long)]
    pub report: Option<PathBuf>,

    /// See [`CatalogOperatorArgs`].
    #[command(flatten)]
    pub operator: CatalogOperatorArgs,
}

/// A format of a file of books.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// A heading line and a line for each book.
    Csv,
    /// MARC 21 or UNIMARC in ISO 2709.
    Marc,
    /// MARC 21 or UNIMARC in XML.
    Marcxml,
}

/// What to do with a record whose book is there already.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum MatchedBook {
    /// Leave the book as it is.
    Skip,
    /// Let the book take what the record says; what the record leaves empty stays.
    Update,
    /// Add the record's copies to the book's. The same file, unchanged, adds them once in 30 days; what was refused is
    /// corrected in the report, not in the file.
    Add,
}

/// `bibliotique export`.
#[derive(Subcommand, Debug)]
pub enum ExportCommand {
    /// All books, as CSV or MARCXML.
    Books(Box<ExportBooksArgs>),
}

/// `bibliotique export books`.
#[derive(Args, Clone, Debug)]
pub struct ExportBooksArgs {
    /// As what.
    #[arg(long, default_value = "csv")]
    pub format: ExportFormat,

    /// Into which file, which is there whole or not at all; without it, to the standard output.
    #[arg(long)]
    pub output: Option<PathBuf>,

    /// See [`CatalogOperatorArgs`].
    #[command(flatten)]
    pub operator: CatalogOperatorArgs,
}

/// A format that books are written in.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// A heading line and a line for each book.
    Csv,
    /// MARC 21 in XML.
    Marcxml,
}

/// What a command needs to find catalog, or to open an embedded one that does not run.
#[derive(Args, Clone, Debug)]
pub struct CatalogOperatorArgs {
    /// See [`CommonArgs`].
    #[command(flatten)]
    pub common: CommonArgs,

    /// See [`CatalogArgs`].
    #[command(flatten)]
    pub catalog: CatalogArgs,
}

/// `bibliotique descriptors`.
#[derive(Args, Clone, Debug)]
pub struct DescriptorsArgs {
    /// Into which file, which is there whole or not at all; without it, to the standard output.
    #[arg(long)]
    pub output: Option<PathBuf>,
}

/// `bibliotique passport`.
#[derive(Args, Clone, Debug)]
pub struct PassportArgs {
    /// As what to call.
    #[arg(long)]
    pub role: PassportRole,

    /// Which service it is for.
    #[arg(long, default_value = identity::AUDIENCE)]
    pub audience: String,

    /// As whom to call: an account's id. Without it, as an operator or as the gateway.
    #[arg(long)]
    pub subject: Option<String>,

    /// See [`CommonArgs`].
    #[command(flatten)]
    pub common: CommonArgs,
}

/// A role of a passport.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum PassportRole {
    /// A signed-in person.
    Client,
    /// Who runs the place.
    Admin,
    /// A role of the suite.
    Service,
}

impl PassportArgs {
    /// Who the passport says calls.
    pub fn caller(&self) -> Caller {
        let caller = match self.role {
            PassportRole::Admin => Caller::operator(),
            PassportRole::Service => Caller::service("operator"),
            PassportRole::Client => Caller { role: Role::Client, scope: String::new(), ..Caller::operator() },
        };
        match &self.subject {
            Some(subject) => Caller { subject: subject.clone(), ..caller },
            None => caller,
        }
    }
}
