//! How a role calls another one: the same to the caller whether that runs in this process or elsewhere.

use std::{
    collections::HashSet,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError, RwLock},
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use axum::{Router, body::Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, request::Parts};
use http_body_util::{BodyExt as _, Full};
use prost_types::{FileDescriptorSet, method_options::IdempotencyLevel};
use tokio::time::{Instant, sleep, timeout};
use tonic::{Status, body::Body};
use tower::{Service, ServiceExt as _};

use crate::{
    Clock, Timestamp,
    context::{Context, REQUEST_ID},
    error::chain,
    metrics::Calls,
    passport::{Caller, PASSPORT, Passports},
    replicas::{Failure, Replicas, was_never_seen},
    rpc::{PUSHBACK, grpc_status},
    tls::Tls,
    trace::{Span, Trace},
};

/// How often an idempotent call is tried when the other side is UNAVAILABLE.
const TRIES: u32 = 3;

/// A try that took longer is not repeated: there has been patience enough, with a database or a connection.
const QUICK: Duration = Duration::from_millis(500);

/// The most that one call may take, however much is left of the request's time: a role that hangs is as good as away.
const CALL: Duration = Duration::from_secs(10);

/// How long a passport is used again; well within its life.
const REUSED: Duration = Duration::from_secs(10);

/// A way to one service, as one caller. Every call carries a passport, the request's id, where in a trace it is and what is left
/// of its time.
#[derive(Clone)]
pub struct Channel {
    transport: Transport,
    audience: &'static str,
    caller: Arc<Caller>,
    /// The caller's last passport, and when it was signed.
    signed: Arc<Mutex<Option<(Timestamp, HeaderValue)>>>,
    passports: Arc<Passports>,
    calls: Arc<Calls>,
    clock: Clock,
}

/// A service of this process, once it is there and as long as it is.
type Place = Arc<RwLock<Option<Router>>>;

/// Keeps the place of a service to which channels were made before it was there: services of one process know each other
/// both ways. Dropped, it takes the service out again, and with it the circle in which they hold each other.
pub struct Promise(Place);

impl Promise {
    /// From now on the channels lead to `service`.
    pub fn keep(&self, service: Router) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(service);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        let gone = self.0.write().unwrap_or_else(PoisonError::into_inner).take();
        drop(gone);
    }
}

#[derive(Clone)]
enum Transport {
    Local(Place),
    Remote { replicas: Arc<Replicas>, known: Arc<Known> },
}

/// What the descriptors say of rpcs, by their paths.
pub(crate) struct Known {
    /// These may be repeated.
    idempotent: HashSet<String>,
    /// These are sent while they are answered, so they cannot be kept to be repeated.
    streamed: HashSet<String>,
    /// These change nothing.
    pub(crate) reads: HashSet<String>,
}

/// An address is not `host:port`.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not an address like host:port")]
pub struct MalformedAddress(String);

impl MalformedAddress {
    pub(crate) fn of(address: &str) -> Self {
        Self(address.to_owned())
    }
}

impl Channel {
    /// To a service in this process, without a socket.
    pub fn local(
        service: Router,
        audience: &'static str,
        caller: Caller,
        passports: Arc<Passports>,
        clock: Clock,
    ) -> Self {
        Self::over(Transport::Local(Arc::new(RwLock::new(Some(service)))), audience, caller, passports, clock)
    }

    /// To a service that will be in this process once the promise is kept; UNAVAILABLE before and after.
    pub fn promised(
        audience: &'static str,
        caller: Caller,
        passports: Arc<Passports>,
        clock: Clock,
    ) -> (Self, Promise) {
        let place = Place::default();
        let transport = Transport::Local(Arc::clone(&place));
        (Self::over(transport, audience, caller, passports, clock), Promise(place))
    }

    /// To a service elsewhere: `addresses` is one `host:port` or several with commas, used in turn. Connects when first
    /// used, and again after a loss. `descriptors` (a FileDescriptorSet) says which calls may be repeated, and which are
    /// streams: of these the request's time is that of the answer's beginning.
    ///
    /// # Errors
    /// [`MalformedAddress`]
    pub fn remote(
        addresses: &str,
        descriptors: &[u8],
        audience: &'static str,
        caller: Caller,
        passports: Arc<Passports>,
        clock: Clock,
    ) -> Result<Self, MalformedAddress> {
        Self::secured(addresses, None, descriptors, audience, caller, passports, clock)
    }

