//! `ETag` and `If-Match` (RFC 9110, 13.1.1) on books and categories: who has not seen the latest state changes nothing.

use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use testing::{
    Database, TestSuite,
    suite::{Answer, answer},
};
use tokio::task::JoinSet;

use crate::{NOBODY, no, opened, shelved};

const STALE: &str = "Precondition failed! It has been changed meanwhile.";
const MALFORMED: &str = "Invalid If-Match! It must be * or entity-tags like \"3\".";

/// A suite with its admin's token.
struct Desk {
    suite: TestSuite,
    admin: String,
}

/// A book or a category, and a text of it that a story changes.
struct Thing {
    path: String,
    field: &'static str,
    not_found: &'static str,
}

impl Desk {
    async fn open(db: &Database) -> Self {
        let suite = TestSuite::start(db).await;
        let admin = suite.admin().await;
        Self { suite, admin }
    }

    /// A new book and a new category.
    async fn things(&self, nom: &str) -> [Thing; 2] {
        let book = shelved(&self.suite, &self.admin, json!({"titre": nom})).await;
        let category = opened(&self.suite, &self.admin, nom).await;
        [
            Thing { path: format!("/api/livres/{book}"), field: "titre", not_found: "Book not found!" },
            Thing { path: format!("/api/categories/{category}"), field: "nom", not_found: "Category not found!" },
        ]
    }

    async fn get(&self, thing: &Thing) -> Answer {
        self.suite.send("GET", &thing.path, None, None).await
    }

    /// The text that is changed.
    async fn text(&self, thing: &Thing) -> Value {
        let shown = self.get(thing).await.json()["data"].take();
        shown.as_object().and_then(|data| data.values().next()).map(|shown| shown[thing.field].clone()).unwrap()
    }

    async fn etag(&self, thing: &Thing) -> String {
        self.get(thing).await.header("etag").to_owned()
    }

    fn request(&self, method: &str, thing: &Thing, if_match: &[&[u8]]) -> reqwest::RequestBuilder {
        let mut request = self.suite.request(method, &thing.path).bearer_auth(&self.admin);
        for value in if_match {
            request = request.header("if-match", HeaderValue::from_bytes(value).unwrap());
        }
        request
    }

    async fn put(&self, thing: &Thing, text: &str, if_match: &[&[u8]]) -> Answer {
        answer(self.request("PUT", thing, if_match).json(&json!({thing.field: text}))).await
    }

    async fn delete(&self, thing: &Thing, if_match: &[&[u8]]) -> Answer {
        answer(self.request("DELETE", thing, if_match)).await
    }
}

/// Sends twenty requests at once; how many were answered with each status.
async fn twenty(request: impl Fn(usize) -> reqwest::RequestBuilder) -> Vec<u16> {
    let mut sent = JoinSet::new();
    for number in 0..20 {
        sent.spawn(answer(request(number)));
    }
    let mut statuses: Vec<u16> = sent.join_all().await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    statuses
}

