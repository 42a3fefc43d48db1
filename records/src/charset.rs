//! The character sets of ISO 2709 records: UTF-8, MARC-8 and ISO 5426.

mod tables;

use std::sync::LazyLock;

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

use tables::Set;

/// What the texts of a record are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// RFC 3629.
    Utf8,
    /// MARC 21 Specifications for Record Structure, Character Sets, part 2: ASCII and ANSEL, and by escape sequences the
    /// others. East Asian characters (EACC) are not read.
    Marc8,
    /// ISO 646 and ISO 5426:1983, the Latin of UNIMARC.
    Iso5426,
}

/// Why bytes are no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Not what the record says they are.
    Utf8,
    /// Chinese, Japanese or Korean in MARC-8.
    Eacc,
    /// An escape sequence of nobody.
    Escape,
}

impl Unreadable {
    /// To be read behind the name of a field.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Utf8 => "is not the UTF-8 that the record says it is",
            Self::Eacc => "uses the character set EACC, which cannot be read",
            Self::Escape => "uses a character set that MARC-8 does not have",
        }
    }
}

impl Charset {
    /// The text of one subfield or control field; in normalization form C unless it was UTF-8 already.
    pub fn decode(self, bytes: &[u8]) -> Result<String, Unreadable> {
        match self {
            Self::Utf8 => str::from_utf8(bytes).map(str::to_owned).map_err(|_| Unreadable::Utf8),
            Self::Marc8 => Decoder::new(&tables::ANSEL).decode(bytes),
            Self::Iso5426 => Decoder::new(&tables::ISO_5426).decode(bytes),
        }
    }
}

/// Reads a text in which diacritics stand before their letters and escape sequences change the two sets at hand (ISO 2022).
struct Decoder {
    /// For the bytes below 0x80; `None` is ASCII.
    low: Option<&'static Set>,
    high: Option<&'static Set>,
    text: String,
    /// Those whose letter has not come yet.
    marks: Vec<char>,
}

impl Decoder {
    fn new(high: &'static LazyLock<Set>) -> Self {
        Self { low: None, high: Some(high), text: String::new(), marks: Vec::new() }
    }

    fn decode(mut self, bytes: &[u8]) -> Result<String, Unreadable> {
        if bytes.is_ascii() && !bytes.contains(&ESCAPE) {
            return Ok(bytes.iter().copied().map(char::from).collect());
        }
        let mut rest = bytes;
        while let [byte, behind @ ..] = rest {
            rest = behind;
            match byte {
                &ESCAPE => rest = self.escape(behind)?,
                0x8D => self.text.push('\u{200D}'),
                0x8E => self.text.push('\u{200C}'),
                // Among them the brackets around an article that sorting skips.
                0x7F..=0xA0 | 0xFF => {}
                byte => self.push(self.character(*byte)),
            }
        }
        self.text.extend(self.marks.drain(..));
        Ok(self.text.nfc().collect())
    }

    /// What a byte stands for in the set at hand; in a place that a set leaves empty, writers mean ASCII.
    fn character(&self, byte: u8) -> char {
        let ascii = char::from(byte & 0x7F);
        let (set, otherwise) =
            if byte.is_ascii() { (self.low, ascii) } else { (self.high, char::REPLACEMENT_CHARACTER) };
        match set {
            Some(set) if byte & 0x7F > 0x20 => set.get(byte).unwrap_or(otherwise),
            _ => ascii,
        }
    }

    fn push(&mut self, character: char) {
        // The small alef is a mark in Unicode and a letter in MARC-8.
        if is_combining_mark(character) && character != '\u{670}' {
            self.marks.push(character);
        } else if character != tables::SECOND_HALF {
            self.text.push(character);
            self.text.extend(self.marks.drain(..));
        }
    }

    /// Follows an escape sequence; what stands behind it.
    fn escape<'a>(&mut self, sequence: &'a [u8]) -> Result<&'a [u8], Unreadable> {
        match sequence {
            [b'$', ..] => Err(Unreadable::Eacc),
            [b'(' | b',', b'!', code, rest @ ..] | [b'(' | b',', code, rest @ ..] => {
                self.low = tables::named(*code).ok_or(Unreadable::Escape)?;
                Ok(rest)
            }
            [b')' | b'-', b'!', code, rest @ ..] | [b')' | b'-', code, rest @ ..] => {
                self.high = tables::named(*code).ok_or(Unreadable::Escape)?;
                Ok(rest)
            }
            [code @ (b'g' | b'b' | b'p' | b's'), rest @ ..] => {
                self.low = tables::named(*code).ok_or(Unreadable::Escape)?;
                Ok(rest)
            }
            _ => Err(Unreadable::Escape),
        }
    }
}

/// Begins a change of the character set.
pub const ESCAPE: u8 = 0x1B;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marc8(bytes: &[u8]) -> String {
        Charset::Marc8.decode(bytes).unwrap()
    }

    #[test]
    fn diacritics_of_marc8_follow_their_letters() {
        assert_eq!(marc8(b"\xE2Elodie"), "Élodie");
        assert_eq!(marc8(b"\xA6uvres compl\xE1etes"), "Œuvres complètes");
        assert_eq!(marc8(b"Gar\xF0con, na\xE8ive, \xB1\xE2od\xB2"), "Garçon, naïve, łódø");
        assert_eq!(marc8(b"Vi\xF2\xE3et"), "Việt");
        assert_eq!(marc8(b"\xEBt\xECsar"), "t\u{361}sar");
        assert_eq!(marc8(b"10 \xC8, \xC71"), "10 €, ß1");
    }

    #[test]
    fn escapes_change_the_script() {
        assert_eq!(marc8(b"\x1B(NwOJNA I MIR\x1B(B, 1"), "Война и мир, 1");
        assert_eq!(marc8(b"\x1B)Q\xC3\xC7\x1B)!E\xE2e"), "єїé");
        assert_eq!(marc8(b"\x1B(S%Ak\"jpa\x1B(B"), "Ἀθήνα");
        assert_eq!(marc8(b"\x1B(2ylem\x1B(B!"), "שלום!");
        assert_eq!(marc8(b"\x1B(3GdcJGH\x1B(B"), "الكتاب");
        assert_eq!(marc8(b"H\x1Bb2\x1BsO, x\x1Bp2\x1Bs, \x1Bga\x1Bs"), "H₂O, x², α");
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        assert_eq!(Charset::Marc8.decode(b"\x1B$1!0!"), Err(Unreadable::Eacc));
        assert_eq!(Charset::Marc8.decode(b"\x1B(Zabc"), Err(Unreadable::Escape));
        assert_eq!(Charset::Utf8.decode(b"\xE2Elodie"), Err(Unreadable::Utf8));
    }

    #[test]
    fn iso_5426_has_its_diacritics_elsewhere() {
        assert_eq!(
            Charset::Iso5426.decode(b"\xC2Elodie, \xEAuvres, gar\xD0con, \xC9uber").unwrap(),
            "Élodie, Œuvres, garçon, über"
        );
        assert_eq!(Charset::Iso5426.decode(b"\x88Les \x89mis\xC2erables").unwrap(), "Les misérables");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            for charset in [Charset::Utf8, Charset::Marc8, Charset::Iso5426] {
                _ = charset.decode(&bytes);
            }
        }

        #[test]
        fn ascii_is_the_same_in_all_of_them(text in "[ -~]{0,40}") {
            for charset in [Charset::Utf8, Charset::Marc8, Charset::Iso5426] {
                prop_assert_eq!(charset.decode(text.as_bytes()), Ok(text.clone()));
            }
        }
    }
}
