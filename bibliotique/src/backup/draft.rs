//! A directory that gets its name when all is in it and on the disk.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use shared::file::{directory_of, sync};
use tempfile::TempDir;

/// A directory without its name. It goes with all that is in it, unless it is finished.
pub struct Draft {
    draft: TempDir,
    directory: PathBuf,
}

impl Draft {
    /// Begins one beside where it is to be, so that giving it its name is one step.
    pub fn of(directory: &Path) -> anyhow::Result<Self> {
        let directory = directory.to_owned();
        if fs::read_dir(&directory).is_ok_and(|mut entries| entries.next().is_some()) || directory.is_file() {
            bail!("there is already something in {}: a backup gets a directory of its own", directory.display());
        }
        let draft = tempfile::Builder::new()
            .prefix(".unfinished-backup-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(directory_of(&directory))
            .with_context(|| format!("a directory beside {} cannot be made", directory.display()))?;
        Ok(Self { draft, directory })
    }

    /// Where it is until then.
    pub fn path(&self) -> &Path {
        self.draft.path()
    }

    /// Gives it its name.
    pub fn finish(self) -> anyhow::Result<()> {
        let Self { draft, directory } = self;
        sync(draft.path())?;
        // A directory may take the place of one that is empty, and of nothing else.
        fs::rename(draft.path(), &directory).with_context(|| format!("{} cannot be made", directory.display()))?;
        let _its_name_is_another = draft.keep();
        Ok(sync(directory_of(&directory))?)
    }
}
