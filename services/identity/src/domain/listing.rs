//! What lists of the school can be asked for, and the two forms of a text by which they find and sort it.

use std::fmt::Write as _;

use caseless::default_case_fold_str;
use shared::Timestamp;
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// Which part of a list, in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Rows, at least 1.
    pub size: i64,
    /// Rows to pass over.
    pub skip: i64,
    /// By these fields, the first one first; those that are equal by age, in the direction of the last one. Without any, the newest first.
    pub order: Vec<Order>,
    /// All of them have to fit.
    pub filters: Vec<Filter>,
    /// Not made before this.
    pub from: Option<Timestamp>,
    /// Made before this.
    pub before: Option<Timestamp>,
}

/// What lists are sorted by besides their fields.
pub const CREATE_TIME: &str = "create_time";

/// A field to sort by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its name, or [`CREATE_TIME`].
    pub field: String,
    /// From the greatest on.
    pub descending: bool,
}

/// A field, and what it may be; of no condition, none fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Its name.
    pub field: String,
    /// One of them has to fit.
    pub any_of: Vec<Condition>,
}

/// What a value has to be like.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Condition {
    Equals(String),
    BeginsWith(String),
    EndsWith(String),
    Contains(String),
    AtLeast(String),
    MoreThan(String),
    AtMost(String),
    LessThan(String),
}

impl Query {
    /// Whether it is about a whole list, however much of it is shown.
    pub fn is_of_all(&self) -> bool {
        self.filters.is_empty() && self.from.is_none() && self.before.is_none()
    }
}

/// A text without its case, and its vowels without their accents: `E` is found by `é`, and `ç` not by `c`.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut after_vowel = false;
    for character in default_case_fold_str(&text.nfd().collect::<String>()).nfd() {
        if after_vowel && is_combining_mark(character) {
            continue;
        }
        after_vowel = matches!(character, 'a' | 'e' | 'i' | 'o' | 'u');
        folded.push(character);
    }
    folded.nfc().collect()
}

/// What a text is sorted by: whatever the case, and digits by their value, so that "Group 2" is before "Group 10".
pub fn order(text: &str) -> String {
    let folded = fold(text);
    let mut key = String::with_capacity(folded.len() + 8);
    let mut rest = folded.as_str();
    while let Some(at) = rest.find(|character: char| character.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        let end = from.find(|character: char| !character.is_ascii_digit()).unwrap_or(from.len());
        let (digits, after) = from.split_at(end);
        key.push_str(before);
        push_number(&mut key, digits);
        rest = after;
    }
    key.push_str(rest);
    key
}

/// What an age is sorted by: decimal numbers by their value.
pub fn order_of_age(text: &str) -> String {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return order(text);
    }
    let mut key = String::new();
    push_number(&mut key, whole);
    key.push('.');
    key.push_str(fraction.trim_end_matches('0'));
    key
}

/// Its length, and then the number: longer ones are greater.
fn push_number(key: &mut String, digits: &str) {
    let significant = digits.trim_start_matches('0');
    // Writing into a string cannot fail.
    let _ = write!(key, "{:03}{significant}", significant.len());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accents_of_vowels_and_the_case_do_not_matter() {
        for (a, b) in [("Élodie", "elodie"), ("STRASSE", "straße"), ("Ação", "açao"), ("e\u{301}cole", "ÉCOLE")] {
            assert_eq!(fold(a), fold(b), "{a} {b}");
        }
        assert_ne!(fold("façade"), fold("facade"));
        assert_ne!(fold("ñ"), fold("n"));
    }

    #[test]
    fn texts_sort_whatever_the_case_and_digits_by_value() {
        let keys: Vec<String> =
            ["", "-7", "1a", "2", "10", "École", "Group 2", "group 9 b", "Group 10", "group 10 a", "zoo", "Zoo 1"]
                .map(order)
                .to_vec();

        assert!(keys.is_sorted(), "{keys:?}");
    }

    #[test]
    fn ages_sort_by_value() {
        let ages = ["0.5", "1", "1.25", "1.5", "9", "10", "11.0001", "100"].map(order_of_age);

        assert!(ages.is_sorted(), "{ages:?}");
        assert_eq!(order_of_age("011.50"), order_of_age("11.5"));
    }

    proptest! {
        #[test]
        fn numbers_sort_as_numbers_wherever_they_stand(a: u64, b: u64, around in "[a-z ]{0,5}") {
            let key = |number: u64| order(&format!("{around}{number}{around}"));

            prop_assert_eq!(key(a).cmp(&key(b)), a.cmp(&b));
        }

        #[test]
        fn no_text_is_too_much(text: String) {
            let (folded, _) = (fold(&text), order(&text));

            prop_assert_eq!(fold(&folded), folded);
        }
    }
}
