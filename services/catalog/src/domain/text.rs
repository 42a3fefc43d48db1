//! Texts of books and categories: so many characters, and none that does not print.

use std::str::FromStr;

/// A text of `LEAST` to `MOST` characters (Unicode scalar values) without control characters other than line breaks and tabs;
/// if it must have any, not all of them blanks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<const LEAST: usize, const MOST: usize>(String);

/// What a book is called.
pub type Title = Text<1, 500>;
/// Who wrote it; several with commas.
pub type Author = Text<0, 2000>;
/// Who published it.
pub type Publisher = Text<0, 200>;
/// What it is written in.
pub type Language = Text<0, 50>;
/// What it is about; of a category, what stands there.
pub type Description = Text<0, 10_000>;
/// What a category is called.
pub type Name = Text<1, 100>;
/// What stands in a category.
pub type Remark = Text<1, 1000>;

impl<const LEAST: usize, const MOST: usize> Text<LEAST, MOST> {
    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it was typed.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl<const MOST: usize> Default for Text<0, MOST> {
    fn default() -> Self {
        Self(String::new())
    }
}

impl<const LEAST: usize, const MOST: usize> TryFrom<String> for Text<LEAST, MOST> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let printable = |character: char| !character.is_control() || matches!(character, '\n' | '\r' | '\t');
        if LEAST > 0 && text.trim().is_empty() {
            return Err("must be given".to_owned());
        }
        // No text has more characters than bytes: most need not be counted.
        if text.len() > MOST && text.chars().count() > MOST {
            return Err(format!("must have at most {MOST} characters"));
        }
        if text.chars().all(printable) { Ok(Self(text)) } else { Err("must have no control characters".to_owned()) }
    }
}

impl<const LEAST: usize, const MOST: usize> FromStr for Text<LEAST, MOST> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.to_owned().try_into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_does_not_fit_is_told_what_it_should_be() {
        assert_eq!("".parse::<Title>().unwrap_err(), "must be given");
        assert_eq!(" \n ".parse::<Title>().unwrap_err(), "must be given");
        assert_eq!("é".repeat(501).parse::<Title>().unwrap_err(), "must have at most 500 characters");
        assert_eq!("a\0b".parse::<Title>().unwrap_err(), "must have no control characters");
        assert!("é".repeat(500).parse::<Title>().is_ok());
        assert!("".parse::<Author>().is_ok());
    }

    proptest! {
        #[test]
        fn what_is_accepted_reads_back(text: String) {
            if let Ok(title) = text.parse::<Title>() {
                prop_assert_eq!(title.as_str(), text.as_str());
                prop_assert!(!text.contains('\0'));
            }
        }
    }
}
