//! The report of an import: a row for every record, which can be corrected and imported again.

use std::{fs::File, path::Path};

use anyhow::Context as _;
use proto::catalog::v1::import_books_response::{Outcome, outcome::Kind};
use records::{Flaw, Record};

/// How many refused records are shown at once; all of them stand in the report.
const SHOWN: usize = 20;

/// The columns: what became of the record, and the record as it was read.
const HEADINGS: [&str; 14] = [
    "line",
    "outcome",
    "field",
    "reason",
    "book_id",
    "isbn",
    "title",
    "author",
    "year",
    "publisher",
    "language",
    "description",
    "category",
    "copies",
];

/// A record of a file, or why it cannot be read.
pub enum Item {
    Record(Record),
    Flaw(Flaw),
}

/// What became of the records so far.
pub struct Report {
    rows: csv::Writer<File>,
    file: String,
    added: usize,
    updated: usize,
    skipped: usize,
    refused: usize,
}

impl Report {
    /// Into `path`, of the records of `file`.
    pub fn new(path: &Path, file: &Path) -> anyhow::Result<Self> {
        let mut rows = csv::Writer::from_path(path)
            .with_context(|| format!("the report cannot be written to {}", path.display()))?;
        rows.write_record(HEADINGS)?;
        Ok(Self { rows, file: file.display().to_string(), added: 0, updated: 0, skipped: 0, refused: 0 })
    }

    /// Adds the records of a batch with what became of those that were sent, in their order. Answers with the lines that
    /// somebody who waits should see.
    pub fn add(&mut self, items: &[Item], outcomes: Vec<Outcome>) -> anyhow::Result<Vec<String>> {
        let mut outcomes = outcomes.into_iter();
        let mut shown = Vec::new();
        for item in items {
            let (outcome, record) = match item {
                Item::Flaw(flaw) => (of_flaw(flaw), None),
                Item::Record(record) => {
                    (outcomes.next().context("catalog did not say what became of a record")?, Some(record))
                }
            };
            shown.extend(self.row(&outcome, record)?);
        }
        Ok(shown)
    }

    fn row(&mut self, outcome: &Outcome, record: Option<&Record>) -> anyhow::Result<Option<String>> {
        let name = match outcome.kind() {
            Kind::Added => count(&mut self.added, "added"),
            Kind::Updated => count(&mut self.updated, "updated"),
            Kind::Skipped => count(&mut self.skipped, "skipped"),
            Kind::Refused | Kind::Unspecified => count(&mut self.refused, "refused"),
        };
        let blank = Record::default();
        let record = record.unwrap_or(&blank);
        let number = |number: Option<String>| number.unwrap_or_default();
        self.rows.write_record([
            &outcome.line.to_string(),
            name,
            &outcome.field,
            &outcome.reason,
            &outcome.book_id,
            &record.isbn,
            &record.title,
            &record.author,
            &number(record.publication_year.map(|year| year.to_string())),
            &record.publisher,
            &record.language,
            &record.description,
            &record.category,
            &number(record.copies.map(|copies| copies.to_string())),
        ])?;
        Ok((name == "refused" && self.refused <= SHOWN).then(|| self.told(outcome)))
    }

    /// A refused record: file, line, field and why.
    fn told(&self, outcome: &Outcome) -> String {
        let field = if outcome.field.is_empty() { "the record" } else { &outcome.field };
        format!("{}:{}: {field} {}", self.file, outcome.line, outcome.reason)
    }

    /// Writes what is left. Answers with the sum of it.
    pub fn finish(mut self) -> anyhow::Result<String> {
        self.rows.flush()?;
        let Self { added, updated, skipped, refused, .. } = self;
        let all = added + updated + skipped + refused;
        Ok(format!("{all} records: {added} added, {updated} updated, {skipped} skipped, {refused} refused"))
    }
}

fn count(counter: &mut usize, name: &'static str) -> &'static str {
    *counter += 1;
    name
}

fn of_flaw(flaw: &Flaw) -> Outcome {
    let raw = if flaw.raw.is_empty() { String::new() } else { format!(": {:?}", flaw.raw) };
    Outcome {
        line: i64::try_from(flaw.line).unwrap_or(i64::MAX),
        kind: Kind::Refused.into(),
        field: flaw.field.clone(),
        reason: format!("{}{raw}", flaw.reason),
        ..Outcome::default()
    }
}
