//! Operation 8, `GET /api/clients`, and ruling 4 on lists.

use std::time::Duration;

use serde_json::{Value, json};
use testing::{Database, TestSuite, suite::Answer};

use crate::{client, id_of_the_admin, no, yes};

async fn list(suite: &TestSuite, admin: &str, query: &str) -> Answer {
    suite.send("GET", &format!("/api/clients{query}"), Some(admin), None).await
}

fn names(answer: &Answer) -> Vec<String> {
    let clients = answer.json()["data"]["clients"].as_array().unwrap().clone();
    clients.iter().map(|client| client["email"].as_str().unwrap().to_owned()).collect()
}

/// An admin and four clients, each a second younger than the one before; the admin's token.
async fn five(suite: &TestSuite) -> String {
    for name in ["a", "b", "c", "d"] {
        suite.hand.advance(Duration::from_secs(1));
        suite.register(&format!("{name}@example.org")).await;
    }
    suite.admin().await
}

/// The target of a link in `Link` (RFC 8288).
pub fn linked(answer: &Answer, rel: &str) -> Option<String> {
    let links = answer.header("link").split(", ");
    let mut targets = links.filter_map(|link| link.strip_suffix(&format!(">; rel=\"{rel}\""))?.strip_prefix('<'));
    targets.next().map(str::to_owned)
}

fn links(pages: &[(&str, u32)], limit: u32) -> String {
    let link = |(rel, page): &(&str, u32)| format!("</api/clients?page={page}&limit={limit}>; rel=\"{rel}\"");
    pages.iter().map(link).collect::<Vec<_>>().join(", ")
}

testing::on_both! {
    async fn a_list_holds_clients_as_the_document_prints_one(db: Database) {
        let suite = TestSuite::start(&db).await;
        suite.hand.advance(Duration::from_secs(1));
        let person = suite.register("royce27@gmail.com").await;
        let admin = suite.admin().await;
        let first = list(&suite, &admin, "").await;

        let name = first.json()["data"]["clients"][0]["nom"].as_str().unwrap().to_owned();
        let clients = [
            client(&id_of_the_admin(&suite, &admin).await, &name, testing::suite::ADMIN, "", "admin"),
            client(&person.id, "Élodie Dupré-N'Diaye", "royce27@gmail.com", "", "client"),
        ];
        first.must_be(200, &yes("Clients fetched successfully!", &format!(r#"{{"clients":[{}]}}"#, clients.join(","))));
        assert_eq!(first.header("x-total-count"), "2");
        assert_eq!(first.header("link"), links(&[("first", 1), ("last", 1)], 1000));
    }

    async fn pages_are_counted_from_one_and_lead_to_their_neighbours(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = five(&suite).await;

        for (query, shown, pages) in [
            (
                "?page=1&limit=2",
                vec![testing::suite::ADMIN, "a@example.org"],
                vec![("first", 1), ("next", 2), ("last", 3)],
            ),
            (
                "?page=2&limit=2",
                vec!["b@example.org", "c@example.org"],
                vec![("first", 1), ("prev", 1), ("next", 3), ("last", 3)],
            ),
            ("?page=3&limit=2", vec!["d@example.org"], vec![("first", 1), ("prev", 2), ("last", 3)]),
            ("?limit=2", vec![testing::suite::ADMIN, "a@example.org"], vec![("first", 1), ("next", 2), ("last", 3)]),
            (
                "?limit=2&page=002",
                vec!["b@example.org", "c@example.org"],
                vec![("first", 1), ("prev", 1), ("next", 3), ("last", 3)],
            ),
        ] {
            let answer = list(&suite, &admin, query).await;

            assert_eq!(
                (answer.status, names(&answer)),
                (200, shown.into_iter().map(str::to_owned).collect()),
                "{query}"
            );
            assert_eq!(answer.header("x-total-count"), "5", "{query}");
            assert_eq!(answer.header("link"), links(&pages, 2), "{query}");
        }
    }

    async fn a_page_past_the_end_is_empty_and_leads_back(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = five(&suite).await;

        for (query, prev, limit) in
            [("?page=4&limit=2", 3, 2), ("?page=1000000&limit=2", 3, 2), ("?page=1000000", 1, 1000)]
        {
            let answer = list(&suite, &admin, query).await;

            answer.must_be(200, &yes("Clients fetched successfully!", r#"{"clients":[]}"#));
            assert_eq!(answer.header("x-total-count"), "5", "{query}");
            assert_eq!(answer.header("link"), links(&[("first", 1), ("prev", prev), ("last", prev)], limit), "{query}");
        }
    }

    async fn who_follows_next_sees_everybody_once(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = five(&suite).await;
        for limit in [1, 2, 3, 4, 5, 6, 1000] {
            let (mut seen, mut next) = (vec![], Some(format!("/api/clients?limit={limit}")));
            while let Some(path) = next.filter(|_| seen.len() <= 5) {
                let page = suite.send("GET", &path, Some(&admin), None).await;
                seen.extend(names(&page));
                next = linked(&page, "next");
            }

            assert_eq!(
                seen,
                [testing::suite::ADMIN, "a@example.org", "b@example.org", "c@example.org", "d@example.org"],
                "{limit}"
            );
        }
    }

    async fn links_keep_the_other_parameters_as_they_came(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = five(&suite).await;

        let answer = list(&suite, &admin, "?x=%3E%22%0D%0A&page=1&limit=5").await;

        let link = |rel| format!("</api/clients?page=1&limit=5&x=%3E%22%0D%0A>; rel=\"{rel}\"");
        assert_eq!(answer.header("link"), format!("{}, {}", link("first"), link("last")));
    }

    async fn a_page_that_is_none_is_refused(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let page = "Invalid page! It must be a whole number from 1 to 1000000.";
        let limit = "Invalid limit! It must be a whole number from 1 to 1000.";
        for value in
            ["0", "-1", "+1", "1.0", "1e2", "x", "", "%20", "%00", "%FF", "1000001", "99999999999999999999", "٣"]
        {
            list(&suite, &admin, &format!("?page={value}")).await.must_be(400, &no(page));
        }
        for value in ["0", "-1", "1001", "x", "", "4294967297", "%27%20OR%201=1"] {
            list(&suite, &admin, &format!("?limit={value}")).await.must_be(400, &no(limit));
        }
        list(&suite, &admin, "?page=1&page=2").await.must_be(400, &no("Invalid query!"));
    }

    async fn the_list_is_the_admins(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;

        // Not even whether a page is one is told to others.
        for query in ["", "?page=0"] {
            let refused = list(&suite, &person.token, query).await;

            refused.must_be(403, &no("Access denied. Insufficient permissions."));
            assert_eq!(refused.header("x-total-count"), "");
        }
        let nobody: Value = json!({});
        suite.send("GET", "/api/clients", None, Some(nobody)).await.must_be(401, &no("Authentication required!"));
    }
}
