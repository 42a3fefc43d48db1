//! A MARC record, whichever way it was written down, and the book in it.

mod marc21;
mod punctuation;
mod unimarc;

use crate::{Flaw, Record, TEXT_MAX, values};

/// Three characters, mostly digits.
pub type Tag = [u8; 3];

/// The fields of a record that are read.
#[derive(Debug, Default)]
pub struct Marc {
    /// 24 characters, unless the record is damaged.
    pub leader: Vec<u8>,
    /// Not those of which a dialect reads nothing.
    pub fields: Vec<Field>,
}

/// A field with its text, or with its subfields.
#[derive(Debug, Default)]
pub struct Field {
    pub tag: Tag,
    pub indicators: [u8; 2],
    /// Of control fields, the text is the only part, under the code `\0`.
    pub parts: Vec<(char, String)>,
}

/// What the tags mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// MARC 21 Format for Bibliographic Data.
    Marc21,
    /// UNIMARC Bibliographic, of IFLA; in French libraries.
    Unimarc,
}

impl Dialect {
    /// MARC 21 has a title in 245, UNIMARC has it in 200.
    pub fn of(mut tags: impl Iterator<Item = Tag> + Clone) -> Option<Self> {
        if tags.clone().any(|tag| tag == *b"245") {
            Some(Self::Marc21)
        } else {
            tags.any(|tag| tag == *b"200").then_some(Self::Unimarc)
        }
    }

    /// Whether anything in such fields is read.
    pub fn reads(self, tag: Tag) -> bool {
        let tags = match self {
            Self::Marc21 => marc21::TAGS,
            Self::Unimarc => unimarc::TAGS,
        };
        tags.contains(&&tag) || COPIES.contains(&&tag)
    }
}

/// In these, libraries keep their copies: holdings, those of Koha, and what French libraries recommend.
const COPIES: [&Tag; 3] = [b"852", b"952", b"995"];

impl Marc {
    /// The book in this record, which is at `line`.
    pub fn record(&self, line: u64) -> Result<Record, Flaw> {
        let dialect = Dialect::of(self.fields.iter().map(|field| field.tag));
        let overlong = self.fields.iter().find(|field| field.parts.iter().any(|(_, text)| text.len() > TEXT_MAX));
        if let Some(field) = overlong {
            return Err(Flaw::new(line, field.name(), "is longer than 1 MiB"));
        }
        let record = match dialect {
            Some(Dialect::Marc21) => marc21::record(self),
            Some(Dialect::Unimarc) => unimarc::record(self),
            None => return Err(Flaw::new(line, "", "has no title, neither in 245 nor in 200")),
        };
        if record.title.is_empty() {
            let tag = if dialect == Some(Dialect::Marc21) { "245" } else { "200" };
            return Err(Flaw::new(line, tag, "has no title in it"));
        }
        Ok(Record { line, copies: self.copies(), ..record })
    }

    /// As many as there are fields for them; a field for copy number 0 (852 $t) says that there is none.
    fn copies(&self) -> Option<u32> {
        let fields = |tag: Tag| self.fields.iter().filter(move |field| field.tag == tag);
        let tag = COPIES.into_iter().copied().find(|tag| fields(*tag).next().is_some())?;
        u32::try_from(fields(tag).filter(|field| field.part('t') != "0").count()).ok()
    }

    /// The fields with these tags, those with the first tag first.
    fn of<'a>(&'a self, tags: &'a [&Tag]) -> impl Iterator<Item = &'a Field> {
        tags.iter().flat_map(|tag| self.fields.iter().filter(move |field| field.tag == **tag))
    }

    /// The first text in subfield `code` of a field with one of these tags, or nothing.
    fn first(&self, tags: &[&Tag], code: char) -> String {
        self.of(tags).map(|field| field.part(code)).find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// Some characters of a control field or fixed subfield.
    fn fixed(&self, tag: &Tag, code: char, places: std::ops::Range<usize>) -> Option<&str> {
        let field = self.fields.iter().find(|field| field.tag == *tag)?;
        field.parts.iter().find(|(other, _)| *other == code)?.1.get(places)
    }
}

impl Field {
    /// The tag, to be shown; empty if there is none yet.
    pub fn name(&self) -> String {
        if self.tag == Tag::default() { String::new() } else { String::from_utf8_lossy(&self.tag).into_owned() }
    }

    /// The texts of a subfield, cleaned.
    fn parts(&self, code: char) -> impl Iterator<Item = String> {
        let parts = self.parts.iter().filter(move |(other, _)| *other == code).map(|(_, text)| values::clean(text));
        parts.filter(|text| !text.is_empty())
    }

    /// The first text of a subfield, or nothing.
    fn part(&self, code: char) -> String {
        self.parts(code).next().unwrap_or_default()
    }
}

/// The first ISBN-13, or else the first ISBN, in subfields that also say how a book is bound: `2070360245 (pbk.) : 5 EUR`.
fn isbn(texts: impl Iterator<Item = String>) -> String {
    let isbn = |text: String| {
        let number = text.split(['(', ':', ';']).next().unwrap_or_default();
        values::isbn(number).or_else(|| number.split_whitespace().find_map(values::isbn))
    };
    let isbns: Vec<String> = texts.filter_map(isbn).collect();
    isbns.iter().find(|isbn| isbn.len() == 13).or(isbns.first()).cloned().unwrap_or_default()
}

/// Each once, in the order in which they stand.
fn joined(names: impl Iterator<Item = String>) -> String {
    let mut each: Vec<String> = Vec::new();
    for name in names.filter(|name| !name.is_empty()) {
        if !each.contains(&name) {
            each.push(name);
        }
    }
    each.join(", ")
}