    /// As [`Self::remote`], with TLS if it is given: the other side has to show the certificate of the role `audience`.
    ///
    /// # Errors
    /// [`MalformedAddress`]
    pub fn secured(
        addresses: &str,
        tls: Option<&Tls>,
        descriptors: &[u8],
        audience: &'static str,
        caller: Caller,
        passports: Arc<Passports>,
        clock: Clock,
    ) -> Result<Self, MalformedAddress> {
        let replicas = Arc::new(Replicas::at(addresses, tls, audience)?);
        let transport = Transport::Remote { replicas, known: Arc::new(Known::of(descriptors)) };
        Ok(Self::over(transport, audience, caller, passports, clock))
    }

    fn over(
        transport: Transport,
        audience: &'static str,
        caller: Caller,
        passports: Arc<Passports>,
        clock: Clock,
    ) -> Self {
        let (caller, calls) = (Arc::new(caller), Arc::new(Calls::to(audience)));
        Self { transport, audience, caller, signed: Arc::default(), passports, calls, clock }
    }

    /// The same way, as somebody else.
    #[must_use]
    pub fn on_behalf_of(&self, caller: Arc<Caller>) -> Self {
        Self { caller, signed: Arc::default(), ..self.clone() }
    }

    /// A passport of the last few seconds, or a new one: signing takes longer than many a call.
    fn passport(&self) -> Option<HeaderValue> {
        let now = self.clock.now();
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, passport)) = signed.as_ref()
            && *at <= now
            && now.since(*at) < REUSED
        {
            return Some(passport.clone());
        }
        // It is plain ASCII by construction.
        let passport = HeaderValue::try_from(self.passports.sign(&self.caller, self.audience, now)).ok()?;
        *signed = Some((now, passport.clone()));
        Some(passport)
    }

    fn sign(&self, headers: &mut HeaderMap, context: &Context, here: Option<Trace>, patience: Duration) {
        if let Some(here) = here {
            here.write(headers);
        }
        if let Some(passport) = self.passport() {
            headers.insert(HeaderName::from_static(PASSPORT), passport);
        }
        let milliseconds = patience.as_millis().min(99_999_999);
        let values = [(REQUEST_ID, context.request_id.to_string()), ("grpc-timeout", format!("{milliseconds}m"))];
        for (name, value) in values {
            // Both are plain ASCII by construction.
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }

    async fn send(self, mut request: Request<Body>) -> Response<Body> {
        let context = Context::current();
        let patience = context.remaining().min(CALL);
        let path = request.uri().path();
        let running = self.calls.begin(path);
        let mut span = Span::calling(context.trace.clone(), || path.trim_start_matches('/').to_owned());
        span.set_rpc(path);
        self.sign(request.headers_mut(), &context, span.here(), patience);

        let answer = match self.transport {
            Transport::Local(place) => {
                let service = place.read().unwrap_or_else(PoisonError::into_inner).clone();
                timeout(patience, local(service, request)).await
            }
            Transport::Remote { replicas, known } if known.streamed.contains(request.uri().path()) => {
                timeout(patience, streamed(&replicas, request)).await
            }
            Transport::Remote { replicas, known } => {
                let tries = if known.idempotent.contains(request.uri().path()) { TRIES } else { 1 };
                timeout(patience, remote(&replicas, request, tries)).await
            }
        };
        let answer = answer.unwrap_or_else(|_| Status::deadline_exceeded("the deadline passed").into_http());
        if is_unavailable(&answer) {
            context.give_up();
        }
        let code = grpc_status(answer.headers());
        running.end(code);
        span.end_rpc(code, code != "0");
        answer
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let channel = self.clone();
        Box::pin(async move { Ok(channel.send(request).await) })
    }
}

async fn local(service: Option<Router>, request: Request<Body>) -> Response<Body> {
    let Some(service) = service else { return unavailable() };
    match service.oneshot(request).await {
        Ok(answer) => answer.map(Body::new),
        Err(never) => match never {},
    }
}

