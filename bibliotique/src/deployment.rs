//! `bibliotique secrets`: what a suite on PostgreSQL needs before its first start, each secret in a file for who needs it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;
use shared::file::put;

use crate::{
    certs::{self, APART, CertOptions, say, turn},
    secrets::data_dir,
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
    let urls = |service: &str| [place(service, "database_url"), place("operator", &format!("{service}_database_url"))];
    for file in SERVICES.iter().flat_map(|service| urls(service)) {
        leads_to(&file, &args.postgres)?;
    }
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
        let file = place("postgres", &format!("{service}_password"));
        if !file.exists()
            && let Some(password) = urls(service).iter().find_map(|url| password_in(url))
        {
            put(&file, SERVER, &password)?;
        }
        let password = kept_or_made(&file, SERVER)?;
        let url = format!("postgres://{service}:{password}@{}/{service}", args.postgres);
        for file in urls(service) {
            keep(&file, OWNER_ONLY, &url)?;
        }
    }
    say(&format!("all secrets are in {}", args.directory.display()));
    Ok(())
}

const OWNER_ONLY: u32 = 0o600;

/// PostgreSQL runs as a user of its own and reads its passwords itself. Nobody else gets at their directory.
const SERVER: u32 = 0o644;

/// A URL that is kept leads to the server that is asked for. What else an operator has written into it (`?sslmode=…`) is his to say.
fn leads_to(file: &Path, postgres: &str) -> anyhow::Result<()> {
    if !file.exists() {
        return Ok(());
    }
    let url = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    if server_of(url.trim_end()) == Some(with_port(postgres)) {
        return Ok(());
    }
    bail!(
        "the URL that is kept in {} leads to another server than --postgres {postgres}: give the server that it leads to, or write the new one into each file with a database URL",
        file.display()
    )
}

/// `HOST:PORT` of a database's URL.
fn server_of(url: &str) -> Option<String> {
    let authority = authority(url)?;
    Some(with_port(authority.rsplit_once('@').map_or(authority, |(_, server)| server)))
}

/// The password in a URL that is kept, where it is one of ours: those are written in a URL as they are.
fn password_in(file: &Path) -> Option<String> {
    let url = fs::read_to_string(file).ok()?;
    let (user, _) = authority(&url)?.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    password.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| password.to_owned())
}

/// What stands between `://` and the path (RFC 3986, 3.2).
fn authority(url: &str) -> Option<&str> {
    url.split_once("://")?.1.split(['/', '?', '#']).next()
}

/// PostgreSQL's own port, where none is given. A colon within brackets is one of an IPv6 address.
fn with_port(server: &str) -> String {
    let (_, after) = server.rsplit_once(']').unwrap_or(("", server));
    if after.contains(':') { server.to_owned() } else { format!("{server}:5432") }
}

/// The secret in a file, or 256 random bits, put there.
fn kept_or_made(file: &Path, mode: u32) -> anyhow::Result<String> {
    if !file.exists() {
        put(file, mode, hex::encode(shared::random::bytes::<32>()))?;
    }
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(text.trim_end().to_owned())
}

/// A secret in a file, unless there is one.
fn keep(file: &Path, mode: u32, secret: &str) -> anyhow::Result<()> {
    if file.exists() { Ok(()) } else { Ok(put(file, mode, secret)?) }
}
