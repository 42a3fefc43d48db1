//! Two replicas of a role, one of which does not do its work: what is sent to the other instead, and what is not.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::Router;
use http::Request;
use shared::{
    Clock,
    channel::Channel,
    passport::{Caller, Passports},
    secret::Secret,
    server::{Limits, serve},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tonic::{Status, body::Body};
use tower::ServiceExt as _;

/// A call that may be repeated, by its path, and one that may not.
const READ: &str = "/grpc.health.v1.Health/Check";
const WRITE: &str = "/test.Test/Write";

/// The status of an answer from somebody who is there, and of one who is not.
const DONE: &str = "0";
const UNAVAILABLE: &str = "14";

/// What a replica does with the first call of each connection (RFC 9113).
#[derive(Clone, Copy, Debug)]
enum Whim {
    /// Says that it leaves, and has looked at no call.
    Leaves,
    /// Refuses this call without a look at it.
    Refuses,
    /// Says that it leaves, after this call, and is gone before it has answered.
    LeavesAfterIt,
    /// Is gone.
    Dies,
    /// Says nothing, ever.
    IsSilent,
    /// Says nothing, and hangs up after a while.
    HangsUp,
}

impl Whim {
    /// The frame that comes instead of an answer to stream 1.
    const fn frame(self) -> &'static [u8] {
        match self {
            Self::Leaves => &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            Self::Refuses => &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 7],
            Self::LeavesAfterIt => &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0],
            Self::Dies | Self::IsSilent | Self::HangsUp => &[],
        }
    }

    /// Takes connections, and counts the calls.
    async fn lives(self, listener: TcpListener, calls: Arc<AtomicUsize>) {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // In the middle of a question for a sign of life: the second over the same connection.
            let patience = Duration::from_millis(if matches!(self, Self::HangsUp) { 9600 } else { 3_600_000 });
            tokio::spawn(timeout(patience, self.treats(stream, Arc::clone(&calls))));
        }
    }

    async fn treats(self, mut stream: TcpStream, calls: Arc<AtomicUsize>) {
        let mut preface = [0; 24];
        // Whoever only had a look is gone by now.
        let Ok(_) = stream.read_exact(&mut preface).await else { return };
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        loop {
            let mut head = [0; 9];
            let Ok(_) = stream.read_exact(&mut head).await else { return };
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            stream.read_exact(&mut payload).await.unwrap();
            if head[3] == 1 {
                calls.fetch_add(1, Ordering::Relaxed);
                if !matches!(self, Self::IsSilent | Self::HangsUp) {
                    break;
                }
            }
        }
        stream.write_all(self.frame()).await.unwrap();
    }
}

/// A replica with a whim and one without, and the way to both.
struct Two {
    way: Channel,
    /// Calls that the one with a whim got.
    odd: Arc<AtomicUsize>,
    /// Calls that may not be repeated that the other got.
    good: Arc<AtomicUsize>,
}

impl Two {
    async fn with(whim: Whim) -> Self {
        let (odd, good) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let listeners =
            [TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap()];
        let addresses = listeners.each_ref().map(|listener| listener.local_addr().unwrap().to_string()).join(",");
        let [first, second] = listeners;
        tokio::spawn(whim.lives(first, Arc::clone(&odd)));
        let counted = Arc::clone(&good);
        let app = Router::new().fallback(async move |request: axum::extract::Request| {
            // A busy machine may have it asked for a sign of life, too.
            counted.fetch_add(usize::from(request.uri().path() == WRITE), Ordering::Relaxed);
            Status::ok("").into_http::<axum::body::Body>()
        });
        tokio::spawn(serve(second, app, Limits::default(), CancellationToken::new()));
        let (passports, caller) = (Passports::new(&Secret::from("k".repeat(32))), Caller::service("test"));
        let way = Channel::remote(&addresses, &[], "test", caller, Arc::new(passports), Clock::system()).unwrap();
        Self { way, odd, good }
    }

    /// The status that a call is answered with.
    async fn ask(&self, path: &str) -> String {
        let request = Request::post(path).header("content-type", "application/grpc").body(Body::empty()).unwrap();
        let answer = self.way.clone().oneshot(request).await.unwrap();
        answer.headers()["grpc-status"].to_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn what_nobody_has_looked_at_is_sent_to_the_other_whatever_it_does() {
    for whim in [Whim::Leaves, Whim::Refuses] {
        let two = Two::with(whim).await;

        for _ in 0..16 {
            assert_eq!(two.ask(WRITE).await, DONE, "{whim:?}");
        }

        assert_eq!(two.good.load(Ordering::Relaxed), 16, "{whim:?}");
        assert!(two.odd.load(Ordering::Relaxed) >= 4, "{whim:?}: it was not even tried");
    }
}

#[tokio::test]
async fn what_somebody_may_have_looked_at_is_sent_again_only_if_it_changes_nothing() {
    for whim in [Whim::LeavesAfterIt, Whim::Dies] {
        let two = Two::with(whim).await;
        let mut lost = 0;
        for _ in 0..16 {
            lost += usize::from(two.ask(WRITE).await == UNAVAILABLE);
        }
        let (odd, good) = (two.odd.load(Ordering::Relaxed), two.good.load(Ordering::Relaxed));
        assert!(lost >= 4 && odd == lost && odd + good == 16, "{whim:?}: {lost} lost, {odd} there, {good} here");

        for _ in 0..16 {
            assert_eq!(two.ask(READ).await, DONE, "{whim:?}");
        }
    }
}

#[tokio::test]
async fn one_that_gives_no_sign_of_life_is_found_out_once_and_passed_over() {
    let two = Two::with(Whim::IsSilent).await;

    let began = Instant::now();
    for _ in 0..2 {
        assert_eq!(two.ask(READ).await, DONE);
    }
    let found_out = began.elapsed();
    assert!(found_out > Duration::from_secs(1), "it was not even tried: {found_out:?}");
    assert!(found_out < Duration::from_secs(6), "{found_out:?}");

    let began = Instant::now();
    for _ in 0..50 {
        assert_eq!(two.ask(READ).await, DONE);
        assert_eq!(two.ask(WRITE).await, DONE);
    }
    // To find it out each time again would take ten times as long.
    assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_connection_that_ends_is_no_sign_of_life() {
    let two = Two::with(Whim::HangsUp).await;
    for _ in 0..2 {
        assert_eq!(two.ask(READ).await, DONE);
    }

    let found_out = Instant::now();
    while found_out.elapsed() < Duration::from_secs(11) {
        let asked = Instant::now();
        assert_eq!(two.ask(WRITE).await, DONE);
        // Whoever waited for it would wait until it hangs up.
        assert!(asked.elapsed() < Duration::from_secs(3), "{:?} after {:?}", asked.elapsed(), found_out.elapsed());
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_connection_that_has_grown_old_ends_after_what_is_in_flight() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().fallback(async || {
        tokio::time::sleep(Duration::from_millis(500)).await;
        "done"
    });
    let limits = Limits { age: Duration::from_millis(200), ..Limits::default() };
    tokio::spawn(serve(listener, app, limits, CancellationToken::new()));

    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();

    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
}
