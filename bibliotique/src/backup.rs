//! `bibliotique backup`: the databases of a suite, of one moment, in a directory that is there whole or not at all.

mod draft;
pub mod manifest;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;
use shared::{
    database::{Original, copy_all},
    file::make_private,
    secret::{Secret, SecretParser},
};
use tokio::signal::unix::{SignalKind, signal};

use crate::databases::{DatabaseArgs, ServiceDatabase};
use draft::Draft;
use manifest::{DatabaseEntry, FileEntry, Manifest, PEPPER, file_of};

/// `bibliotique backup`.
#[derive(Args, Clone, Debug)]
pub struct BackupArgs {
    /// The directory to be made; if it is there, it has to be empty.
    pub directory: PathBuf,

    /// Leave out the pepper of an embedded suite. Without it nobody can sign in to what is restored: keep it elsewhere.
    #[arg(long)]
    pub without_secrets: bool,

    /// See [`DatabaseArgs`].
    #[command(flatten)]
    pub databases: DatabaseArgs,

    /// Only here to know whether the pepper is a setting, which is kept where settings are.
    #[arg(long, env = "BIBLIOTIQUE_PEPPER", hide_env_values = true, hide = true, value_parser = SecretParser::ANY)]
    pub pepper: Option<Secret>,
}

/// Makes a backup.
///
/// # Errors
/// A sentence on what is in the way; then there is none.
pub async fn run(args: &BackupArgs) -> anyhow::Result<()> {
    let (manifest, waited) = unless_interrupted(async {
        let draft = Draft::of(&args.directory)?;
        let filled = fill(args, draft.path()).await?;
        draft.finish()?;
        Ok(filled)
    })
    .await?;

    println!(
        "The backup of {} is in {}; for that, nobody could write for {waited} ms.",
        manifest.taken,
        args.directory.display()
    );
    for (name, entry) in manifest.databases() {
        let bytes = entry.file.bytes;
        println!("  {}  {bytes} bytes, {}", file_of(name, entry.kind), entry.kind.name());
    }
    match &manifest.pepper {
        Some(_) => println!(
            "  {PEPPER}  in it: whoever has this backup can guess passwords. Keep it as you keep the data directory, or use --without-secrets."
        ),
        None => {
            println!("Not in it: the pepper. Keep it elsewhere: without it nobody can sign in to what is restored.")
        }
    }
    println!("Not in it: sessions (everybody signs in again after a restore) and the internal key (another will do).");
    Ok(())
}

/// Answers with the manifest, and for how many milliseconds nobody could write.
async fn fill(args: &BackupArgs, draft: &Path) -> anyhow::Result<(Manifest, u128)> {
    let databases = args.databases.all_there()?;
    let mut copies = Vec::new();
    for ServiceDatabase { name, url, schema, .. } in &databases {
        let original =
            Original::find(url, schema).await.with_context(|| format!("{name}'s database cannot be copied"))?;
        let file = draft.join(file_of(name, original.kind()));
        make_private(&file, [])?;
        copies.push((original, file));
    }
    let moment = copy_all(&copies).await?;

    let mut manifest = Manifest::new(moment.at, described(&copies)?);
    if !args.without_secrets && args.pepper.is_none() {
        manifest.pepper = copy_pepper(&args.databases.common.data_dir, draft)?;
    }
    make_private(&draft.join(manifest::FILE), serde_json::to_vec_pretty(&manifest)?)?;
    Ok((manifest, moment.held.as_millis()))
}

fn described(copies: &[(Original, PathBuf)]) -> anyhow::Result<[DatabaseEntry; 3]> {
    let mut entries = Vec::new();
    for (original, file) in copies {
        entries.push(DatabaseEntry {
            kind: original.kind(),
            namespace: original.namespace().map(str::to_owned),
            migrations: original.versions(),
            file: FileEntry::of(file)?,
        });
    }
    match entries.try_into() {
        Ok(entries) => Ok(entries),
        Err(_) => bail!("a suite has three databases"),
    }
}

/// The pepper that an embedded suite made, if it did.
fn copy_pepper(data_dir: &Path, draft: &Path) -> anyhow::Result<Option<FileEntry>> {
    let (kept, copy) = (data_dir.join(PEPPER), draft.join(PEPPER));
    if !kept.exists() {
        return Ok(None);
    }
    let pepper = fs::read(&kept).with_context(|| format!("{} cannot be read", kept.display()))?;
    make_private(&copy, pepper)?;
    Ok(Some(FileEntry::of(&copy)?))
}

/// Does something that leaves nothing behind when it is dropped in the middle, as it is by ctrl-C or SIGTERM.
pub async fn unless_interrupted<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        done = work => done,
        _ = terminate.recv() => bail!("interrupted"),
        _ = interrupt.recv() => bail!("interrupted"),
    }
}
