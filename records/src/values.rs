//! What texts mean in whichever format they stand: ISBNs, years, numbers.

/// The text was to mean something, and does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaningless;

/// Without control characters other than `\n` and `\t`, without what XML cannot hold, and without white space around it.
pub fn clean(text: &str) -> String {
    if !text.contains(is_unwanted) {
        return text.trim().to_owned();
    }
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.replace(is_unwanted, "").trim().to_owned()
}

pub fn is_unwanted(character: char) -> bool {
    (character.is_control() && !matches!(character, '\n' | '\t')) || matches!(character, '\u{FFFE}' | '\u{FFFF}')
}

/// The ISBN in `text` if it has the shape of one: ten or thirteen digits, of which the last of ten may be X.
///
/// Spreadsheets take ISBNs for numbers and drop their leading zeros: up to nine digits are filled up to ten. What they
/// write as `9.78E+12` has lost its last digits, and is none. Goodreads writes `="0439023483"`, LibraryThing `[0439023483]`.
pub fn isbn(text: &str) -> Option<String> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || "=\"'[]".contains(c)).to_ascii_uppercase();
    let text = text.strip_prefix("ISBN").map_or(text.as_str(), |rest| rest.trim_start_matches([':', ' ']));
    // Thirteen digits that went through a floating-point number, all of which it can hold.
    let text = text.strip_suffix(".0").unwrap_or(text);
    let isbn: String = text.chars().filter(|c| !matches!(c, '-' | ' ' | '\u{A0}' | '\u{2010}'..='\u{2015}')).collect();
    let digits = isbn.strip_suffix('X').unwrap_or(&isbn);
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit()) && isbn.bytes().any(|byte| byte != b'0');
    match isbn.len() {
        1..=10 if is_number => Some(format!("{isbn:0>10}")),
        13 if is_number && digits.len() == 13 => Some(isbn),
        _ => None,
    }
}

/// The year in `text`: a number, which may be negative or end in `.0`, or else the first four digits that stand alone, as
/// in `c1998`, `[1998]`, `1998-05-01`; `None` if there is no text.
pub fn year(text: &str) -> Result<Option<i32>, Meaningless> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let number = integer(text).and_then(|year| i32::try_from(year).ok()).filter(|year| year.abs() <= 9999);
    let within = || text.split(|c: char| !c.is_ascii_digit()).find(|digits| digits.len() == 4)?.parse().ok();
    number.or_else(within).map(Some).ok_or(Meaningless)
}

/// How many `text` says there are; `None` if there is no text.
pub fn count(text: &str) -> Result<Option<u32>, Meaningless> {
    match text.trim() {
        "" => Ok(None),
        text => integer(text).and_then(|count| u32::try_from(count).ok()).map(Some).ok_or(Meaningless),
    }
}

/// `Victor Hugo` of `Hugo, Victor`; a name without a comma stays as it is.
pub fn in_order(name: &str) -> String {
    match name.trim().split_once(',') {
        // What stands behind a second comma belongs to the name, and a comma would make it another author.
        Some((family, given)) => format!("{} {}", given.replace(',', "").trim(), family.trim()).trim().to_owned(),
        None => name.trim().to_owned(),
    }
}

fn integer(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    whole.parse().ok().filter(|_| fraction.bytes().all(|byte| byte == b'0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn isbns_get_their_zeros_back() {
        assert_eq!(isbn("439023483").as_deref(), Some("0439023483"));
        assert_eq!(isbn("60256656").as_deref(), Some("0060256656"));
        assert_eq!(isbn("34072205X").as_deref(), Some("034072205X"));
        assert_eq!(isbn("978-2-07-036024-5").as_deref(), Some("9782070360245"));
        assert_eq!(isbn("9780439023480.0").as_deref(), Some("9780439023480"));
        assert_eq!(isbn("=\"0439023483\"").as_deref(), Some("0439023483"));
        assert_eq!(isbn("[043902348x]").as_deref(), Some("043902348X"));
        assert_eq!(isbn("ISBN: 0439023483").as_deref(), Some("0439023483"));
    }

    #[test]
    fn what_lost_its_digits_is_no_isbn() {
        for text in ["", "0", "X0", "9.78043902348e+12", "9,78E+12", "978043902348X", "12345678901", "n/a", "1X2"] {
            assert_eq!(isbn(text), None, "{text:?}");
        }
    }

    #[test]
    fn years_are_found_in_what_surrounds_them() {
        let years = [
            ("2008.0", 2008),
            ("-750.0", -750),
            ("c1998", 1998),
            ("[1998]", 1998),
            ("1998-05-01", 1998),
            ("01/05/1998", 1998),
            ("impr. 1998, cop. 1997", 1998),
            ("800", 800),
            ("0", 0),
        ];
        for (text, expected) in years {
            assert_eq!(year(text), Ok(Some(expected)), "{text:?}");
        }
        assert_eq!(year(" "), Ok(None));
        for text in ["[199-?]", "n.d.", "19980501", "20080.0"] {
            assert_eq!(year(text), Err(Meaningless), "{text:?}");
        }
    }

    #[test]
    fn names_come_in_the_order_in_which_they_are_spoken() {
        assert_eq!(in_order("Hugo, Victor"), "Victor Hugo");
        assert_eq!(in_order("King, Martin Luther, Jr."), "Martin Luther Jr. King");
        assert_eq!(in_order(" Homère "), "Homère");
        assert_eq!(in_order("Molière,"), "Molière");
    }

    #[test]
    fn counts_are_whole_and_not_negative() {
        assert_eq!(count("3"), Ok(Some(3)));
        assert_eq!(count(" 3.0 "), Ok(Some(3)));
        assert_eq!(count(""), Ok(None));
        for text in ["-1", "1.5", "many", "99999999999999999999"] {
            assert_eq!(count(text), Err(Meaningless), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn clean_text_stays_as_it_is(text: String) {
            let cleaned = clean(&text);

            prop_assert_eq!(clean(&cleaned), cleaned.clone());
            prop_assert!(!cleaned.contains(is_unwanted));
        }

        #[test]
        fn an_isbn_is_itself(text in "[0-9]{9}[0-9X]|[0-9]{13}") {
            prop_assume!(text.bytes().any(|byte| byte != b'0'));

            prop_assert_eq!(isbn(&text), Some(text));
        }
    }
}
