//! Request bodies: a JSON object, read strictly.

use std::{fmt, time::Duration};

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{
        HeaderMap,
        header::{CONTENT_TYPE, HeaderValue},
    },
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use tokio::time::timeout;

use crate::fault::Fault;

/// The largest body of a route that sets no limit of its own: passwords, names and addresses fit many times.
const BYTES: usize = 16 * 1024;

/// The largest body of a route, as an extension of its requests.
#[derive(Clone, Copy)]
pub struct Limit(pub usize);

/// From the first byte of a body to its last.
const PATIENCE: Duration = Duration::from_secs(15);

/// The fields of a body, in the order of the keys. Never printed: most of them are secrets.
pub struct Fields(Map<String, Value>);

/// A field of a body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Field<'a> {
    /// Not there.
    Absent,
    /// `null`.
    Null,
    /// A string.
    Text(&'a str),
    /// Anything else.
    Other(&'a Value),
}

impl Fields {
    /// A field by its name.
    pub fn get(&self, name: &str) -> Field<'_> {
        match self.0.get(name) {
            None => Field::Absent,
            Some(Value::Null) => Field::Null,
            Some(Value::String(text)) => Field::Text(text),
            Some(other) => Field::Other(other),
        }
    }

    /// A string; empty when it is anything else.
    pub fn text(&self, name: &str) -> String {
        match self.get(name) {
            Field::Text(text) => text.to_owned(),
            _ => String::new(),
        }
    }

    /// Whether a field is a string of at least one character.
    pub fn is_filled(&self, name: &str) -> bool {
        matches!(self.get(name), Field::Text(text) if !text.is_empty())
    }

    /// Those of an object; of anything else, none.
    #[cfg(test)]
    pub fn of(value: Value) -> Self {
        match value {
            Value::Object(fields) => Self(fields),
            _ => Self(Map::new()),
        }
    }

    /// The names of the fields that are there.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The names of those that are not among `known`, with commas; `None` when there are none.
    pub fn unknown(&self, known: &[&str]) -> Option<String> {
        let unknown: Vec<&str> = self.names().filter(|name| !known.contains(name)).collect();
        (!unknown.is_empty()).then(|| unknown.join(", "))
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Fault;

    async fn from_request(request: Request, _: &S) -> Result<Self, Fault> {
        let (parts, body) = request.into_parts();
        let is_json = is_json(&parts.headers);
        let most = parts.extensions.get().map_or(BYTES, |limit: &Limit| limit.0);
        let bytes = timeout(PATIENCE, whole(body, is_json, most)).await.map_err(|_| Fault::TooSlow)??;
        if bytes.is_empty() { Ok(Self(Map::new())) } else { parse(&bytes) }
    }
}

/// All of a body. What is not JSON is not read to its end; where there is nothing, its type does not matter.
async fn whole(body: Body, is_json: bool, most: usize) -> Result<Vec<u8>, Fault> {
    let mut limited = Limited::new(body, most);
    let mut bytes = Vec::new();
    while let Some(frame) = limited.frame().await {
        let data = match frame {
            Ok(frame) => frame.into_data().unwrap_or_default(),
            Err(error) if error.is::<LengthLimitError>() && is_json => return Err(Fault::TooLarge),
            Err(error) if error.is::<LengthLimitError>() => return Err(Fault::UnsupportedMediaType),
            Err(_) => return Err(Fault::Malformed("did not come to its end")),
        };
        if !data.is_empty() && !is_json {
            return Err(Fault::UnsupportedMediaType);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// `application/json`, in UTF-8 if it says anything about it (RFC 8259, 8.1).
fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(CONTENT_TYPE).map(HeaderValue::to_str) else { return false };
    let mut parts = value.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    is_json
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, charset)) if name.eq_ignore_ascii_case("charset") => {
                charset.trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        })
}

fn parse(bytes: &[u8]) -> Result<Fields, Fault> {
    match serde_json::from_slice::<Strict>(bytes) {
        Ok(Strict(Value::Object(fields))) => Ok(Fields(fields)),
        Ok(_) => Err(Fault::Malformed("is not a JSON object")),
        Err(error) if error.is_data() => Err(Fault::Malformed("has the same key twice")),
        Err(_) => Err(Fault::Malformed("is not valid JSON")),
    }
}

/// A JSON value in which no object has a key twice (RFC 8259, 4). serde_json bounds the depth at 128.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((key, Strict(value))) = entries.next_entry::<String, Strict>()? {
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom("the same key twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Result<Fields, Fault> {
        parse(text.as_bytes())
    }

    #[test]
    fn a_key_that_comes_twice_is_refused_however_deep() {
        assert!(parsed(r#"{"a":1,"b":{"a":1}}"#).is_ok());
        for twice in [r#"{"a":1,"a":1}"#, r#"{"a":[{"b":1,"b":2}]}"#, "{\"a\":1,\"\\u0061\":2}"] {
            assert_eq!(parsed(twice).err(), Some(Fault::Malformed("has the same key twice")), "{twice}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for other in ["", "1", "[]", "\"x\"", "null", "{", "{} {}", "{\"a\":\"\u{0}\"}", "{\"a\":\"\\ud800\"}"] {
            assert!(matches!(parsed(other), Err(Fault::Malformed(_))), "{other}");
        }
        assert!(matches!(parsed(&("[".repeat(10_000) + &"]".repeat(10_000))), Err(Fault::Malformed(_))));
    }

    #[test]
    fn the_type_has_to_be_json_in_utf_8() {
        let of =
            |value: &'static str| is_json(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]));

        assert!(
            of("application/json") && of("Application/JSON; charset=UTF-8") && of("application/json;charset=\"utf-8\"")
        );
        assert!(!of("text/plain") && !of("application/json; charset=latin1") && !of("application/jsonp"));
    }

    proptest! {
        #[test]
        fn a_string_reads_back_as_it_was_sent(text: String) {
            let sent = serde_json::json!({"a": text}).to_string();

            prop_assert_eq!(parsed(&sent).ok().map(|fields| fields.text("a")), Some(text));
        }
    }
}
