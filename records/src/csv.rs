//! Reads CSV: one book per line, under a heading line that says what its cells are.

mod columns;
mod writer;

use std::io::{self, BufRead, Cursor, Read as _};

use csv_core::ReadFieldResult;

use self::columns::{Columns, Field};
pub use self::{
    columns::{Assignment, MalformedAssignment},
    writer::CsvWriter,
};
use crate::{Error, Flaw, Record, TEXT_MAX, source, values};

/// The rows of a file.
pub struct Rows<R> {
    parser: csv_core::Reader,
    input: io::Chain<Cursor<Vec<u8>>, R>,
    headings: Vec<String>,
    columns: Columns,
    row: Row,
    /// The one that `input` is in, from 1.
    line: u64,
    /// Where the parser writes cells, piece by piece.
    piece: Box<[u8]>,
}

/// The most that the cells of a row that are kept may hold together, in bytes.
const ROW_MAX: usize = 4 << 20;

/// The most columns that there may be.
const COLUMNS_MAX: usize = 1 << 12;

/// A row as it was read.
#[derive(Default)]
struct Row {
    line: u64,
    /// Only those that are asked for are kept.
    cells: Vec<Vec<u8>>,
    width: usize,
    /// What the cells that are kept hold together.
    size: usize,
    /// The first column that was not kept for want of room.
    overflow: Option<usize>,
    blank: bool,
}

/// Which cells of a row are kept.
#[derive(Clone, Copy)]
enum Wanted {
    /// Of the heading line.
    All,
    /// Of a book.
    Columns,
}

impl<R: BufRead> Rows<R> {
    pub fn new(mut input: R, assignments: &[Assignment]) -> Result<Self, Error> {
        let beginning = read_beginning(&mut input)?;
        let (separator, beginning) = separator(&beginning);
        let mut rows = Self {
            parser: csv_core::ReaderBuilder::new().delimiter(separator).build(),
            input: Cursor::new(beginning.to_vec()).chain(input),
            headings: Vec::new(),
            columns: Columns::default(),
            row: Row::default(),
            line: 1,
            piece: vec![0; 1 << 14].into(),
        };
        rows.headings = rows.read_headings()?;
        rows.columns = Columns::new(&rows.headings, assignments)?;
        Ok(rows)
    }

    /// The next book; rows without any text are none, and those of an import's report that went in are not read again.
    pub fn read(&mut self) -> Result<Option<Result<Record, Flaw>>, Error> {
        while self.read_row(Wanted::Columns)? {
            if !self.row.blank && !self.is_done() {
                return Ok(Some(self.record()));
            }
        }
        Ok(None)
    }

    /// Whether the row is one of an import's report, and went in.
    fn is_done(&self) -> bool {
        let outcome = self.columns.outcome().map(|column| self.row.cell(column));
        matches!(outcome, Some(b"added" | b"updated" | b"skipped"))
    }

    fn read_headings(&mut self) -> Result<Vec<String>, Error> {
        if !self.read_row(Wanted::All)? || self.row.blank || self.row.overflow.is_some() {
            return Err(Error::NoHeadings);
        }
        let text = |cell: &Vec<u8>| str::from_utf8(cell).map(values::clean);
        let headings: Result<_, _> = self.row.cells.iter().map(text).collect();
        headings.map_err(|_| Error::Encoding("the heading line".to_owned()))
    }

    /// Fills `row`; whether there was one.
    fn read_row(&mut self, wanted: Wanted) -> io::Result<bool> {
        self.skip_line_breaks()?;
        self.row.clear(self.line);
        loop {
            let input = self.input.fill_buf()?;
            let (result, read, written) = self.parser.read_field(input, &mut self.piece);
            self.line += source::lines(input.get(..read).unwrap_or_default());
            self.input.consume(read);
            let keep = match wanted {
                Wanted::All => true,
                Wanted::Columns => self.columns.is_asked_for(self.row.width),
            };
            self.row.push(self.piece.get(..written).unwrap_or_default(), keep);
            match result {
                ReadFieldResult::Field { record_end } => {
                    self.row.width += 1;
                    if record_end {
                        return Ok(true);
                    }
                }
                ReadFieldResult::End => return Ok(false),
                ReadFieldResult::InputEmpty | ReadFieldResult::OutputFull => {}
            }
        }
    }

    /// So that `line` is the one in which the next row begins.
    fn skip_line_breaks(&mut self) -> io::Result<()> {
        loop {
            let input = self.input.fill_buf()?;
            let count = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            if count == 0 {
                return Ok(());
            }
            self.line += source::lines(input.get(..count).unwrap_or_default());
            self.input.consume(count);
        }
    }

    fn record(&self) -> Result<Record, Flaw> {
        if let Some(column) = self.row.overflow {
            return Err(self.flaw(column, "is longer than 1 MiB, or its row than 4 MiB: is a quotation mark missing?"));
        }
        if self.row.width != self.headings.len() {
            let reason = format!("has {} cells where the heading line has {}", self.row.width, self.headings.len());
            return Err(Flaw::new(self.row.line, "", reason));
        }
        Ok(Record {
            line: self.row.line,
            isbn: self.isbn()?,
            title: self.title()?,
            author: self.author()?,
            publication_year: self.first(Field::Year, |text| values::year(text).map_err(|_| "is no year"))?,
            publisher: self.text(Field::Publisher)?,
            language: self.text(Field::Language)?,
            description: self.text(Field::Description)?,
            category: self.text(Field::Category)?,
            copies: self.first(Field::Copies, |text| values::count(text).map_err(|_| "is no number"))?,
        })
    }

