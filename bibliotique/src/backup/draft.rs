//! A directory that gets its name when all is in it and on the disk.

use std::{
    fs::{self, File, Permissions},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use tempfile::{NamedTempFile, TempDir};

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
            .tempdir_in(parent_of(&directory))
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
        File::open(draft.path()).and_then(|draft| draft.sync_all())?;
        // A directory may take the place of one that is empty, and of nothing else.
        fs::rename(draft.path(), &directory).with_context(|| format!("{} cannot be made", directory.display()))?;
        let _its_name_is_another = draft.keep();
        File::open(parent_of(&directory)).and_then(|parent| parent.sync_all())?;
        Ok(())
    }
}

fn parent_of(directory: &Path) -> &Path {
    directory.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes an empty file that only its owner can read.
pub fn make_private(file: &Path) -> anyhow::Result<()> {
    write_private(file, &[])
}

/// Writes a file that only its owner can read: it is there whole or not at all, and takes nobody's place.
pub fn write_private(file: &Path, contents: &[u8]) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let mut draft = NamedTempFile::new_in(parent_of(file))?;
        draft.write_all(contents)?;
        draft.as_file().sync_all()?;
        draft.persist_noclobber(file)?;
        Ok(())
    };
    write().with_context(|| format!("{} cannot be written", file.display()))
}
