//! The code tables: those of MARC-8 as the Library of Congress prints them, and ISO 5426 (ISO-IR 53).
//!
//! Every set has 94 places, 0x21 to 0x7E, whether it is used in the lower or in the upper half of the byte.

use std::sync::LazyLock;

/// Stands for the right half of a sign over two letters: Unicode writes the whole sign where the left half stood.
pub const SECOND_HALF: char = '\0';

/// The characters of a set, by the lower seven bits of their bytes.
pub struct Set([Option<char>; 128]);

impl Set {
    pub fn get(&self, byte: u8) -> Option<char> {
        self.0.get(usize::from(byte & 0x7F)).copied().flatten()
    }

    const fn new() -> Self {
        Self([None; 128])
    }

    fn chars(mut self, first: u8, characters: impl Iterator<Item = char>) -> Self {
        for (place, character) in self.0.iter_mut().skip(usize::from(first)).zip(characters) {
            *place = Some(character);
        }
        self
    }

    fn text(self, first: u8, text: &str) -> Self {
        self.chars(first, text.chars())
    }
}

/// The set that an escape sequence names, of which `Some(None)` is ASCII; `None` if there is no such set.
pub fn named(code: u8) -> Option<Option<&'static Set>> {
    let set: &'static LazyLock<Set> = match code {
        b'B' | b's' => return Some(None),
        b'E' => &ANSEL,
        b'N' => &CYRILLIC,
        b'Q' => &EXTENDED_CYRILLIC,
        b'S' => &GREEK,
        b'2' => &HEBREW,
        b'3' => &ARABIC,
        b'4' => &EXTENDED_ARABIC,
        b'g' => &GREEK_SYMBOLS,
        b'b' => &SUBSCRIPTS,
        b'p' => &SUPERSCRIPTS,
        _ => return None,
    };
    Some(Some(set))
}

/// Extended Latin, ANSI/NISO Z39.47.
pub static ANSEL: LazyLock<Set> = LazyLock::new(|| {
    Set::new()
        .text(0x21, "ŁØĐÞÆŒʹ·♭®±ƠƯʼ")
        .text(0x30, "ʻłøđþæœʺı£ð")
        .text(0x3C, "ơư")
        .text(0x40, "°ℓ℗©♯¿¡ß€")
        .text(0x60, "\u{309}\u{300}\u{301}\u{302}\u{303}\u{304}\u{306}\u{307}\u{308}\u{30C}\u{30A}\u{361}\0")
        .text(0x6D, "\u{315}\u{30B}\u{310}\u{327}\u{328}\u{323}\u{324}\u{325}\u{333}\u{332}\u{326}\u{31C}\u{32E}")
        .text(0x7A, "\u{360}\0")
        .text(0x7E, "\u{313}")
});

/// Extended Latin of UNIMARC, ISO-IR 53.
pub static ISO_5426: LazyLock<Set> = LazyLock::new(|| {
    Set::new()
        .text(0x21, "¡„£$¥†§′‘“«♭©℗®")
        .text(0x30, "ʻʼ‚")
        .text(0x36, "‡·″’”»♯ʹʺ¿")
        .text(
            0x40,
            "\u{309}\u{300}\u{301}\u{302}\u{303}\u{304}\u{306}\u{307}\u{308}\u{308}\u{30A}\u{315}\u{312}\u{30B}",
        )
        .text(
            0x4E,
            "\u{31B}\u{30C}\u{327}\u{31C}\u{326}\u{328}\u{325}\u{32E}\u{323}\u{324}\u{332}\u{333}\u{329}\u{32D}",
        )
        .text(0x5D, "\u{361}\0\0")
        .text(0x61, "ÆĐ")
        .text(0x66, "Ĳ")
        .text(0x68, "ŁØŒ")
        .text(0x6C, "Þ")
        .text(0x71, "æđð")
        .text(0x75, "ıĳ")
        .text(0x78, "łøœßþ")
});

static CYRILLIC: LazyLock<Set> = LazyLock::new(|| {
    Set::new().text(0x40, "юабцдефгхийклмнопярстужвьызшэщчъ").text(0x60, "ЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧ")
});

