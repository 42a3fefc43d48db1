//! `/api/livres/{id}/exemplaires`: copies, one by one.

use serde_json::{Value, json};
use testing::{Database, suite::Answer};

use crate::{NOBODY, emprunts::Desk, id, lent, lists::linked, no, no_id, numbers, ordered, shelved, thing, with, yes};

const CREATED: &str = "Exemplaire created successfully!";
const FETCHED: &str = "Exemplaire fetched successfully!";
const UPDATED: &str = "Exemplaire updated successfully!";
const DELETED: &str = "Exemplaire deleted successfully!";
const ALL: &str = "Exemplaires fetched successfully!";
const ABSENT: &str = "Exemplaire not found!";
const BARCODE: &str = "Invalid codeBarres! It must have 1 to 64 visible ASCII characters.";
const ETAT: &str = "Invalid etat! It must be perdu or en rayon.";
const FACTS: &str = "Invalid etat! It contradicts the facts.";

/// A copy as the surface prints it.
fn exemplaire(shown: &Value) -> String {
    ordered(shown, &["_id", "livreId", "codeBarres", "etat"])
}

/// `{"exemplaire":…}`.
fn one(shown: &Value) -> String {
    format!(r#"{{"exemplaire":{}}}"#, exemplaire(shown))
}

async fn send(desk: &Desk, method: &str, rest: &str, body: Option<Value>) -> Answer {
    let path = format!("/api/livres/{}/exemplaires{rest}", desk.livre);
    desk.suite.send(method, &path, Some(&desk.admin), body).await
}

/// What is done to a copy.
async fn on(desk: &Desk, method: &str, copy: &Value, body: Option<Value>) -> Answer {
    send(desk, method, &format!("/{}", id(copy)), body).await
}

/// The copies of the desk's book.
async fn copies(desk: &Desk) -> Vec<Value> {
    thing(&send(desk, "GET", "", None).await, 200, "exemplaires").as_array().unwrap().clone()
}

async fn is_now(desk: &Desk, copy: &Value, etat: &str) {
    let shown = with(copy, &json!({"etat": etat}));
    on(desk, "GET", copy, None).await.must_be(200, &yes(FETCHED, &one(&shown)));
}

testing::on_both! {
    async fn copies_are_added_one_by_one_and_listed_the_oldest_first(db: Database) {
        let desk = Desk::open(&db, 0).await;
        let none = send(&desk, "GET", "", None).await;
        none.must_be(200, &yes(ALL, r#"{"exemplaires":[]}"#));
        let mut all = vec![];
        for (body, barcode) in [
            (None, ""),
            (Some(json!({})), ""),
            (Some(json!({"codeBarres": ""})), ""),
            (Some(json!({"codeBarres": "B-1"})), "B-1"),
            (Some(json!({"codeBarres": "~".repeat(64)})), &"~".repeat(64)),
        ] {
            let made = send(&desk, "POST", "", body).await;

            let copy = thing(&made, 201, "exemplaire");
            let expected = json!({
                "_id": id(&copy), "livreId": desk.livre, "codeBarres": barcode, "etat": "en rayon",
            });
            made.must_be(201, &yes(CREATED, &one(&expected)));
            all.push(expected);
        }

        let listed = send(&desk, "GET", "", None).await;
        let shown: Vec<String> = all.iter().map(exemplaire).collect();
        listed.must_be(200, &yes(ALL, &format!(r#"{{"exemplaires":[{}]}}"#, shown.join(","))));
        assert_eq!((listed.header("x-total-count"), numbers(&desk.suite, &desk.livre).await), ("5", (5, 5)));

        let (mut seen, mut next) = (vec![], Some(format!("/api/livres/{}/exemplaires?limit=2", desk.livre)));
        while let Some(path) = next {
            let page = desk.suite.send("GET", &path, Some(&desk.admin), None).await;
            seen.extend(thing(&page, 200, "exemplaires").as_array().unwrap().clone());
            next = linked(&page, "next");
        }
        assert_eq!(seen, all);
    }

    async fn copies_that_come_with_a_book_are_there_without_barcodes(db: Database) {
        let desk = Desk::open(&db, 2).await;

        let copies = copies(&desk).await;

        assert_eq!(copies.len(), 2);
        for copy in copies {
            let expected = json!({"_id": id(&copy), "livreId": desk.livre, "codeBarres": "", "etat": "en rayon"});
            on(&desk, "GET", &copy, None).await.must_be(200, &yes(FETCHED, &one(&expected)));
        }
    }

    async fn a_barcode_is_one_copys(db: Database) {
        let desk = Desk::open(&db, 1).await;
        let first = thing(&send(&desk, "POST", "", Some(json!({"codeBarres": "B-1"}))).await, 201, "exemplaire");
        let other = copies(&desk).await[0].clone();
        let taken = no("Barcode already exists!");

        send(&desk, "POST", "", Some(json!({"codeBarres": "B-1"}))).await.must_be(409, &taken);
        on(&desk, "PATCH", &other, Some(json!({"codeBarres": "B-1"}))).await.must_be(409, &taken);
        let kept = on(&desk, "PATCH", &first, Some(json!({"codeBarres": "B-1"}))).await;
        kept.must_be(200, &yes(UPDATED, &one(&first)));
        let freed = on(&desk, "PATCH", &first, Some(json!({"codeBarres": ""}))).await;
        freed.must_be(200, &yes(UPDATED, &one(&with(&first, &json!({"codeBarres": ""})))));
        let given = on(&desk, "PATCH", &other, Some(json!({"codeBarres": "B-1"}))).await;
        given.must_be(200, &yes(UPDATED, &one(&with(&other, &json!({"codeBarres": "B-1"})))));
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (2, 2));
    }

    async fn a_copy_is_lost_and_found(db: Database) {
        let desk = Desk::open(&db, 1).await;
        let copy = copies(&desk).await[0].clone();
        let loan = lent(&desk.suite, &desk.royce.token, &desk.livre).await;
        is_now(&desk, &copy, "prêté").await;
        on(&desk, "PATCH", &copy, Some(json!({"etat": "en rayon"}))).await.must_be(409, &no(FACTS));

        let lost = on(&desk, "PATCH", &copy, Some(json!({"etat": "perdu"}))).await;
        lost.must_be(200, &yes(UPDATED, &one(&with(&copy, &json!({"etat": "perdu"})))));
        // Its loan has ended; the copy is still the library's.
        desk.give_back(&desk.royce.token, &loan).await.must_be(409, &no("Book already returned!"));
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (1, 0));

        let found = on(&desk, "PATCH", &copy, Some(json!({"etat": "en rayon", "codeBarres": "B-1"}))).await;
        found.must_be(200, &yes(UPDATED, &one(&with(&copy, &json!({"codeBarres": "B-1"})))));
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (1, 1));
        assert_eq!(desk.borrow(&desk.royce.token).await.status, 201);
    }

    async fn a_copy_is_withdrawn_from_the_shelf_and_only_from_there(db: Database) {
        let desk = Desk::open(&db, 1).await;
        let copy = copies(&desk).await[0].clone();
        let loan = lent(&desk.suite, &desk.royce.token, &desk.livre).await;
        on(&desk, "DELETE", &copy, None).await.must_be(409, &no("Exemplaire is on loan!"));

        let placed = desk.post(&desk.admin, "/api/reservations", Some(json!({"livreId": desk.livre}))).await;
        let hold = thing(&placed, 201, "reservation");
        assert_eq!(desk.give_back(&desk.royce.token, &loan).await.status, 200);
        is_now(&desk, &copy, "réservé").await;
        let aside = no("Exemplaire is set aside for a reservation!");
        on(&desk, "DELETE", &copy, None).await.must_be(409, &aside);
        on(&desk, "PATCH", &copy, Some(json!({"etat": "en rayon"}))).await.must_be(409, &no(FACTS));
        let path = format!("/api/reservations/{}", id(&hold));
        assert_eq!(desk.suite.send("DELETE", &path, Some(&desk.admin), None).await.status, 200);

        let withdrawn = on(&desk, "DELETE", &copy, None).await;

        withdrawn.must_be(200, &yes(DELETED, &one(&with(&copy, &json!({"etat": "retiré"})))));
        on(&desk, "DELETE", &copy, None).await.must_be(404, &no(ABSENT));
        assert_eq!(copies(&desk).await, Vec::<Value>::new());
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (0, 0));
        desk.borrow(&desk.royce.token).await.must_be(400, &no("Book not available!"));
    }

    async fn a_copy_is_found_below_its_own_book_only(db: Database) {
        let desk = Desk::open(&db, 1).await;
        let copy = copies(&desk).await[0].clone();
        let other = shelved(&desk.suite, &desk.admin, json!({"quantite": 1})).await;
        for (livre, copy) in [(other.as_str(), id(&copy)), (NOBODY, id(&copy)), (&desk.livre, NOBODY)] {
            for (method, body) in [("GET", None), ("PATCH", Some(json!({"etat": "perdu"}))), ("DELETE", None)] {
                let path = format!("/api/livres/{livre}/exemplaires/{copy}");

                desk.suite.send(method, &path, Some(&desk.admin), body).await.must_be(404, &no(ABSENT));
            }
        }
        is_now(&desk, &copy, "en rayon").await;
        for (method, body) in [("GET", None), ("POST", Some(json!({})))] {
            let path = format!("/api/livres/{NOBODY}/exemplaires");
            desk.suite.send(method, &path, Some(&desk.admin), body).await.must_be(404, &no("Book not found!"));
        }
    }

    async fn what_is_no_copy_and_no_change_of_one_is_refused(db: Database) {
        let desk = Desk::open(&db, 1).await;
        let copy = copies(&desk).await[0].clone();
        for (body, text) in [
            (json!({"codeBarres": null}), no("codeBarres must be a string!")),
            (json!({"codeBarres": 1}), no("codeBarres must be a string!")),
            (json!({"codeBarres": "a b"}), no(BARCODE)),
            (json!({"codeBarres": "é"}), no(BARCODE)),
            (json!({"codeBarres": "x".repeat(65)}), no(BARCODE)),
        ] {
            send(&desk, "POST", "", Some(body.clone())).await.must_be(400, &text);
            on(&desk, "PATCH", &copy, Some(body)).await.must_be(400, &text);
        }
        send(&desk, "POST", "", Some(json!({"etat": "perdu"}))).await.must_be(400, &no("Invalid fields: etat"));
        for (body, text) in [
            (json!({}), no("Invalid updates!")),
            (json!({"livreId": desk.livre}), no("Invalid updates!")),
            (json!({"etat": "perdu", "x": 1}), no("Invalid updates!")),
            (json!({"etat": "prêté"}), no(ETAT)),
            (json!({"etat": ""}), no(ETAT)),
            (json!({"etat": null}), no(ETAT)),
            (json!({"etat": 1}), no(ETAT)),
        ] {
            on(&desk, "PATCH", &copy, Some(body)).await.must_be(400, &text);
        }
        for (path, what) in [
            ("x/exemplaires".to_owned(), "book id"),
            (format!("x/exemplaires/{}", id(&copy)), "book id"),
            (format!("%FF/exemplaires/{}", id(&copy)), "book id"),
            (format!("{}/exemplaires/x", desk.livre), "exemplaire id"),
            (format!("{}/exemplaires/%FF", desk.livre), "exemplaire id"),
        ] {
            let answer = desk.suite.send("GET", &format!("/api/livres/{path}"), Some(&desk.admin), None).await;
            answer.must_be(400, &no_id(what));
        }
        assert_eq!(copies(&desk).await, [copy]);
    }

    async fn a_book_has_at_most_9999_copies(db: Database) {
        let desk = Desk::open(&db, 9999).await;

        let refused = send(&desk, "POST", "", None).await;

        refused.must_be(409, &no("Book has too many copies!"));
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (9999, 9999));
    }
}
