//! The book in a MARC 21 record.

use super::{Field, Marc, Tag, isbn, joined, punctuation};
use crate::{Record, values};

/// The fields that are read.
pub const TAGS: &[&Tag] =
    &[b"008", b"020", b"041", b"100", b"110", b"111", b"245", b"260", b"264", b"520", b"650", b"655", b"700", b"710"];

/// All but the line and the copies.
pub fn record(marc: &Marc) -> Record {
    let reading = Reading { marc, punctuated: is_punctuated(&marc.leader) };
    Record {
        isbn: isbn(marc.of(&[b"020"]).flat_map(|field| field.parts('a'))),
        title: reading.title(),
        author: joined(marc.of(&[b"100", b"110", b"111", b"700", b"710"]).filter_map(|field| reading.author(field))),
        publication_year: reading.publication_year(),
        publisher: reading.publication('b').map(|text| reading.stripped(&text)).unwrap_or_default(),
        language: reading.language(),
        description: marc.first(&[b"520"], 'a'),
        category: reading.stripped(&marc.first(&[b"655", b"650"], 'a')),
        ..Record::default()
    }
}

/// Leader/18, descriptive cataloguing form: only `c` and `n` say that the punctuation is omitted.
fn is_punctuated(leader: &[u8]) -> bool {
    !matches!(leader.get(18), Some(b'c' | b'n'))
}

struct Reading<'a> {
    marc: &'a Marc,
    punctuated: bool,
}

impl Reading<'_> {
    fn stripped(&self, text: &str) -> String {
        if self.punctuated { punctuation::stripped(text).to_owned() } else { text.to_owned() }
    }

    fn title(&self) -> String {
        let mut title = String::new();
        for (code, text) in self.marc.of(&[b"245"]).take(1).flat_map(|field| &field.parts) {
            let mark = match code {
                'a' | 'n' => ". ",
                'b' => " : ",
                'p' => ", ",
                _ => continue,
            };
            punctuation::add(&mut title, mark, &values::clean(text));
        }
        self.stripped(&title)
    }

    /// The name in a field, unless it belongs to a work that is only spoken of.
    fn author(&self, field: &Field) -> Option<String> {
        if field.parts('t').next().is_some() {
            return None;
        }
        let name = self.stripped(&field.part('a'));
        let is_person = matches!(&field.tag, b"100" | b"700");
        // A first indicator of 0 says that the name begins with the forename.
        let is_inverted = is_person && field.indicators.first() != Some(&b'0');
        Some(if is_inverted { values::in_order(without_dates(&name)) } else { name })
    }

    fn publication_year(&self) -> Option<i32> {
        let year = |text: &str| values::year(text).ok().flatten();
        let dated = self.publication('c').and_then(|text| year(&text));
        dated.or_else(|| year(self.marc.fixed(b"008", '\0', 7..11)?))
    }

    /// A subfield of the publication statement. Of several 264, the one of the publisher counts.
    fn publication(&self, code: char) -> Option<String> {
        let (publishers, others): (Vec<_>, Vec<_>) = self
            .marc
            .of(&[b"264", b"260"])
            .partition(|field| &field.tag == b"260" || field.indicators.last() == Some(&b'1'));
        publishers.into_iter().chain(others).map(|field| field.part(code)).find(|text| !text.is_empty())
    }

    fn language(&self) -> String {
        let named = self.marc.of(&[b"041"]).find_map(|field| field.parts('a').next().map(|text| (field, text)));
        match named {
            // Codes were once written one behind the other; a second indicator of 7 says that these are other codes.
            Some((field, text)) if field.indicators.last() != Some(&b'7') && are_languages(&text) => {
                text.get(..3).unwrap_or(&text).to_owned()
            }
            Some((_, text)) => text,
            None => {
                self.marc.fixed(b"008", '\0', 35..38).filter(|code| is_language(code)).unwrap_or_default().to_owned()
            }
        }
    }
}

fn are_languages(codes: &str) -> bool {
    codes.len().is_multiple_of(3) && codes.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Three letters that are a language, and not that none is known or there is none.
fn is_language(code: &str) -> bool {
    are_languages(code) && !matches!(code, "und" | "zxx" | "mis")
}

/// `Hugo, Victor` of `Hugo, Victor, 1802-1885`.
fn without_dates(name: &str) -> &str {
    match name.rsplit_once(',') {
        Some((person, dates)) if dates.trim_start().starts_with(|c: char| c.is_ascii_digit()) => person,
        _ => name,
    }
}
