//! The outermost layer: gives every request its id and deadline and has it watched, every refusal its surface's words, every answer its headers.

use std::{any::Any, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Version,
        header::{CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, EXPECT, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use shared::context::{Context, REQUEST_ID, RequestId};
use tracing::Instrument as _;

use crate::{
    Shared,
    client::Client,
    fault::Fault,
    leftover,
    surfaces::{Surface, swift},
};

/// What a request has to be answered in: the body may take 15 s of it, the neighbours get the rest.
const BUDGET: Duration = Duration::from_secs(25);

/// What every answer of ours says to browsers; the surface `swift` has its own, older set.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// See the module.
pub async fn edge(State(gateway): State<Shared>, mut request: Request, next: Next) -> Response {
    let client = Client::of(&request, &gateway.proxies);
    request.extensions_mut().insert(client);
    let request_id = RequestId::from_headers(request.headers()).unwrap_or_else(RequestId::fresh);
    let surface = Surface::of(request.uri().path());
    // Who waits to be told to go on writes nothing before.
    let request = if request.headers().contains_key(EXPECT) { request } else { request.map(leftover::wrap) };
    let watched = gateway.operations.watch(surface, &request);
    let trace_id = watched.here().map(|here| tracing::field::display(here.id()));
    let span = tracing::info_span!("request", %request_id, trace_id);
    let context = Context::new(request_id.clone(), BUDGET).in_trace(watched.here());

    let work = async move {
        let response = match surface {
            Surface::Swift => windowed(&gateway, client, request, next).await,
            _ => answered(surface, next.run(request).await),
        };
        watched.answered(response.status());
        response
    };
    let mut response = context.scope(work).instrument(span).await;

    if let Ok(id) = HeaderValue::from_str(request_id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

fn answered(surface: Surface, response: Response) -> Response {
    let mut response = rendered(surface, response);
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// The surface `swift` counts requests, and says so on every answer.
async fn windowed(gateway: &Shared, client: Client, request: Request, next: Next) -> Response {
    let may_be_kept = request.version() == Version::HTTP_11 && !asks_to_close(request.headers());
    let window = gateway.windows.hit(client, gateway.clock.now());
    let response = match window.is_over() {
        true => Fault::TooMany { retry_after: None }.into_response(),
        false => next.run(request).await,
    };
    let mut response = rendered(Surface::Swift, response);
    let is_kept = may_be_kept && !gateway.leaving.is_cancelled();
    swift::dress(response.headers_mut(), window, gateway.clock.now(), &gateway.time_zone, is_kept);
    response
}

/// `Connection: close` (RFC 9112, 9.6).
fn asks_to_close(headers: &HeaderMap) -> bool {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|option| option.trim().eq_ignore_ascii_case("close"))
}

/// A fault in the surface's words, with the headers that it got on its way here (`Allow`, CORS).
fn rendered(surface: Surface, mut response: Response) -> Response {
    let Some(fault) = response.extensions_mut().remove::<Fault>() else { return response };
    let mut told = surface.refuse(fault);
    for (name, value) in response.headers() {
        told.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    told
}

/// A panic is one answer's failure. The hook has logged where it was.
pub fn panicked(_: Box<dyn Any + Send>) -> axum::http::Response<Body> {
    Fault::Internal.into_response()
}
