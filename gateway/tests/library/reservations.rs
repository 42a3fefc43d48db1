//! `/api/reservations`: first come, first served.

use serde_json::{Value, json};
use testing::{
    Database,
    suite::{Answer, Person},
};

use crate::{
    BEGIN, DAY, NOBODY, SECOND, emprunts::Desk, id, lent, no, no_id, numbers, ordered, shelved, thing, with, yes,
};

const PATH: &str = "/api/reservations";
const PLACED: &str = "Reservation created successfully!";
const FETCHED: &str = "Reservation fetched successfully!";
const CANCELLED: &str = "Reservation cancelled successfully!";
const ALL: &str = "Reservations fetched successfully!";
const ABSENT: &str = "Reservation not found!";

/// A hold as the surface prints it.
fn reservation(shown: &Value) -> String {
    ordered(shown, &["_id", "clientId", "livreId", "dateReservation", "statut", "position", "dateLimite"])
}

/// `{"reservation":…}`.
fn one(shown: &Value) -> String {
    format!(r#"{{"reservation":{}}}"#, reservation(shown))
}

/// `{"reservations":[…]}`.
fn all(holds: &[&Value]) -> String {
    let holds: Vec<String> = holds.iter().map(|hold| reservation(hold)).collect();
    format!(r#"{{"reservations":[{}]}}"#, holds.join(","))
}

/// A hold of the beginning that waits.
fn waiting(desk: &Desk, person: &Person, id: &str, position: u32) -> Value {
    json!({
        "_id": id, "clientId": person.id, "livreId": desk.livre, "dateReservation": BEGIN, "statut": "en attente",
        "position": position,
    })
}

/// A hold that waited and for which a copy is set aside.
fn ready(hold: &Value, until: &str) -> Value {
    let mut ready = with(hold, &json!({"statut": "prête", "dateLimite": until}));
    ready.as_object_mut().unwrap().remove("position");
    ready
}

/// A hold that is over.
fn ended(hold: &Value, statut: &str) -> Value {
    let mut ended = with(hold, &json!({"statut": statut}));
    ended.as_object_mut().unwrap().retain(|name, _| name != "position" && name != "dateLimite");
    ended
}

async fn place(desk: &Desk, token: &str) -> Answer {
    desk.post(token, PATH, Some(json!({"livreId": desk.livre}))).await
}

async fn placed(desk: &Desk, token: &str) -> Value {
    thing(&place(desk, token).await, 201, "reservation")
}

async fn get(desk: &Desk, token: &str, hold: &Value) -> Answer {
    desk.suite.send("GET", &format!("{PATH}/{}", id(hold)), Some(token), None).await
}

async fn cancel(desk: &Desk, token: &str, hold: &Value) -> Answer {
    desk.suite.send("DELETE", &format!("{PATH}/{}", id(hold)), Some(token), None).await
}

testing::on_both! {
    async fn who_came_first_gets_the_copy_that_comes_back(db: Database) {
        let desk = Desk::open(&db, 1).await;
        let (first, second) = (desk.suite.register("a@example.org").await, desk.suite.register("b@example.org").await);
        let loan = lent(&desk.suite, &desk.royce.token, &desk.livre).await;

        let made = place(&desk, &first.token).await;
        let firsts = waiting(&desk, &first, id(&thing(&made, 201, "reservation")), 1);
        made.must_be(201, &yes(PLACED, &one(&firsts)));
        let made = place(&desk, &second.token).await;
        let seconds = waiting(&desk, &second, id(&thing(&made, 201, "reservation")), 2);
        made.must_be(201, &yes(PLACED, &one(&seconds)));

        assert_eq!(desk.give_back(&desk.royce.token, &loan).await.status, 200);
        let firsts = ready(&firsts, "2026-03-09T09:00:00.000Z");
        for token in [&first.token, &desk.admin] {
            get(&desk, token, &firsts).await.must_be(200, &yes(FETCHED, &one(&firsts)));
        }
        let seconds = with(&seconds, &json!({"position": 1}));
        get(&desk, &second.token, &seconds).await.must_be(200, &yes(FETCHED, &one(&seconds)));
        // It is there, but not for anybody.
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (1, 0));
        for token in [&second.token, &desk.royce.token] {
            desk.borrow(token).await.must_be(400, &no("Book not available!"));
        }

        assert_eq!(desk.borrow(&first.token).await.status, 201);
        let firsts = ended(&firsts, "terminée");
        get(&desk, &first.token, &firsts).await.must_be(200, &yes(FETCHED, &one(&firsts)));
    }

    async fn a_copy_on_the_shelf_is_set_aside_at_once_and_given_on_when_nobody_comes(db: Database) {
        let mut desk = Desk::open(&db, 1).await;
        let other = desk.suite.register("a@example.org").await;

        let made = place(&desk, &desk.royce.token).await;
        let his = waiting(&desk, &desk.royce, id(&thing(&made, 201, "reservation")), 1);
        let his = ready(&his, "2026-03-09T09:00:00.000Z");
        made.must_be(201, &yes(PLACED, &one(&his)));
        let others = placed(&desk, &other.token).await;
        assert_eq!((&others["statut"], numbers(&desk.suite, &desk.livre).await), (&json!("en attente"), (1, 0)));

        desk.later(7 * DAY + SECOND).await;
        desk.borrow(&desk.royce.token).await.must_be(400, &no("Book not available!"));
        let lent = desk.post(&desk.admin, "/api/emprunts", Some(json!({"livreId": desk.livre, "clientId": other.id})));
        assert_eq!(lent.await.status, 201);
        let his = ended(&his, "expirée");
        get(&desk, &desk.royce.token, &his).await.must_be(200, &yes(FETCHED, &one(&his)));
        let others = ended(&others, "terminée");
        get(&desk, &desk.admin, &others).await.must_be(200, &yes(FETCHED, &one(&others)));
        cancel(&desk, &desk.royce.token, &his).await.must_be(409, &no("Reservation already ended!"));
    }

    async fn a_reservation_is_cancelled_once_and_the_copy_goes_on(db: Database) {
        let desk = Desk::open(&db, 1).await;
        let other = desk.suite.register("a@example.org").await;
        let (his, others) = (placed(&desk, &desk.royce.token).await, placed(&desk, &other.token).await);

        let cancelled = cancel(&desk, &desk.royce.token, &his).await;

        let his = ended(&his, "annulée");
        cancelled.must_be(200, &yes(CANCELLED, &one(&his)));
        for token in [&desk.royce.token, &desk.admin] {
            cancel(&desk, token, &his).await.must_be(409, &no("Reservation already ended!"));
        }
        assert_eq!(thing(&get(&desk, &other.token, &others).await, 200, "reservation")["statut"], "prête");
        let others = ended(&others, "annulée");
        cancel(&desk, &desk.admin, &others).await.must_be(200, &yes(CANCELLED, &one(&others)));
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (1, 1));
        // He may come again.
        placed(&desk, &desk.royce.token).await;
    }

    async fn what_stands_in_the_way_of_a_reservation_is_said(db: Database) {
        let desk = Desk::open(&db, 0).await;
        let role = "Access denied. Insufficient permissions.";
        let (livre, client) = (desk.livre.as_str(), desk.royce.id.as_str());
        placed(&desk, &desk.royce.token).await;
        place(&desk, &desk.royce.token).await.must_be(409, &no("Reservation already exists!"));
        for (token, body, status, text) in [
            (&desk.royce.token, json!({}), 400, no("All fields are required (livreId)!")),
            (&desk.royce.token, json!({"livreId": 1}), 400, no("livreId must be a string!")),
            (&desk.royce.token, json!({"livreId": "x"}), 400, no_id("livreId")),
            (&desk.royce.token, json!({"livreId": NOBODY}), 404, no("Book not found!")),
            (&desk.royce.token, json!({"livreId": livre, "statut": "prête"}), 400, no("Invalid fields: statut")),
            (&desk.royce.token, json!({"livreId": livre, "clientId": NOBODY}), 403, no(role)),
            (&desk.admin, json!({"livreId": livre, "clientId": NOBODY}), 404, no("Client not found!")),
            (&desk.admin, json!({"livreId": livre, "clientId": "x"}), 400, no_id("clientId")),
            (&desk.admin, json!({"livreId": livre, "clientId": client}), 409, no("Reservation already exists!")),
        ] {
            desk.post(token, PATH, Some(body)).await.must_be(status, &text);
        }
        for _ in 0..9 {
            let livre = shelved(&desk.suite, &desk.admin, json!({"quantite": 0})).await;
            let made = desk.post(&desk.admin, PATH, Some(json!({"livreId": livre, "clientId": client}))).await;
            assert_eq!(thing(&made, 201, "reservation")["clientId"], client);
        }
        let livre = shelved(&desk.suite, &desk.admin, json!({"quantite": 0})).await;
        let refused = desk.post(&desk.royce.token, PATH, Some(json!({"livreId": livre}))).await;
        refused.must_be(403, &no("Reservation limit reached!"));

        let blocked = desk.suite.register("a@example.org").await;
        let path = format!("/api/clients/{}", blocked.id);
        desk.suite.send("PUT", &path, Some(&desk.admin), Some(json!({"active": false}))).await;
        let refused = desk.post(&desk.admin, PATH, Some(json!({"livreId": livre, "clientId": blocked.id}))).await;
        refused.must_be(403, &no("Client is blocked!"));
    }

    async fn somebody_elses_reservation_is_one_that_does_not_exist(db: Database) {
        let desk = Desk::open(&db, 1).await;
        let other = desk.suite.register("a@example.org").await;
        let (his, none) = (placed(&desk, &desk.royce.token).await, json!({"_id": NOBODY}));
        for (token, hold) in [(&other.token, &his), (&other.token, &none), (&desk.admin, &none)] {
            get(&desk, token, hold).await.must_be(404, &no(ABSENT));
            cancel(&desk, token, hold).await.must_be(404, &no(ABSENT));
        }
        assert_eq!(thing(&get(&desk, &desk.royce.token, &his).await, 200, "reservation"), his);
        get(&desk, &desk.royce.token, &json!({"_id": "x"})).await.must_be(400, &no_id("reservation id"));
    }

    async fn everybody_lists_his_own_and_an_admin_all(db: Database) {
        let desk = Desk::open(&db, 0).await;
        let other = desk.suite.register("a@example.org").await;
        let his = placed(&desk, &desk.royce.token).await;
        assert_eq!(cancel(&desk, &desk.royce.token, &his).await.status, 200);
        desk.suite.hand.advance(SECOND);
        let (his, others) = (ended(&his, "annulée"), placed(&desk, &other.token).await);
        desk.suite.hand.advance(SECOND);
        let again = placed(&desk, &desk.royce.token).await;
        assert_eq!((&others["position"], &again["position"]), (&json!(1), &json!(2)));
        let (royce, livre) = (&desk.royce.id, &desk.livre);

        for (token, query, holds) in [
            (&desk.royce.token, String::new(), vec![&his, &again]),
            (&desk.royce.token, "?ouvertes=true".to_owned(), vec![&again]),
            (&desk.royce.token, format!("?clientId={royce}&livreId={livre}&ouvertes=false"), vec![&his, &again]),
            (&desk.royce.token, format!("?livreId={NOBODY}"), vec![]),
            (&desk.admin, String::new(), vec![&his, &others, &again]),
            (&desk.admin, "?ouvertes=true".to_owned(), vec![&others, &again]),
            (&desk.admin, format!("?clientId={royce}"), vec![&his, &again]),
            (&desk.admin, format!("?livreId={livre}&clientId={}", other.id), vec![&others]),
        ] {
            let answer = desk.suite.send("GET", &format!("{PATH}{query}"), Some(token), None).await;

            answer.must_be(200, &yes(ALL, &all(&holds)));
            assert_eq!(answer.header("x-total-count"), holds.len().to_string(), "{query}");
        }
        for (token, query, status, text) in [
            (&desk.royce.token, format!("?clientId={}", other.id), 404, no("Client not found!")),
            (&desk.royce.token, format!("?clientId={NOBODY}"), 404, no("Client not found!")),
            (&desk.royce.token, "?clientId=x".to_owned(), 400, no_id("clientId")),
            (&desk.admin, "?livreId=x".to_owned(), 400, no_id("livreId")),
            (&desk.admin, "?ouvertes=oui".to_owned(), 400, no("Invalid ouvertes! It must be true or false.")),
        ] {
            desk.suite.send("GET", &format!("{PATH}{query}"), Some(token), None).await.must_be(status, &text);
        }
    }
}
