//! `/openapi.json`, and `/docs`, where it can be read and tried. The page's files are in the binary; it loads nothing from elsewhere.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{
        HeaderMap, HeaderValue, StatusCode, Uri,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION},
    },
    response::{IntoResponse as _, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::{Args, ValueEnum};
use serde_json::json;
use utoipa_swagger_ui::{Config, serve};

use super::{Answer, Endpoint, document};
use crate::{Shared, endpoints as endpoints_of_all, fault::Fault};

/// Where the document is.
const PATH: &str = "/openapi.json";

/// The files of the page. The crate has others, which nothing asks for.
const FILES: [&str; 8] = [
    "",
    "favicon-16x16.png",
    "favicon-32x32.png",
    "index.css",
    "swagger-initializer.js",
    "swagger-ui-bundle.js",
    "swagger-ui-standalone-preset.js",
    "swagger-ui.css",
];

/// What the page may load and where it may send: nothing but here. Its style sheet has pictures in it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Settings of the documents.
#[derive(Args, Clone, Copy, Debug)]
pub struct DocsArgs {
    /// Whether the gateway serves /openapi.json and, to read and try the APIs, /docs.
    #[arg(long, env = "BIBLIOTIQUE_DOCS", default_value = "on")]
    pub docs: Docs,
}

/// Whether there are any.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Docs {
    /// They are served.
    On,
    /// They are not there.
    Off,
}

/// The document as it is served, made when it is first asked for: many never are, and it takes memory to make.
pub struct Page {
    bytes: Bytes,
    etag: HeaderValue,
}

impl Page {
    /// Of these endpoints.
    pub fn of(endpoints: &[Endpoint]) -> Self {
        let bytes = Bytes::from(document(endpoints).to_string());
        let tag = URL_SAFE_NO_PAD.encode(digest(&SHA256, &bytes));
        let etag = HeaderValue::try_from(format!("\"{tag}\"")).unwrap_or(HeaderValue::from_static("\"\""));
        Self { bytes, etag }
    }
}

/// The document's own endpoint.
pub fn endpoints() -> Vec<Endpoint> {
    let schema = json!({
        "type": "object",
        "required": ["openapi", "info", "paths", "components"],
        "properties": {"openapi": {"const": "3.1.0"}},
    });
    let read = super::get(PATH, "getDocument", read)
        .does("This document")
        .answers(Answer::json(StatusCode::OK, "The document", schema).with(["ETag"]))
        .answers(Answer::empty(StatusCode::NOT_MODIFIED, "Whoever asks has it (`If-None-Match`)").with(["ETag"]));
    vec![read.complete()]
}

/// The page, which is no operation: it is for people.
pub fn routes() -> Router<Shared> {
    Router::new().route("/docs", get(beside)).route("/docs/", get(index)).route("/docs/{file}", get(file))
}

async fn read(State(gateway): State<Shared>, uri: Uri, headers: HeaderMap) -> Response {
    let Some(page) = &gateway.page else { return Fault::NotFound(uri.path().to_owned()).into_response() };
    let page = page.get_or_init(|| Page::of(&endpoints_of_all(Docs::On)));
    let about = [(ETAG, page.etag.clone()), (CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    if is_known(&headers, &page.etag) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, [(CONTENT_TYPE, "application/json")], page.bytes.clone()).into_response()
}

/// `If-None-Match` (RFC 9110, 13.1.2): no tag of ours holds a comma.
fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let mut tags = values.map(|tag| tag.trim_ascii()).map(|tag| tag.strip_prefix(b"W/").unwrap_or(tag));
    tags.any(|tag| tag == b"*" || tag == etag.as_bytes())
}

/// The page's files are beside it, so its address ends with a slash.
async fn beside() -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(LOCATION, "docs/")]).into_response()
}

async fn index() -> Response {
    of_page("", "/docs/")
}

/// By the path as it was sent: no name of a file needs escapes.
async fn file(uri: Uri) -> Response {
    of_page(uri.path().strip_prefix("/docs/").unwrap_or_default(), uri.path())
}

fn of_page(name: &str, path: &str) -> Response {
    let known = FILES.contains(&name).then(|| serve(name, Arc::clone(&CONFIG)));
    match known {
        Some(Ok(Some(file))) => {
            let headers = [(CONTENT_SECURITY_POLICY, POLICY), (CACHE_CONTROL, HeaderValue::from_static("max-age=600"))];
            (headers, [(CONTENT_TYPE, file.content_type)], file.bytes.into_owned()).into_response()
        }
        _ => Fault::NotFound(path.to_owned()).into_response(),
    }
}

/// The page asks nobody whether the document is right, and forgets tokens and keys when it is closed.
static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    let config = Config::new(["../openapi.json"])
        .use_base_layout()
        .validator_url("none")
        .persist_authorization(false)
        .display_operation_id(true)
        .display_request_duration(true)
        .doc_expansion("none")
        .filter(true);
    Arc::new(config)
});