static EXTENDED_CYRILLIC: LazyLock<Set> = LazyLock::new(|| {
    Set::new().text(0x40, "ґђѓєёѕіїјљњћќўџ").text(0x50, "ѣѳѵѫ").text(0x60, "ҐЂЃЄЁЅІЇЈЉЊЋЌЎЏЪ").text(0x70, "ѢѲѴѪ")
});

static GREEK: LazyLock<Set> = LazyLock::new(|| {
    Set::new()
        .text(0x21, "\u{300}\u{301}\u{308}\u{342}\u{313}\u{314}\u{345}")
        .text(0x30, "«»“”\u{374}\u{375}")
        .text(0x3B, "\u{387}")
        .text(0x3F, "\u{37E}")
        .text(0x41, "ΑΒ")
        .text(0x44, "ΓΔΕϚϜΖΗΘΙΚΛΜΝΞΟΠϞΡΣ")
        .text(0x58, "ΤΥΦΧΨΩϠ")
        .text(0x61, "αβϐγδεϛϝζηθικλμνξοπϟρσςτυφχψωϡ")
});

static HEBREW: LazyLock<Set> = LazyLock::new(|| {
    Set::new()
        .text(0x22, "\u{5F4}")
        .text(0x27, "\u{5F3}")
        .text(0x2D, "\u{5BE}")
        .text(0x40, "\u{5B7}\u{5B8}\u{5B6}\u{5B5}\u{5B4}\u{5B9}\u{5BB}\u{5B0}\u{5B2}\u{5B3}\u{5B1}\u{5BC}\u{5BF}\u{5C1}\u{FB1E}")
        .chars(0x60, '\u{5D0}'..='\u{5EA}')
        .chars(0x7B, '\u{5F0}'..='\u{5F2}')
});

static ARABIC: LazyLock<Set> = LazyLock::new(|| {
    Set::new()
        .text(0x25, "\u{66A}")
        .text(0x2A, "\u{66D}")
        .text(0x2C, "\u{60C}")
        .chars(0x30, '\u{660}'..='\u{669}')
        .text(0x3B, "\u{61B}")
        .text(0x3F, "\u{61F}")
        .chars(0x41, '\u{621}'..='\u{63A}')
        .chars(0x60, '\u{640}'..='\u{652}')
        .text(0x73, "\u{671}\u{670}")
        .text(0x78, "\u{66C}”“")
});

static EXTENDED_ARABIC: LazyLock<Set> = LazyLock::new(|| {
    Set::new()
        .text(0x21, "\u{6FD}\u{672}\u{673}")
        .chars(0x24, '\u{679}'..='\u{686}')
        .text(0x32, "\u{6BF}")
        .chars(0x33, '\u{687}'..='\u{69C}')
        .text(0x49, "\u{6FA}\u{69D}\u{69E}\u{6FB}\u{69F}\u{6A0}\u{6FC}")
        .chars(0x50, '\u{6A1}'..='\u{6B8}')
        .text(
            0x68,
            "\u{6BA}\u{6BB}\u{6BC}\u{6BD}\u{6B9}\u{6BE}\u{6C0}\u{6C4}\u{6C5}\u{6C6}\u{6CA}\u{6CB}\u{6CD}\u{6CE}",
        )
        .text(0x76, "\u{6D0}\u{6D2}\u{6D3}")
        .text(0x7D, "\u{306}\u{30C}")
});

static GREEK_SYMBOLS: LazyLock<Set> = LazyLock::new(|| Set::new().text(0x61, "αβγ"));

static SUBSCRIPTS: LazyLock<Set> =
    LazyLock::new(|| Set::new().text(0x28, "₍₎").text(0x2B, "₊").text(0x2D, "₋").text(0x30, "₀₁₂₃₄₅₆₇₈₉"));

static SUPERSCRIPTS: LazyLock<Set> =
    LazyLock::new(|| Set::new().text(0x28, "⁽⁾").text(0x2B, "⁺").text(0x2D, "⁻").text(0x30, "⁰¹²³⁴⁵⁶⁷⁸⁹"));
