//! ISBN: the number of an edition (ISO 2108), kept as ISBN-13.

use std::{fmt, str::FromStr};

/// An ISBN-13: thirteen digits, the last of which checks the others.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Isbn([u8; 13]);

/// The text is no ISBN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedIsbn {
    /// Neither ten nor thirteen digits, or other characters than digits, hyphens, blanks and a last X.
    #[error("must be an ISBN of 10 digits, or of 13 that begin with 978 or 979")]
    Shape,
    /// The last digit does not check the others.
    #[error("has a wrong check digit")]
    CheckDigit,
}

impl Isbn {
    /// An ISBN out of a table that took it for a number: without hyphens, and without the zeros that it began with.
    ///
    /// # Errors
    /// [`MalformedIsbn`]
    pub fn restore(text: &str) -> Result<Self, MalformedIsbn> {
        let compact = compact(text);
        match compact.len() {
            1..=9 => format!("{compact:0>10}").parse(),
            _ => compact.parse(),
        }
    }

    /// The ISBN-10 of the same book, which only those have that begin with 978.
    pub fn isbn_10(self) -> Option<String> {
        let digits = self.0.strip_prefix(&[9, 7, 8])?.first_chunk::<9>()?;
        let check = match check_10(digits) {
            10 => 'X',
            digit => char::from(b'0' + digit),
        };
        Some(digits.iter().map(|digit| char::from(b'0' + digit)).chain([check]).collect())
    }

    fn of_13(digits: [u8; 13]) -> Result<Self, MalformedIsbn> {
        let [body @ .., check] = digits;
        if !matches!(body, [9, 7, 8 | 9, ..]) {
            return Err(MalformedIsbn::Shape);
        }
        if check == check_13(&body) { Ok(Self(digits)) } else { Err(MalformedIsbn::CheckDigit) }
    }

    fn of_10(digits: [u8; 9], check: u8) -> Result<Self, MalformedIsbn> {
        if check != check_10(&digits) {
            return Err(MalformedIsbn::CheckDigit);
        }
        let mut thirteen = [9, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for (to, from) in thirteen.iter_mut().skip(3).zip(digits) {
            *to = from;
        }
        let [body @ .., last] = &mut thirteen;
        *last = check_13(body);
        Ok(Self(thirteen))
    }
}

/// Weights 1 and 3 in turn, modulo 10.
fn check_13(digits: &[u8; 12]) -> u8 {
    let sum: u32 =
        digits.iter().zip([1, 3].into_iter().cycle()).map(|(digit, weight)| u32::from(*digit) * weight).sum();
    u8::try_from((10 - sum % 10) % 10).unwrap_or_default()
}

/// Weights 10 to 2, modulo 11; 10 is written X.
fn check_10(digits: &[u8; 9]) -> u8 {
    let sum: u32 = digits.iter().zip((2..=10).rev()).map(|(digit, weight)| u32::from(*digit) * weight).sum();
    u8::try_from((11 - sum % 11) % 11).unwrap_or_default()
}

/// Without hyphens, of whatever kind, and blanks.
fn compact(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_whitespace() && !matches!(character, '-' | '\u{2010}'..='\u{2015}'))
        .collect()
}

impl FromStr for Isbn {
    type Err = MalformedIsbn;

    fn from_str(text: &str) -> Result<Self, MalformedIsbn> {
        let compact = compact(text);
        let digit = |character: char| character.to_digit(10).and_then(|digit| u8::try_from(digit).ok());
        let (body, last) = compact.split_at_checked(compact.len().saturating_sub(1)).ok_or(MalformedIsbn::Shape)?;
        let body: Vec<u8> = body.chars().map(digit).collect::<Option<_>>().ok_or(MalformedIsbn::Shape)?;
        let check = last.chars().next().and_then(|last| if matches!(last, 'X' | 'x') { Some(10) } else { digit(last) });
        let check = check.ok_or(MalformedIsbn::Shape)?;
        match (<[u8; 9]>::try_from(body.as_slice()), <[u8; 12]>::try_from(body.as_slice())) {
            (Ok(nine), _) => Self::of_10(nine, check),
            (_, Ok(twelve)) if check < 10 => {
                let mut digits = [check; 13];
                for (to, from) in digits.iter_mut().zip(twelve) {
                    *to = from;
                }
                Self::of_13(digits)
            }
            _ => Err(MalformedIsbn::Shape),
        }
    }
}

impl fmt::Display for Isbn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|digit| write!(f, "{digit}"))
    }
}

impl fmt::Debug for Isbn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn isbn(text: &str) -> Result<String, MalformedIsbn> {
        text.parse::<Isbn>().map(|isbn| isbn.to_string())
    }

    #[test]
    fn isbn_10_and_13_of_a_book_are_the_same() {
        for text in
            ["2-07-036002-4", "2070360024", "978-2-07-036002-4", "9782070360024", "978 2 07 036002 4", "978‑2070360024"]
        {
            assert_eq!(isbn(text), Ok("9782070360024".to_owned()), "{text}");
        }
        assert_eq!(isbn("080442957X"), Ok("9780804429573".to_owned()));
        assert_eq!("9780804429573".parse::<Isbn>().unwrap().isbn_10().as_deref(), Some("080442957X"));
        assert_eq!("979-10-90636-07-1".parse::<Isbn>().unwrap().isbn_10(), None);
    }

    #[test]
    fn the_zeros_that_a_table_lost_are_restored() {
        assert_eq!(Isbn::restore("439023483").map(|isbn| isbn.to_string()), Ok("9780439023481".to_owned()));
        assert_eq!(Isbn::restore("9780439023481").map(|isbn| isbn.to_string()), Ok("9780439023481".to_owned()));
        assert_eq!(Isbn::restore("9.78043902348e+12"), Err(MalformedIsbn::Shape));
        assert_eq!(Isbn::restore(""), Err(MalformedIsbn::Shape));
    }

    #[test]
    fn what_is_no_isbn_is_refused_for_what_it_is() {
        for text in
            ["", "x", "123", "97820703600241", "1234567890123", "207036002é", "97820703600X4", "978207036002X", "é"]
        {
            assert_eq!(isbn(text), Err(MalformedIsbn::Shape), "{text}");
        }
        for text in ["2070360025", "9782070360025", "0804429570"] {
            assert_eq!(isbn(text), Err(MalformedIsbn::CheckDigit), "{text}");
        }
    }

    proptest! {
        #[test]
        fn one_wrong_digit_is_always_found(body in prop::array::uniform9(0_u8..10), at in 0_usize..13, by in 1_u8..10) {
            let good = Isbn::of_10(body, check_10(&body)).unwrap().0;
            let mut wrong = good;
            wrong[at] = (wrong[at] + by) % 10;

            prop_assert_eq!(Isbn::of_13(good).map(|isbn| isbn.0), Ok(good));
            prop_assert!(Isbn::of_13(wrong).is_err());
        }

        #[test]
        fn the_way_to_ten_digits_and_back_is_the_same(body in prop::array::uniform9(0_u8..10)) {
            let isbn = Isbn::of_10(body, check_10(&body)).unwrap();

            prop_assert_eq!(isbn.isbn_10().unwrap().parse(), Ok(isbn));
            prop_assert_eq!(isbn.to_string().parse(), Ok(isbn));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,20}") {
            let _ = text.parse::<Isbn>();
            let _ = Isbn::restore(&text);
        }
    }
}
