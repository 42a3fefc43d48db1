//! A gateway beside the suite's own, to some of whose neighbours a test does what it likes.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request, response::Response};
use http_body_util::BodyExt as _;
use jiff::tz::TimeZone;
use prost::Message;
use reqwest::RequestBuilder;
use shared::{
    Clock,
    channel::Channel,
    passport::{Caller, Passports},
    secret::Secret,
    server::{Limits, serve},
};
use testing::{
    TestSuite,
    suite::{BEGIN, INTERNAL_KEY},
};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;
use tonic::{Status, transport::Endpoint};
use tower::ServiceExt as _;

/// What is where a neighbour should be.
pub enum Neighbour {
    /// The suite's.
    Real,
    /// Nothing listens.
    Away,
    /// Whatever answers like this.
    Fake(Router),
}

/// A gateway of one's own.
pub struct Elsewhere {
    http: reqwest::Client,
    address: SocketAddr,
}

impl Elsewhere {
    pub async fn start(suite: &TestSuite, catalog: Neighbour, lending: Neighbour) -> Self {
        let app = gateway::app(gateway::Settings {
            identity: way(suite.suite.identity, "identity", Neighbour::Real),
            catalog: way(suite.suite.catalog, "catalog", catalog),
            lending: way(suite.suite.lending, "lending", lending),
            session: Duration::from_secs(24 * 3600),
            time_zone: TimeZone::UTC,
            cors_origins: Vec::new(),
            limits: gateway::LimitArgs::default(),
            clock: Clock::manual(BEGIN).0,
            leaving: CancellationToken::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, app, Limits::default(), CancellationToken::new()));
        Self { http: reqwest::Client::new(), address }
    }

    /// A request to be finished by the test.
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.http.request(method.parse().unwrap(), format!("http://{}{path}", self.address))
    }
}

/// A way to a neighbour, as a gateway alone goes it.
fn way(address: SocketAddr, audience: &'static str, neighbour: Neighbour) -> Channel {
    let passports = Arc::new(Passports::new(&Secret::from(INTERNAL_KEY)));
    let (caller, clock) = (Caller::service("gateway"), Clock::manual(BEGIN).0);
    let remote = |address: &str, caller, passports, clock| {
        Channel::remote(address, proto::DESCRIPTORS, audience, caller, passports, clock).unwrap()
    };
    match neighbour {
        Neighbour::Real => remote(&address.to_string(), caller, passports, clock),
        // Nobody can listen on it.
        Neighbour::Away => remote("127.0.0.1:0", caller, passports, clock),
        Neighbour::Fake(service) => Channel::local(service, audience, caller, passports, clock),
    }
}

/// Answers every call with this message.
pub fn saying(message: &impl Message) -> Router {
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.encoded_len()).unwrap().to_be_bytes());
    frame.extend(message.encode_to_vec());
    Router::new().fallback(async move || {
        let trailers = [("grpc-status".parse().unwrap(), "0".parse().unwrap())].into_iter().collect();
        let body = http_body_util::Full::new(frame.into()).with_trailers(async { Some(Ok(trailers)) });
        Response::builder().header("content-type", "application/grpc").body(Body::new(body)).unwrap()
    })
}

/// Answers every call with this refusal.
pub fn failing(status: &Status) -> Router {
    let status = status.clone();
    Router::new().fallback(async move || status.into_http::<Body>())
}

/// Answers no call.
pub fn silent() -> Router {
    Router::new().fallback(async || std::future::pending::<&str>().await)
}

/// The service at an address, behind a gate: each call takes a permit to pass.
pub fn behind(gate: &Arc<Semaphore>, address: SocketAddr) -> Router {
    let (gate, service) =
        (Arc::clone(gate), Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy());
    Router::new().fallback(async move |request: Request| {
        gate.acquire().await.unwrap().forget();
        service.oneshot(request.map(tonic::body::Body::new)).await.unwrap().map(Body::new)
    })
}
