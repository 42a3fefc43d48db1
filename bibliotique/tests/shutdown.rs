//! How processes end: in order, in time whatever their clients do, and without a failed request where others take over.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::available_parallelism,
    time::Duration,
};

use process::{
    PASSWORD, PATIENCE, Process, Setup,
    door::Door,
    eventually,
    http2::{self, Connection},
};
use tempfile::tempdir;
use testing::suite::{ADMIN, Answer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::{JoinHandle, JoinSet},
    time::{Instant, MissedTickBehavior, interval},
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
    let mut suite = Setup::suite(&directory).start().await;
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
    eventually(Duration::from_secs(1), "it says that it leaves", leaving).await;
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

        assert_eq!(suite.ends(Duration::from_secs(2)).await.status.code(), Some(1), "{second}");
    }
}

/// A gateway as a balancer sees it.
struct Target {
    door: Door,
    /// It says that it is ready.
    ready: AtomicBool,
    /// It answers, and does not say that it leaves.
    stays: AtomicBool,
}

/// What sends requests to the gateways in turn.
struct Balancer {
    targets: Vec<Arc<Target>>,
    token: String,
    over: AtomicBool,
}

impl Balancer {
    /// Asks every 100 ms.
    async fn watch(target: Arc<Target>) {
        let mut ticks = interval(Duration::from_millis(100));
        loop {
            ticks.tick().await;
            let answer = target.door.try_ask("GET", "/readyz", None, None).await.ok();
            let stays = answer.as_ref().is_some_and(|answer| answer.json()["leaving"] == false);
            target.ready.store(answer.is_some_and(|answer| answer.status == 200), Ordering::Relaxed);
            target.stays.store(stays, Ordering::Relaxed);
        }
    }

    /// The ready one whose turn it is; where nobody is ready, whoever is still there, as balancers do.
    fn target(&self, turn: usize) -> Option<&Target> {
        let those = |is: fn(&Target) -> &AtomicBool| -> Vec<&Target> {
            self.targets.iter().map(Arc::as_ref).filter(|target| is(target).load(Ordering::Relaxed)).collect()
        };
        let ready = those(|target| &target.ready);
        let candidates = if ready.is_empty() { those(|target| &target.stays) } else { ready };
        candidates.get(turn % candidates.len().max(1)).copied()
    }

    /// One request. reqwest sends it again only when an idle connection was closed before anything was written to it.
    async fn ask(&self, turn: usize) -> Result<(), String> {
        let target = self.target(turn).ok_or("no gateway was there")?;
        match target.door.try_ask("GET", "/api/clients/me", Some(&self.token), None).await {
            Ok(answer) if answer.status == 200 => Ok(()),
            Ok(answer) => Err(format!("{} {}", answer.status, answer.text)),
            Err(error) => Err(format!("{error:?}")),
        }
    }

    /// 200 requests a second until it is over, whatever becomes of them.
    async fn load(self: Arc<Self>) -> Vec<Result<(), String>> {
        let mut ticks = interval(Duration::from_millis(5));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut asking = JoinSet::new();
        let mut turn = 0;
        while !self.over.load(Ordering::Relaxed) {
            ticks.tick().await;
            let balancer = Arc::clone(&self);
            asking.spawn(async move { balancer.ask(turn).await });
            turn += 1;
        }
        asking.join_all().await
    }
}

/// Ends a process in order and starts it again.
async fn restart(process: &mut Process) {
    process.signal("TERM");
    let ended = process.ends(IN_TIME).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.logged);
    let again = process.again().start().await;
    *process = again;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_under_load_fails_no_request() {
    let directory = tempdir().unwrap();
    let (postgres, sqlite) = (testing::postgres().await, testing::sqlite().await);
    let database = postgres.as_ref().unwrap_or(&sqlite);
    let setup = Setup::identity(&directory, database.url()).with_admin();
    let mut identities = [setup.start().await, setup.start().await];
    let setup = Setup::gateway(&directory, &identities.each_ref().map(|identity| identity.grpc.clone()).join(","));
    let mut gateways = [setup.start().await, setup.start().await];
    let token = gateways[0].door().token(ADMIN, PASSWORD).await;
    let target = |gateway: &Process| {
        Arc::new(Target { door: gateway.door(), ready: AtomicBool::new(true), stays: AtomicBool::new(true) })
    };
    let targets: Vec<_> = gateways.iter().map(target).collect();
    let watching: Vec<JoinHandle<()>> = targets.iter().cloned().map(Balancer::watch).map(tokio::spawn).collect();
    let balancer = Arc::new(Balancer { targets, token, over: AtomicBool::new(false) });

    let began = Instant::now();
    let load = tokio::spawn(Arc::clone(&balancer).load());
    for process in identities.iter_mut().chain(&mut gateways) {
        restart(process).await;
        let all_ready = async || balancer.targets.iter().all(|target| target.ready.load(Ordering::Relaxed));
        eventually(PATIENCE, "all gateways are ready again", all_ready).await;
    }
    balancer.over.store(true, Ordering::Relaxed);
    let (outcomes, took) = (load.await.unwrap(), began.elapsed());
    watching.iter().for_each(JoinHandle::abort);

    let mut failures = BTreeMap::new();
    for failure in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        *failures.entry(failure).or_insert(0) += 1;
    }
    assert!(failures.is_empty(), "of {} requests failed {failures:#?}", outcomes.len());
    let rate = outcomes.len() as f64 / took.as_secs_f64();
    assert!(rate > 180.0, "only {rate} requests a second were sent");
}
