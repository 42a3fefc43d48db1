//! Which PostgreSQL the tests may use, if any.

use std::env::{self, VarError};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Once;

const WISH: &str = "BIBLIOTIQUE_TEST_POSTGRES";
const RUNNING: &str = "BIBLIOTIQUE_TEST_POSTGRES_URL";
const MISSING: &str = "PostgreSQL is not installed (no initdb and postgres on PATH or where packages put them)";

/// Where packages put one directory per version: the folder, how its entries begin.
const VERSIONED: [(&str, &str); 4] = [
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql-"),
    ("/opt/homebrew/opt", "postgresql"),
    ("/usr/local/opt", "postgresql"),
];

/// What the developer wants of the PostgreSQL tests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wish {
    Required,
    Auto,
    Off,
}

impl Wish {
    /// Panics on a value that is none of ours: a misspelt `required` must not skip anything.
    pub(crate) fn of_environment() -> Self {
        let value = variable(WISH).unwrap_or_else(|| "auto".to_owned());
        Self::parse(&value).unwrap_or_else(|| panic!("{WISH} is {value:?}; it may be required, auto or off"))
    }

    fn parse(value: &str) -> Option<Self> {
        match value {
            "required" => Some(Self::Required),
            "auto" => Some(Self::Auto),
            "off" => Some(Self::Off),
            _ => None,
        }
    }
}

/// The running server that the developer offers.
pub(crate) fn running() -> Option<String> {
    variable(RUNNING)
}

/// The directory of `initdb` and `postgres`; nothing when tests are to be skipped. Panics when they are required.
pub(crate) fn binaries() -> Option<PathBuf> {
    let wish = Wish::of_environment();
    if wish == Wish::Off {
        return None;
    }
    let found = on_path().or_else(newest_package);
    if found.is_none() {
        assert!(wish != Wish::Required, "{MISSING}, and {WISH} is required");
        say_once_that_tests_are_skipped();
    }
    found
}

fn on_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).find(|directory| has_binaries(directory))
}

fn newest_package() -> Option<PathBuf> {
    VERSIONED
        .iter()
        .flat_map(|(folder, prefix)| versions_in(Path::new(folder), prefix))
        .max()
        .map(|(_, directory)| directory)
}

fn versions_in(folder: &Path, prefix: &str) -> Vec<(Vec<u32>, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(name, path)| (version(&name), path.join("bin")))
        .filter(|(_, binaries)| has_binaries(binaries))
        .collect()
}

/// The numbers in a directory's name: `[9, 6]` of `pgsql-9.6`, which is below `[17]` of `postgresql@17`.
fn version(name: &str) -> Vec<u32> {
    name.split(|letter: char| !letter.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

fn has_binaries(directory: &Path) -> bool {
    ["initdb", "postgres"].iter().all(|name| directory.join(name).is_file())
}

/// To stderr itself: the test harness swallows what `eprintln!` says in a test that passes.
fn say_once_that_tests_are_skipped() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        let _unheard = writeln!(io::stderr(), "PostgreSQL tests are skipped: {MISSING}.");
    });
}

/// Set to nothing is not set: so it is in the matrix of many a CI.
fn variable(name: &str) -> Option<String> {
    match env::var(name) {
        Ok(value) => Some(value).filter(|value| !value.is_empty()),
        Err(VarError::NotPresent) => None,
        Err(VarError::NotUnicode(_)) => panic!("{name} is not valid UTF-8"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_wishes_are_known() {
        assert_eq!(Wish::parse("required"), Some(Wish::Required));
        assert_eq!(Wish::parse("auto"), Some(Wish::Auto));
        assert_eq!(Wish::parse("off"), Some(Wish::Off));
        assert_eq!(Wish::parse("yes"), None);
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(version("17") > version("9.6"));
        assert!(version("postgresql@17") > version("postgresql@16"));
        assert!(version("pgsql-16") > version("postgresql"));
    }

    #[test]
    fn the_newest_complete_installation_of_a_folder_is_found() {
        let folder = tempfile::tempdir().unwrap();
        for (version, files) in [("9.6", 2), ("15", 2), ("16", 1)] {
            let binaries = folder.path().join(version).join("bin");
            fs::create_dir_all(&binaries).unwrap();
            for name in ["initdb", "postgres"].iter().take(files) {
                fs::write(binaries.join(name), "").unwrap();
            }
        }
        let newest = versions_in(folder.path(), "").into_iter().max().unwrap();
        assert_eq!(newest, (vec![15], folder.path().join("15/bin")));
    }
}
