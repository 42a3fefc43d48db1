//! What endpoints answer, and how the document tells it. Refusals are rendered by the code that renders them for clients, so
//! their statuses and words are those.

use std::task::{Context, Poll, Waker};

use axum::{
    body::Bytes,
    http::{StatusCode, header::RETRY_AFTER},
    response::Response,
};
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};

use crate::{fault::Ending, surfaces::Surface};

/// A header of an answer by its name, as the document has it.
pub type Header = (&'static str, Value);

/// On every answer.
const ALWAYS: &str = "X-Request-Id";

/// An answer of an endpoint that does what it was asked for.
pub struct Answer {
    status: StatusCode,
    description: String,
    content: Option<(&'static str, Value)>,
    headers: Vec<Header>,
    examples: Vec<(&'static str, Value)>,
    links: Map<String, Value>,
}

impl Answer {
    /// With a body in JSON.
    pub fn json(status: StatusCode, description: impl Into<String>, schema: Value) -> Self {
        Self { content: Some(("application/json", schema)), ..Self::empty(status, description) }
    }

    /// With a body of another type.
    pub fn of_type(media_type: &'static str, description: impl Into<String>, schema: Value) -> Self {
        Self { content: Some((media_type, schema)), ..Self::empty(StatusCode::OK, description) }
    }

    /// Without a body.
    pub fn empty(status: StatusCode, description: impl Into<String>) -> Self {
        let description = description.into();
        Self { status, description, content: None, headers: Vec::new(), examples: Vec::new(), links: Map::new() }
    }

    /// With headers, by the names of components.
    #[must_use]
    pub fn with(mut self, headers: impl IntoIterator<Item = &'static str>) -> Self {
        self.headers.extend(headers.into_iter().map(component));
        self
    }

    /// A body that a document prints.
    #[must_use]
    pub fn for_example(mut self, name: &'static str, body: Value) -> Self {
        self.examples.push((name, body));
        self
    }

    /// What is in the body at a JSON pointer is a parameter of another operation.
    #[must_use]
    pub fn leads_to(mut self, operation: &'static str, parameter: &'static str, pointer: &'static str) -> Self {
        let link = json!({"operationId": operation, "parameters": {parameter: format!("$response.body#{pointer}")}});
        self.links.insert(operation.to_owned(), link);
        self
    }

    pub(super) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// As the document has it.
    pub(super) fn told(&self, always: &[Header]) -> Value {
        let headers = self.headers.iter().chain(always).cloned();
        let mut response = json!({"description": self.description, "headers": headers_of(headers)});
        let Some(told) = response.as_object_mut() else { return response };
        if let Some((media_type, schema)) = &self.content {
            let examples = self.examples.iter().map(|(name, value)| ((*name).to_owned(), value));
            told.insert("content".to_owned(), json!({*media_type: media(schema, examples)}));
        }
        if !self.links.is_empty() {
            told.insert("links".to_owned(), Value::Object(self.links.clone()));
        }
        response
    }
}

/// Another answer, rendered.
pub struct Refusal {
    status: StatusCode,
    is_worth_a_retry: bool,
    is_common: bool,
    body: Value,
}

impl Refusal {
    pub(super) fn of(surface: Surface, no: Ending) -> Self {
        let response = match no {
            Ending::Fault(fault) => surface.refuse(fault),
            Ending::Told(response) => *response,
        };
        let (status, is_worth_a_retry) = (response.status(), response.headers().contains_key(RETRY_AFTER));
        let body = serde_json::from_slice(&whole(response)).unwrap_or_default();
        Self { status, is_worth_a_retry, is_common: false, body }
    }

    /// One that all endpoints of its kind have.
    pub(super) fn in_common(self) -> Self {
        Self { is_common: true, ..self }
    }

    pub(super) fn is_common(&self) -> bool {
        self.is_common
    }

    pub(super) fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// All refusals of one status, as the document has them.
    pub(super) fn told(surface: Surface, status: u16, same: &[&Self], always: &[Header]) -> Value {
        let mut texts: Vec<&str> = same.iter().map(|refusal| words(&refusal.body)).collect();
        texts.dedup();
        let retry = same.iter().any(|refusal| refusal.is_worth_a_retry).then(|| component("Retry-After"));
        let examples = same.iter().map(|refusal| (slug(words(&refusal.body)), &refusal.body));
        let headers = retry.into_iter().chain(always.iter().cloned());
        json!({
            "description": texts.join(" · "),
            "headers": headers_of(headers),
            "content": {surface.type_of_refusals(): media(&surface.schema_of_refusals(status), examples)},
        })
    }
}

/// A body with its examples.
fn media<'a>(schema: &Value, examples: impl Iterator<Item = (String, &'a Value)>) -> Value {
    let examples: Map<String, Value> = examples.map(|(name, value)| (name, json!({"value": value}))).collect();
    if examples.is_empty() { json!({"schema": schema}) } else { json!({"schema": schema, "examples": examples}) }
}

fn headers_of(headers: impl Iterator<Item = Header>) -> Value {
    let all = headers.chain([component(ALWAYS)]);
    Value::Object(all.map(|(name, header)| (name.to_owned(), header)).collect())
}

/// A header that several operations answer with.
fn component(name: &'static str) -> Header {
    (name, json!({"$ref": format!("#/components/headers/{name}")}))
}

/// What a refusal tells people, wherever its surface has that.
fn words(body: &Value) -> &str {
    let places = ["/description", "/message/RESPONSE_TEXT", "/error/message", "/message", "/title"];
    places.iter().find_map(|place| body.pointer(place)?.as_str()).unwrap_or_default()
}

/// Words as a name: the first few, in lower case.
fn slug(words: &str) -> String {
    let parts = words.split(|character: char| !character.is_alphanumeric()).filter(|part| !part.is_empty());
    parts.take(8).map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// The body of an answer that is in memory.
fn whole(response: Response) -> Bytes {
    let mut body = std::pin::pin!(response.into_body().collect());
    match body.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(collected)) => collected.to_bytes(),
        _ => Bytes::new(),
    }
}
