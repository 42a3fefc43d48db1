//! Writes MARCXML: MARC 21 in <http://www.loc.gov/MARC21/slim>.

use std::io::{self, Write};

use quick_xml::escape::escape;

use crate::{Record, values};

/// A new book in Unicode, of which not much is known, without the punctuation of catalogue cards (leader/18 is `c`).
const LEADER: &str = "00000nam a2200000uc 4500";

/// What a record of MARC can hold, and more than any library has.
const COPIES_MAX: u32 = 9_999;

/// Writes records that the [`Reader`](crate::Reader) reads back as they were.
///
/// Authors stand in direct order, in 100 and 700 with a first indicator of 0. Each copy is an 852 with its number, and none a
/// single one with 0. A language that is no three-letter code is marked as one of another list (041, second indicator 7).
pub struct MarcXmlWriter<W>(W);

impl<W: Write> MarcXmlWriter<W> {
    /// Opens the collection.
    ///
    /// # Errors
    /// Those of `output`.
    pub fn new(mut output: W) -> io::Result<Self> {
        output.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")?;
        output.write_all(b"<collection xmlns=\"http://www.loc.gov/MARC21/slim\">\n")?;
        Ok(Self(output))
    }

    /// Writes a book; `id` is the number under which the library knows it, for 001.
    ///
    /// # Errors
    /// Those of the output; [`io::ErrorKind::InvalidInput`] if there are more than 9,999 copies.
    pub fn write(&mut self, record: &Record, id: Option<&str>) -> io::Result<()> {
        if record.copies > Some(COPIES_MAX) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "more than 9,999 copies do not fit into a MARC record",
            ));
        }
        writeln!(self.0, "  <record>\n    <leader>{LEADER}</leader>")?;
        if let Some(id) = id {
            self.control_field("001", id)?;
        }
        self.control_field("008", &coded(record))?;
        self.data_fields(record)?;
        self.0.write_all(b"  </record>\n")
    }

    /// Closes the collection, and gives the output back.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.0.write_all(b"</collection>\n")?;
        self.0.flush()?;
        Ok(self.0)
    }

    fn data_fields(&mut self, record: &Record) -> io::Result<()> {
        let year = record.publication_year.map(|year| year.to_string()).unwrap_or_default();
        let mut authors = record.author.split(", ").filter(|author| !author.is_empty());
        self.data_field("020", "  ", &[('a', &record.isbn)])?;
        if is_marc_language(&record.language) {
            self.data_field("041", "  ", &[('a', &record.language)])?;
        } else if !record.language.is_empty() {
            self.data_field("041", " 7", &[('a', &record.language), ('2', "local")])?;
        }
        self.data_field("100", "0 ", &[('a', authors.next().unwrap_or_default())])?;
        self.data_field("245", if record.author.is_empty() { "00" } else { "10" }, &[('a', &record.title)])?;
        self.data_field("264", " 1", &[('b', &record.publisher), ('c', &year)])?;
        self.data_field("520", "  ", &[('a', &record.description)])?;
        self.data_field("655", " 4", &[('a', &record.category)])?;
        for author in authors {
            self.data_field("700", "0 ", &[('a', author)])?;
        }
        for copy in record.copies.into_iter().flat_map(|copies| copies.min(1)..=copies) {
            self.data_field("852", "  ", &[('t', &copy.to_string())])?;
        }
        Ok(())
    }

    fn control_field(&mut self, tag: &str, text: &str) -> io::Result<()> {
        writeln!(self.0, "    <controlfield tag=\"{tag}\">{}</controlfield>", escaped(text))
    }

    /// Writes a field with those subfields that have a text, if there are any.
    fn data_field(&mut self, tag: &str, indicators: &str, subfields: &[(char, &str)]) -> io::Result<()> {
        let (first, second) = indicators.split_at(1);
        let mut subfields = subfields.iter().filter(|(_, text)| !text.is_empty()).peekable();
        if subfields.peek().is_none() {
            return Ok(());
        }
        write!(self.0, "    <datafield tag=\"{tag}\" ind1=\"{first}\" ind2=\"{second}\">")?;
        for (code, text) in subfields {
            write!(self.0, "<subfield code=\"{code}\">{}</subfield>", escaped(text))?;
        }
        self.0.write_all(b"</datafield>\n")
    }
}

/// Field 008: a single year of publication and the language, as far as they are known and fit; no place, nothing else.
fn coded(record: &Record) -> String {
    let year = record.publication_year.filter(|year| (0..=9999).contains(year));
    let year = year.map_or_else(|| "nuuuu".to_owned(), |year| format!("s{year:04}"));
    let language = if is_marc_language(&record.language) { &record.language } else { "|||" };
    format!("||||||{year}    xx |||||||||||||||||{language}||")
}

fn is_marc_language(language: &str) -> bool {
    language.len() == 3 && language.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// `text` without what XML cannot hold.
fn escaped(text: &str) -> String {
    let text: String = text.chars().filter(|character| !values::is_unwanted(*character)).collect();
    escape(text).into_owned()
}
