//! Whoever writes while a backup waits for somebody else is held up for a moment, again and again, and never for long.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use reqwest::RequestBuilder;
use serde_json::json;
use testing::{Database, Kind, suite::ADMIN};
use tokio::{task::JoinSet, time::sleep};

use crate::{
    one_sentence,
    place::{Place, Writer, left_behind},
    process::{
        PASSWORD,
        library::livre,
        load::{Borrower, Sample, times},
    },
};

/// For so long those who write may be kept waiting by one try; three times that on a busy machine.
const HELD: Duration = Duration::from_millis(3 * 1500);

/// A backup tries for a minute; three on a busy machine.
const TRIES: Duration = Duration::from_secs(3 * 60);

/// From one request of a writer to his next.
const PAUSE: Duration = Duration::from_millis(20);

/// Those who write, again and again.
#[derive(Default)]
struct Writers {
    over: Arc<AtomicBool>,
    writing: JoinSet<Vec<Sample>>,
}

impl Writers {
    fn come(&mut self, request: impl Fn(usize) -> RequestBuilder + Send + 'static) {
        let over = Arc::clone(&self.over);
        self.writing.spawn(async move {
            let mut samples = Vec::new();
            while !over.load(Ordering::Relaxed) {
                samples.push(Sample::of(request(samples.len())).await);
                sleep(PAUSE).await;
            }
            samples
        });
    }

    async fn end(self) -> Vec<Vec<Sample>> {
        self.over.store(true, Ordering::Relaxed);
        self.writing.join_all().await
    }
}

testing::on_both! {
    async fn a_backup_that_finds_no_moment_of_rest_gives_up_and_has_held_up_nobody_for_long(database: Database) {
        let kind = database.kind();
        let place = Place::new(kind).await;
        let suite = place.suite().start().await;
        let (door, admin) = (suite.door(), suite.door().token(ADMIN, PASSWORD).await);
        let mut writers = Writers::default();
        let (at, token) = (door.clone(), door.register("elodie@example.org").await);
        writers.come(move |round| {
            let profile = json!({"adresse": format!("{round}, rue des Livres")});
            at.request("PUT", "/api/clients/profile").bearer_auth(&token).json(&profile)
        });
        let shelf = json!({"nom": "Rayon", "description": "Au fond à gauche"});
        let made = door.post("/api/categories", Some(&admin), shelf).await.json();
        let path = format!("/api/categories/{}", made["data"]["categorie"]["_id"].as_str().unwrap());
        let (at, token) = (door.clone(), admin.clone());
        writers.come(move |round| {
            at.request("PUT", &path).bearer_auth(&token).json(&json!({"nom": format!("Rayon {round}")}))
        });
        // On SQLite whoever is in the middle of something keeps out all who would write there, backup or not.
        let mut borrower = None;
        if kind == Kind::Postgres {
            let (at, token) = (door.clone(), admin.clone());
            writers.come(move |round| {
                at.request("POST", "/api/livres").bearer_auth(&token).json(&livre(&format!("Tome {round}"), 1))
            });
            let made = door.post("/api/livres", Some(&admin), livre("La Peste", 2)).await;
            let (lea, made) = (door.register("lea@example.org").await, made.json());
            borrower = Some(Borrower::of(&door, &lea, made["data"]["livre"]["_id"].as_str().unwrap()));
        }
        let in_the_middle = Writer::in_lending(&place, kind).await;

        let ended = place.command(&["backup", "copy"]).spawn().ends(TRIES).await;

        let mut seen = writers.end().await;
        if let Some(borrower) = borrower {
            seen.push(borrower.end().await.samples);
        }
        assert!(one_sentence(&ended).contains("written without a pause; try again later"), "{}", ended.logged);
        assert!(left_behind(&place).is_empty(), "{:?}", left_behind(&place));
        for samples in &seen {
            let (median, most, longest) = times(samples);
            eprintln!("{} requests: median {median:?}, p99 {most:?}, longest {longest:?}", samples.len());
            let refused = samples.iter().find(|of| !(200..300).contains(&of.status()));
            assert!(samples.len() > 20 && refused.is_none(), "{} requests: {refused:?}", samples.len());
            assert!(longest < HELD, "{longest:?}");
        }
        drop(in_the_middle);
        let ended = place.command(&["backup", "copy"]).run().await;
        assert!(ended.status.success(), "{}", ended.logged);
    }
}
