//! Secrets: given by the operator, or made once and kept in a file that only its owner can read.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{self, Read as _},
    path::Path,
};

use clap::{Arg, Command, builder::TypedValueParser, error::ErrorKind, parser::ValueSource};
pub use secrecy::{ExposeSecret, SecretString as Secret};

use crate::file::make_private;

/// The least number of bytes that a key of the suite may have: that of HMAC-SHA-256's output (RFC 7518, 3.2).
pub const LEAST_KEY_BYTES: usize = 32;

/// Reads a secret from the command line, the environment or a file. Unlike clap's own parsers it does not repeat what it
/// refuses.
#[derive(Clone, Copy, Debug)]
pub struct SecretParser(fn(&str) -> Result<Secret, String>);

impl SecretParser {
    /// Of a key: [`parse_key`].
    pub const KEY: Self = Self(parse_key);

    /// Of another secret, such as a password or a URL with one.
    pub const ANY: Self = Self(|text| Ok(Secret::from(text)));
}

impl TypedValueParser for SecretParser {
    type Value = Secret;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<Secret, clap::Error> {
        self.parse_ref_(command, argument, value, ValueSource::CommandLine)
    }

    fn parse_ref_(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
        source: ValueSource,
    ) -> Result<Secret, clap::Error> {
        let secret = given(argument, value, source).and_then(|text| (self.0)(&text));
        secret.map_err(|why| misfit(command, argument, &why))
    }
}

/// How our own variables begin. What others have named, such as an exporter's endpoint, is as they have it.
const OURS: &str = "BIBLIOTIQUE_";

/// How the variable that names a secret's file ends.
const IN_A_FILE: &str = "_FILE";

/// What the help says of it.
const HELP: &str = "What is secret (keys, database URLs, passwords) can stand in a file instead, named by the variable with \
                    _FILE at its end: BIBLIOTIQUE_INTERNAL_KEY_FILE=/run/secrets/internal_key";

/// The most bytes of a file with a secret.
const LARGEST_FILE: u64 = 64 * 1024;

/// Lets each secret of a command line come from a file as well: where `<VARIABLE>_FILE` is set, that file holds what
/// `<VARIABLE>` would. A secret is an argument with a variable of ours that is not shown in the help; its parser is
/// a [`SecretParser`].
#[must_use]
pub fn also_from_files(command: Command) -> Command {
    let has_secrets = command.get_arguments().any(|argument| file_variable(argument).is_some());
    let command = if has_secrets { command.after_help(HELP) } else { command };
    let command = command.mut_args(|argument| match file_variable(&argument) {
        // clap keeps names as they are in the program; this one is made once for each secret, at the start.
        Some(variable) if env::var_os(&variable).is_some() => argument.env(&*variable.leak()),
        _ => argument,
    });
    command.mut_subcommands(also_from_files)
}

/// The variable that names the file of a secret; nothing of an argument that is no secret.
#[must_use]
pub fn file_variable(argument: &Arg) -> Option<String> {
    let variable = argument.get_env().filter(|_| argument.is_hide_env_values_set())?.to_str()?;
    variable.starts_with(OURS).then(|| format!("{variable}{IN_A_FILE}"))
}

/// The secret, wherever it stands. What is in the variable of a file's name may be a secret by mistake, so it is not told.
fn given(argument: Option<&Arg>, value: &OsStr, source: ValueSource) -> Result<String, String> {
    let variable = argument.and_then(Arg::get_env).and_then(OsStr::to_str).unwrap_or_default();
    let plain = variable.strip_suffix(IN_A_FILE).filter(|_| source == ValueSource::EnvVariable);
    let text = match plain {
        None => value.to_str().ok_or("it is not UTF-8")?.to_owned(),
        Some(plain) if env::var_os(plain).is_some() => {
            return Err(format!("{plain} is set too: one of them is enough"));
        }
        Some(_) => in_file(Path::new(value)).map_err(|error| format!("the file it names cannot be used: {error}"))?,
    };
    if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(text) }
}

/// What a file holds, without the line's end that editors and `echo` put there.
fn in_file(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(file)?.take(LARGEST_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is too large for a secret"));
    }
    let end = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')).map_or(text.len(), str::len);
    text.truncate(end);
    Ok(text)
}

fn misfit(command: &Command, argument: Option<&Arg>, why: &str) -> clap::Error {
    let flag = argument.and_then(Arg::get_long).unwrap_or_default();
    let variable = argument.and_then(Arg::get_env).unwrap_or_default().display();
    clap::Error::raw(ErrorKind::ValueValidation, format!("--{flag} or {variable}: {why}\n")).with_cmd(command)
}

/// Reads a key.
///
/// # Errors
/// A sentence when it has fewer than [`LEAST_KEY_BYTES`] bytes.
pub fn parse_key(text: &str) -> Result<Secret, String> {
    if text.len() < LEAST_KEY_BYTES {
        return Err(format!("a key needs at least {LEAST_KEY_BYTES} bytes; `openssl rand -hex 32` makes one"));
    }
    Ok(Secret::from(text))
}

/// The key in `file`; when there is none, 256 random bits are written there first, readable by the owner alone.
///
/// Several processes may do this at once: all get the key of the one that came first.
///
/// # Errors
/// When the file can be neither read nor made, or holds no key.
pub fn key_in_file(file: &Path) -> io::Result<Secret> {
    if !file.exists() {
        make_key(file)?;
    }
    let text = fs::read_to_string(file)?;
    parse_key(text.trim()).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))
}

fn make_key(file: &Path) -> io::Result<()> {
    let key = format!("{}\n", hex::encode(crate::random::bytes::<32>()));
    match make_private(file, key) {
        Err(lost) if lost.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::PermissionsExt as _, thread};

    use super::*;

    #[test]
    fn a_key_is_made_once_whoever_asks_and_only_its_owner_can_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("internal.key");

        let keys: Vec<String> = thread::scope(|scope| {
            let ask = || key_in_file(&file).unwrap().expose_secret().to_owned();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });

        assert!(keys.iter().all(|key| key == &keys[0] && key.len() == 64));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_end_of_a_files_last_line_is_no_part_of_its_secret() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("password");
        for (written, read) in
            [("a b", "a b"), ("a b\n", "a b"), ("a b\r\n", "a b"), ("a b\n\n", "a b\n"), (" \n", " ")]
        {
            fs::write(&file, written).unwrap();
            assert_eq!(in_file(&file).unwrap(), read);
        }
        fs::write(&file, "a".repeat(64 * 1024 + 1)).unwrap();
        assert!(in_file(&file).is_err());
    }

    #[test]
    fn a_short_key_is_refused() {
        assert!(parse_key(&"k".repeat(31)).is_err());
        assert!(parse_key(&"k".repeat(32)).is_ok());
    }
}
