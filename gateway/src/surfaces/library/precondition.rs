//! `If-Match` (RFC 9110, 13.1.1): change it only if it still is what I have seen.

use axum::http::{HeaderMap, HeaderValue, header::IF_MATCH};

use super::envelope::bad;
use crate::fault::Ending;

/// What is said of a header that is no list of entity-tags.
pub const BAD_IF_MATCH: &str = "Invalid If-Match! It must be * or entity-tags like \"3\".";

/// What no thing's etag is: nothing matches.
const NOTHING: &str = "-";

/// The etag that a thing must have to be changed; empty when any will do. `current` is asked only when several would do.
///
/// # Errors
/// 400 when the header is not a list of entity-tags, and what `current` fails with.
pub async fn wanted(
    headers: &HeaderMap,
    current: impl Future<Output = Result<String, Ending>>,
) -> Result<String, Ending> {
    match tags(headers)?.as_deref() {
        None => Ok(String::new()),
        Some([]) => Ok(NOTHING.to_owned()),
        // An empty one is well-formed and no etag of ours; further on it would mean any.
        Some([one]) if one.is_empty() => Ok(NOTHING.to_owned()),
        Some([one]) => Ok(one.clone()),
        Some(several) => {
            let current = current.await?;
            Ok(if several.contains(&current) { current } else { NOTHING.to_owned() })
        }
    }
}

/// The strong entity-tags of the header; weak ones never match. `None` without the header, and for `*`.
fn tags(headers: &HeaderMap) -> Result<Option<Vec<String>>, Ending> {
    let malformed = || bad(BAD_IF_MATCH);
    let mut values = headers.get_all(IF_MATCH).iter().map(HeaderValue::as_bytes).peekable();
    if values.peek().is_none() {
        return Ok(None);
    }
    let whole = values.collect::<Vec<_>>().join(&b',');
    if whole.trim_ascii() == b"*" {
        return Ok(None);
    }
    parse(&whole).map(Some).ok_or_else(|| malformed().into())
}

/// `[ "W/" ] DQUOTE *etagc DQUOTE`, with commas between and possibly too many of them (RFC 9110, 5.6.1 and 8.8.3).
fn parse(mut rest: &[u8]) -> Option<Vec<String>> {
    let mut tags = Vec::new();
    loop {
        while let Some((b' ' | b'\t' | b',', behind)) = rest.split_first() {
            rest = behind;
        }
        if rest.is_empty() {
            return Some(tags);
        }
        let weak = rest.strip_prefix(b"W/");
        let quoted = weak.unwrap_or(rest).strip_prefix(b"\"")?;
        let end = quoted.iter().position(|byte| *byte == b'"')?;
        let (tag, behind) = quoted.split_at_checked(end)?;
        rest = behind.strip_prefix(b"\"")?.trim_ascii_start();
        let is_plain = tag.iter().all(|byte| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..));
        if !is_plain || !(rest.is_empty() || rest.starts_with(b",")) {
            return None;
        }
        if weak.is_none() {
            tags.push(String::from_utf8_lossy(tag).into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn asked(value: Option<&'static str>) -> Option<String> {
        let headers = value.map(|value| (IF_MATCH, HeaderValue::from_static(value))).into_iter().collect();
        wanted(&headers, async { Ok("2".to_owned()) }).await.ok()
    }

    #[tokio::test]
    async fn a_strong_tag_is_asked_for_and_a_weak_one_never_matches() {
        let is = |text: &str| Some(text.to_owned());

        assert_eq!(asked(None).await, is(""));
        assert_eq!(asked(Some("*")).await, is(""));
        assert_eq!(asked(Some("\"7\"")).await, is("7"));
        assert_eq!(asked(Some("W/\"7\"")).await, is("-"));
        assert_eq!(asked(Some("\"1\", \"2\"")).await, is("2"));
        assert_eq!(asked(Some("\"1\", \"3\"")).await, is("-"));
        assert_eq!(asked(Some("\"\"")).await, is("-"));
        assert_eq!(asked(Some(" , \"a,b\" ,, \"2\"")).await, is("2"));
        for malformed in ["7", "\"7", "\"", "7\"", "\"1\" \"2\"", "\"1\"\"2\"", "\"1\", *", "\"1\"x\"1\""] {
            assert_eq!(asked(Some(malformed)).await, None, "{malformed}");
        }
    }
}
