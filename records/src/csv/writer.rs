//! Writes CSV: RFC 4180 with a comma, in UTF-8, under our own headings.

use std::io::{self, Write};

use crate::Record;

/// Writes records that the [`Reader`](crate::Reader) reads back as they were.
///
/// Cells that begin with `=` or `-` stay as they are: a spreadsheet that is not told that they are text may take them for
/// formulas, but a title that was changed to prevent that would come back changed.
pub struct CsvWriter<W: Write>(csv::Writer<W>);

impl<W: Write> CsvWriter<W> {
    /// Writes the heading line.
    ///
    /// # Errors
    /// Those of `output`.
    pub fn new(output: W) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(output);
        let headings =
            ["isbn", "title", "author", "year", "publisher", "language", "description", "category", "copies"];
        writer.write_record(headings)?;
        Ok(Self(writer))
    }

    /// Writes a book.
    ///
    /// # Errors
    /// Those of `output`.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        let year = record.publication_year.map(|year| year.to_string()).unwrap_or_default();
        let copies = record.copies.map(|copies| copies.to_string()).unwrap_or_default();
        let cells = [
            &record.isbn,
            &record.title,
            &record.author,
            &year,
            &record.publisher,
            &record.language,
            &record.description,
            &record.category,
            &copies,
        ];
        Ok(self.0.write_record(cells)?)
    }

    /// Writes what is left, and gives the output back.
    ///
    /// # Errors
    /// Those of `output`.
    pub fn finish(self) -> io::Result<W> {
        self.0.into_inner().map_err(csv::IntoInnerError::into_error)
    }
}
