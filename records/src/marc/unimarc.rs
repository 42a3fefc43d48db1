//! The book in a UNIMARC record.

use super::{Field, Marc, Tag, isbn, joined, punctuation};
use crate::{Record, values};

/// The fields that are read.
pub const TAGS: &[&Tag] = &[
    b"010", b"100", b"101", b"200", b"210", b"214", b"330", b"606", b"608", b"610", b"700", b"701", b"702", b"710",
    b"711", b"712",
];

/// All but the line and the copies.
pub fn record(marc: &Marc) -> Record {
    let publication: [&Tag; 2] = [b"214", b"210"];
    let year = |text: &str| values::year(text).ok().flatten();
    Record {
        isbn: isbn(marc.of(&[b"010"]).flat_map(|field| field.parts('a'))),
        title: title(marc),
        author: author(marc),
        publication_year: year(&marc.first(&publication, 'd')).or_else(|| year(marc.fixed(b"100", 'a', 9..13)?)),
        publisher: marc.first(&publication, 'c'),
        language: marc.first(&[b"101"], 'a'),
        description: marc.first(&[b"330"], 'a'),
        category: marc.first(&[b"608", b"606", b"610"], 'a'),
        ..Record::default()
    }
}

fn title(marc: &Marc) -> String {
    let mut title = String::new();
    for (code, text) in marc.of(&[b"200"]).take(1).flat_map(|field| &field.parts) {
        let mark = match code {
            'a' => " ; ",
            'e' => " : ",
            'h' => ". ",
            'i' => ", ",
            _ => continue,
        };
        punctuation::add(&mut title, mark, &values::clean(text));
    }
    title
}

/// The persons, or else the corporate bodies.
fn author(marc: &Marc) -> String {
    let persons = joined(marc.of(&[b"700", b"701", b"702"]).map(person));
    if persons.is_empty() { joined(marc.of(&[b"710", b"711", b"712"]).map(|field| field.part('a'))) } else { persons }
}

fn person(field: &Field) -> String {
    let (family, given) = (field.part('a'), field.part('b'));
    // Some leave both in one subfield, as MARC 21 has it.
    if given.is_empty() { values::in_order(&family) } else { format!("{given} {}", family.trim_end_matches(',')) }
}
