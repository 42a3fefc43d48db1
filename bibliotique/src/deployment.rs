//! `bibliotique secrets`: what a suite on PostgreSQL needs before its first start, each secret in a file for who needs it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;

use crate::{
    certs::{self, APART, CertOptions, turn},
    secrets::{data_dir, put},
};

/// The services, each with a database and a user of its name.
const SERVICES: [&str; 3] = ["identity", "catalog", "lending"];

/// `bibliotique secrets`.
#[derive(Args, Clone, Debug)]
pub struct SecretsArgs {
    /// Where they are, or shall be: a directory for each role, for an operator and for PostgreSQL, which hold what each needs.
    pub directory: PathBuf,

    /// Where PostgreSQL is, with its port.
    #[arg(long, value_name = "HOST:PORT", default_value = "postgres:5432")]
    pub postgres: String,

    /// See [`CertOptions`].
    #[command(flatten)]
    pub certs: CertOptions,
}

/// Makes what is missing.
///
/// # Errors
/// A sentence on what is in the way.
pub fn run(args: &SecretsArgs) -> anyhow::Result<()> {
    let place = |who: &str, file: &str| args.directory.join(who).join(file);
    let _turn = turn(&args.directory)?;
    certs::make(&args.directory, &args.certs, &APART)?;
    data_dir(&args.directory.join("postgres"))?;

    let internal_keys = APART.map(|(who, _)| place(who, "internal_key"));
    let [first, ..] = &internal_keys;
    let internal_key = kept_or_made(internal_keys.iter().find(|file| file.exists()).unwrap_or(first), OWNER_ONLY)?;
    for file in &internal_keys {
        keep(file, OWNER_ONLY, &internal_key)?;
    }
    kept_or_made(&place("identity", "pepper"), OWNER_ONLY)?;
    kept_or_made(&place("postgres", "superuser_password"), SERVER)?;
    for service in SERVICES {
        let password = kept_or_made(&place("postgres", &format!("{service}_password")), SERVER)?;
        let url = format!("postgres://{service}:{password}@{}/{service}", args.postgres);
        keep(&place(service, "database_url"), OWNER_ONLY, &url)?;
        keep(&place("operator", &format!("{service}_database_url")), OWNER_ONLY, &url)?;
    }
    println!("all secrets are in {}", args.directory.display());
    Ok(())
}

const OWNER_ONLY: u32 = 0o600;

/// PostgreSQL runs as a user of its own and reads its passwords itself. Nobody else gets at their directory.
const SERVER: u32 = 0o644;

/// The secret in a file, or 256 random bits, put there.
fn kept_or_made(file: &Path, mode: u32) -> anyhow::Result<String> {
    if !file.exists() {
        put(file, mode, &hex::encode(shared::random::bytes::<32>()))?;
    }
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(text.trim_end().to_owned())
}

/// A secret in a file, unless there is one.
fn keep(file: &Path, mode: u32, secret: &str) -> anyhow::Result<()> {
    if file.exists() { Ok(()) } else { put(file, mode, secret) }
}
