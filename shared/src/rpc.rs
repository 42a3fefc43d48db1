//! The layer around every service: span, passport, policy, deadline. Once, for all rpcs.

use std::{
    any::Any,
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use http::{HeaderMap, HeaderValue};
use prost_types::FileDescriptorSet;
use tokio::time::{timeout, timeout_at};
use tonic::{Status, service::Routes};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;

use crate::{
    Clock,
    channel::Known,
    context::{Context, RequestId},
    metrics::Calls,
    passport::{Caller, InvalidPassport, PASSPORT, Passports, Role, Verified},
    telemetry::Plain,
    trace::{Sender, Span, Trace},
};

/// What a caller who set no deadline gets, and the most that anybody gets.
const LONGEST: Duration = Duration::from_secs(30);

/// How many good passports are remembered.
const SEEN: usize = 256;

/// The most bytes in one message, either way.
pub const MESSAGE_BYTES: usize = 4 << 20;

/// The most bytes in a page of a list: a thousand books with the longest texts in any script.
pub const LIST_BYTES: usize = 64 << 20;

/// On an answer: do not repeat this (gRPC's retry design, A6). Whoever has asked a neighbour three times in vain says so, or
/// his caller would have it asked nine times.
pub(crate) const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// Who may call an rpc.
#[derive(Clone, Copy, Debug)]
pub enum Access {
    /// Anybody, without a passport: health and reflection alone.
    Open,
    /// Callers with a passport of one of these roles.
    Roles(&'static [Role]),
    /// Callers with a passport that has one of these scopes.
    Scopes(&'static [&'static str]),
}

impl Access {
    fn admits(&self, caller: &Caller) -> bool {
        match self {
            Self::Open => true,
            Self::Roles(roles) => roles.contains(&caller.role),
            Self::Scopes(scopes) => caller.has_scope(scopes),
        }
    }
}

/// A row of a service's policy table: the rpc's path (`/package.Service/Method`) and who may call it.
pub type Rule = (&'static str, Access);

/// Health and reflection, which every service has.
const COMMON: [Rule; 5] = [
    ("/grpc.health.v1.Health/Check", Access::Open),
    ("/grpc.health.v1.Health/List", Access::Open),
    ("/grpc.health.v1.Health/Watch", Access::Open),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Access::Open),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Access::Open),
];

/// What the layer needs to know.
pub struct Guard {
    audience: &'static str,
    policy: HashMap<&'static str, Access>,
    reads: HashSet<String>,
    passports: Arc<Passports>,
    seen: Mutex<HashMap<String, Verified>>,
    calls: Calls,
    clock: Clock,
}

impl Guard {
    /// For the service `audience`. An rpc without a row in `policy` is denied to everybody. `descriptors` (a
    /// FileDescriptorSet) say which rpcs only read.
    pub fn new(
        audience: &'static str,
        policy: &[Rule],
        descriptors: &[u8],
        passports: Arc<Passports>,
        clock: Clock,
    ) -> Self {
        let policy = policy.iter().chain(&COMMON).copied().collect();
        let reads = Known::of(descriptors).reads;
        Self { audience, policy, reads, passports, seen: Mutex::default(), calls: Calls::served(), clock }
    }

    /// Puts the layer around a service.
    pub fn around(self, routes: Routes) -> Router {
        routes
            .into_axum_router()
            .layer(CatchPanicLayer::custom(panicked))
            .layer(from_fn_with_state(Arc::new(self), guard))
    }

