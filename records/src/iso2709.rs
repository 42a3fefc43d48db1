//! Reads ISO 2709, the format in which MARC records are exchanged.
//!
//! A record says how long it is and where its fields stand, and programs get both wrong. So its length is not believed:
//! it ends at its terminator, or where the next one plainly begins. Where its directory does not fit, the terminators of
//! the fields are counted instead. A record is a [`Flaw`] only where neither works.

use std::io::BufRead;

use crate::{
    Error, Flaw, Record,
    charset::{Charset, ESCAPE, Unreadable},
    marc::{Dialect, Field, Marc, Tag},
    source,
};

const RECORD_END: u8 = 0x1D;
const FIELD_END: u8 = 0x1E;
const SUBFIELD: u8 = 0x1F;

/// What five digits can say, in bytes.
const RECORD_MAX: usize = 99_999;

const LEADER: usize = 24;

/// The records of a file.
pub struct Records<R> {
    input: R,
    /// How many there were.
    number: u64,
    /// What was read last.
    chunk: Chunk,
}

/// What stands before a record terminator: one record, or several if the terminators of some are lost.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    /// Where the record begins that is to be handed out next.
    next: usize,
    /// Whether the terminator is there.
    ended: bool,
    /// Whether it was longer than can be.
    overflow: bool,
}

impl<R: BufRead> Records<R> {
    pub fn new(input: R) -> Self {
        Self { input, number: 0, chunk: Chunk::default() }
    }

    pub fn read(&mut self) -> Result<Option<Result<Record, Flaw>>, Error> {
        if self.chunk.next == self.chunk.bytes.len() {
            self.read_chunk()?;
            self.chunk.next = start(&self.chunk.bytes);
        }
        if self.chunk.next == self.chunk.bytes.len() {
            return Ok(None);
        }
        self.number += 1;
        Ok(Some(self.next_record()))
    }

    fn next_record(&mut self) -> Result<Record, Flaw> {
        let Chunk { bytes, next, ended, overflow } = &mut self.chunk;
        if *overflow {
            *next = bytes.len();
            return Err(Flaw::new(self.number, "", "is longer than the 99,999 bytes that a record can have"));
        }
        let rest = bytes.get(*next..).unwrap_or_default();
        let end = end(rest);
        let ended = *ended && end == rest.len();
        let record = rest.get(..end).unwrap_or_default();
        *next += end;
        let marc = parse(record, ended).map_err(|flaw| flaw_at(self.number, flaw, record))?;
        marc.record(self.number)
    }

    /// Reads up to the next terminator, without white space and the like before it.
    fn read_chunk(&mut self) -> Result<(), Error> {
        self.chunk = Chunk::default();
        while !self.chunk.ended {
            let input = self.input.fill_buf()?;
            if input.is_empty() {
                break;
            }
            let end = input.iter().position(|byte| *byte == RECORD_END);
            let mut piece = end.and_then(|end| input.get(..end)).unwrap_or(input);
            let read = end.map_or(input.len(), |end| end + 1);
            if self.chunk.bytes.is_empty() {
                let junk = piece.iter().take_while(|byte| **byte <= b' ' || **byte == 0x7F).count();
                piece = source::without_bom(piece.get(junk..).unwrap_or_default());
            }
            self.chunk.overflow |= !source::keep(&mut self.chunk.bytes, piece, RECORD_MAX);
            // A terminator behind nothing but junk ends nothing.
            self.chunk.ended = end.is_some() && !self.chunk.bytes.is_empty();
            self.input.consume(read);
        }
        Ok(())
    }
}

/// Whether a file begins like ISO 2709: with a leader, or something like it, and the separators further on.
pub fn looks_like_it(beginning: &[u8]) -> bool {
    let leader = beginning.get(..LEADER).unwrap_or_default();
    let is_text = leader.len() == LEADER && leader.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    let is_separated = beginning.contains(&FIELD_END) && beginning.contains(&SUBFIELD);
    is_text && !leader.starts_with(b"%PDF") && (is_leader(beginning) || is_separated)
}

/// Whether `bytes` begin with a leader that nobody would take for anything else. A directory has digits in the same places
/// and may have a 45 there too, but no letters.
fn is_leader(bytes: &[u8]) -> bool {
    let digits = |from: usize, to: usize| bytes.get(from..to).is_some_and(|text| text.iter().all(u8::is_ascii_digit));
    let letters = bytes.get(5..8).is_some_and(|text| text.iter().all(u8::is_ascii_alphabetic));
    digits(0, 5) && letters && digits(12, 17) && bytes.get(20..22) == Some(b"45")
}

/// Where the record in `chunk` begins, if there is something else before it; what has fields is a record too, and damaged.
fn start(chunk: &[u8]) -> usize {
    let directory_end = chunk.iter().position(|byte| *byte == FIELD_END).unwrap_or(0);
    (0..directory_end).find(|start| chunk.get(*start..).is_some_and(is_leader)).unwrap_or(0)
}

/// Where the record at the beginning of `chunk` ends: at the end, unless another one begins before it.
fn end(chunk: &[u8]) -> usize {
    let length = chunk.get(..5).and_then(number);
    // The terminator counts.
    if length == Some(chunk.len() + 1) {
        return chunk.len();
    }
    (LEADER..chunk.len()).find(|start| chunk.get(*start..).is_some_and(is_leader)).unwrap_or(chunk.len())
}

