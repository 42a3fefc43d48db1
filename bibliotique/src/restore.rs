//! `bibliotique restore`: a backup's databases come into an empty place, all of them or none.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use shared::{
    Clock, Timestamp,
    database::{Filled, Kind, Target},
    file::make_private,
};

use crate::{
    backup::{
        manifest::{DatabaseEntry, Manifest, PEPPER, file_of},
        unless_interrupted,
    },
    databases::{DatabaseArgs, ServiceDatabase},
    secrets::data_dir,
};

/// `bibliotique restore`.
#[derive(Args, Clone, Debug)]
pub struct RestoreArgs {
    /// What `bibliotique backup` made.
    pub directory: PathBuf,

    /// See [`DatabaseArgs`].
    #[command(flatten)]
    pub databases: DatabaseArgs,
}

/// Restores a backup.
///
/// # Errors
/// A sentence on what is in the way; then the place is as empty as before.
pub async fn run(args: &RestoreArgs) -> anyhow::Result<()> {
    let manifest = Manifest::verified(&args.directory)?;
    let databases = args.databases.all();
    for (database, (_, entry)) in databases.iter().zip(manifest.databases()) {
        fits(database, entry)?;
    }
    let pepper = pepper_to_restore(args, &manifest)?;
    let targets = find_targets(args, &databases, &manifest).await?;

    let mut filled = Vec::new();
    let restored = unless_interrupted(async {
        fill(args, &manifest, &targets, &mut filled).await?;
        place(&mut filled, pepper.as_deref(), &args.databases.common.data_dir.join(PEPPER))
    });
    if let Err(why) = restored.await {
        // The others are as they were, or somebody else's by now.
        clear(targets.get(..filled.len()).unwrap_or_default()).await?;
        return Err(why);
    }
    println!(
        "Restored: the databases as they were at {}. All sessions have ended: everybody signs in again.",
        manifest.taken
    );
    println!(
        "Passwords, API keys and accounts that were changed or revoked after that moment are what they were then."
    );
    if manifest.pepper.is_none() {
        println!(
            "The backup holds no pepper: before the first start, give the suite the one that it had (BIBLIOTIQUE_PEPPER)."
        );
    }
    Ok(())
}

/// Whether a copy can come to a database at all.
fn fits(database: &ServiceDatabase, entry: &DatabaseEntry) -> anyhow::Result<()> {
    let ServiceDatabase { name, schema, .. } = database;
    let known = match entry.kind {
        Kind::Sqlite => &schema.migrations.sqlite,
        Kind::Postgres => &schema.migrations.postgres,
    };
    match entry.migrations.iter().find(|version| !known.version_exists(**version)) {
        Some(newer) => bail!(
            "the backup's {name} has a newer schema than this program knows (migration {newer}): use the version that made it"
        ),
        None => Ok(()),
    }
}

/// The backup's pepper, where none is kept yet. Another one that is there is not overwritten.
fn pepper_to_restore(args: &RestoreArgs, manifest: &Manifest) -> anyhow::Result<Option<Vec<u8>>> {
    if manifest.pepper.is_none() {
        return Ok(None);
    }
    let pepper = std::fs::read(args.directory.join(PEPPER))?;
    let kept = args.databases.common.data_dir.join(PEPPER);
    match std::fs::read(&kept) {
        Ok(there) if there == pepper => Ok(None),
        Ok(_) => {
            bail!("there is already another pepper in {}: a backup is restored into an empty place", kept.display())
        }
        Err(_) => Ok(Some(pepper)),
    }
}

/// The places, which have to be empty.
async fn find_targets(
    args: &RestoreArgs,
    databases: &[ServiceDatabase; 3],
    manifest: &Manifest,
) -> anyhow::Result<Vec<Target>> {
    let mut targets = Vec::new();
    for (ServiceDatabase { name, url, .. }, (_, entry)) in databases.iter().zip(manifest.databases()) {
        let target = Target::find(url).await.with_context(|| format!("{name} cannot be restored"))?;
        let (from, to) = (entry.kind.name(), target.kind().name());
        ensure!(from == to, "the backup's {name} is of {from}, which cannot be restored into {to}");
        target.takes(entry.namespace.as_deref()).with_context(|| format!("{name} cannot be restored"))?;
        targets.push(target);
    }
    let needs_directory = manifest.pepper.is_some() || databases.iter().any(|database| database.is_embedded);
    if needs_directory {
        data_dir(&args.databases.common.data_dir)?;
    }
    Ok(targets)
}

/// Brings the copies to their places, where nobody uses them before the sessions are ended in them.
async fn fill(
    args: &RestoreArgs,
    manifest: &Manifest,
    targets: &[Target],
    filled: &mut Vec<Filled>,
) -> anyhow::Result<()> {
    for (target, (name, entry)) in targets.iter().zip(manifest.databases()) {
        let copy = args.directory.join(file_of(name, entry.kind));
        let came = target.fill(&copy).await.with_context(|| format!("{name} cannot be restored"))?;
        let url = came.url.clone();
        filled.push(came);
        if name == "identity" {
            identity::restored(&url, Timestamp::from_micros(manifest.taken_micros), Clock::system().now()).await?;
        }
    }
    Ok(())
}

/// All get their names, or none does; the pepper too, where one is to be kept.
fn place(filled: &mut [Filled], pepper: Option<&[u8]>, kept: &Path) -> anyhow::Result<()> {
    let mut placed = Vec::new();
    let place = || {
        if let Some(pepper) = pepper {
            make_private(kept, pepper)?;
            placed.push(kept.to_owned());
        }
        for came in filled {
            placed.extend(came.place()?);
        }
        anyhow::Ok(())
    };
    let all = place();
    if all.is_err() {
        for file in placed {
            std::fs::remove_file(file)?;
        }
    }
    all
}

async fn clear(targets: &[Target]) -> anyhow::Result<()> {
    for target in targets {
        target.clear().await.context("and what was restored before that has to be taken out by hand")?;
    }
    Ok(())
}