    /// The rpc at a path, by which calls are counted; whatever a caller invents is one and the same.
    fn known<'path>(&self, path: &'path str) -> &'path str {
        if self.policy.contains_key(path) { path } else { "/other/other" }
    }

    /// The work on a call. Who has a passport is of the suite, and has decided what is recorded; of health, asked every second,
    /// nothing is.
    fn span(&self, path: &str, headers: &HeaderMap, admitted: &Result<Option<Caller>, Status>) -> Span {
        let trace = Trace::from_headers(headers);
        let sender = match admitted {
            Ok(None) => return Span::none(),
            Ok(Some(_)) => Sender::Role(trace),
            Err(_) => Sender::Stranger(trace),
        };
        let mut span = Span::serving(sender, || self.known(path).trim_start_matches('/').to_owned());
        span.set_rpc(self.known(path));
        span
    }

    /// By path alone: a query is routed to the handler too, so it must not matter here.
    fn admit(&self, path: &str, headers: &HeaderMap) -> Result<Option<Caller>, Status> {
        let access = match self.policy.get(path) {
            Some(Access::Open) => return Ok(None),
            Some(access) => access,
            None => return Err(Status::permission_denied("no policy lets anybody call this")),
        };
        let passport = headers.get(PASSPORT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let caller = self.verify(passport).map_err(|invalid| Status::unauthenticated(invalid.to_string()))?;
        if access.admits(&caller) {
            Ok(Some(caller))
        } else {
            Err(Status::permission_denied("the passport's role or scope may not call this"))
        }
    }
}

impl Guard {
    /// Who a passport says calls. One that was good a moment ago, and is not too old by now, need not be verified again: its
    /// every byte is the same.
    fn verify(&self, passport: &str) -> Result<Caller, InvalidPassport> {
        let now = self.clock.now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verified) = seen.get(passport).filter(|verified| verified.lives(now)) {
            return Ok(verified.caller.clone());
        }
        drop(seen);
        let verified = self.passports.read(passport, self.audience, now)?;
        seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= SEEN {
            seen.clear();
        }
        seen.insert(passport.to_owned(), verified.clone());
        Ok(verified.caller)
    }
}

async fn guard(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let request_id = RequestId::from_headers(request.headers()).unwrap_or_else(RequestId::fresh);
    let path = request.uri().path().to_owned();
    let running = guard.calls.begin(guard.known(&path));
    let admitted = guard.admit(&path, request.headers());
    let mut trace = guard.span(&path, request.headers(), &admitted);
    let trace_id = trace.here().map(|here| tracing::field::display(here.id()));
    let span = tracing::info_span!("rpc", %request_id, trace_id, path = %Plain(&path));
    let context = Context::new(request_id, budget(request.headers())).in_trace(trace.here());
    let deadline = context.deadline;
    let told = context.clone();

    let work = async move {
        match admitted {
            Ok(caller) => request.extensions_mut().extend(caller.map(one_extension).unwrap_or_default()),
            Err(status) => return status.into_http(),
        }
        let answer = match guard.reads.contains(&path) {
            true => timeout_at(deadline, next.run(request)).await,
            false => timeout_at(deadline, run_to_its_end(next.run(request))).await,
        };
        let mut answer = answer.unwrap_or_else(|_| Status::deadline_exceeded("the deadline passed").into_http());
        if grpc_status(answer.headers()) == "14" && told.has_given_up() {
            answer.headers_mut().insert(PUSHBACK, HeaderValue::from_static("-1"));
        }
        tracing::debug!(status = grpc_status(answer.headers()).parse().unwrap_or(2_u32), "answered");
        answer
    };
    let answer = context.scope(work.instrument(span)).await;
    let code = grpc_status(answer.headers());
    running.end(code);
    // What the caller did wrong is no failure of ours.
    trace.end_rpc(code, matches!(code, "2" | "4" | "12" | "13" | "14" | "15"));
    answer
}

/// What an rpc that changes something has begun is not left half done because its caller went away or waited no longer: a counted attempt is
/// looked at and written down. So the work is a task of its own.
async fn run_to_its_end(work: impl Future<Output = Response> + Send + 'static) -> Response {
    let work = Context::current().scope(work).in_current_span();
    match tokio::spawn(timeout(LONGEST, work)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Status::deadline_exceeded("the deadline passed").into_http(),
        // The layer inside catches panics, so this is a runtime that ends.
        Err(_) => Status::unavailable("temporarily unavailable").into_http(),
    }
}