    /// The first cell that is an ISBN, or else what stands there instead, unless a spreadsheet has rounded it.
    fn isbn(&self) -> Result<String, Flaw> {
        let cells = self.cells(Field::Isbn)?;
        let isbn = cells.iter().find_map(|(_, text)| values::isbn(text));
        let is_rounded = |text: &str| text.parse::<f64>().is_ok_and(|_| text.contains(['e', 'E']));
        let other = || cells.into_iter().map(|(_, text)| text).find(|text| !is_rounded(&text.replace(',', ".")));
        Ok(isbn.or_else(other).unwrap_or_default())
    }

    fn title(&self) -> Result<String, Flaw> {
        let title = self.text(Field::Title)?;
        let missing = || self.columns.of(Field::Title).next().map(|column| self.flaw(column, "is empty"));
        if title.is_empty() { missing().map_or(Ok(title), Err) } else { Ok(title) }
    }

    /// Authors may stand in several columns, and in each of them several, parted by `;` or `|` with their family names
    /// first. Parted by a comma they stay as they are: nobody can tell `Hugo, Victor` from two authors.
    fn author(&self) -> Result<String, Flaw> {
        let mut authors: Vec<String> = Vec::new();
        for (_, cell) in self.cells(Field::Author)? {
            let several = cell.contains([';', '|']);
            let names =
                cell.split([';', '|']).map(|name| if several { values::in_order(name) } else { name.to_owned() });
            for name in names.filter(|name| !name.is_empty()) {
                if !authors.contains(&name) {
                    authors.push(name);
                }
            }
        }
        Ok(authors.join(", "))
    }

    fn text(&self, field: Field) -> Result<String, Flaw> {
        self.first(field, |text| Ok(Some(text.to_owned()))).map(Option::unwrap_or_default)
    }

    /// What the first cell of `field` that has a text means.
    fn first<T>(
        &self,
        field: Field,
        read: impl Fn(&str) -> Result<Option<T>, &'static str>,
    ) -> Result<Option<T>, Flaw> {
        match self.cells(field)?.into_iter().next() {
            Some((column, text)) => read(&text).map_err(|reason| self.flaw(column, reason)),
            None => Ok(None),
        }
    }

    /// The cells of `field` that have a text, with their columns.
    fn cells(&self, field: Field) -> Result<Vec<(usize, String)>, Flaw> {
        let mut cells = Vec::new();
        for column in self.columns.of(field) {
            let text = str::from_utf8(self.row.cell(column)).map_err(|_| self.flaw(column, "is not UTF-8"))?;
            let text = values::clean(text);
            if !text.is_empty() {
                cells.push((column, text));
            }
        }
        Ok(cells)
    }

    fn flaw(&self, column: usize, reason: &str) -> Flaw {
        let heading = self.headings.get(column).map_or("", String::as_str);
        Flaw::new(self.row.line, heading, reason).with_raw(self.row.cell(column))
    }
}

impl Row {
    fn clear(&mut self, line: u64) {
        self.cells.iter_mut().for_each(Vec::clear);
        (self.line, self.width, self.size, self.overflow, self.blank) = (line, 0, 0, None, true);
    }

    /// Adds a piece to the cell that is being read.
    fn push(&mut self, piece: &[u8], keep: bool) {
        self.blank &= piece.trim_ascii().is_empty();
        if !keep {
            return;
        }
        if self.cells.len() <= self.width && self.width < COLUMNS_MAX {
            self.cells.resize_with(self.width + 1, Vec::new);
        }
        self.size += piece.len();
        let most = if self.size <= ROW_MAX { TEXT_MAX } else { 0 };
        let kept = self.cells.get_mut(self.width).is_some_and(|cell| source::keep(cell, piece, most));
        if !kept {
            self.overflow.get_or_insert(self.width);
        }
    }

    fn cell(&self, column: usize) -> &[u8] {
        self.cells.get(column).map_or(&[], Vec::as_slice)
    }
}

/// Whether this can be the beginning of a heading line; documents that are text until further down are none.
pub fn looks_like_it(beginning: &[u8]) -> bool {
    let is_binary = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    let has_letters = beginning.iter().any(|byte| byte.is_ascii_alphabetic());
    let is_other = [b"{".as_slice(), b"[", b"%PDF"].iter().any(|magic| beginning.starts_with(magic));
    source::is_utf16(beginning) || (has_letters && !is_other && !beginning.iter().any(is_binary))
}

/// The first line, however long its cells make it, or the first mebibyte.
fn read_beginning(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut beginning = Vec::new();
    let mut input = input.take(TEXT_MAX as u64);
    loop {
        let read = input.read_until(b'\n', &mut beginning)?;
        let quotes = beginning.iter().filter(|byte| **byte == b'"').count();
        let is_text = !beginning.trim_ascii().is_empty();
        if read == 0 || (is_text && quotes.is_multiple_of(2) && !beginning.starts_with(b"sep=")) {
            return Ok(beginning);
        }
    }
}

/// What parts the cells, and the beginning without the marks of those who wrote it.
fn separator(beginning: &[u8]) -> (u8, &[u8]) {
    let beginning = source::without_bom(beginning);
    // Excel asks for such a line to know it too.
    if let Some([separator, rest @ ..]) = beginning.strip_prefix(b"sep=") {
        return (*separator, rest);
    }
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for byte in beginning {
        quoted ^= *byte == b'"';
        if let Some((_, count)) = counts.iter_mut().find(|(separator, _)| separator == byte && !quoted) {
            *count += 1;
        }
    }
    // Of equals the last wins, and none at all shall be a comma.
    let separator = counts.into_iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(separator, _)| separator);
    (separator, beginning)
}
