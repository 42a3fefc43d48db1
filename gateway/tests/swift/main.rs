//! Surface `swift`: document 002, its bodies, its headers and its window, byte by byte.
#![expect(clippy::unwrap_used, reason = "a test")]

mod printed;
mod refusals;
mod window;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use shared::Timestamp;
use testing::{
    TestSuite,
    suite::{Answer, compact},
};

use printed::{BODY_OF_401, HEADERS_OF_200};

const PATH: &str = "/api/v1/users/reset-password";

/// 2023-10-30T01:56:04.500Z: a window that opens now ends in the second that the document prints.
const OPENING: Timestamp = Timestamp::from_micros(1_698_630_964_500_000);

/// Every printed header is there once, with the printed value.
#[track_caller]
fn has_headers(answer: &Answer, printed: &str) {
    for line in printed.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        let values: Vec<_> = answer.headers.get_all(name).iter().collect();
        assert_eq!(values, [value], "{name}");
    }
    assert!(answer.header("date").ends_with(" GMT"), "{}", answer.header("date"));
}

/// The printed headers that no request changes.
fn constant() -> String {
    let changing =
        ["Retry-After", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Content-Length", "ETag", "Connection"];
    let lines = HEADERS_OF_200.lines().filter(|line| !changing.contains(&line.split(':').next().unwrap_or_default()));
    lines.collect::<Vec<_>>().join("\n")
}

fn says(code: u16, response_code: &str, response_text: &str) -> String {
    let text = Value::from(response_text);
    format!(r#"{{"code":{code},"message":{{"RESPONSE_TEXT":{text},"RESPONSE_CODE":"{response_code}"}}}}"#)
}

fn refused() -> String {
    compact(BODY_OF_401)
}

fn fields(old: &str, new: &str, confirmation: &str) -> Value {
    json!({"oldPassword": old, "newPassword": new, "confirmPassword": confirmation})
}

async fn change(suite: &TestSuite, token: &str, body: Value) -> Answer {
    suite.send("PUT", PATH, Some(token), Some(body)).await
}

/// The body, and the tag and length that go with it.
#[track_caller]
fn is_whole(answer: &Answer, status: u16, text: &str) {
    answer.must_be(status, text);
    let hash = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()));
    assert_eq!(answer.header("etag"), format!("W/\"{:x}-{}\"", text.len(), &hash[..27]));
    assert_eq!(answer.header("content-length"), text.len().to_string());
    has_headers(answer, &constant());
}
