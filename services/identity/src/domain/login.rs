//! Logins: e-mail addresses and user names, and the one form under which they are compared.

use std::str::FromStr;

use caseless::default_case_fold_str;
use email_address::{EmailAddress, Options};
use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

use super::account::Misfit;

/// What an account signs in with. One login, one account, whatever the realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// In the library realm.
    Email(Email),
    /// In the school realm.
    Username(Username),
}

impl Login {
    /// What it is unique by.
    pub fn key(&self) -> String {
        match self {
            Self::Email(email) => email.key(),
            Self::Username(username) => username.key(),
        }
    }
}

/// The one form under which logins are compared: NFKC, case folded (Unicode 3.13, R4), NFKC again.
pub fn login_key(login: &str) -> String {
    default_case_fold_str(&login.nfkc().collect::<String>()).nfkc().collect()
}

/// The most bytes of a key: so many fit into an index, with room for more.
pub const LONGEST_KEY: usize = 1200;

/// An e-mail address as it was typed: the shape of RFC 5321 and RFC 6531, a domain of two labels at least, at most 254 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// What it is unique by.
    pub fn key(&self) -> String {
        login_key(&self.0)
    }

    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = Misfit;

    fn from_str(text: &str) -> Result<Self, Misfit> {
        let options = Options::default().with_minimum_sub_domains(2).without_domain_literal().without_display_text();
        // The crate takes letters with their accents for characters, but not accents that follow their letters.
        let composed: String = text.nfc().collect();
        let shaped = text.len() <= 254 && EmailAddress::parse_with_options(&composed, options).is_ok();
        if shaped && !text.chars().any(is_invisible) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be an e-mail address")
        }
    }
}

/// Two addresses that look alike must not differ by what nobody sees.
fn is_invisible(character: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator, SpaceSeparator, Unassigned};
    // Fillers are letters by category, variation selectors are marks, and blank they are all the same (Unicode's
    // Default_Ignorable_Code_Point, and the blank pattern of Braille).
    matches!(
        character,
        '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' | '\u{034F}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{2800}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}'
    ) || matches!(
        character.general_category(),
        Control | Format | LineSeparator | ParagraphSeparator | SpaceSeparator | Unassigned
    )
}

/// A user name: 1 to 255 characters, no blank at either end, none anywhere that nobody sees but blanks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// What it is unique by.
    pub fn key(&self) -> String {
        login_key(&self.0)
    }

    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Username {
    type Err = Misfit;

    fn from_str(text: &str) -> Result<Self, Misfit> {
        let fits = (1..=255).contains(&text.chars().count()) && login_key(text).len() <= LONGEST_KEY;
        let trimmed = text.trim() == text;
        if fits && trimmed && !text.chars().any(|character| character != ' ' && is_invisible(character)) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must have at most 255 characters, none of them invisible")
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn user_names_are_whatever_can_be_seen() {
        for name in ["BR0001", "a", "Zoé  de l'École", "🦀", "李", "a@b"] {
            assert_eq!(name.parse::<Username>().unwrap().as_str(), name);
        }
        for name in [
            "",
            " ",
            " a",
            "a ",
            "a\0",
            "a\nb",
            "a\u{200b}b",
            "a\u{3164}",
            "a\u{e0100}",
            "a\u{2800}b",
            &"x".repeat(256),
            &"\u{fdfa}".repeat(200),
        ] {
            assert!(name.parse::<Username>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn addresses_that_look_the_same_are_the_same() {
        let key = |text: &str| text.parse::<Email>().unwrap().key();

        assert_eq!(key("Royce27@Gmail.com"), key("royce27@gmail.com"));
        assert_eq!(key("\u{c9}lodie@example.org"), key("e\u{301}lodie@example.org"));
        assert_eq!(key("\u{ff52}oyce27@gmail.com"), key("royce27@gmail.com"));
        assert_eq!(key("stra\u{df}e@example.org"), key("STRASSE@example.org"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.org", "x".repeat(250));
        for text in [
            "",
            "x",
            "x@",
            "@x.fr",
            "x@y",
            "a b@x.fr",
            "a@x..fr",
            "a@[127.0.0.1]",
            "A <a@x.fr>",
            "a\u{200b}b@x.fr",
            "a\0@x.fr",
            &long,
        ] {
            assert!(text.parse::<Email>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn the_login_key_is_stable(text in "\\PC{0,40}") {
            let key = login_key(&text);

            prop_assert_eq!(login_key(&key), key);
        }
    }
}
