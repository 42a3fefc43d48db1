//! Readers who register, borrow and return without a pause, and know what they were told.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use testing::suite::Answer;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    library::Doors,
    process::{PASSWORD, PATIENCE, door::registration},
};

/// Readers at once.
const READERS: usize = 4;

/// Loans of each account.
const LOANS: usize = 3;

/// What was acknowledged.
#[derive(Default)]
pub struct Acknowledged {
    /// E-mail addresses of accounts.
    pub accounts: Vec<String>,
    /// Loans, and whether they have been returned.
    pub loans: BTreeMap<String, bool>,
}

/// Readers at work.
pub struct Load {
    enough: Arc<AtomicBool>,
    readers: JoinSet<Acknowledged>,
}

impl Load {
    /// They come, and borrow these books.
    pub fn begin(doors: &Arc<Doors>, books: &[String]) -> Self {
        let (enough, mut readers) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
        for number in 0..READERS {
            readers.spawn(read(Arc::clone(doors), books.to_vec(), number, Arc::clone(&enough)));
        }
        Self { enough, readers }
    }

    /// They finish what they have begun, and go.
    pub async fn end(self) -> Acknowledged {
        self.enough.store(true, Ordering::Relaxed);
        let mut all = Acknowledged::default();
        for each in self.readers.join_all().await {
            all.accounts.extend(each.accounts);
            all.loans.extend(each.loans);
        }
        all
    }
}

async fn read(doors: Arc<Doors>, books: Vec<String>, reader: usize, enough: Arc<AtomicBool>) -> Acknowledged {
    let mut known = Acknowledged::default();
    for round in 0.. {
        if enough.load(Ordering::Relaxed) {
            break;
        }
        let key = |what: &str| format!("{reader}-{round}-{what}");
        let email = format!("reader-{reader}-{round}@example.org");
        let body = registration(&email, PASSWORD);
        let made = insist(&doors, "/api/clients/register", None, &key("register"), Some(&body)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        known.accounts.push(email);
        let token = made.json()["data"]["token"].as_str().unwrap().to_owned();
        for number in 0..LOANS {
            let book = &books[(reader + round + number) % books.len()];
            let borrow = format!("/api/emprunts/{book}");
            let made = insist(&doors, &borrow, Some(&token), &key(&format!("borrow-{number}")), None).await;
            assert_eq!(made.status, 201, "{}", made.text);
            let loan = made.json()["data"]["emprunt"]["_id"].as_str().unwrap().to_owned();
            known.loans.insert(loan.clone(), false);
            // The last one is kept.
            if number + 1 < LOANS {
                let back = format!("/api/emprunts/{loan}/return");
                let done = insist(&doors, &back, Some(&token), &key(&format!("return-{number}")), None).await;
                assert_eq!(done.status, 200, "{}", done.text);
                known.loans.insert(loan, true);
            }
        }
    }
    known
}

/// Sends the same request, through the next door each time, until the answer is not that something is away.
async fn insist(doors: &Doors, path: &str, token: Option<&str>, key: &str, body: Option<&Value>) -> Answer {
    let began = Instant::now();
    loop {
        if let Some(answer) = send(doors, path, token, key, body).await
            && answer.status != 503
            && !answer.text.contains("still running")
        {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "{path} has no answer");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn send(doors: &Doors, path: &str, token: Option<&str>, key: &str, body: Option<&Value>) -> Option<Answer> {
    let mut request = doors.next().request("POST", path).header("Idempotency-Key", key);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.ok()?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Some(Answer { status, headers, text: response.text().await.ok()? })
}

/// A list of the surface `library`, all pages of it.
pub async fn whole_list(doors: &Doors, token: &str, path: &str, name: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for page in 1.. {
        let answer = doors.next().get(&format!("{path}?limit=1000&page={page}"), Some(token)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let some = answer.json()["data"][name].as_array().unwrap().clone();
        if some.is_empty() {
            break;
        }
        all.extend(some);
    }
    all
}

/// A book with many copies; its id.
pub async fn book(doors: &Doors, admin: &str, title: &str) -> String {
    let livre = json!({
        "isbn": "", "titre": title, "auteur": "Albert Camus", "anneePublication": 1942, "editeur": "Gallimard",
        "langue": "fr", "quantite": 5000,
    });
    let made = doors.next().post("/api/livres", Some(admin), livre).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["data"]["livre"]["_id"].as_str().unwrap().to_owned()
}