/// Only UNAVAILABLE is worth repeating, and only here: no other layer repeats anything.
async fn remote(replicas: &Replicas, request: Request<Body>, tries: u32) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = match body.collect().await {
        Ok(body) => Full::new(body.to_bytes()),
        Err(status) => return status.into_http(),
    };
    let mut tried = 1;
    loop {
        let began = Instant::now();
        let (answer, is_worth_it) = match once(replicas, &parts, &body, tries > 1).await {
            Ok(answer) => {
                let is_away = is_unavailable(&answer) && !answer.headers().contains_key(PUSHBACK);
                (answer, is_away && began.elapsed() <= QUICK)
            }
            // The next try goes past the one that fell silent.
            Err(Miss::Silence) => (unavailable(), true),
            Err(Miss::Nobody) => (unavailable(), false),
        };
        if tried == tries || !is_worth_it {
            return answer;
        }
        sleep(Duration::from_millis(10 * 5_u64.pow(tried))).await;
        tried += 1;
    }
}

/// Once, over one connection: a stream that has begun cannot be sent again.
async fn streamed(replicas: &Replicas, request: Request<Body>) -> Response<Body> {
    let connection = replicas.in_turn().next().and_then(|replica| replica.connection());
    let Some(connection) = connection else { return unavailable() };
    connection.oneshot(request).await.unwrap_or_else(|error| unreachable(&error))
}

fn unreachable(error: &tonic::transport::Error) -> Response<Body> {
    tracing::warn!(error = chain(error), "the other role cannot be reached");
    unavailable()
}

fn is_unavailable(answer: &Response<Body>) -> bool {
    grpc_status(answer.headers()) == "14"
}

fn unavailable() -> Response<Body> {
    Status::unavailable("temporarily unavailable").into_http()
}

/// Why a try has no answer.
enum Miss {
    /// It was sent, and there is no sign of life any more.
    Silence,
    /// It was not sent: none of those who could answer is there.
    Nobody,
}

/// To the first that takes it: what nobody has looked at may be sent again, whatever it does.
async fn once(
    replicas: &Replicas,
    parts: &Parts,
    body: &Full<Bytes>,
    may_be_left: bool,
) -> Result<Response<Body>, Miss> {
    let (began, mut passed_over) = (Instant::now(), Vec::new());
    for replica in replicas.in_turn() {
        let request = Request::from_parts(parts.clone(), Body::new(body.clone()));
        match replica.call(request, may_be_left).await {
            Ok(answer) => return Ok(answer),
            Err(Failure::Silence) => return Err(Miss::Silence),
            Err(Failure::Connection(error)) if !was_never_seen(&error) => return Ok(unreachable(&error)),
            Err(Failure::Connection(error)) => passed_over.push(error),
        }
        // Whoever takes long to say no has cost patience enough, if there is nobody else.
        if passed_over.len() >= replicas.number() && began.elapsed() > QUICK {
            break;
        }
    }
    if let Some(error) = passed_over.last() {
        tracing::warn!(error = chain(error), "the other role takes no calls");
    }
    Err(Miss::Nobody)
}

impl Known {
    /// Out of a FileDescriptorSet.
    pub(crate) fn of(descriptors: &[u8]) -> Self {
        let set: FileDescriptorSet = prost::Message::decode(descriptors).unwrap_or_default();
        let idempotent = HashSet::from(["/grpc.health.v1.Health/Check".to_owned()]);
        let mut known = Self { idempotent, streamed: HashSet::new(), reads: HashSet::new() };
        for file in &set.file {
            for (service, rpc) in file.service.iter().flat_map(|of| of.method.iter().map(move |rpc| (of.name(), rpc))) {
                let path = format!("/{}.{service}/{}", file.package(), rpc.name());
                let level = rpc.options.as_ref().map(prost_types::MethodOptions::idempotency_level);
                if level == Some(IdempotencyLevel::NoSideEffects) {
                    known.reads.insert(path.clone());
                }
                if rpc.client_streaming() {
                    known.streamed.insert(path);
                } else if level.is_some_and(|level| level != IdempotencyLevel::IdempotencyUnknown) {
                    known.idempotent.insert(path);
                }
            }
        }
        known
    }
}
