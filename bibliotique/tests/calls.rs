//! The calls of a gateway to an identity that does not do its work: what they carry, and how often they are made.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Response},
    response::IntoResponse as _,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use process::{PASSWORD, Process, Setup};
use proto::lending::v1::{
    BorrowBookRequest, ListLoansRequest, LoanFilter, borrow_book_request::Item,
    lending_service_client::LendingServiceClient,
};
use serde_json::{Value, json};
use shared::{
    Clock,
    channel::Channel,
    context::{Context, RequestId},
    passport::{Caller, Passports, Role},
    secret::Secret,
};
use tempfile::tempdir;
use testing::suite::ADMIN;
use tokio::{net::TcpListener, time::Instant};
use tonic::{Code, Status};

/// What is answered to all calls alike.
#[derive(Clone)]
enum Answer {
    Refusal(Status),
    Never,
    /// A message of so many bytes.
    Message(u32),
}

fn message(bytes: u32) -> Response<Body> {
    let framed = [&[0][..], &bytes.to_be_bytes(), &vec![0; bytes as usize]].concat();
    ([("content-type", "application/grpc")], framed).into_response()
}

/// An identity that lives, and answers all calls alike.
struct Puppet {
    address: String,
    /// The calls, by path, and what came with them.
    asked: Arc<Mutex<Vec<(String, HeaderMap)>>>,
}

impl Puppet {
    /// One that answers so.
    async fn new(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let app = Router::new().fallback(async move |request: axum::extract::Request| {
            // Whoever gives no sign of life is not waited for.
            if request.uri().path() == "/grpc.health.v1.Health/Check" {
                return Status::ok("").into_http::<Body>();
            }
            kept.lock().unwrap().push((request.uri().path().to_owned(), request.headers().clone()));
            match answer {
                Answer::Refusal(status) => status.into_http::<Body>(),
                Answer::Never => pending().await,
                Answer::Message(bytes) => message(bytes),
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
        let puppet = Puppet::new(Answer::Refusal(status)).await;
        let gateway = Setup::gateway(&directory, &puppet.address).start().await;

        gateway.door().sign_in(ADMIN, PASSWORD).await;
        gateway.door().get("/api/clients/me", Some(&unknown_token())).await;

        assert_eq!(puppet.times("/LogIn"), 1, "{code:?}");
        assert_eq!(puppet.times("/ListSigningKeys"), repeated, "{code:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_carries_what_is_left_of_its_time_and_ends_with_it() {
    let (directory, puppet) = (tempdir().unwrap(), Puppet::new(Answer::Never).await);
    let gateway = Setup::gateway(&directory, &puppet.address).start().await;

    let began = Instant::now();
    let answer = gateway.door().get("/api/clients/me", Some(&unknown_token())).await;
    let took = began.elapsed();

    let asked = puppet.asked.lock().unwrap();
    assert_eq!(asked.len(), 1, "a call whose time is over is not worth repeating");
    let left = asked[0].1["grpc-timeout"].to_str().unwrap().strip_suffix('m').unwrap().parse().unwrap();
    let left = Duration::from_millis(left);
    assert!(left <= Duration::from_secs(10), "{left:?}");
    // To call again would take as long once more.
    assert!(took > left && took < left + Duration::from_secs(7), "{took:?} of {left:?}");
    assert_eq!((answer.status, answer.json()["success"].as_bool()), (503, Some(false)), "{}", answer.text);
}

/// An id of nobody.
const ID: &str = "507f191e810c19729de860ea";

/// Lending as somebody, over the way that roles go to each other.
fn lending_as(lending: &Process, caller: Caller) -> LendingServiceClient<Channel> {
    let passports = Arc::new(Passports::new(&Secret::from(process::INTERNAL_KEY)));
    let (address, clock) = (&lending.lending, Clock::system());
    let way = Channel::remote(address, proto::DESCRIPTORS, lending::AUDIENCE, caller, passports, clock);
    LendingServiceClient::new(way.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_requests_time_is_passed_on_from_role_to_role() {
    let (directory, puppet) = (tempdir().unwrap(), Puppet::new(Answer::Never).await);
    let database = testing::sqlite().await;
    let lending = Setup::lending(&directory, database.url(), &puppet.address).start().await;
    let (item, patron_id) = (Some(Item::BookId(ID.to_owned())), ID.to_owned());
    let borrow = BorrowBookRequest { patron_id, item, ..BorrowBookRequest::default() };

    let (id, began) = (RequestId::fresh(), Instant::now());
    let mut client = lending_as(&lending, Caller::operator());
    let refused = Context::new(id.clone(), Duration::from_secs(4)).scope(client.borrow_book(borrow)).await.unwrap_err();
    let took = began.elapsed();

    let asked = puppet.asked.lock().unwrap();
    let (path, headers) = &asked[0];
    assert!(path.ends_with("/GetStanding"), "{path}");
    let left = headers["grpc-timeout"].to_str().unwrap().strip_suffix('m').unwrap().parse().unwrap();
    // So much at least is left on a busy machine, where a call has ten seconds by itself.
    assert!((500..=4000).contains(&left), "{left}");
    assert_eq!(headers["x-request-id"], id.as_str());
    assert!([Code::DeadlineExceeded, Code::Unavailable].contains(&refused.code()), "{refused}");
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_away_is_asked_three_times_however_many_roles_are_in_between() {
    let (directory, puppet) = (tempdir().unwrap(), Puppet::new(Answer::Refusal(Status::unavailable("away"))).await);
    let database = testing::sqlite().await;
    let lending = Setup::lending(&directory, database.url(), &puppet.address).start().await;
    let family = Caller { role: Role::Client, sub_type: "family".to_owned(), ..Caller::operator() };
    let filter = Some(LoanFilter { patron_id: ID.to_owned(), ..LoanFilter::default() });

    let mut client = lending_as(&lending, family);
    let refused = client.list_loans(ListLoansRequest { filter, ..ListLoansRequest::default() }).await.unwrap_err();

    assert_eq!(refused.code(), Code::Unavailable);
    assert_eq!(puppet.times("/CheckGuardian"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_above_four_mebibytes_is_not_taken() {
    let directory = tempdir().unwrap();
    // Below the limit it is looked at, and is no answer to a log-in that anybody could use.
    for (bytes, status) in [((4 << 20) - 64, 500), ((4 << 20) + 1, 500)] {
        let puppet = Puppet::new(Answer::Message(bytes)).await;
        let gateway = Setup::gateway(&directory, &puppet.address).with("LOG", "info,gateway=debug").start().await;

        let answer = gateway.door().sign_in(ADMIN, PASSWORD).await;

        assert_eq!(answer.status, status, "{}", answer.text);
        let is_too_large = gateway.logged().contains("OutOfRange");
        assert_eq!(is_too_large, bytes > 4 << 20, "{}", gateway.logged());
    }
}
