//! Reads and writes files of every format, good and bad ones.

mod csv;
mod detection;
mod iso2709;
mod marcxml;
mod properties;

use records::{Error, Flaw, Format, Reader, Record};

/// What a reader makes of `bytes`, up to an error that ends it.
fn read(bytes: &[u8], format: Format) -> (Vec<Result<Record, Flaw>>, Option<Error>) {
    let mut entries = Vec::new();
    let reader = match Reader::new(bytes, format, &[]) {
        Ok(reader) => reader,
        Err(error) => return (entries, Some(error)),
    };
    for entry in reader {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(error) => return (entries, Some(error)),
        }
    }
    (entries, None)
}

/// All entries of a file that can be read to its end.
fn entries(bytes: &[u8], format: Format) -> Vec<Result<Record, Flaw>> {
    let (entries, error) = read(bytes, format);
    assert!(error.is_none(), "{error:?}");
    entries
}

/// All records of a file without flaws.
fn records(bytes: &[u8], format: Format) -> Vec<Record> {
    entries(bytes, format).into_iter().map(Result::unwrap).collect()
}

/// `line: title` of every record, and every flaw as it is shown.
fn summary(entries: &[Result<Record, Flaw>]) -> Vec<String> {
    let line = |entry: &Result<Record, Flaw>| match entry {
        Ok(record) => format!("{}: {}", record.line, record.title),
        Err(flaw) => flaw.to_string(),
    };
    entries.iter().map(line).collect()
}
