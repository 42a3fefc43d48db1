//! The formats in which libraries exchange books: CSV, MARC 21 and UNIMARC (ISO 2709), MARCXML; in and out.
//!
//! [`Reader`] hands out one book after the other. What it cannot read it reports as a [`Flaw`] and goes on behind it; an
//! [`Error`] ends the reading. Memory stays flat however long the file is: a cell and a subfield hold at most 1 MiB, a
//! row (of the columns that are read) and a MARCXML record 4 MiB, an ISO 2709 record the 99,999 bytes of its standard; what
//! is larger is a flaw, and skipped without being kept.
//!
//! How much has been read is known to whoever opened the file: wrap the input before handing it over, and count there.

mod charset;
mod csv;
mod iso2709;
mod marc;
mod marcxml;
mod record;
mod source;
mod values;

use std::io::{self, BufRead};

pub use crate::{
    csv::{Assignment, CsvWriter, MalformedAssignment},
    marcxml::MarcXmlWriter,
    record::{Flaw, Record},
};

/// The most that one cell or subfield may hold, in bytes.
const TEXT_MAX: usize = 1 << 20;

/// A way of writing books down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A heading line and a line for each book, RFC 4180; comma, semicolon or tab.
    Csv,
    /// ISO 2709 with MARC 21 or UNIMARC in it.
    Marc,
    /// MARC 21 or UNIMARC in XML, <http://www.loc.gov/MARC21/slim>.
    MarcXml,
}

/// The format of a file that begins like this; `None` if it is none of ours: a picture, a spreadsheet, JSON, HTML, nothing.
///
/// A kilobyte is enough. CSV is what remains of all text, UTF-16 included: the [`Reader`] says what is wrong with it.
pub fn detect(beginning: &[u8]) -> Option<Format> {
    let text = source::without_bom(beginning).trim_ascii_start();
    if iso2709::looks_like_it(text) {
        Some(Format::Marc)
    } else if text.starts_with(b"<") {
        marcxml::looks_like_it(text).then_some(Format::MarcXml)
    } else {
        csv::looks_like_it(text).then_some(Format::Csv)
    }
}

/// Why a file cannot be read, or not further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file itself.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    /// Not UTF-8; names what it is or where that shows.
    #[error("{0} is not UTF-8: save the file as UTF-8")]
    Encoding(String),
    /// The file is empty, or its first line is no heading line by its size.
    #[error("the file has no heading line")]
    NoHeadings,
    /// None of the columns is called what a title is called.
    #[error("no column holds the title: say which one with title=COLUMN; the columns are {}", .columns.join(", "))]
    NoTitle {
        /// What there is.
        columns: Vec<String>,
    },
    /// A column was asked for that the file does not have.
    #[error("there is no column {column:?}; the columns are {}", .columns.join(", "))]
    NoColumn {
        /// What was asked for.
        column: String,
        /// What there is.
        columns: Vec<String>,
    },
    /// The XML has a document type, which MARCXML never has and attacks need.
    #[error("line {line} declares a document type, which MARCXML does not have")]
    DocumentType {
        /// From 1.
        line: u64,
    },
}

/// The books of a file, one after the other; ends after the first [`Error`].
pub struct Reader<R> {
    records: Records<R>,
    failed: bool,
}

enum Records<R> {
    Csv(Box<csv::Rows<R>>),
    Marc(iso2709::Records<R>),
    MarcXml(marcxml::Records<R>),
}

impl<R: BufRead> Reader<R> {
    /// Reads `input`, of which the heading line is read at once. `assignments` say what the columns of a CSV file hold;
    /// fields that are in none of them are guessed from the headings.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Encoding`], and for CSV [`Error::NoHeadings`], [`Error::NoTitle`], [`Error::NoColumn`]
    pub fn new(mut input: R, format: Format, assignments: &[Assignment]) -> Result<Self, Error> {
        if source::is_utf16(input.fill_buf()?) {
            return Err(Error::Encoding("UTF-16".to_owned()));
        }
        let records = match format {
            Format::Csv => Records::Csv(Box::new(csv::Rows::new(input, assignments)?)),
            Format::Marc => Records::Marc(iso2709::Records::new(input)),
            Format::MarcXml => Records::MarcXml(marcxml::Records::new(input)),
        };
        Ok(Self { records, failed: false })
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Result<Record, Flaw>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = match &mut self.records {
            Records::Csv(rows) => rows.read(),
            Records::Marc(records) => records.read(),
            Records::MarcXml(records) => records.read(),
        };
        self.failed = next.is_err();
        next.transpose()
    }
}
