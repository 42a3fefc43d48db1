//! The data directory of an embedded suite, and the secrets in it.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::Path,
};

use anyhow::Context as _;
use shared::secret::{Secret, key_in_file};

/// Makes the directory if it is not there; only its owner can look into it.
pub fn data_dir(directory: &Path) -> anyhow::Result<()> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.with_context(|| format!("the directory {} cannot be made", directory.display()))
}

/// Tells the operator when others can look into a directory that he made himself.
pub fn warn_if_open(directory: &Path) -> anyhow::Result<()> {
    if fs::metadata(directory)?.permissions().mode() & 0o007 != 0 {
        tracing::warn!("everybody on this machine can look into the data directory {}", directory.display());
    }
    Ok(())
}

/// The secret that was given, or the one in the data directory, made there if there is none.
pub fn given_or_kept(given: Option<&Secret>, directory: &Path, name: &str) -> anyhow::Result<Secret> {
    match given {
        Some(secret) => Ok(secret.clone()),
        None => {
            data_dir(directory)?;
            let file = directory.join(name);
            key_in_file(&file).with_context(|| format!("the secret in {} cannot be used", file.display()))
        }
    }
}

/// The URL of an embedded database.
pub fn embedded_url(directory: &Path, name: &str) -> Secret {
    Secret::from(format!("sqlite:{}", directory.join(name).display()))
}
