//! A flood of sign-ins: what it does to everybody else, and how many come through.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

use crate::{Data, Goal, Latencies, Ratio, Served, Table, probe, serve_if_asked};

/// Clients that sign in again and again, all at once.
const FLOOD: usize = 200;

/// Accounts that they sign in to.
const ACCOUNTS: usize = 20;

/// How long each part is measured in the benchmark of its own.
const LASTING: Duration = Duration::from_secs(15);

/// Requests a second to each of the two routes whose latency is measured.
const RATE: u32 = 100;

const COST: u32 = 10;
const PASSWORD: &str = "Lis-7-livres!";

/// What a flood did to a route.
struct Route {
    name: &'static str,
    idle: Latencies,
    flooded: Latencies,
}

/// What was seen.
pub struct Figures {
    routes: [Route; 2],
    /// Sign-ins a second.
    rate: f64,
    /// Turned away a second.
    away: f64,
    /// Verifications a second by as many threads as the suite has permits, and nothing else.
    pub alone: f64,
}

/// The benchmark of its own.
///
/// # Errors
/// When a suite cannot be served or used.
pub async fn run() -> anyhow::Result<()> {
    serve_if_asked().await?;
    let figures = measure(LASTING).await?;
    println!("{}\n{}", figures.routes(), figures.sign_ins());
    Ok(())
}

/// So many passwords are hashed at once: identity's default.
pub fn permits() -> usize {
    identity::Admission::default().permits
}

/// Each part lasts so long.
///
/// # Errors
/// When a suite cannot be served or used.
pub async fn measure(lasting: Duration) -> anyhow::Result<Figures> {
    let alone = bcrypt_alone(permits(), lasting);
    let data = Data::sqlite()?;
    let served = Served::together(&data).await?;
    let http = reqwest::Client::new();
    let token = prepare(&served, &http).await?;

    let (ready, me) = everybody_else(&served, &http, &token, lasting).await;
    let flooding = Flood::start(&served, &http);
    let (ready_flooded, me_flooded) = everybody_else(&served, &http, &token, lasting).await;
    let (signed_in, turned_away, took) = flooding.end().await;

    let [rate, away] = [signed_in, turned_away].map(|many| many as f64 / took.as_secs_f64());
    let routes = [
        Route { name: "GET /readyz", idle: ready, flooded: ready_flooded },
        Route { name: "GET /api/clients/me", idle: me, flooded: me_flooded },
    ];
    Ok(Figures { routes, rate, away, alone })
}

impl Route {
    fn ratio(&self) -> f64 {
        self.flooded.millis(99) / self.idle.millis(99)
    }

    fn failed(&self) -> usize {
        self.idle.failed() + self.flooded.failed()
    }
}

impl Figures {
    /// Of the others' requests, how many failed.
    pub fn failed(&self) -> usize {
        self.routes.iter().map(Route::failed).sum()
    }

    /// In a flood everybody else waits at most twice as long, and as much is hashed as bcrypt alone manages.
    pub fn ratios(&self) -> Vec<Ratio> {
        let route = |route: &Route| Ratio {
            of: format!("p99 of {} in a flood of {FLOOD} who sign in / idle", route.name),
            value: route.ratio(),
            goal: Goal::AtMost(2.0),
            told: format!("{:.2} / {:.2} ms", route.flooded.millis(99), route.idle.millis(99)),
        };
        let mut ratios: Vec<Ratio> = self.routes.iter().map(route).collect();
        ratios.push(Ratio {
            of: "sign-ins in that flood / bcrypt alone on as many threads as there are permits".to_owned(),
            value: self.rate / self.alone,
            goal: Goal::AtLeast(0.95),
            told: format!("{:.2} / {:.2} a second", self.rate, self.alone),
        });
        ratios
    }

    fn routes(&self) -> Table {
        let mut table = Table::new(&[
            "route",
            "p50 idle",
            "p99 idle",
            "p50 flooded",
            "p99 flooded",
            "p99 ratio (goal: at most 2)",
            "failed",
        ]);
        for route in &self.routes {
            let time = |latencies: &Latencies, percent| format!("{:.2} ms", latencies.millis(percent));
            table.row(&[
                route.name.to_owned(),
                time(&route.idle, 50),
                time(&route.idle, 99),
                time(&route.flooded, 50),
                time(&route.flooded, 99),
                format!("{:.2}", route.ratio()),
                route.failed().to_string(),
            ]);
        }
        table
    }

    fn sign_ins(&self) -> Table {
        let mut table = Table::new(&[
            "sign-ins a second",
            "turned away a second",
            "bcrypt alone a second",
            "ratio (goal: at least 0.95)",
        ]);
        let Self { rate, away, alone, .. } = self;
        let cells = [format!("{rate:.2}"), format!("{away:.0}"), format!("{alone:.2}"), format!("{:.3}", rate / alone)];
        table.row(&cells);
        table
    }
}

/// The yardstick: verifications a second by as many threads as the suite has permits, and nothing else.
fn bcrypt_alone(threads: usize, lasting: Duration) -> f64 {
    let hash = bcrypt::hash(PASSWORD, COST).unwrap_or_default();
    let began = Instant::now();
    let done: usize = thread::scope(|scope| {
        let count = || {
            (0..).take_while(|_| began.elapsed() < lasting && bcrypt::verify(PASSWORD, &hash).unwrap_or(false)).count()
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
async fn everybody_else(
    served: &Served,
    http: &reqwest::Client,
    token: &str,
    lasting: Duration,
) -> (Latencies, Latencies) {
    let ready = probe(RATE, lasting, || http.get(served.url("/readyz")));
    let me = probe(RATE, lasting, || http.get(served.url("/api/clients/me")).bearer_auth(token));
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