testing::on_both! {
    async fn every_state_has_an_etag_of_its_own(db: Database) {
        let desk = Desk::open(&db).await;
        for thing in desk.things("a").await {
            let mut seen = vec![desk.etag(&thing).await];
            for text in ["b", "c", "a"] {
                let changed = desk.put(&thing, text, &[]).await;

                let etag = changed.header("etag").to_owned();
                assert!(etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"'), "{etag}");
                assert_eq!(etag, desk.etag(&thing).await);
                assert!(!seen.contains(&etag), "{etag}");
                seen.push(etag);
            }
        }
    }

    async fn who_has_seen_the_latest_state_changes_it(db: Database) {
        let desk = Desk::open(&db).await;
        for thing in desk.things("a").await {
            for (number, form) in
                ["@", "\"x\", @", "@,\"x\"", "\"x\" ,\t@ , W/\"y\"", ", @,", "W/\"x\", @", " @ "].iter().enumerate()
            {
                let (value, text) = (form.replace('@', &desk.etag(&thing).await), number.to_string());

                let changed = desk.put(&thing, &text, &[value.as_bytes()]).await;

                assert_eq!((changed.status, desk.text(&thing).await), (200, json!(text)), "{form}: {}", changed.text);
            }
            let etag = desk.etag(&thing).await;
            assert_eq!(desk.put(&thing, "b", &[b"\"x\"", etag.as_bytes()]).await.status, 200);
            assert_eq!(desk.put(&thing, "c", &[b"*"]).await.status, 200);
            let etag = desk.etag(&thing).await;
            assert_eq!(desk.delete(&thing, &[etag.as_bytes()]).await.status, 200);
            desk.get(&thing).await.must_be(404, &no(thing.not_found));
        }
        for thing in desk.things("d").await {
            assert_eq!(desk.delete(&thing, &[b"*"]).await.status, 200);
        }
        for thing in desk.things("e").await {
            let several = format!("\"x\", {}", desk.etag(&thing).await);
            assert_eq!(desk.delete(&thing, &[several.as_bytes()]).await.status, 200);
        }
    }

    async fn who_has_not_seen_the_latest_state_changes_nothing(db: Database) {
        let desk = Desk::open(&db).await;
        for thing in desk.things("a").await {
            let stale = desk.etag(&thing).await;
            assert_eq!(desk.put(&thing, "b", &[stale.as_bytes()]).await.status, 200);
            let (before, etag) = (desk.get(&thing).await.text, desk.etag(&thing).await);
            let bare = etag.trim_matches('"');

            for value in [
                stale.clone(),
                "\"x\"".to_owned(),
                "\"0\"".to_owned(),
                "\"-\"".to_owned(),
                "\"*\"".to_owned(),
                format!("\"0{bare}\""),
                format!("\"{bare}0\""),
                format!("\"+{bare}\""),
                // Weak tags never match here (13.1.1).
                format!("W/{etag}"),
                format!("W/{etag}, W/{stale}"),
                format!("{stale}, \"x\""),
                format!("{stale},W/{etag}"),
                String::new(),
                ",".to_owned(),
            ] {
                desk.put(&thing, "c", &[value.as_bytes()]).await.must_be(412, &no(STALE));
                desk.delete(&thing, &[value.as_bytes()]).await.must_be(412, &no(STALE));
                let nothing = answer(desk.request("PUT", &thing, &[value.as_bytes()]).json(&json!({}))).await;
                nothing.must_be(412, &no(STALE));
            }
            desk.put(&thing, "c", &[stale.as_bytes(), b"\"x\""]).await.must_be(412, &no(STALE));

            assert_eq!((desk.get(&thing).await.text, desk.etag(&thing).await), (before, etag));
        }
    }

    async fn a_tag_of_nothing_is_the_tag_of_no_state(db: Database) {
        let desk = Desk::open(&db).await;
        for thing in desk.things("a").await {
            desk.put(&thing, "b", &[b"\"\""]).await.must_be(412, &no(STALE));
            assert_eq!(desk.text(&thing).await, json!("a"));
            desk.delete(&thing, &[b"\"\""]).await.must_be(412, &no(STALE));
        }
    }

    /// RFC 9110, 8.8.3: all but blanks, quotes and control characters may stand in a tag.
    async fn a_tag_that_is_not_ours_is_a_tag(db: Database) {
        let desk = Desk::open(&db).await;
        for thing in desk.things("a").await {
            let etag = desk.etag(&thing).await;
            for value in ["\"a,b\"", "\"W/\"", "\"a\\\"", "\"é\"", "\"x\", \"a,b\""] {
                desk.put(&thing, "b", &[value.as_bytes()]).await.must_be(412, &no(STALE));
            }
            let list = format!("\"a,b\", {etag}");
            assert_eq!(desk.put(&thing, "b", &[list.as_bytes()]).await.status, 200);
        }
    }

    async fn what_is_no_list_of_tags_is_refused_and_changes_nothing(db: Database) {
        let desk = Desk::open(&db).await;
        for thing in desk.things("a").await {
            let etag = desk.etag(&thing).await;
            let bare = etag.trim_matches('"');
            for value in [
                bare.to_owned(),
                format!("\"{bare}"),
                format!("{bare}\""),
                "\"".to_owned(),
                format!("'{bare}'"),
                format!("W/{bare}"),
                format!("w/{etag}"),
                format!("W/ {etag}"),
                format!("*, {etag}"),
                format!("{etag}, *"),
                format!("{etag}; q=1"),
                "**".to_owned(),
                "x".repeat(5_000),
            ] {
                desk.put(&thing, "b", &[value.as_bytes()]).await.must_be(400, &no(MALFORMED));
                desk.delete(&thing, &[value.as_bytes()]).await.must_be(400, &no(MALFORMED));
            }
            desk.put(&thing, "b", &[b"\xff"]).await.must_be(400, &no(MALFORMED));

            assert_eq!((desk.text(&thing).await, desk.etag(&thing).await), (json!("a"), etag));
        }
    }

    async fn tags_without_a_comma_between_them_are_no_list(db: Database) {
        let desk = Desk::open(&db).await;
        for thing in desk.things("a").await {
            let etag = desk.etag(&thing).await;
            for value in [format!("{etag} {etag}"), format!("{etag}{etag}"), format!("{etag}x{etag}")] {
                desk.put(&thing, "b", &[value.as_bytes()]).await.must_be(400, &no(MALFORMED));
            }
        }
    }

    async fn what_is_none_is_not_found_whatever_its_state_should_be(db: Database) {
        let desk = Desk::open(&db).await;
        for thing in desk.things("a").await {
            let root = thing.path.rsplit_once('/').unwrap().0;
            let thing = Thing { path: format!("{root}/{NOBODY}"), ..thing };
            for value in ["\"1\"", "*", "\"1\", \"2\"", "W/\"1\""] {
                desk.put(&thing, "b", &[value.as_bytes()]).await.must_be(404, &no(thing.not_found));
                desk.delete(&thing, &[value.as_bytes()]).await.must_be(404, &no(thing.not_found));
            }
        }
    }

    async fn of_twenty_changes_of_one_state_at_the_same_time_one_is_made(db: Database) {
        let desk = Desk::open(&db).await;
        let one = [[200_u16].as_slice(), &[412; 19]].concat();
        for thing in desk.things("a").await {
            for several in [false, true] {
                let etag = desk.etag(&thing).await;
                let value = if several { format!("\"x\", {etag}") } else { etag };
                let change = |number: usize| {
                    let body = json!({thing.field: format!("{several} {number}")});
                    desk.request("PUT", &thing, &[value.as_bytes()]).json(&body)
                };

                assert_eq!(twenty(change).await, one, "{}", thing.path);
            }
        }
    }

    async fn of_twenty_deletions_at_the_same_time_one_is_made(db: Database) {
        let desk = Desk::open(&db).await;
        for thing in desk.things("a").await {
            let etag = desk.etag(&thing).await;

            let statuses = twenty(|_| desk.request("DELETE", &thing, &[etag.as_bytes()])).await;

            assert_eq!(statuses, [[200_u16].as_slice(), &[404; 19]].concat(), "{}", thing.path);
        }
    }

    async fn who_names_no_state_changes_whatever_it_is(db: Database) {
        let desk = Desk::open(&db).await;
        for thing in desk.things("a").await {
            let change =
                |number: usize| desk.request("PUT", &thing, &[]).json(&json!({thing.field: number.to_string()}));

            assert_eq!(twenty(change).await, [200; 20], "{}", thing.path);
        }
    }
}
