//! PostgreSQL's own programs, which copy and restore its databases.

use std::{
    env,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::Stdio,
};

use secrecy::ExposeSecret as _;
use sqlx::{
    PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use tokio::process::Command;
use url::Url;

use super::{OpenError, place::Place};
use crate::{crash, secret::Secret};

/// Where Debian's packages have a directory for each version.
const PACKAGES: &str = "/usr/lib/postgresql";

/// Why a program does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// There is none.
    #[error(
        "{program} is not installed: it is looked for in PATH and in {PACKAGES}, and comes with PostgreSQL's client programs"
    )]
    Missing {
        /// Its name.
        program: &'static str,
    },
    /// It does not understand this server.
    #[error("{program} is of PostgreSQL {is}, older than the server, which is PostgreSQL {server}")]
    Older {
        /// Its name.
        program: &'static str,
        /// Its version.
        is: u32,
        /// The server's.
        server: u32,
    },
    /// It ended with a complaint.
    #[error("{program} failed: {complaint}")]
    Failed {
        /// Its name.
        program: &'static str,
        /// Its last line.
        complaint: String,
    },
    /// It does not start.
    #[error("{program} cannot be started")]
    Start {
        /// Its name.
        program: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// A program, and which database it is for.
#[derive(Clone)]
pub(super) struct Tool {
    name: &'static str,
    program: PathBuf,
    /// libpq's variables. A password among them: arguments are everybody's to read.
    variables: Vec<(&'static str, String)>,
}

impl Tool {
    /// The newest there is, which understands the server.
    pub(super) async fn find(
        name: &'static str,
        server: &mut PgConnection,
        url: &Secret,
    ) -> Result<Self, super::CopyError> {
        let number: String = sqlx::query_scalar("SHOW server_version_num").fetch_one(server).await?;
        let needed = number.parse::<u32>().unwrap_or_default() / 10_000;
        let mut newest: Option<(u32, PathBuf)> = None;
        for program in candidates(name) {
            let version = version(&program).await;
            if let Some(version) = version.filter(|version| newest.as_ref().is_none_or(|(newest, _)| version >= newest))
            {
                newest = Some((version, program));
            }
        }
        match newest {
            None => Err(ToolError::Missing { program: name }.into()),
            Some((is, _)) if is < needed => Err(ToolError::Older { program: name, is, server: needed }.into()),
            Some((_, program)) => Ok(Self { name, program, variables: variables(url)? }),
        }
    }

    /// Runs it to its end; when this is dropped, it is ended.
    pub(super) async fn run(&self, arguments: &[String]) -> Result<(), ToolError> {
        let mut command = command(&self.program);
        command.args(arguments).arg("--no-password").envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.map_err(|source| ToolError::Start { program: self.name, source })?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let complaint =
            said.lines().find(|line| line.contains("error:")).or(said.lines().last()).unwrap_or("no reason given");
        Err(ToolError::Failed { program: self.name, complaint: complaint.trim().to_owned() })
    }

    /// The database's name, for a program that connects only when it is told one.
    pub(super) fn database(&self) -> &str {
        self.variables.iter().find(|(name, _)| *name == "PGDATABASE").map_or("postgres", |(_, value)| value)
    }
}

fn candidates(name: &str) -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let versions = std::fs::read_dir(crash::packages(PACKAGES)).into_iter().flatten().flatten();
    let packaged = versions.map(|entry| entry.path().join("bin"));
    let directories = env::split_paths(&path).chain(packaged);
    directories.map(|directory| directory.join(name)).filter(|program| program.is_file()).collect()
}

/// Not with our own settings, secrets among them, and nothing that libpq would take before what it is told.
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    let is_ours = |name: &OsString| name.to_str().is_some_and(|name| name.starts_with("BIBLIOTIQUE_"));
    for name in env::vars_os().map(|(name, _)| name).filter(is_ours) {
        command.env_remove(name);
    }
    for name in ["PGSERVICE", "PGSERVICEFILE", "PGHOSTADDR"] {
        command.env_remove(name);
    }
    command
}

