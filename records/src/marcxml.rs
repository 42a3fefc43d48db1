//! Reads MARCXML, in collections and alone, with and without namespaces, also wrapped by OAI-PMH or SRU.
//!
//! The file is cut into its records before XML is parsed, so that a record that is not well-formed, not UTF-8 or too large
//! is a [`Flaw`] and the next one is read. Entities other than those of XML itself are not known, and nothing is expanded.

mod writer;

use std::io::BufRead;

use quick_xml::{
    Reader as XmlReader,
    events::{BytesRef, BytesStart, Event},
};

pub use self::writer::MarcXmlWriter;
use crate::{
    Error, Flaw, Record,
    marc::{Dialect, Field, Marc, Tag},
    source,
};

/// The most that a record may hold, in bytes.
const RECORD_MAX: usize = 4 << 20;

/// The most that is looked at of a tag.
const TAG_MAX: usize = 1 << 12;

/// The records of a file.
pub struct Records<R> {
    input: R,
    /// The one that `input` is in, from 1.
    line: u64,
    /// What was read since the last record began, its beginning at least.
    chunk: Vec<u8>,
    /// Whether `chunk` is all of it.
    whole: bool,
    /// The last tag that was read, its beginning at least.
    tag: Vec<u8>,
}

impl<R: BufRead> Records<R> {
    pub fn new(input: R) -> Self {
        Self { input, line: 1, chunk: Vec::new(), whole: true, tag: Vec::new() }
    }

    pub fn read(&mut self) -> Result<Option<Result<Record, Flaw>>, Error> {
        let mut line = None;
        while self.read_tag()? {
            match kind(&self.tag) {
                // A record within a record is one that is wrapped.
                Kind::RecordStart => line = Some(self.begin_record()),
                Kind::RecordEnd => {
                    if let Some(line) = line {
                        return Ok(Some(self.record(line)));
                    }
                }
                Kind::Comment if line.is_none() => self.skip_comment()?,
                Kind::Declaration => self.check_encoding()?,
                Kind::DocumentType => return Err(Error::DocumentType { line: self.line }),
                Kind::Comment | Kind::Other => {}
            }
            if line.is_none() {
                self.chunk.clear();
            }
        }
        Ok(line.map(|line| Err(Flaw::new(line, "", "is cut off before its end"))))
    }

    /// Reads up to the end of the next tag; whether there was one.
    fn read_tag(&mut self) -> Result<bool, Error> {
        self.tag.clear();
        loop {
            let input = self.input.fill_buf()?;
            let end = input.iter().position(|byte| *byte == b'>');
            let read = end.map_or(input.len(), |end| end + 1);
            let piece = input.get(..read).unwrap_or_default();
            self.line += source::lines(piece);
            self.whole &= source::keep(&mut self.chunk, piece, RECORD_MAX);
            let start = piece.iter().rposition(|byte| *byte == b'<');
            if start.is_some() {
                self.tag.clear();
            }
            source::keep(&mut self.tag, piece.get(start.unwrap_or(0)..).unwrap_or_default(), TAG_MAX);
            let ended = end.is_some() || read == 0;
            self.input.consume(read);
            if ended {
                return Ok(read > 0);
            }
        }
    }

    /// Forgets what was before the tag that was just read; the line in which that begins.
    fn begin_record(&mut self) -> u64 {
        self.chunk.clone_from(&self.tag);
        self.whole = true;
        self.line - source::lines(&self.tag)
    }

    /// Reads up to the end of a comment between records.
    fn skip_comment(&mut self) -> Result<(), Error> {
        self.whole = true;
        // One that is too large to be kept is taken to have no `>` before its end.
        while self.whole && !self.chunk.ends_with(b"-->") {
            self.chunk.clear();
            if !self.read_tag()? {
                break;
            }
        }
        Ok(())
    }

    fn check_encoding(&self) -> Result<(), Error> {
        let declaration = String::from_utf8_lossy(&self.tag).to_lowercase();
        let encoding = declaration.split_once("encoding").map_or("", |(_, rest)| rest);
        match encoding.split(['"', '\'']).nth(1) {
            None | Some("utf-8" | "utf8" | "us-ascii" | "ascii") => Ok(()),
            Some(other) => Err(Error::Encoding(other.to_uppercase())),
        }
    }

    fn record(&mut self, line: u64) -> Result<Record, Flaw> {
        let chunk = std::mem::take(&mut self.chunk);
        let mut parser = Parser::default();
        if !self.whole {
            // Parses what there is, to know in which field it stopped.
            parser.parse(&String::from_utf8_lossy(&chunk)).ok();
            return Err(Flaw::new(line, parser.field.name(), "is longer than 4 MiB, or its record is"));
        }
        let flaw = |field: String, reason: String| Flaw::new(line, field, reason);
        let text = str::from_utf8(&chunk).map_err(|_| flaw(String::new(), "is not UTF-8".to_owned()))?;
        match parser.parse(text) {
            Ok(()) => parser.marc.record(line),
            Err(reason) => Err(flaw(parser.field.name(), reason)),
        }
    }
}

/// What a tag is to the one who looks for records.
enum Kind {
    RecordStart,
    RecordEnd,
    Comment,
    Declaration,
    DocumentType,
    Other,
}

