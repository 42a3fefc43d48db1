//! The headers that the document prints, on every answer of its route and nowhere else.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{Zoned, tz::TimeZone};
use serde_json::{Value, json};
use shared::Timestamp;

use super::window::{LIMIT, Window};

const PRINTED: [(&str, &str); 16] = [
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("origin-agent-cluster", "?1"),
    ("referrer-policy", "no-referrer"),
    ("strict-transport-security", "max-age=15552000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-dns-prefetch-control", "off"),
    ("x-download-options", "noopen"),
    ("x-frame-options", "SAMEORIGIN"),
    ("x-permitted-cross-domain-policies", "none"),
    ("x-xss-protection", "0"),
    ("access-control-allow-origin", "*"),
    ("access-control-allow-credentials", "true"),
    ("x-powered-by", "TUNISIAN RED CRESSCENT"),
    ("content-type", "application/json; charset=utf-8"),
];

/// What the document of the APIs says of them. `Content-Type` is told elsewhere there.
pub fn told() -> Vec<(&'static str, Value)> {
    let printed = PRINTED.iter().filter(|(name, _)| *name != CONTENT_TYPE.as_str());
    let printed = printed.map(|(name, value)| (*name, json!({"type": "string", "const": value})));
    let counted = [
        ("Retry-After", json!({"type": "number", "minimum": 0, "maximum": 600})),
        ("X-RateLimit-Limit", json!({"type": "integer", "const": LIMIT})),
        ("X-RateLimit-Remaining", json!({"type": "integer", "minimum": 0, "maximum": LIMIT})),
        ("X-RateLimit-Reset", json!({"type": "string", "description": "As ECMAScript prints a Date"})),
        ("ETag", json!({"type": "string", "pattern": "^W/\"[0-9a-f]+-[A-Za-z0-9+/]{27}\"$"})),
    ];
    printed.chain(counted).map(|(name, schema)| (name, json!({"required": true, "schema": schema}))).collect()
}

/// Puts them on an answer that is sent at `now`, on a connection that goes on or not.
pub fn dress(headers: &mut HeaderMap, window: Window, now: Timestamp, zone: &TimeZone, is_kept: bool) {
    let counted = [
        (RETRY_AFTER, format!("{:.3}", window.end().since(now).as_secs_f64())),
        (HeaderName::from_static("x-ratelimit-limit"), LIMIT.to_string()),
        (HeaderName::from_static("x-ratelimit-remaining"), window.remaining().to_string()),
        (HeaderName::from_static("x-ratelimit-reset"), printed(window.end(), zone)),
    ];
    let counted = counted.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?)));
    let printed = PRINTED.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    for (name, value) in printed.into_iter().chain(counted) {
        headers.insert(name, value);
    }
    if is_kept {
        headers.insert(CONNECTION, HeaderValue::from_static("keep-alive"));
        headers.insert("keep-alive", HeaderValue::from_static("timeout=5"));
    }
}

/// `W/"<length in hex>-<first 27 characters of base64(SHA-1)>"`, a weak tag (RFC 9110, 8.8.3). SHA-1 guards nothing here.
pub fn etag(body: &[u8]) -> String {
    let mut hash = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, body));
    hash.truncate(27);
    format!("W/\"{:x}-{hash}\"", body.len())
}

/// `Mon Oct 30 2023 03:06:04 GMT+0100 (Central European Standard Time)`, as ECMAScript prints a Date.
fn printed(at: Timestamp, zone: &TimeZone) -> String {
    // Outside the years -9999 to 9999 there is nothing sensible to print.
    let at =
        jiff::Timestamp::from_microsecond(at.micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_zoned(zone.clone());
    format!("{} ({})", at.strftime("%a %b %d %Y %H:%M:%S GMT%z"), long_name(&at))
}

/// What CLDR calls the zones that IANA abbreviates so; the rest are called by their offset, as CLDR does with zones that it
/// has no name for.
fn long_name(at: &Zoned) -> String {
    let info = at.time_zone().to_offset_info(at.timestamp());
    let name = match info.abbreviation() {
        "CET" => "Central European Standard Time",
        "CEST" => "Central European Summer Time",
        "WET" => "Western European Standard Time",
        "WEST" => "Western European Summer Time",
        "EET" => "Eastern European Standard Time",
        "EEST" => "Eastern European Summer Time",
        "GMT" => "Greenwich Mean Time",
        "UTC" => "Coordinated Universal Time",
        _ => return at.strftime("GMT%:z").to_string(),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESET: Timestamp = Timestamp::from_micros(1_698_631_564_000_000);

    fn in_zone(name: &str) -> String {
        printed(RESET, &TimeZone::get(name).unwrap())
    }

    #[test]
    fn times_print_as_in_the_document() {
        assert_eq!(in_zone("Africa/Tunis"), "Mon Oct 30 2023 03:06:04 GMT+0100 (Central European Standard Time)");
        assert_eq!(in_zone("UTC"), "Mon Oct 30 2023 02:06:04 GMT+0000 (Coordinated Universal Time)");
        assert_eq!(in_zone("Asia/Kathmandu"), "Mon Oct 30 2023 07:51:04 GMT+0545 (GMT+05:45)");
    }

    #[test]
    fn tags_are_as_in_the_document() {
        let body = r#"{"code":200,"message":{"RESPONSE_TEXT":"Le mot de passe a été modifié avec succès","RESPONSE_CODE":"PASSWORD_CHANGED_SUCCESS_MESSAGE"}}"#;

        assert_eq!((body.len(), etag(body.as_bytes()).as_str()), (139, r#"W/"8b-QWbb4ikgHnVP7+uS012NuEdlw3U""#));
    }
}