fn one_extension(caller: Caller) -> http::Extensions {
    let mut extensions = http::Extensions::new();
    extensions.insert(caller);
    extensions
}

fn panicked(_: Box<dyn Any + Send>) -> Response<Body> {
    // The panic hook has logged where; what it said may hold anything and goes nowhere.
    Status::internal("internal error").into_http()
}

/// The status of an answer that has no body; a stream's comes later, in its trailers.
pub(crate) fn grpc_status(headers: &HeaderMap) -> &str {
    headers.get(Status::GRPC_STATUS).and_then(|code| code.to_str().ok()).unwrap_or("0")
}

/// `grpc-timeout`, as of the gRPC-over-HTTP/2 specification: up to eight digits and a unit.
fn budget(headers: &HeaderMap) -> Duration {
    let timeout = headers.get("grpc-timeout").and_then(|value| value.to_str().ok()).and_then(parse_timeout);
    timeout.map_or(LONGEST, |timeout| timeout.min(LONGEST))
}

fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let amount: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// Adds reflection (v1 and v1alpha) for what `descriptors`, a FileDescriptorSet, and health checking describe.
pub fn with_reflection(routes: Routes, descriptors: &'static [u8]) -> Routes {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(descriptors)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    match (builder().build_v1(), builder().build_v1alpha()) {
        (Ok(v1), Ok(v1alpha)) => routes.add_service(v1).add_service(v1alpha),
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(%error, "reflection is off: the descriptors cannot be read");
            routes
        }
    }
}

/// The paths of all rpcs of a package, for the test that each has a row. `descriptors` is a FileDescriptorSet.
pub fn paths(descriptors: &[u8], package: &str) -> BTreeSet<String> {
    let set: FileDescriptorSet = prost::Message::decode(descriptors).unwrap_or_default();
    let services = set.file.iter().filter(|file| file.package() == package).flat_map(|file| &file.service);
    let rpcs = services.flat_map(|service| service.method.iter().map(move |rpc| (service.name(), rpc.name())));
    rpcs.map(|(service, rpc)| format!("/{package}.{service}/{rpc}")).collect()
}

/// Who called, as the layer found it.
///
/// # Errors
/// UNAUTHENTICATED when the rpc is open, so that nobody had to say.
pub fn caller<T>(request: &tonic::Request<T>) -> Result<Caller, Status> {
    request.extensions().get().cloned().ok_or_else(|| Status::unauthenticated("no valid passport"))
}

#[cfg(test)]
mod tests {
    use axum::routing::post;
    use http::Request as HttpRequest;
    use tower::ServiceExt as _;

    use super::*;
    use crate::{Timestamp, secret::Secret};

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn passports() -> Arc<Passports> {
        Arc::new(Passports::new(&Secret::from("k".repeat(32))))
    }

