//! Keyset pages: a token says after which key the next page starts.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// What a list request asks for, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// How many rows, at least 1.
    pub size: i64,
    /// The last key of the page before; empty for the first page.
    pub after: String,
    /// How many rows to pass over after `after` (AIP-158).
    pub skip: i64,
}

/// A field of the request that does not fit: its name and why.
pub type Misfit = (&'static str, &'static str);

impl Page {
    /// Reads `page_size` (0 means `default`), `page_token` and `skip` (AIP-158).
    ///
    /// # Errors
    /// The name of the field that does not fit, and why.
    pub fn parse(size: i32, token: &str, skip: i32, default: i64) -> Result<Self, Misfit> {
        let size = match i64::from(size) {
            0 => default,
            size @ 1..=1000 => size,
            _ => return Err(("page_size", "must be 0 to 1000")),
        };
        let after = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let after =
            after.filter(|key| !key.contains('\0')).ok_or(("page_token", "must come from an earlier answer"))?;
        if skip < 0 {
            return Err(("skip", "must not be negative"));
        }
        Ok(Self { size, after, skip: i64::from(skip) })
    }

    /// One row more than the page holds: whether it comes back tells if there is another page.
    pub const fn probe(&self) -> i64 {
        self.size + 1
    }

    /// Cuts the extra row off `rows`; gives the token of the next page, empty on the last.
    pub fn close<T>(&self, rows: &mut Vec<T>, key: impl Fn(&T) -> String) -> String {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let more = rows.len() > size;
        rows.truncate(size);
        match rows.last() {
            Some(last) if more => URL_SAFE_NO_PAD.encode(key(last)),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_a_full_page_leads_to_the_next() {
        let page = Page::parse(2, "", 0, 100).unwrap();
        let mut rows = vec!["a", "b", "c"];

        let token = page.close(&mut rows, ToString::to_string);

        assert_eq!(rows, ["a", "b"]);
        assert_eq!(Page::parse(2, &token, 0, 100).unwrap().after, "b");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        assert_eq!(Page::parse(1001, "", 0, 100).unwrap_err().0, "page_size");
        assert_eq!(Page::parse(-1, "", 0, 100).unwrap_err().0, "page_size");
        assert_eq!(Page::parse(1, "!", 0, 100).unwrap_err().0, "page_token");
        assert_eq!(Page::parse(1, "", -1, 100).unwrap_err().0, "skip");
    }
}
