//! How processes end: in order, and in time whatever their clients do.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::{thread::available_parallelism, time::Duration};

use process::{
    PASSWORD, PATIENCE, Setup,
    door::Door,
    eventually,
    http2::{self, Connection},
};
use shared::{
    Clock,
    passport::{Caller, Passports},
    secret::{ExposeSecret as _, Secret},
};
use tempfile::tempdir;
use testing::suite::{ADMIN, Answer, beside};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::{JoinHandle, JoinSet},
    time::Instant,
};

/// A process ends within this time, whatever its clients do.
const IN_TIME: Duration = Duration::from_secs(25);

/// Sends `text` and then nothing more.
async fn half_a_request(address: &str, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// Asks once, reads the answer, and keeps the connection.
async fn idle(address: &str) -> TcpStream {
    let mut stream = half_a_request(address, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let mut answer = [0; 1024];
    let bytes = stream.read(&mut answer).await.unwrap();
    assert!(answer[..bytes].starts_with(b"HTTP/1.1 200"));
    stream
}

/// Asks for something over HTTP/2 and has no room for the answer's body, then looks at nothing any more.
async fn deaf(address: &str, method: &str, path: &str, fields: &[(&str, &str)], body: &[u8]) -> Connection {
    let mut connection = Connection::open(address, &[(http2::INITIAL_WINDOW_SIZE, 0)]).await;
    connection.request(1, method, path, fields, if body.is_empty() { http2::END_STREAM } else { 0 }).await;
    if !body.is_empty() {
        connection.send(http2::DATA, http2::END_STREAM, 1, body).await;
    }
    while connection.receive().await.unwrap().kind != http2::HEADERS {}
    connection
}

/// Signs in so often at once that some are still being looked at when the first has its answer.
async fn sign_in_at_once(door: &Door) -> (Answer, JoinSet<Answer>) {
    let hashed_at_once = available_parallelism().unwrap().get().saturating_sub(1).max(1);
    let mut signing_in = JoinSet::new();
    for _ in 0..=hashed_at_once {
        let door = door.clone();
        signing_in.spawn(async move { door.sign_in("elodie@example.org", PASSWORD).await });
    }
    let first = signing_in.join_next().await.unwrap().unwrap();
    (first, signing_in)
}

async fn all_came_in(first: Answer, rest: JoinSet<Answer>) {
    for answer in rest.join_all().await.into_iter().chain([first]) {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_sigterm_it_finishes_what_is_in_flight_and_ends_in_time_whatever_its_clients_do() {
    let directory = tempdir().unwrap();
    // As long as it is to be asked what it says on its way, on a busy machine.
    let mut suite = Setup::suite(&directory).with("DRAIN_SECONDS", "5").start().await;
    let token = suite.door().register("elodie@example.org").await;
    let login = "POST /api/clients/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    let authorization = format!("Bearer {token}");
    let _mute = TcpStream::connect(&suite.http).await.unwrap();
    let _half_a_head = half_a_request(&suite.http, &login[..40]).await;
    let _half_a_body = half_a_request(&suite.http, &format!("{login}Content-Length: 90\r\n\r\n{{\"email\"")).await;
    let _idle = idle(&suite.http).await;
    let _deaf = deaf(&suite.http, "GET", "/api/clients/me", &[("authorization", &authorization)], b"").await;
    let watch = "/grpc.health.v1.Health/Watch";
    let _watcher = deaf(&suite.grpc, "POST", watch, &[("content-type", "application/grpc")], &[0; 5]).await;
    let (first, in_flight) = sign_in_at_once(&suite.door()).await;

    suite.signal("TERM");

    let began = Instant::now();
    let leaving = async || suite.door().get("/readyz", None).await.json()["leaving"] == true;
    eventually(Duration::from_secs(3), "it says that it leaves", leaving).await;
    let ready = suite.door().get("/readyz", None).await;
    assert_eq!((ready.status, ready.json()["ready"].as_bool()), (503, Some(false)));
    assert!(suite.door().knows(&token).await, "it has stopped serving before others could know");
    all_came_in(first, in_flight).await;
    let ended = suite.ends(IN_TIME).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.logged);
    assert!(began.elapsed() < IN_TIME);
    // The other clients of this test have to have been a nuisance, or it shows nothing.
    assert!(ended.logged.matches("cutting connections that did not end").count() == 2, "{}", ended.logged);
}

/// Asks again and again, and reads nothing: sooner or later no answer has anywhere to go.
async fn insatiable(address: &str) -> JoinHandle<()> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (unread, mut writes) = stream.into_split();
    tokio::spawn(async move {
        while writes.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.is_ok() {}
        drop(unread);
    })
}

/// Clients of a port for HTTP/2 and HTTP/1.1 that never come to an end.
async fn nuisances(address: &str) -> (Vec<TcpStream>, Connection) {
    let mute = TcpStream::connect(address).await.unwrap();
    let half_a_preface = half_a_request(address, "PRI * HTTP/2.0\r\n").await;
    let half_a_head = half_a_request(address, "POST / HTTP/1.1\r\nHo").await;
    // A request whose body never comes, on a connection that looks at nothing any more.
    let mut open = Connection::open(address, &[]).await;
    let rpc = "/grpc.health.v1.Health/Check";
    open.request(1, "POST", rpc, &[("content-type", "application/grpc")], 0).await;
    (vec![mute, half_a_preface, half_a_head], open)
}

#[tokio::test(flavor = "multi_thread")]
async fn so_does_each_role_apart() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let [catalog_url, lending_url] = ["catalog", "lending"].map(|role| beside(database.url(), role));
    let identity = Setup::identity(&directory, database.url()).with_admin().start().await;
    let lending = Setup::lending(&directory, lending_url.expose_secret(), &identity.grpc).start().await;
    let catalog = Setup::catalog(&directory, catalog_url.expose_secret(), &lending.lending).start().await;
    let gateway = Setup::gateway(&directory, &identity.grpc);
    let gateway = gateway.with("CATALOG_ADDR", &catalog.catalog).with("LENDING_ADDR", &lending.lending).start().await;
    eventually(PATIENCE, "the gateway is ready", async || gateway.door().is_ready().await).await;
    let ports = [&identity.grpc, &catalog.catalog, &lending.lending, &gateway.http];
    let mut clients = Vec::new();
    for address in ports {
        clients.push(nuisances(address).await);
    }
    let mut watchers = Vec::new();
    for address in &ports[..3] {
        let watch = ("/grpc.health.v1.Health/Watch", &[("content-type", "application/grpc")]);
        watchers.push(deaf(address, "POST", watch.0, watch.1, &[0; 5]).await);
    }
    // The feed that never ends, for somebody who has no room for it.
    let passports = Passports::new(&Secret::from(process::INTERNAL_KEY));
    let passport = passports.sign(&Caller::service("catalog"), lending::AUDIENCE, Clock::system().now());
    let fields = [("content-type", "application/grpc"), ("te", "trailers"), ("passport", passport.as_str())];
    let feed = "/bibliotique.lending.v1.LendingService/WatchAvailability";
    let _follower = deaf(&lending.lending, "POST", feed, &fields, &[0; 5]).await;
    let insatiable = insatiable(&gateway.http).await;
    let (first, in_flight) = (gateway.door(), gateway.door());
    let in_flight = tokio::spawn(async move { in_flight.sign_in(ADMIN, PASSWORD).await });
    assert_eq!(first.sign_in(ADMIN, PASSWORD).await.status, 200);

    let mut roles = [identity, catalog, lending, gateway];
    let began = Instant::now();
    roles.iter().for_each(|role| role.signal("TERM"));

    assert_eq!(in_flight.await.unwrap().status, 200);
    for role in &mut roles {
        let ended = role.ends(IN_TIME.saturating_sub(began.elapsed())).await;
        assert_eq!(ended.status.code(), Some(0), "{}", ended.logged);
        assert!(ended.logged.contains("cutting connections that did not end"), "{}", ended.logged);
    }
    eprintln!("all ended after {:?}", began.elapsed());
    insatiable.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_sigint_it_finishes_what_is_in_flight_and_does_not_drain() {
    let directory = tempdir().unwrap();
    let mut suite = Setup::suite(&directory).with("DRAIN_SECONDS", "8").start().await;
    suite.door().register("elodie@example.org").await;
    let _idle = idle(&suite.http).await;
    let (first, in_flight) = sign_in_at_once(&suite.door()).await;

    suite.signal("INT");

    let ended = suite.ends(Duration::from_secs(7)).await;
    all_came_in(first, in_flight).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.logged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    for second in ["TERM", "INT"] {
        let directory = tempdir().unwrap();
        let mut suite = Setup::suite(&directory).with("DRAIN_SECONDS", "8").start().await;
        suite.signal("TERM");
        eventually(PATIENCE, "it leaves", async || !suite.door().is_ready().await).await;

        suite.signal(second);

        assert_eq!(suite.ends(Duration::from_secs(4)).await.status.code(), Some(1), "{second}");
    }
}
