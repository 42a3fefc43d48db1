//! The data directory of an embedded suite, and the secrets in it; how a file with a secret is written.

use std::{
    fs,
    io::Write as _,
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

/// Writes a file, which is there whole or not at all, for whoever the mode lets read it.
pub fn put(file: &Path, mode: u32, text: &str) -> anyhow::Result<()> {
    let directory = file.parent().unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        let mut draft = tempfile::NamedTempFile::new_in(directory)?;
        draft.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
        draft.write_all(text.as_bytes())?;
        draft.as_file().sync_all()?;
        draft.persist(file)?;
        fs::File::open(directory)?.sync_all()
    };
    write().with_context(|| format!("{} cannot be written", file.display()))
}