/// The fields of one record that are read.
fn parse(bytes: &[u8], ended: bool) -> Result<Marc, Flaw> {
    let flaw = |reason: &str| Flaw::new(0, "", reason);
    let damaged = |reason: &str| flaw(if ended { reason } else { "is cut off before its end" });
    let leader = bytes.get(..LEADER).ok_or_else(|| damaged("is shorter than a leader"))?;
    let behind = bytes.get(LEADER..).unwrap_or_default();
    let (directory, data) = split_once(behind, FIELD_END).ok_or_else(|| damaged("has no end of its directory"))?;
    let (entries, remainder) = directory.as_chunks::<12>();
    if entries.is_empty() || !remainder.is_empty() {
        return Err(damaged("has a directory that is not made of 12-byte entries"));
    }
    let fields = by_place(entries, data).or_else(|| by_order(entries, data, ended));
    let fields = fields.ok_or_else(|| damaged("has a directory that does not fit its fields"))?;
    let Some(dialect) = Dialect::of(fields.iter().map(|(tag, _)| *tag)) else { return Ok(Marc::default()) };
    let read: Vec<_> = fields.into_iter().filter(|(tag, _)| dialect.reads(*tag)).collect();
    let charset = charset(leader, dialect, &read)?;
    let fields: Result<_, _> = read.into_iter().map(|(tag, bytes)| field(tag, bytes, charset)).collect();
    Ok(Marc { leader: leader.to_vec(), fields: fields? })
}

type RawField<'a> = (Tag, &'a [u8]);

/// The fields where the directory says that they are; `None` if some are not, or it says that of more than there is.
fn by_place<'a>(entries: &[[u8; 12]], data: &'a [u8]) -> Option<Vec<RawField<'a>>> {
    let field = |[t, a, g, rest @ ..]: &[u8; 12]| {
        let (length, start) = (number(rest.get(..4)?)?, number(rest.get(4..)?)?);
        let (last, text) = data.get(start..start.checked_add(length)?)?.split_last()?;
        let is_first = start == 0 || data.get(start - 1) == Some(&FIELD_END);
        (is_first && *last == FIELD_END && !text.contains(&FIELD_END)).then_some(([*t, *a, *g], text))
    };
    let fields: Vec<RawField> = entries.iter().map(field).collect::<Option<_>>()?;
    let length: usize = fields.iter().map(|(_, text)| text.len() + 1).sum();
    (length <= data.len()).then_some(fields)
}

/// The fields in the order in which the directory has them; `None` if there are more or fewer, or the last is cut off.
fn by_order<'a>(entries: &[[u8; 12]], data: &'a [u8], ended: bool) -> Option<Vec<RawField<'a>>> {
    let text = match data.strip_suffix(&[FIELD_END]) {
        Some(text) => text,
        None if ended => data,
        None => return None,
    };
    let texts: Vec<_> = text.split(|byte| *byte == FIELD_END).collect();
    let tags = entries.iter().map(|[t, a, g, ..]| [*t, *a, *g]);
    (texts.len() == entries.len()).then(|| tags.zip(texts).collect())
}

/// What a record is written in. Many that say MARC-8, or nothing, are UTF-8: MARC-8 that reads as UTF-8 has only ASCII.
fn charset(leader: &[u8], dialect: Dialect, fields: &[RawField]) -> Result<Charset, Flaw> {
    let is_utf8 = fields.iter().all(|(_, text)| str::from_utf8(text).is_ok() && !text.contains(&ESCAPE));
    if is_utf8 || leader.get(9) == Some(&b'a') {
        return Ok(Charset::Utf8);
    }
    if dialect == Dialect::Marc21 {
        return Ok(Charset::Marc8);
    }
    // UNIMARC says it in 100 $a 26-29, behind two indicators, the delimiter and the code.
    let general = fields.iter().find(|(tag, _)| tag == b"100").map(|(_, text)| *text).unwrap_or_default();
    match general.get(30..34).unwrap_or_default() {
        [b'5', b'0', ..] => Ok(Charset::Utf8),
        [] | b"    " | b"0103" | b"0101" | b"01  " => Ok(Charset::Iso5426),
        other => {
            let flaw = Flaw::new(0, "100", "names character sets of UNIMARC that cannot be read");
            Err(flaw.with_raw(other))
        }
    }
}

fn field(tag: Tag, bytes: &[u8], charset: Charset) -> Result<Field, Flaw> {
    let text = |bytes: &[u8]| {
        let unreadable = |why: Unreadable| Flaw::new(0, String::from_utf8_lossy(&tag), why.reason()).with_raw(bytes);
        charset.decode(bytes).map_err(unreadable)
    };
    let Some((indicators, subfields)) = split_once(bytes, SUBFIELD) else {
        return Ok(Field { tag, parts: vec![('\0', text(bytes)?)], ..Field::default() });
    };
    let parts = subfields.split(|byte| *byte == SUBFIELD).filter_map(<[u8]>::split_first);
    let parts: Result<_, _> = parts.map(|(code, bytes)| Ok((char::from(*code), text(bytes)?))).collect();
    let indicators = indicators.first_chunk().copied().unwrap_or(*b"  ");
    Ok(Field { tag, indicators, parts: parts? })
}

fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let place = bytes.iter().position(|byte| *byte == separator)?;
    Some((bytes.get(..place)?, bytes.get(place + 1..)?))
}

fn number(digits: &[u8]) -> Option<usize> {
    str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

/// Says where a flaw is, and of a record without proper fields shows the leader.
fn flaw_at(number: u64, flaw: Flaw, record: &[u8]) -> Flaw {
    let flaw = Flaw { line: number, ..flaw };
    if flaw.field.is_empty() { flaw.with_raw(record.get(..LEADER).unwrap_or(record)) } else { flaw }
}
