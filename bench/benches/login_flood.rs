//! A flood of sign-ins: what it does to everybody else, and how many come through.
//!
//! `cargo bench -p bench --bench login_flood`

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use bench::{Data, Latencies, Served, Table, probe, serve_if_asked};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

/// Clients that sign in again and again, all at once.
const FLOOD: usize = 200;

/// Accounts that they sign in to.
const ACCOUNTS: usize = 20;

/// How long each part is measured.
const LASTING: Duration = Duration::from_secs(15);

/// Requests a second to each of the two routes whose latency is measured.
const RATE: u32 = 100;

const COST: u32 = 10;
const PASSWORD: &str = "Lis-7-livres!";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    serve_if_asked().await?;
    let permits = thread::available_parallelism()?.get().saturating_sub(1).max(1);
    let alone = bcrypt_alone(permits);
    let data = Data::sqlite()?;
    let served = Served::together(&data).await?;
    let http = reqwest::Client::new();
    let token = prepare(&served, &http).await?;

    let idle = everybody_else(&served, &http, &token).await;
    let flooding = Flood::start(&served, &http);
    let flooded = everybody_else(&served, &http, &token).await;
    let (signed_in, turned_away, took) = flooding.end().await;

    let mut table = Table::new(&[
        "route",
        "p50 idle",
        "p99 idle",
        "p50 flooded",
        "p99 flooded",
        "p99 ratio (goal: at most 2)",
        "failed",
    ]);
    for (route, idle, flooded) in [("GET /readyz", &idle.0, &flooded.0), ("GET /api/clients/me", &idle.1, &flooded.1)] {
        let ratio = flooded.percentile(99).as_secs_f64() / idle.percentile(99).as_secs_f64();
        let time =
            |latencies: &Latencies, percent| format!("{:.2} ms", latencies.percentile(percent).as_secs_f64() * 1000.0);
        let failed = idle.failed() + flooded.failed();
        let times = [time(idle, 50), time(idle, 99), time(flooded, 50), time(flooded, 99)];
        let cells = [vec![route.to_owned()], times.to_vec(), vec![format!("{ratio:.2}"), failed.to_string()]].concat();
        table.row(&cells);
    }
    println!("{table}");

    let rate = signed_in as f64 / took.as_secs_f64();
    let mut table = Table::new(&[
        "sign-ins a second",
        "turned away a second",
        "bcrypt alone a second",
        "ratio (goal: at least 0.95)",
    ]);
    let away = turned_away as f64 / took.as_secs_f64();
    table.row(&[format!("{rate:.2}"), format!("{away:.0}"), format!("{alone:.2}"), format!("{:.3}", rate / alone)]);
    println!("{table}");
    Ok(())
}

/// The yardstick: verifications a second by as many threads as the suite has permits, and nothing else.
fn bcrypt_alone(threads: usize) -> f64 {
    let hash = bcrypt::hash(PASSWORD, COST).unwrap_or_default();
    let began = Instant::now();
    let done: usize = thread::scope(|scope| {
        let count = || {
            (0..).take_while(|_| began.elapsed() < LASTING && bcrypt::verify(PASSWORD, &hash).unwrap_or(false)).count()
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(count)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
    });
    done as f64 / began.elapsed().as_secs_f64()
}

fn account(number: usize) -> String {
    format!("client{number}@example.org")
}

/// Registers the accounts; answers with a token of the first.
async fn prepare(served: &Served, http: &reqwest::Client) -> anyhow::Result<String> {
    let mut token = None;
    for number in 0..ACCOUNTS {
        let body =
            json!({"nom": "Client", "email": account(number), "password": PASSWORD, "confirmPassword": PASSWORD});
        let made: Value = http.post(served.url("/api/clients/register")).json(&body).send().await?.json().await?;
        token = token.or_else(|| made["data"]["token"].as_str().map(str::to_owned));
    }
    token.context("a client could not be registered")
}

/// The latencies of `/readyz` and `/api/clients/me`, asked at the same time.
async fn everybody_else(served: &Served, http: &reqwest::Client, token: &str) -> (Latencies, Latencies) {
    let ready = probe(RATE, LASTING, || http.get(served.url("/readyz")));
    let me = probe(RATE, LASTING, || http.get(served.url("/api/clients/me")).bearer_auth(token));
    tokio::join!(ready, me)
}

/// Clients that sign in as fast as they are let. Who is turned away comes back when he was told to, or up to a second later:
/// all of them on the same tick would measure the generator.
struct Flood {
    clients: JoinSet<()>,
    stop: Arc<AtomicBool>,
    signed_in: Arc<AtomicUsize>,
    turned_away: Arc<AtomicUsize>,
    began: Instant,
}

impl Flood {
    fn start(served: &Served, http: &reqwest::Client) -> Self {
        let (stop, signed_in, turned_away): (Arc<AtomicBool>, Arc<AtomicUsize>, Arc<AtomicUsize>) = Default::default();
        let mut clients = JoinSet::new();
        for number in 0..FLOOD {
            let body = json!({"email": account(number % ACCOUNTS), "password": PASSWORD});
            let request = http.post(served.url("/api/clients/login")).json(&body);
            let (stop, signed_in, turned_away) = (Arc::clone(&stop), Arc::clone(&signed_in), Arc::clone(&turned_away));
            clients.spawn(async move {
                let mut attempt = 0;
                while let (false, Some(request)) = (stop.load(Ordering::Relaxed), request.try_clone()) {
                    match request.send().await.map(|answer| answer.status().as_u16()) {
                        Ok(200) => signed_in.fetch_add(1, Ordering::Relaxed),
                        _ => {
                            attempt += 1;
                            sleep(Duration::from_secs(1) + spread(number, attempt)).await;
                            turned_away.fetch_add(1, Ordering::Relaxed)
                        }
                    };
                }
            });
        }
        Self { clients, stop, signed_in, turned_away, began: Instant::now() }
    }

    /// How many signed in, how many were turned away, in what time.
    async fn end(self) -> (usize, usize, Duration) {
        let counts =
            (self.signed_in.load(Ordering::Relaxed), self.turned_away.load(Ordering::Relaxed), self.began.elapsed());
        self.stop.store(true, Ordering::Relaxed);
        self.clients.join_all().await;
        counts
    }
}

/// Between nothing and a second, another time for every client and attempt: multiples of the golden ratio spread evenly.
fn spread(client: usize, attempt: usize) -> Duration {
    Duration::from_secs(1).mul_f64(((client * 31 + attempt) as f64 * 0.618_033_988_75).fract())
}
