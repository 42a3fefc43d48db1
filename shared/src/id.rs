//! Ids: 24 lower-case hexadecimal characters, the shape that existing clients know.

use std::{fmt, str::FromStr};

use crate::Timestamp;

/// Twelve bytes: four of seconds and three of microseconds, so that ids sort by age and lie close together in an index, and
/// five random ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; 12]);

/// The text is not 24 lower-case hexadecimal characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 24 lower-case hexadecimal characters")]
pub struct MalformedId;

impl Id {
    /// An id for something made at `now`.
    pub fn new(now: Timestamp, random: [u8; 5]) -> Self {
        let seconds = u32::try_from(now.seconds()).unwrap_or(u32::MAX).to_be_bytes();
        let [_, micros @ ..] = u32::try_from(now.micros().rem_euclid(1_000_000)).unwrap_or(0).to_be_bytes();
        let mut id = [0; 12];
        for (byte, value) in id.iter_mut().zip(seconds.into_iter().chain(micros).chain(random)) {
            *byte = value;
        }
        Self(id)
    }

    /// An id for something made at `now`, with the operating system's randomness.
    pub fn fresh(now: Timestamp) -> Self {
        Self::new(now, crate::random::bytes())
    }
}

impl FromStr for Id {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let mut id = [0; 12];
        let lower_case = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match hex::decode_to_slice(text, &mut id) {
            Ok(()) if lower_case => Ok(Self(id)),
            _ => Err(MalformedId),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Makes newtypes of [`Id`], one for each kind of thing.
#[macro_export]
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($crate::Id);

        impl From<$crate::Id> for $name {
            fn from(id: $crate::Id) -> Self {
                Self(id)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::id::MalformedId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }
    )+};
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_reads_back(micros in 0..i64::from(u32::MAX) * 1_000_000, random: [u8; 5]) {
            let id = Id::new(Timestamp::from_micros(micros), random);

            prop_assert_eq!(id.to_string().len(), 24);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn ids_sort_by_age(micros in 0..i64::from(u32::MAX) * 1_000_000, random: [u8; 5]) {
            let id = |micros| Id::new(Timestamp::from_micros(micros), random).to_string();

            prop_assert!(id(micros) < id(micros + 1));
        }

        #[test]
        fn no_other_text_is_an_id(text in "\\PC{0,30}") {
            let shaped = text.len() == 24 && text.bytes().all(|b| b"0123456789abcdef".contains(&b));

            prop_assert_eq!(text.parse::<Id>().is_ok(), shaped);
        }
    }
}
