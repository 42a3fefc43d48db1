//! `If-Match` (RFC 9110, 13.1.1): change it only if it still is what I have seen.

use axum::http::{HeaderMap, header::IF_MATCH};

use super::envelope::bad;
use crate::fault::Ending;

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
        Some([one]) => Ok(one.clone()),
        Some(several) => {
            let current = current.await?;
            Ok(if several.contains(&current) { current } else { NOTHING.to_owned() })
        }
    }
}

/// The strong entity-tags of the header; weak ones never match. `None` without the header, and for `*`.
fn tags(headers: &HeaderMap) -> Result<Option<Vec<String>>, Ending> {
    let malformed = || bad("Invalid If-Match! It must be * or entity-tags like \"3\".");
    let mut tags = Vec::new();
    let mut is_there = false;
    for value in headers.get_all(IF_MATCH) {
        is_there = true;
        let value = value.to_str().map_err(|_| malformed())?.trim();
        if value == "*" {
            return Ok(None);
        }
        for tag in value.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
            let (is_weak, tag) = tag.strip_prefix("W/").map_or((false, tag), |tag| (true, tag));
            let tag = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).ok_or_else(malformed)?;
            if !is_weak {
                tags.push(tag.to_owned());
            }
        }
    }
    Ok(is_there.then_some(tags))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

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
        for malformed in ["7", "\"7", "\"", "7\"", "\"1\" \"2\" x"] {
            assert_eq!(asked(Some(malformed)).await, None, "{malformed}");
        }
    }
}
