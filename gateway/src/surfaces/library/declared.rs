//! The operations of the library: their routes, who may use them, and what the document says of them. How one is answered stands
//! in the file of its handler.

mod accounts;
mod books;
mod holds;
mod loans;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::{
    envelope::{bad, tell},
    idempotency::{MALFORMED, STILL_RUNNING},
    ids::checked,
    pages::{BAD_LIMIT, BAD_PAGE},
    precondition::BAD_IF_MATCH,
};
use crate::{
    fault::{Ending, Fault, Misfit, Reason},
    openapi::{
        Answer, Endpoint,
        schema::{object, of, or_null, whole},
    },
};

/// All of them.
pub fn endpoints() -> Vec<Endpoint> {
    let all = [accounts::endpoints(), books::endpoints(), loans::endpoints(), holds::endpoints()];
    all.into_iter().flatten().map(Endpoint::complete).collect()
}

/// What the surface shows, and how it refuses.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let refusal = object([
        ("success", json!({"const": false})),
        ("message", json!({"type": "string"})),
        ("data", json!({"type": "null"})),
    ]);
    let all =
        [vec![("LibraryRefusal", refusal)], accounts::schemas(), books::schemas(), loans::schemas(), holds::schemas()];
    all.into_iter().flatten().collect()
}

/// `{"success":true,"message":…,"data":{…}}`, where the message is always the same.
fn says<const N: usize>(status: StatusCode, message: &str, data: [(&str, Value); N]) -> Answer {
    Answer::json(status, message, envelope(json!({"const": message}), object(data)))
}

fn envelope(message: Value, data: Value) -> Value {
    object([("success", json!({"const": true})), ("message", message), ("data", data)])
}

/// A parameter of the query, of which an empty one is as good as none.
fn query(name: &str, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "query", "description": description, "schema": schema})
}

/// One of these texts, or none.
fn choice(texts: &[&str]) -> Value {
    let texts: Vec<&str> = texts.iter().copied().chain([""]).collect();
    json!({"type": "string", "enum": texts})
}

/// An id, or none.
fn id_or_empty() -> Value {
    json!({"type": "string", "pattern": "^([0-9a-f]{24})?$"})
}

/// The refusal of an id of the path that is none.
fn bad_id(what: &str) -> Option<Ending> {
    checked("", &format!("{what} id")).err()
}

/// The refusal of a field or parameter that a service finds malformed, by its name there.
fn misfit(field: &str) -> Fault {
    Fault::Invalid(vec![Misfit { field: field.to_owned(), description: String::new() }])
}

impl Endpoint {
    /// It has an id of something in its path.
    fn of_one(self, what: &str, missing: Reason) -> Self {
        self.refuses_each(bad_id(what)).refuses(missing)
    }

    fn refuses_each(self, all: impl IntoIterator<Item = Ending>) -> Self {
        all.into_iter().fold(self, Self::refuses)
    }

    /// It answers with a page of a list.
    fn paged(self, answer: Answer) -> Self {
        self.parameters([
            query(
                "page",
                "Which page, from 1",
                json!({"type": "integer", "minimum": 1, "maximum": 1_000_000, "default": 1}),
            ),
            query(
                "limit",
                "Rows on a page",
                json!({"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000}),
            ),
            query(
                "apres",
                "Behind which row the page begins: a token out of the `Link` of an earlier answer",
                json!({"type": "string", "pattern": "^[A-Za-z0-9_-]*$"}),
            ),
        ])
        .answers(answer.with(["X-Total-Count", "Link"]))
        .refuses(bad(BAD_PAGE))
        .refuses(bad(BAD_LIMIT))
        .refuses(misfit("page_token"))
    }

    /// The same request again has no second effect and gets the first answer.
    fn once(self) -> Self {
        self.parameters([json!({"$ref": "#/components/parameters/IdempotencyKey"})])
            .refuses(bad(MALFORMED))
            .refuses(tell(StatusCode::CONFLICT, STILL_RUNNING))
            .refuses(Reason::RequestIdReused)
    }

    /// It changes only what still is as somebody has seen it.
    fn if_unchanged(self) -> Self {
        self.parameters([json!({"$ref": "#/components/parameters/IfMatch"})])
            .refuses(bad(BAD_IF_MATCH))
            .refuses(Reason::StaleEtag)
    }
}

/// The header parameters that several operations take.
pub fn parameters() -> Map<String, Value> {
    let tag = "(W/)?\"[!#-~]*\"";
    let header = |name: &str, description: &str, schema: Value| json!({"name": name, "in": "header", "description": description, "schema": schema});
    let all = [
        (
            "IdempotencyKey",
            header(
                "Idempotency-Key",
                "For a day, the same request with the same key has no second effect and gets the first answer.",
                json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]{1,255}$"}),
            ),
        ),
        (
            "IfMatch",
            header(
                "If-Match",
                "Only if its `ETag` is one of these (RFC 9110, 13.1.1).",
                json!({"type": "string", "pattern": format!("^(\\*|{tag}(, ?{tag})*)$")}),
            ),
        ),
    ];
    all.into_iter().map(|(name, parameter)| (name.to_owned(), parameter)).collect()
}

/// The id of somebody or something that may have gone.
fn id_or_null() -> Value {
    or_null(of("Id"))
}

/// A number of copies that a book may have.
fn copies() -> Value {
    whole(0, 9999)
}