fn kind(tag: &[u8]) -> Kind {
    let is_record = |name: &[u8]| {
        let name =
            name.split(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/')).next().unwrap_or_default();
        name.rsplit(|byte| *byte == b':').next() == Some(b"record")
    };
    match tag {
        [b'<', b'!', b'-', ..] => Kind::Comment,
        // Or what stands in one, before its end.
        [b'<', b'!', b'A'..=b'Z' | b'a'..=b'z', ..] => Kind::DocumentType,
        [b'<', b'?', b'x', b'm', b'l', b' ', ..] => Kind::Declaration,
        [b'<', b'/', name @ ..] if is_record(name) => Kind::RecordEnd,
        [b'<', name @ ..] if is_record(name) && !tag.ends_with(b"/>") => Kind::RecordStart,
        _ => Kind::Other,
    }
}

/// Whether a file that begins with `<` begins like MARCXML, and not like HTML or something else in XML.
pub fn looks_like_it(beginning: &[u8]) -> bool {
    let mut tags = beginning.split(|byte| *byte == b'<');
    tags.any(|tag| {
        let name =
            tag.split(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/')).next().unwrap_or_default();
        let name = name.rsplit(|byte| *byte == b':').next().unwrap_or_default();
        matches!(name, b"collection" | b"record" | b"OAI-PMH" | b"searchRetrieveResponse")
    })
}

/// Parses one record.
#[derive(Default)]
struct Parser {
    marc: Marc,
    /// The field that is open.
    field: Field,
    /// Whether text belongs to a subfield, a control field or the leader; other text is white space.
    reading: bool,
}

impl Parser {
    /// Adds what `xml` holds to the record; an error says why that is not possible.
    fn parse(&mut self, xml: &str) -> Result<(), String> {
        let mut reader = XmlReader::from_str(xml);
        loop {
            match reader.read_event().map_err(|error| format!("is not well-formed XML: {error}"))? {
                Event::Start(tag) => self.start(&tag)?,
                Event::Empty(tag) => {
                    self.start(&tag)?;
                    self.end(tag.local_name().as_ref());
                }
                Event::End(tag) if tag.local_name().as_ref() == "record" => return Ok(()),
                Event::End(tag) => self.end(tag.local_name().as_ref()),
                Event::Text(text) => self.text(&text.into_inner()),
                Event::CData(text) => self.text(&text.into_inner()),
                Event::GeneralRef(reference) => self.text(&resolved(&reference)?),
                Event::Eof => return Err("is not well-formed XML: it ends too early".to_owned()),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
    }

    fn start(&mut self, tag: &BytesStart) -> Result<(), String> {
        let name = tag.local_name();
        match name.as_ref() {
            "leader" => {
                self.field = Field { tag: LEADER, parts: vec![('\0', String::new())], ..Field::default() };
                self.reading = true;
            }
            "controlfield" => {
                let parts = vec![('\0', String::new())];
                self.field = Field { tag: attribute(tag, "tag")?, parts, ..Field::default() };
                self.reading = true;
            }
            "datafield" => {
                let indicators = [attribute::<1>(tag, "ind1"), attribute(tag, "ind2")];
                let [first, second] = indicators.map(|indicator| indicator.map_or(b' ', |[indicator]| indicator));
                self.field = Field { tag: attribute(tag, "tag")?, indicators: [first, second], parts: Vec::new() };
            }
            "subfield" => {
                let [code] = attribute(tag, "code")?;
                self.field.parts.push((char::from(code), String::new()));
                self.reading = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, name: &str) {
        self.reading = false;
        if !matches!(name, "leader" | "controlfield" | "datafield") {
            return;
        }
        let field = std::mem::take(&mut self.field);
        if field.tag == LEADER {
            self.marc.leader = field.parts.into_iter().next().map(|(_, text)| text.into_bytes()).unwrap_or_default();
        } else if Dialect::Marc21.reads(field.tag) || Dialect::Unimarc.reads(field.tag) {
            self.marc.fields.push(field);
        }
    }

    fn text(&mut self, text: &str) {
        if let Some((_, part)) = self.field.parts.last_mut()
            && self.reading
        {
            part.push_str(text);
        }
    }
}

/// Stands for the leader while that is read; no field has such a tag.
const LEADER: Tag = *b"LDR";

/// The `N` bytes of an attribute.
fn attribute<const N: usize>(tag: &BytesStart, name: &str) -> Result<[u8; N], String> {
    let wrong = || format!("has a {} without a proper {name}", tag.local_name().as_ref());
    let attribute = tag.try_get_attribute(name).ok().flatten().ok_or_else(wrong)?;
    attribute.value.as_bytes().try_into().map_err(|_| wrong())
}

fn resolved(reference: &BytesRef) -> Result<String, String> {
    let unknown = || format!("has the entity &{}; which XML does not know", &**reference);
    let character = reference.resolve_char_ref().map_err(|_| unknown())?;
    let predefined = || quick_xml::escape::resolve_predefined_entity(reference).map(str::to_owned);
    character.map(String::from).or_else(predefined).ok_or_else(unknown)
}
