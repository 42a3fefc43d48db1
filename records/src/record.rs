//! What is read and written: records, and what was wrong with those that are not.

use std::fmt;

/// A book as a file tells it.
///
/// Texts have no white space at their ends and no control characters but `\n` and `\t`; every other line break was turned
/// into `\n`. What is not known is empty or `None`. Whether an ISBN or a year can be right is for the catalog to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Where it begins: the line of a CSV or MARCXML file, the number of the record in an ISO 2709 file; from 1.
    pub line: u64,
    /// ISBN-10 or ISBN-13 without hyphens, of which the check digit may be wrong; from CSV also what has another shape.
    pub isbn: String,
    /// Never empty.
    pub title: String,
    /// Names in the order in which they are spoken, parted by `, `; `;` and `|` never occur in what CSV gives.
    pub author: String,
    /// Negative before our era.
    pub publication_year: Option<i32>,
    #[expect(missing_docs, reason = "says it all")]
    pub publisher: String,
    /// As the file has it: `fre`, `fr-FR`, `French`.
    pub language: String,
    #[expect(missing_docs, reason = "says it all")]
    pub description: String,
    /// Its name.
    pub category: String,
    /// How many the library has; `None` when the file does not say.
    pub copies: Option<u32>,
}

/// A record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Where the record begins, as in [`Record::line`].
    pub line: u64,
    /// The heading of the CSV column or the MARC tag; empty if it is the whole record.
    pub field: String,
    /// What is wrong, to be read behind the field or "the record": `is no year`.
    pub reason: String,
    /// What stands there, the first 100 characters of it; often empty.
    pub raw: String,
}

impl Flaw {
    pub(crate) fn new(line: u64, field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { line, field: field.into(), reason: reason.into(), raw: String::new() }
    }

    pub(crate) fn with_raw(self, raw: &[u8]) -> Self {
        // Four bytes are the longest character.
        let beginning = raw.get(..400).unwrap_or(raw);
        Self { raw: String::from_utf8_lossy(beginning).chars().take(100).collect(), ..self }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = if self.field.is_empty() { "the record" } else { &self.field };
        write!(f, "{}: {field} {}", self.line, self.reason)?;
        if self.raw.is_empty() { Ok(()) } else { write!(f, ": {:?}", self.raw) }
    }
}