    /// A service of three rpcs: one for admins, one that panics, one that never ends; and one without a row.
    fn service() -> Router {
        let app = Router::new()
            .route("/test.Test/Admin", post(async || "done"))
            .route("/test.Test/Panic", post(async || -> &'static str { panic!("on purpose") }))
            .route("/test.Test/Hang", post(std::future::pending::<&'static str>))
            .route("/test.Test/Forgotten", post(async || "done"));
        let policy = [
            ("/test.Test/Admin", Access::Roles(&[Role::Admin])),
            ("/test.Test/Panic", Access::Roles(&[Role::Admin])),
            ("/test.Test/Hang", Access::Roles(&[Role::Admin])),
        ];
        let (clock, _) = Clock::manual(NOW);
        Guard::new("test", &policy, &[], passports(), clock).around(Routes::from(app))
    }

    async fn status(service: Router, uri: &str, caller: Option<Caller>) -> String {
        let passport = caller.map(|caller| passports().sign(&caller, "test", NOW)).unwrap_or_default();
        let request =
            HttpRequest::post(uri).header(PASSPORT, passport).header("grpc-timeout", "200m").body(Body::empty());
        grpc_status(service.oneshot(request.unwrap()).await.unwrap().headers()).to_owned()
    }

    #[tokio::test]
    async fn only_the_roles_of_the_row_come_through_whatever_the_query_says() {
        let service = service();

        assert_eq!(status(service.clone(), "/test.Test/Admin", Some(Caller::operator())).await, "0");
        assert_eq!(status(service.clone(), "/test.Test/Admin?x=1", Some(Caller::operator())).await, "0");
        for uri in ["/test.Test/Admin", "/test.Test/Admin?x=1"] {
            assert_eq!(status(service.clone(), uri, Some(Caller::service("catalog"))).await, "7", "{uri}");
            assert_eq!(status(service.clone(), uri, None).await, "16", "{uri}");
        }
        assert_eq!(status(service, "/test.Test/Forgotten", Some(Caller::operator())).await, "7");
    }

    #[test]
    fn a_passport_that_was_good_is_not_good_for_longer() {
        let (clock, hand) = Clock::manual(NOW);
        let guard = Guard::new("test", &[], &[], passports(), clock);
        let passport = passports().sign(&Caller::operator(), "test", NOW);

        assert_eq!(guard.verify(&passport), Ok(Caller::operator()));
        hand.advance(Duration::from_secs(59));
        assert_eq!(guard.verify(&passport), Ok(Caller::operator()));
        hand.advance(Duration::from_secs(7));
        assert_eq!(guard.verify(&passport), Err(InvalidPassport));
        assert!(guard.verify(&passports().sign(&Caller::operator(), "other", NOW)).is_err());
    }

    #[tokio::test]
    async fn a_panic_is_one_failed_call() {
        let service = service();

        assert_eq!(status(service.clone(), "/test.Test/Panic", Some(Caller::operator())).await, "13");
        assert_eq!(status(service, "/test.Test/Admin", Some(Caller::operator())).await, "0");
    }

    #[tokio::test]
    async fn what_was_begun_is_done_though_the_caller_is_gone() {
        let ((done, mut seen), go) = (tokio::sync::mpsc::channel(1), Arc::new(tokio::sync::Notify::new()));
        let is_told = Arc::clone(&go);
        let slow = async move || {
            is_told.notified().await;
            let _ = done.send(Context::current().request_id.to_string()).await;
            "done"
        };
        let app = Router::new().route("/test.Test/Slow", post(slow));
        let (clock, _) = Clock::manual(NOW);
        let policy = [("/test.Test/Slow", Access::Roles(&[Role::Admin]))];
        let service = Guard::new("test", &policy, &[], passports(), clock).around(Routes::from(app));
        let passport = passports().sign(&Caller::operator(), "test", NOW);
        let request = HttpRequest::post("/test.Test/Slow").header(PASSPORT, passport).header("x-request-id", "abc");

        let gone = timeout(Duration::from_millis(10), service.oneshot(request.body(Body::empty()).unwrap())).await;

        assert!(gone.is_err());
        go.notify_one();
        assert_eq!(seen.recv().await.as_deref(), Some("abc"));
    }

    #[tokio::test]
    async fn a_call_ends_at_its_deadline() {
        assert_eq!(status(service(), "/test.Test/Hang", Some(Caller::operator())).await, "4");
    }

    #[test]
    fn a_deadline_is_read_in_every_unit() {
        assert_eq!(parse_timeout("2S"), Some(Duration::from_secs(2)));
        assert_eq!(parse_timeout("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse_timeout("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        for malformed in ["", "S", "5", "5x", "-1S", "123456789S", "é"] {
            assert_eq!(parse_timeout(malformed), None, "{malformed}");
        }
    }
}