/// The major version, out of `pg_dump (PostgreSQL) 17.6 (Debian 17.6-1)`.
async fn version(program: &Path) -> Option<u32> {
    let output = command(program).arg("--version").stdin(Stdio::null()).output().await.ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

fn parse_version(said: &str) -> Option<u32> {
    let (_, version) = said.split_once("(PostgreSQL) ")?;
    let digits = version.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(version.len());
    version.get(..digits)?.parse().ok()
}

/// What libpq has to know to come to the same database as we do.
fn variables(url: &Secret) -> Result<Vec<(&'static str, String)>, OpenError> {
    let Place::Postgres(options) = Place::of(url)? else { return Ok(Vec::new()) };
    let url: Url =
        url.expose_secret().parse().map_err(|misfit: url::ParseError| OpenError::MalformedUrl(misfit.to_string()))?;
    let mut variables = vec![
        ("PGHOST", host(&options)),
        ("PGPORT", options.get_port().to_string()),
        ("PGUSER", options.get_username().to_owned()),
        ("PGDATABASE", options.get_database().unwrap_or(options.get_username()).to_owned()),
        ("PGSSLMODE", ssl_mode(options.get_ssl_mode()).to_owned()),
        ("PGAPPNAME", "bibliotique".to_owned()),
    ];
    variables.extend(options.get_options().map(|options| ("PGOPTIONS", options.to_owned())));
    variables.extend(url.password().map(|password| ("PGPASSWORD", decoded(password))));
    variables.extend(url.query_pairs().filter_map(|(key, value)| Some((variable_of(&key)?, value.into_owned()))));
    Ok(variables)
}

fn host(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => options.get_host().to_owned(),
    }
}

/// The parameters of a URL that the driver takes and does not tell.
fn variable_of(parameter: &str) -> Option<&'static str> {
    match parameter {
        "password" => Some("PGPASSWORD"),
        "sslrootcert" | "ssl-root-cert" | "ssl-ca" => Some("PGSSLROOTCERT"),
        "sslcert" | "ssl-cert" => Some("PGSSLCERT"),
        "sslkey" | "ssl-key" => Some("PGSSLKEY"),
        _ => None,
    }
}

const fn ssl_mode(mode: PgSslMode) -> &'static str {
    match mode {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require => "require",
        PgSslMode::VerifyCa => "verify-ca",
        PgSslMode::VerifyFull => "verify-full",
    }
}

/// Without the percent signs of a URL (RFC 3986, 2.1). A plus sign is one: this is no form.
fn decoded(text: &str) -> String {
    let form = format!("it={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(form.as_bytes()).map(|(_, value)| value.into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_out_of_what_a_program_says() {
        assert_eq!(parse_version("pg_dump (PostgreSQL) 17.6 (Debian 17.6-1.pgdg120+1)\n"), Some(17));
        assert_eq!(parse_version("pg_restore (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(parse_version("something else"), None);
    }

    #[test]
    fn a_program_gets_what_the_url_says_and_the_password_as_it_is() {
        let url = "postgres://us%40er:a%2Bb+c%26%25d@h:1/db?sslmode=verify-full&sslrootcert=%2Fca.pem&options=-csearch_path%3Dx";

        let variables = variables(&Secret::from(url)).unwrap();

        for expected in [
            ("PGHOST", "h"),
            ("PGPORT", "1"),
            ("PGUSER", "us@er"),
            ("PGDATABASE", "db"),
            ("PGPASSWORD", "a+b+c&%d"),
            ("PGSSLMODE", "verify-full"),
            ("PGSSLROOTCERT", "/ca.pem"),
            ("PGOPTIONS", "-csearch_path=x"),
        ] {
            assert!(variables.contains(&(expected.0, expected.1.to_owned())), "{expected:?}: {variables:?}");
        }
    }
}
