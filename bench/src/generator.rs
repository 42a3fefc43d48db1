//! The generator: as many requests as a server answers, or so many a second, over connections that stay open.
//!
//! It has one thread, so that it takes at most one core, and what is measured gets the others.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use tokio::{
    runtime::Builder,
    task::{JoinSet, spawn_blocking},
    time::{Instant, sleep_until},
};

use crate::{
    Latencies, Random,
    probe::TIMER,
    wire::{Answer, Wire},
};

/// Of an answer that was not expected, so many bytes are said.
const SAID: usize = 300;

/// What somebody does again and again. Each at a connection of his own.
pub trait Script: Send + 'static {
    /// Does it once, with one request or several.
    fn step(&mut self, client: &mut Client) -> impl Future<Output = ()> + Send;
}

/// One of the same requests after the other, as chance will have it; each is answered with 200.
pub struct AtRandom {
    requests: Arc<[Vec<u8>]>,
    random: Random,
}

impl AtRandom {
    /// For several connections; with the same seed the same ones.
    pub fn several(requests: &Arc<[Vec<u8>]>, connections: usize, seed: u64) -> Vec<Self> {
        let one = |number: usize| Random::new(seed << 32 | (number as u64) << 16);
        (0..connections).map(|number| Self { requests: Arc::clone(requests), random: one(number) }).collect()
    }
}

impl Script for AtRandom {
    async fn step(&mut self, client: &mut Client) {
        let request = &self.requests[self.random.below(self.requests.len())];
        client.ask(request, 200).await;
    }
}

/// When somebody does it again.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// As soon as it is done: so many requests are underway as there are connections.
    Closed,
    /// So often a second, all together, whatever the answers do: who comes while all connections are busy waits, and that counts.
    Open(u32),
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Of all requests.
    pub latencies: Latencies,
    /// Answers a second.
    pub rate: f64,
    /// What the first that failed was told.
    pub failure: Option<String>,
}

/// A connection, and what was seen over it.
pub struct Client {
    address: Arc<str>,
    wire: Option<Wire>,
    /// When the next request should have been sent, if that is not now.
    due: Option<Instant>,
    took: Vec<Option<Duration>>,
    failure: Option<String>,
}

/// Lets everybody go on for so long.
///
/// # Errors
/// When there is no thread for it. A request that fails is only counted.
pub async fn generate<S: Script>(
    address: &str,
    pace: Pace,
    lasting: Duration,
    scripts: Vec<S>,
) -> anyhow::Result<Seen> {
    let address = Arc::from(address);
    let seen = spawn_blocking(move || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(all(address, pace, lasting, scripts))
    });
    seen.await?
}

async fn all<S: Script>(address: Arc<str>, pace: Pace, lasting: Duration, scripts: Vec<S>) -> anyhow::Result<Seen> {
    let (began, turns) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    for script in scripts {
        let client = Client { address: Arc::clone(&address), wire: None, due: None, took: Vec::new(), failure: None };
        tasks.spawn(one(client, script, pace, began, lasting, Arc::clone(&turns)));
    }
    let (mut took, mut failure) = (Vec::new(), None);
    while let Some(client) = tasks.join_next().await {
        let client = client.context("a script panicked")?;
        took.extend(client.took);
        failure = failure.or(client.failure);
    }
    let (latencies, lasted) = (Latencies::of(took), began.elapsed());
    Ok(Seen { rate: latencies.answered() as f64 / lasted.as_secs_f64(), latencies, failure })
}

async fn one<S: Script>(
    mut client: Client,
    mut script: S,
    pace: Pace,
    began: Instant,
    lasting: Duration,
    turns: Arc<AtomicU64>,
) -> Client {
    while began.elapsed() < lasting {
        if let Pace::Open(rate) = pace {
            let turn = turns.fetch_add(1, Ordering::Relaxed);
            let due = began + Duration::from_secs_f64(turn as f64 / f64::from(rate));
            if due >= began + lasting {
                break;
            }
            sleep_until(due).await;
            // Up to a point a late timer is not the server's doing.
            client.due = Some(Instant::now().min(due + TIMER));
        }
        script.step(&mut client).await;
    }
    client
}

impl Client {
    /// Sends a request; answers with the body if the status is the expected one.
    pub async fn ask(&mut self, request: &[u8], expected: u16) -> Option<&[u8]> {
        let began = self.due.take().unwrap_or_else(Instant::now);
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => match Wire::to(&self.address).await {
                Ok(wire) => wire,
                Err(error) => return self.fail(request, &error.to_string()),
            },
        };
        match wire.ask(request).await {
            Ok(answer) if answer.status == expected => self.took.push(Some(began.elapsed())),
            Ok(Answer { status, body }) => {
                let said = format!("{status} {}", String::from_utf8_lossy(&body[..body.len().min(SAID)]));
                self.wire = Some(wire);
                return self.fail(request, &said);
            }
            // The next one gets another connection.
            Err(error) => return self.fail(request, &error.to_string()),
        }
        Some(self.wire.insert(wire).body())
    }

    /// From when on the next request counts, whenever it is sent.
    pub fn due(&mut self) {
        self.due = self.due.or_else(|| Some(Instant::now()));
    }

    fn fail(&mut self, request: &[u8], said: &str) -> Option<&[u8]> {
        self.took.push(None);
        let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
        self.failure.get_or_insert_with(|| format!("{}: {said}", String::from_utf8_lossy(line)));
        None
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::wire;

    /// Serves so many connections; each answer takes its time and has its status.
    async fn server(status: u16, pause: Duration) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    while stream.read(&mut [0; 1000]).await.is_ok_and(|bytes| bytes > 0) {
                        tokio::time::sleep(pause).await;
                        let answer = format!("HTTP/1.1 {status} -\r\ncontent-length: 2\r\n\r\n{{}}");
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        address
    }

    fn readers(many: usize) -> Vec<AtRandom> {
        AtRandom::several(&Arc::from([wire::get("/", None)]), many, 1)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_comes_while_the_only_connection_is_busy_waits_and_that_counts() {
        let address = server(200, Duration::from_millis(50)).await;
        let lasting = Duration::from_millis(500);

        let closed = generate(&address, Pace::Closed, lasting, readers(1)).await.unwrap().latencies;
        let open = generate(&address, Pace::Open(200), lasting, readers(1)).await.unwrap().latencies;

        assert!(closed.answered() <= 11 && closed.failed() == 0, "{closed:?}");
        assert!(open.percentile(100) > 3 * Duration::from_millis(50), "{open:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn another_status_than_the_expected_one_is_a_failure_and_so_is_nobody_there() {
        let busy = server(503, Duration::ZERO).await;
        let lasting = Duration::from_millis(100);

        let seen = generate(&busy, Pace::Open(100), lasting, readers(1)).await.unwrap();
        assert_eq!(seen.latencies.answered(), 0);
        assert_eq!(seen.failure.as_deref(), Some("GET / HTTP/1.1: 503 {}"));

        let nobody = crate::free_address().unwrap();
        let seen = generate(&nobody, Pace::Open(100), lasting, readers(1)).await.unwrap();
        assert!(seen.latencies.failed() > 0 && seen.failure.is_some(), "{seen:?}");
    }
}
