//! Clients that go on asking while parts of the place are away, and what became of each request.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use testing::suite::Answer;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::door::Door;

/// From one request of a client to its next.
const PAUSE: Duration = Duration::from_millis(20);

/// A request, and what became of it.
#[derive(Debug)]
pub struct Sample {
    /// When it was sent.
    pub began: Instant,
    /// How long it took.
    pub took: Duration,
    /// The answer, or why there is none.
    pub answer: Result<Answer, String>,
}

impl Sample {
    /// Sends a request.
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let began = Instant::now();
        let answer = async {
            let response = request.send().await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Ok(Answer { status, headers, text: response.text().await? })
        };
        let answer = answer.await.map_err(|error: reqwest::Error| format!("{error:?}"));
        Self { began, took: began.elapsed(), answer }
    }

    /// The answer's status; 0 where there is none.
    pub fn status(&self) -> u16 {
        self.answer.as_ref().map_or(0, |answer| answer.status)
    }

    /// Whether it is told to come again.
    pub fn is_put_off(&self) -> bool {
        self.answer.as_ref().is_ok_and(|answer| answer.status == 503 && !answer.header("retry-after").is_empty())
    }
}

/// How long those took that all but a part of them, and all, stayed under: `(median, 99 of 100, longest)`.
pub fn times<'a>(samples: impl IntoIterator<Item = &'a Sample>) -> (Duration, Duration, Duration) {
    let mut times: Vec<Duration> = samples.into_iter().map(|sample| sample.took).collect();
    times.sort();
    let at = |part: usize| times.get((times.len() * part / 100).min(times.len().saturating_sub(1))).copied();
    (at(50).unwrap_or_default(), at(99).unwrap_or_default(), times.last().copied().unwrap_or_default())
}

/// A client that asks the same again and again.
pub struct Asker {
    over: Arc<AtomicBool>,
    /// How many were answered with 2xx one after the other, until now.
    served: Arc<AtomicUsize>,
    asking: JoinHandle<Vec<Sample>>,
}

impl Asker {
    /// Begins to ask.
    pub fn of(door: &Door, path: &str, token: Option<&str>) -> Self {
        let (over, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (door, path, token) = (door.clone(), path.to_owned(), token.map(str::to_owned));
        let (is_over, counted) = (Arc::clone(&over), Arc::clone(&served));
        let asking = async move {
            let mut samples = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let request = door.request("GET", &path);
                let sample = Sample::of(match &token {
                    Some(token) => request.bearer_auth(token),
                    None => request,
                });
                samples.push(sample.await);
                count(&counted, samples.last().map(Sample::status));
                sleep(PAUSE).await;
            }
            samples
        };
        Self { over, served, asking: tokio::spawn(asking) }
    }

    /// Whether the last three were served.
    pub fn is_served(&self) -> bool {
        self.served.load(Ordering::Relaxed) >= 3
    }

    /// To be told before it is asked whether it is served again.
    pub fn forget(&self) {
        self.served.store(0, Ordering::Relaxed);
    }

    /// Stops.
    pub async fn end(self) -> Vec<Sample> {
        self.over.store(true, Ordering::Relaxed);
        self.asking.await.unwrap()
    }
}

fn count(served: &AtomicUsize, status: Option<u16>) {
    match status {
        Some(200..300) => served.fetch_add(1, Ordering::Relaxed),
        _ => served.swap(0, Ordering::Relaxed),
    };
}

/// A reader who borrows a book and gives it back, again and again, and asks anew what was not answered.
pub struct Borrower {
    over: Arc<AtomicBool>,
    served: Arc<AtomicUsize>,
    borrowing: JoinHandle<Borrowed>,
}

/// What a borrower did.
#[derive(Default)]
pub struct Borrowed {
    /// Every request.
    pub samples: Vec<Sample>,
    /// The loans that were acknowledged, and all but a last one given back.
    pub loans: Vec<String>,
    /// The loan that is out.
    pub open: Option<String>,
}

impl Borrower {
    /// Begins to borrow.
    pub fn of(door: &Door, token: &str, book: &str) -> Self {
        let (over, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (door, token, book) = (door.clone(), token.to_owned(), book.to_owned());
        let (is_over, counted) = (Arc::clone(&over), Arc::clone(&served));
        let borrowing = async move {
            let mut done = Borrowed::default();
            while !is_over.load(Ordering::Relaxed) {
                done.step(&door, &token, &book, &counted).await;
            }
            done
        };
        Self { over, served, borrowing: tokio::spawn(borrowing) }
    }

    /// Whether the last three were served.
    pub fn is_served(&self) -> bool {
        self.served.load(Ordering::Relaxed) >= 3
    }

    /// To be told before it is asked whether it is served again.
    pub fn forget(&self) {
        self.served.store(0, Ordering::Relaxed);
    }

    /// Stops, when the last request has its answer.
    pub async fn end(self) -> Borrowed {
        self.over.store(true, Ordering::Relaxed);
        self.borrowing.await.unwrap()
    }
}

impl Borrowed {
    /// Borrows, or gives back; asks until that is acknowledged.
    async fn step(&mut self, door: &Door, token: &str, book: &str, served: &AtomicUsize) {
        let path = match &self.open {
            Some(loan) => format!("/api/emprunts/{loan}/return"),
            None => format!("/api/emprunts/{book}"),
        };
        let key = format!("{token:.8}-{}-{}", self.loans.len(), self.open.is_some());
        loop {
            let request = door.request("POST", &path).bearer_auth(token).header("Idempotency-Key", &key);
            let sample = Sample::of(request).await;
            count(served, Some(sample.status()));
            let acknowledged = sample.answer.as_ref().ok().filter(|answer| [200, 201].contains(&answer.status));
            let loan = acknowledged.map(|answer| answer.json()["data"]["emprunt"]["_id"].as_str().unwrap().to_owned());
            self.samples.push(sample);
            sleep(PAUSE).await;
            if let Some(loan) = loan {
                match self.open.take() {
                    Some(returned) => assert_eq!(returned, loan),
                    None => {
                        self.loans.push(loan.clone());
                        self.open = Some(loan);
                    }
                }
                return;
            }
        }
    }
}
