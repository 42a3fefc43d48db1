//! What stands in a backup's `manifest.json`, and whether the files beside it are those that it means.

use std::{fs, io, path::Path};

use anyhow::{Context as _, bail, ensure};
use aws_lc_rs::digest::{Context as Digest, SHA256};
use serde::{Deserialize, Serialize};
use shared::database::Kind;

/// The file's name.
pub const FILE: &str = "manifest.json";

/// The name of the pepper's file.
pub const PEPPER: &str = "pepper";

/// The newest format of a backup that this program knows.
const FORMAT: u32 = 1;

/// What there is in a backup.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`]
    pub format: u32,
    /// The version of the program that made it.
    pub program: String,
    /// The moment that it is of, in microseconds since 1970-01-01T00:00:00Z.
    pub taken_micros: i64,
    /// The same, to be read.
    pub taken: String,
    /// Who may come in.
    pub identity: DatabaseEntry,
    /// What exists.
    pub catalog: DatabaseEntry,
    /// What is out.
    pub lending: DatabaseEntry,
    /// What passwords are mixed with, if it is in the backup.
    pub pepper: Option<FileEntry>,
}

/// The copy of a database.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseEntry {
    /// Which of the two databases.
    pub kind: Kind,
    /// Of PostgreSQL, the schema that the tables are in.
    pub namespace: Option<String>,
    /// The migrations that made the tables.
    pub migrations: Vec<i64>,
    /// The copy.
    pub file: FileEntry,
}

/// A file of a backup. Its name is not told but known: nobody is led elsewhere.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its contents, in hexadecimal digits.
    pub sha256: String,
}

/// What every format has.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

impl Manifest {
    /// Of a backup that this program makes.
    pub fn new(taken: shared::Timestamp, [identity, catalog, lending]: [DatabaseEntry; 3]) -> Self {
        let program = env!("CARGO_PKG_VERSION").to_owned();
        let (taken_micros, taken) = (taken.micros(), taken.iso_millis());
        Self { format: FORMAT, program, taken_micros, taken, identity, catalog, lending, pepper: None }
    }

    /// Reads it, and every file that it names.
    ///
    /// # Errors
    /// A sentence when it is none, or a newer one, or a file is not as it was.
    pub fn verified(directory: &Path) -> anyhow::Result<Self> {
        let no_backup = || format!("{} is no backup: its {FILE} cannot be read", directory.display());
        let text = fs::read(directory.join(FILE)).with_context(no_backup)?;
        let Format { format } = serde_json::from_slice(&text).with_context(no_backup)?;
        ensure!(
            format <= FORMAT,
            "the backup has format {format}, and this program knows none above {FORMAT}: use a newer one"
        );
        let manifest: Self = serde_json::from_slice(&text).with_context(no_backup)?;

        for (name, entry) in manifest.databases() {
            entry.file.verify(&directory.join(file_of(name, entry.kind)))?;
        }
        if let Some(pepper) = &manifest.pepper {
            pepper.verify(&directory.join(PEPPER))?;
        }
        Ok(manifest)
    }

    /// The copies, by the names of their services.
    pub const fn databases(&self) -> [(&'static str, &DatabaseEntry); 3] {
        [("identity", &self.identity), ("catalog", &self.catalog), ("lending", &self.lending)]
    }
}

impl FileEntry {
    /// Of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(file: &Path) -> io::Result<Self> {
        let mut sum = Sum { digest: Digest::new(&SHA256), bytes: 0 };
        io::copy(&mut fs::File::open(file)?, &mut sum)?;
        Ok(Self { bytes: sum.bytes, sha256: hex::encode(sum.digest.finish()) })
    }

    fn verify(&self, file: &Path) -> anyhow::Result<()> {
        let name = file.display();
        let is = Self::of(file).with_context(|| format!("the backup is not whole: {name} cannot be read"))?;
        if is.bytes != self.bytes {
            bail!("the backup is not whole: {name} has {} bytes instead of {}", is.bytes, self.bytes);
        }
        ensure!(is == *self, "the backup was changed: {name} has another checksum than when it was made");
        Ok(())
    }
}

/// The name of a copy's file.
pub fn file_of(service: &str, kind: Kind) -> String {
    match kind {
        Kind::Sqlite => format!("{service}.db"),
        Kind::Postgres => format!("{service}.dump"),
    }
}

struct Sum {
    digest: Digest,
    bytes: u64,
}

impl io::Write for Sum {
    fn write(&mut self, some: &[u8]) -> io::Result<usize> {
        self.digest.update(some);
        self.bytes += some.len() as u64;
        Ok(some.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
