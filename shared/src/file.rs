//! Files that are there whole or not at all: written beside their place, and on the disk before they get their names.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use tempfile::NamedTempFile;

/// Writes a file that only its owner can read, where there is none.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`], or that it cannot be written; then nothing is left of it.
pub fn make_private(file: &Path, contents: impl AsRef<[u8]>) -> io::Result<()> {
    let make = || {
        draft(file, 0o600, contents.as_ref())?.persist_noclobber(file)?;
        settle(file)
    };
    make().map_err(|why| unwritten(file, &why))
}

/// Writes a file for whoever the mode lets read it, in place of the one that is there, if any.
///
/// # Errors
/// That it cannot be written; then the one that is there is whole.
pub fn put(file: &Path, mode: u32, contents: impl AsRef<[u8]>) -> io::Result<()> {
    let put = || {
        draft(file, mode, contents.as_ref())?.persist(file)?;
        sync(directory_of(file))
    };
    put().map_err(|why| unwritten(file, &why))
}

/// What a file or directory is in.
pub fn directory_of(file: &Path) -> &Path {
    file.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Brings a directory's names to the disk.
///
/// # Errors
/// That it cannot be done.
pub fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Keeps a new file's name, or takes the file away.
pub(crate) fn settle(file: &Path) -> io::Result<()> {
    sync(directory_of(file)).inspect_err(|_| {
        let _gone = fs::remove_file(file);
    })
}

fn draft(file: &Path, mode: u32, contents: &[u8]) -> io::Result<NamedTempFile> {
    let mut draft = NamedTempFile::new_in(directory_of(file))?;
    draft.as_file().set_permissions(Permissions::from_mode(mode))?;
    draft.write_all(contents)?;
    draft.as_file().sync_all()?;
    Ok(draft)
}

fn unwritten(file: &Path, why: &io::Error) -> io::Error {
    io::Error::new(why.kind(), format!("{} cannot be written: {why}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(file: &Path) -> u32 {
        fs::metadata(file).unwrap().permissions().mode() & 0o777
    }

    fn names(directory: &Path) -> Vec<String> {
        let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }

    #[test]
    fn a_private_file_is_its_owners_alone_and_takes_nobodys_place() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pepper");

        make_private(&file, "Kolibri").unwrap();
        let again = make_private(&file, "another").unwrap_err();

        assert_eq!((mode(&file), fs::read_to_string(&file).unwrap().as_str()), (0o600, "Kolibri"));
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert!(again.to_string().starts_with(&format!("{} cannot be written", file.display())), "{again}");
        assert_eq!(names(directory.path()), ["pepper"]);
    }

    #[test]
    fn a_file_is_replaced_whole_with_the_mode_that_is_asked_for() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tls.crt");

        for (asked, contents) in [(0o600, "a longer one before"), (0o644, "one")] {
            put(&file, asked, contents).unwrap();
            assert_eq!((mode(&file), fs::read_to_string(&file).unwrap().as_str()), (asked, contents));
        }

        assert_eq!(names(directory.path()), ["tls.crt"]);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (file, nowhere) = (directory.path().join("key"), directory.path().join("nowhere/key"));
        fs::create_dir(&file).unwrap();

        for refused in [make_private(&file, "Kolibri"), put(&file, 0o600, "Kolibri")] {
            assert!(!refused.unwrap_err().to_string().contains("Kolibri"));
        }
        assert_eq!(make_private(&nowhere, "Kolibri").unwrap_err().kind(), io::ErrorKind::NotFound);

        assert_eq!(names(directory.path()), ["key"]);
    }
}
