//! Operations 7, 21 and 22, and rulings 2 to 4.

use serde_json::{Value, json};
use testing::{Database, TestSuite, suite::Answer};

use crate::{DAY, NOBODY, SECOND, emprunt, emprunts::Desk, id, lent, lists::linked, no, no_id, shelved, thing, yes};

const ALL: &str = "All emprunts fetched successfully!";
const OWN: &str = "Emprunts fetched successfully!";
const STATUT: &str = "Invalid statut! It must be en cours, en retard or retourné.";

async fn list(suite: &TestSuite, token: &str, path: &str) -> Answer {
    suite.send("GET", path, Some(token), None).await
}

/// `{"emprunts":[…]}`.
fn all(loans: &[&Value]) -> String {
    let loans: Vec<String> = loans.iter().map(|loan| emprunt(loan)).collect();
    format!(r#"{{"emprunts":[{}]}}"#, loans.join(","))
}

fn ids(answer: &Answer) -> Vec<String> {
    let loans = answer.json()["data"]["emprunts"].as_array().unwrap_or_else(|| panic!("{}", answer.text)).clone();
    loans.iter().map(|loan| id(loan).to_owned()).collect()
}

/// A desk with four loans: royce's late one, one that he returned and one of today, and the admin's.
async fn four(db: &Database) -> (Desk, [Value; 4]) {
    let mut desk = Desk::open(db, 9).await;
    let late = lent(&desk.suite, &desk.royce.token, &desk.livre).await;
    desk.later(DAY).await;
    let returned = lent(&desk.suite, &desk.royce.token, &desk.livre).await;
    desk.later(DAY).await;
    let returned = thing(&desk.give_back(&desk.royce.token, &returned).await, 200, "emprunt");
    let today = lent(&desk.suite, &desk.royce.token, &desk.livre).await;
    desk.suite.hand.advance(SECOND);
    let admins = lent(&desk.suite, &desk.admin, &desk.livre).await;
    let body = json!({"dateRetourPrevu": "2026-03-04T08:00:00Z"});
    let changed = desk.suite.send("PUT", &format!("/api/emprunts/{}", id(&late)), Some(&desk.admin), Some(body)).await;
    let late = thing(&changed, 200, "emprunt");
    assert_eq!(late["statut"], "en retard");
    (desk, [late, returned, today, admins])
}

testing::on_both! {
    async fn an_empty_list_is_a_list(db: Database) {
        let desk = Desk::open(&db, 0).await;
        let own = format!("/api/emprunts/client/{}", desk.royce.id);
        let name = "Élodie Dupré-N'Diaye's emprunts fetched successfully!";
        for (token, path, message) in [
            (&desk.royce.token, "/api/clients/emprunts", OWN),
            (&desk.admin, "/api/clients/emprunts", OWN),
            (&desk.royce.token, &own, name),
            (&desk.admin, &own, name),
            (&desk.admin, "/api/emprunts", ALL),
        ] {
            let answer = list(&desk.suite, token, path).await;

            answer.must_be(200, &yes(message, &all(&[])));
            assert_eq!(answer.header("x-total-count"), "0");
            let link = |rel| format!("<{path}?page=1&limit=1000>; rel=\"{rel}\"");
            assert_eq!(answer.header("link"), format!("{}, {}", link("first"), link("last")));
        }
    }

    async fn everybody_sees_his_own_and_an_admin_all_the_oldest_first(db: Database) {
        let (desk, [late, returned, today, admins]) = four(&db).await;
        let of = |person: &str| format!("/api/emprunts/client/{person}");
        let his = all(&[&late, &returned, &today]);
        let name = "Élodie Dupré-N'Diaye's emprunts fetched successfully!";

        list(&desk.suite, &desk.royce.token, "/api/clients/emprunts").await.must_be(200, &yes(OWN, &his));
        list(&desk.suite, &desk.admin, "/api/clients/emprunts").await.must_be(200, &yes(OWN, &all(&[&admins])));
        for token in [&desk.royce.token, &desk.admin] {
            list(&desk.suite, token, &of(&desk.royce.id)).await.must_be(200, &yes(name, &his));
        }
        let everything = list(&desk.suite, &desk.admin, "/api/emprunts").await;
        everything.must_be(200, &yes(ALL, &all(&[&late, &returned, &today, &admins])));
        assert_eq!(everything.header("x-total-count"), "4");
    }

    /// Ruling 2.
    async fn somebody_elses_loans_are_nobodys(db: Database) {
        let (desk, [.., admins]) = four(&db).await;
        let other = admins["clientId"].as_str().unwrap();
        for (token, person) in [(&desk.royce.token, other), (&desk.royce.token, NOBODY), (&desk.admin, NOBODY)] {
            for query in ["", "?page=1&limit=1", "?apres=x"] {
                let path = format!("/api/emprunts/client/{person}{query}");

                list(&desk.suite, token, &path).await.must_be(404, &no("Client not found!"));
            }
        }
        list(&desk.suite, &desk.royce.token, "/api/emprunts/client/x").await.must_be(400, &no_id("client id"));
        let query = format!("/api/emprunts?clientId={}", desk.royce.id);
        let role = no("Access denied. Insufficient permissions.");
        list(&desk.suite, &desk.royce.token, &query).await.must_be(403, &role);
    }

    async fn the_list_of_all_is_filtered(db: Database) {
        let (desk, [late, returned, today, admins]) = four(&db).await;
        desk.suite.hand.advance(SECOND);
        let other_book = shelved(&desk.suite, &desk.admin, json!({"quantite": 1})).await;
        let other = lent(&desk.suite, &desk.admin, &other_book).await;
        let (royce, livre) = (&desk.royce.id, &desk.livre);
        for (query, loans) in [
            ("?statut=en%20cours".to_owned(), vec![&today, &admins, &other]),
            ("?statut=en+retard".to_owned(), vec![&late]),
            ("?statut=retourn%C3%A9".to_owned(), vec![&returned]),
            (format!("?clientId={royce}"), vec![&late, &returned, &today]),
            (format!("?clientId={NOBODY}"), vec![]),
            (format!("?livreId={other_book}"), vec![&other]),
            (format!("?livreId={livre}&clientId={royce}&statut=en%20cours"), vec![&today]),
            ("?statut=&clientId=&livreId=&x=1".to_owned(), vec![&late, &returned, &today, &admins, &other]),
        ] {
            let answer = list(&desk.suite, &desk.admin, &format!("/api/emprunts{query}")).await;

            answer.must_be(200, &yes(ALL, &all(&loans)));
            assert_eq!(answer.header("x-total-count"), loans.len().to_string(), "{query}");
        }
        for (query, text) in [
            ("?statut=perdu", no(STATUT)),
            ("?clientId=x", no_id("clientId")),
            ("?livreId=x", no_id("livreId")),
            ("?statut=retourn%C3%A9&statut=retourn%C3%A9", no("Invalid query!")),
            ("?page=0", no("Invalid page! It must be a whole number from 1 to 1000000.")),
            ("?limit=1001", no("Invalid limit! It must be a whole number from 1 to 1000.")),
            ("?apres=!", no("Invalid apres! It must come from the Link of an earlier answer.")),
        ] {
            list(&desk.suite, &desk.admin, &format!("/api/emprunts{query}")).await.must_be(400, &text);
        }
    }

    async fn pages_lead_from_one_to_the_next(db: Database) {
        let (desk, loans) = four(&db).await;
        let of_royce = format!("/api/emprunts/client/{}", desk.royce.id);
        let by_book = format!("/api/emprunts?livreId={}", desk.livre);
        for (path, token, expected) in [
            ("/api/emprunts", &desk.admin, &loans[..]),
            (&by_book, &desk.admin, &loans[..]),
            (&of_royce, &desk.royce.token, &loans[..3]),
            ("/api/clients/emprunts", &desk.royce.token, &loans[..3]),
        ] {
            let join = if path.contains('?') { '&' } else { '?' };
            let (mut seen, mut next) = (vec![], Some(format!("{path}{join}limit=2")));
            while let Some(address) = next {
                let page = list(&desk.suite, token, &address).await;
                assert_eq!(page.header("x-total-count"), expected.len().to_string());
                seen.extend(ids(&page));
                next = linked(&page, "next");
            }
            let expected: Vec<&str> = expected.iter().map(id).collect();
            assert_eq!(seen, expected, "{path}");

            let second = list(&desk.suite, token, &format!("{path}{join}limit=2&page=2")).await;
            assert_eq!(ids(&second), expected[2..], "{path}");
        }
    }
}
