//! The calls of a gateway to an identity that does not do its work: what they carry, and how often they are made.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Body, http::HeaderMap};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use process::{PASSWORD, Setup};
use serde_json::{Value, json};
use tempfile::tempdir;
use testing::suite::ADMIN;
use tokio::{net::TcpListener, time::Instant};
use tonic::Status;

/// An identity that answers all calls alike.
struct Puppet {
    address: String,
    /// The calls, by path, and what came with them.
    asked: Arc<Mutex<Vec<(String, HeaderMap)>>>,
}

impl Puppet {
    /// One that refuses with a status, or never answers at all.
    async fn new(status: Option<Status>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let app = Router::new().fallback(async move |request: axum::extract::Request| {
            kept.lock().unwrap().push((request.uri().path().to_owned(), request.headers().clone()));
            match status {
                Some(status) => status.into_http::<Body>(),
                None => pending().await,
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, asked }
    }

    /// How often it was asked for something.
    fn times(&self, rpc: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|(path, _)| path.ends_with(rpc)).count()
    }
}

/// A token that looks good until its signature is checked, for which its key has to be asked for.
fn unknown_token() -> String {
    let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let header = part(json!({"typ": "JWT", "alg": "EdDSA", "kid": "5a62be07de34500146d9c544"}));
    format!("{header}.{}.{}", part(json!({"sub": "x"})), URL_SAFE_NO_PAD.encode([0; 64]))
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_idempotent_call_is_repeated_and_only_when_identity_is_away() {
    let directory = tempdir().unwrap();
    for (status, repeated) in [(Status::unavailable("away"), 3), (Status::internal("broken"), 1)] {
        let code = status.code();
        let puppet = Puppet::new(Some(status)).await;
        let gateway = Setup::gateway(&directory, &puppet.address).start().await;

        gateway.door().sign_in(ADMIN, PASSWORD).await;
        gateway.door().get("/api/clients/me", Some(&unknown_token())).await;

        assert_eq!(puppet.times("/LogIn"), 1, "{code:?}");
        assert_eq!(puppet.times("/ListSigningKeys"), repeated, "{code:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_carries_what_is_left_of_its_time_and_ends_with_it() {
    let (directory, puppet) = (tempdir().unwrap(), Puppet::new(None).await);
    let gateway = Setup::gateway(&directory, &puppet.address).start().await;

    let began = Instant::now();
    let answer = gateway.door().get("/api/clients/me", Some(&unknown_token())).await;
    let took = began.elapsed();

    let asked = puppet.asked.lock().unwrap();
    assert_eq!(asked.len(), 1, "a call whose time is over is not worth repeating");
    let left = asked[0].1["grpc-timeout"].to_str().unwrap().strip_suffix('m').unwrap().parse().unwrap();
    let left = Duration::from_millis(left);
    assert!(left <= Duration::from_secs(10), "{left:?}");
    assert!(took > left && took < left + Duration::from_secs(3), "{took:?} of {left:?}");
    assert_eq!((answer.status, answer.json()["success"].as_bool()), (503, Some(false)), "{}", answer.text);
}
