//! Texts of the school that have no form of their own: names, types, places.

use std::str::FromStr;

use super::account::Misfit;

/// 1 to 255 characters, no control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Label {
    type Err = Misfit;

    fn from_str(text: &str) -> Result<Self, Misfit> {
        let fits = (1..=255).contains(&text.chars().count());
        if fits && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must have at most 255 characters, none of them a control character")
        }
    }
}
