//! Secrets: given by the operator, or made once and kept in a file that only its owner can read.

use std::{
    ffi::OsStr,
    fs,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use clap::{Arg, Command, builder::TypedValueParser, error::ErrorKind};
pub use secrecy::{ExposeSecret, SecretString as Secret};

/// The least number of bytes that a key of the suite may have: that of HMAC-SHA-256's output (RFC 7518, 3.2).
pub const LEAST_KEY_BYTES: usize = 32;

/// Reads a key from the command line or environment. Unlike clap's own parsers it does not repeat what it refuses.
#[derive(Clone, Copy, Debug)]
pub struct KeyParser;

impl TypedValueParser for KeyParser {
    type Value = Secret;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<Secret, clap::Error> {
        parse_key(value.to_str().unwrap_or_default()).map_err(|why| {
            let flag = argument.and_then(Arg::get_long).unwrap_or_default();
            let variable = argument.and_then(Arg::get_env).unwrap_or_default().display();
            clap::Error::raw(ErrorKind::ValueValidation, format!("--{flag} or {variable}: {why}\n")).with_cmd(command)
        })
    }
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
    let directory = file.parent().unwrap_or(Path::new("."));
    let mut draft = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o600)).tempfile_in(directory)?;
    writeln!(draft, "{}", hex::encode(crate::random::bytes::<32>()))?;
    draft.as_file().sync_all()?;
    match draft.persist_noclobber(file) {
        Err(lost) if lost.error.kind() != io::ErrorKind::AlreadyExists => Err(lost.error),
        _ => fs::File::open(directory)?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

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
    fn a_short_key_is_refused() {
        assert!(parse_key(&"k".repeat(31)).is_err());
        assert!(parse_key(&"k".repeat(32)).is_ok());
    }
}
