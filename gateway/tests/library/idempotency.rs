//! Ruling 7: the same request again has one effect and one answer.

use std::{sync::Arc, time::Duration};

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use testing::{
    Database, TestSuite,
    suite::{Answer, PASSWORD, answer},
};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    elsewhere::{Elsewhere, Neighbour, behind},
    emprunts::Desk,
    etranger, id, lent, lives, no, numbers, shelved, thing, with,
};

const KEY: &str = "8e03978e-40d5-43dd-bc93-6894a57f9324";
const REUSED: &str = "Idempotency-Key was used with another request!";
const RUNNING: &str = "A request with this Idempotency-Key is still running!";
const MALFORMED: &str = "Invalid Idempotency-Key! It must be 1 to 255 visible ASCII characters.";

/// A request that may come again, and one that is not the same.
struct Case {
    path: String,
    token: Option<String>,
    body: Value,
    other_path: String,
    other_body: Value,
    status: u16,
}

fn request(suite: &TestSuite, path: &str, token: Option<&str>, body: &Value) -> RequestBuilder {
    let mut request = suite.request("POST", path);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if body.is_null() { request } else { request.json(body) }
}

async fn keyed(suite: &TestSuite, path: &str, token: Option<&str>, body: &Value, key: &str) -> Answer {
    answer(request(suite, path, token, body).header("idempotency-key", key)).await
}

fn registration(email: &str) -> Value {
    json!({"nom": "Melanie Marquardt", "email": email, "password": PASSWORD, "confirmPassword": PASSWORD})
}

/// Every route that takes a key.
async fn cases(desk: &Desk) -> Vec<Case> {
    let (admin, royce) = (Some(desk.admin.clone()), Some(desk.royce.token.clone()));
    let other = shelved(&desk.suite, &desk.admin, json!({"quantite": 1})).await;
    let loan = lent(&desk.suite, &desk.royce.token, &desk.livre).await;
    let second_loan = lent(&desk.suite, &desk.royce.token, &desk.livre).await;
    let other_loan = lent(&desk.suite, &desk.royce.token, &desk.livre).await;
    let same_path = |path: &str, token: &Option<String>, body, other_body| Case {
        path: path.to_owned(),
        token: token.clone(),
        body,
        other_path: path.to_owned(),
        other_body,
        status: 201,
    };
    let no_body = |path: String, other_path: String, status| Case {
        path,
        token: royce.clone(),
        body: Value::Null,
        other_path,
        other_body: Value::Null,
        status,
    };
    let of = |loan: &Value, what: &str| format!("/api/emprunts/{}/{what}", id(loan));
    let category = |nom| json!({"nom": nom, "description": "Au fond"});
    let (livre, queue) = (json!({"livreId": desk.livre}), json!({"livreId": other}));
    let copies = format!("/api/livres/{}/exemplaires", desk.livre);
    let titled = |titre| with(&with(&etranger(), &json!({"isbn": "", "quantite": 2})), &json!({"titre": titre}));
    vec![
        same_path("/api/clients/register", &None, registration("a@example.org"), registration("b@example.org")),
        same_path("/api/livres", &admin, titled("La Peste"), titled("La Chute")),
        same_path("/api/categories", &admin, category("Romans"), category("Contes")),
        same_path("/api/emprunts", &royce, livre.clone(), queue.clone()),
        same_path("/api/reservations", &royce, queue, livre),
        same_path(&copies, &admin, json!({"codeBarres": "B-1"}), json!({"codeBarres": "B-2"})),
        no_body(format!("/api/emprunts/{}", desk.livre), format!("/api/emprunts/{other}"), 201),
        no_body(of(&loan, "renouveler"), of(&other_loan, "renouveler"), 200),
        no_body(of(&second_loan, "return"), of(&other_loan, "return"), 200),
    ]
}

/// Where the thing is that a request has made or changed.
fn place(case: &Case, answer: &Answer) -> String {
    let data = answer.json()["data"].take();
    let root = |root: &str, thing: &str| format!("{root}/{}", id(&data[thing]));
    match case.path.as_str() {
        "/api/clients/register" => root("/api/clients", "client"),
        "/api/livres" => root("/api/livres", "livre"),
        "/api/categories" => root("/api/categories", "categorie"),
        "/api/reservations" => root("/api/reservations", "reservation"),
        copies if copies.ends_with("/exemplaires") => root(copies, "exemplaire"),
        _ => root("/api/emprunts", "emprunt"),
    }
}

/// Everything that one of the requests could do.
async fn state(desk: &Desk) -> Vec<Value> {
    let copies = format!("/api/livres/{}/exemplaires", desk.livre);
    let paths =
        ["/api/clients", "/api/livres", "/api/categories", "/api/emprunts", "/api/reservations", copies.as_str()];
    let mut state = vec![];
    for path in paths {
        state.push(desk.suite.send("GET", path, Some(&desk.admin), None).await.json());
    }
    state
}

testing::on_both! {
    async fn the_same_request_again_has_the_first_answer_and_no_effect(db: Database) {
        let desk = Desk::open(&db, 5).await;
        for (number, case) in cases(&desk).await.into_iter().enumerate() {
            let (key, token) = (format!("{KEY}-{number}"), case.token.as_deref());
            let first = keyed(&desk.suite, &case.path, token, &case.body, &key).await;
            assert_eq!(first.status, case.status, "{}: {}", case.path, first.text);
            let after = state(&desk).await;

            for _ in 0..2 {
                let again = keyed(&desk.suite, &case.path, token, &case.body, &key).await;

                again.must_be(first.status, &first.text);
                assert_eq!(again.header("etag"), first.header("etag"), "{}", case.path);
            }
            let other = keyed(&desk.suite, &case.other_path, token, &case.other_body, &key).await;
            assert_eq!((other.status, other.text), (422, no(REUSED)), "{}", case.other_path);
            assert_eq!(state(&desk).await, after, "{}", case.path);
        }
    }

    async fn an_answer_is_kept_for_a_day_whatever_happens_meanwhile(db: Database) {
        let mut desk = Desk::open(&db, 1).await;
        let path = format!("/api/emprunts/{}", desk.livre);
        let first = keyed(&desk.suite, &path, Some(&desk.royce.token), &Value::Null, KEY).await;
        let loan = thing(&first, 201, "emprunt");
        assert_eq!(desk.give_back(&desk.royce.token, &loan).await.status, 200);

        desk.later(Duration::from_secs(24 * 3600 - 1)).await;
        keyed(&desk.suite, &path, Some(&desk.royce.token), &Value::Null, KEY).await.must_be(201, &first.text);
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (1, 1));

        desk.later(Duration::from_secs(2)).await;
        let anew = keyed(&desk.suite, &path, Some(&desk.royce.token), &Value::Null, KEY).await;
        assert_ne!(id(&thing(&anew, 201, "emprunt")), id(&loan));
    }

    async fn an_answer_outlives_what_it_is_about(db: Database) {
        let desk = Desk::open(&db, 5).await;
        for case in cases(&desk).await {
            let first = keyed(&desk.suite, &case.path, case.token.as_deref(), &case.body, &case.path).await;
            assert_eq!(first.status, case.status, "{}: {}", case.path, first.text);
            let gone = desk.suite.send("DELETE", &place(&case, &first), Some(&desk.admin), None).await;
            assert_eq!(gone.status, 200, "{}: {}", case.path, gone.text);

            let again = keyed(&desk.suite, &case.path, case.token.as_deref(), &case.body, &case.path).await;

            // What is kept of a person goes with him: whoever registers again then is somebody new.
            let is_kept = case.path != "/api/clients/register";
            assert_eq!((again.status, again.text == first.text), (first.status, is_kept), "{}", case.path);
        }
    }

    async fn a_registration_that_comes_again_has_the_same_token(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (path, body) = ("/api/clients/register", registration("a@example.org"));
        let first = keyed(&suite, path, None, &body, KEY).await;

        let again = keyed(&suite, path, None, &body, KEY).await;

        again.must_be(201, &first.text);
        assert!(lives(&suite, again.json()["data"]["token"].as_str().unwrap()).await);
        keyed(&suite, path, None, &body, "other").await.must_be(400, &no("Invalid Email address!"));
        suite.send("POST", path, None, Some(body)).await.must_be(400, &no("Invalid Email address!"));
    }

    async fn what_was_refused_is_not_remembered(db: Database) {
        let desk = Desk::open(&db, 0).await;
        let (admin, royce) = (Some(desk.admin.as_str()), Some(desk.royce.token.as_str()));
        let borrow = format!("/api/emprunts/{}", desk.livre);
        keyed(&desk.suite, &borrow, royce, &Value::Null, KEY).await.must_be(400, &no("Book not available!"));
        let book = format!("/api/livres/{}", desk.livre);
        assert_eq!(desk.suite.send("PUT", &book, admin, Some(json!({"quantite": 1}))).await.status, 200);
        assert_eq!(keyed(&desk.suite, &borrow, royce, &Value::Null, KEY).await.status, 201);

        let book = with(&etranger(), &json!({"isbn": ""}));
        for bad in [json!({"titre": ""}), json!({"anneePublication": "x"}), json!({"isbn": "1"})] {
            let refused = keyed(&desk.suite, "/api/livres", admin, &with(&book, &bad), KEY).await;
            assert_eq!(refused.status, 400, "{}", refused.text);
        }
        assert_eq!(keyed(&desk.suite, "/api/livres", admin, &book, KEY).await.status, 201);
        let weak = with(&registration("a@example.org"), &json!({"password": "x", "confirmPassword": "x"}));
        assert_eq!(keyed(&desk.suite, "/api/clients/register", None, &weak, KEY).await.status, 400);
        let good = registration("a@example.org");
        assert_eq!(keyed(&desk.suite, "/api/clients/register", None, &good, KEY).await.status, 201);
    }

    async fn a_key_is_its_callers_own(db: Database) {
        let desk = Desk::open(&db, 2).await;
        let path = format!("/api/emprunts/{}", desk.livre);

        let his = keyed(&desk.suite, &path, Some(&desk.royce.token), &Value::Null, KEY).await;
        let admins = keyed(&desk.suite, &path, Some(&desk.admin), &Value::Null, KEY).await;

        assert_ne!(id(&thing(&his, 201, "emprunt")), id(&thing(&admins, 201, "emprunt")));
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (2, 0));
    }

    async fn fifty_at_once_are_one(db: Database) {
        let desk = Desk::open(&db, 9).await;
        let path = format!("/api/emprunts/{}", desk.livre);
        let mut asked = JoinSet::new();
        for _ in 0..50 {
            let request = request(&desk.suite, &path, Some(&desk.royce.token), &Value::Null);
            asked.spawn(answer(request.header("idempotency-key", KEY)));
        }
        let answers = asked.join_all().await;

        let made: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
        assert!(!made.is_empty() && made.iter().all(|answer| answer.text == made[0].text));
        for other in answers.iter().filter(|answer| answer.status != 201) {
            other.must_be(409, &no(RUNNING));
        }
        assert_eq!(numbers(&desk.suite, &desk.livre).await, (9, 8));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_none_is_refused() {
    let db = testing::sqlite().await;
    let desk = Desk::open(&db, 5).await;
    let (cases, long) = (cases(&desk).await, "x".repeat(256));
    let before = state(&desk).await;
    for case in cases {
        let ask = || request(&desk.suite, &case.path, case.token.as_deref(), &case.body);
        for key in [b"".as_slice(), b"a b", b"a\tb", "é".as_bytes(), b"\xff", long.as_bytes()] {
            answer(ask().header("idempotency-key", key)).await.must_be(400, &no(MALFORMED));
        }
        let twice = ask().header("idempotency-key", KEY).header("idempotency-key", KEY);
        answer(twice).await.must_be(400, &no(MALFORMED));
    }
    // Who may not ask at all is told that first.
    let nobody = request(&desk.suite, "/api/livres", None, &etranger()).header("idempotency-key", "a b");
    answer(nobody).await.must_be(401, &no("Authentication required!"));
    let client = request(&desk.suite, "/api/livres", Some(&desk.royce.token), &etranger());
    let refused = answer(client.header("idempotency-key", "a b")).await;
    refused.must_be(403, &no("Access denied. Insufficient permissions."));
    // Other routes do not look at it.
    let login = json!({"email": desk.royce.email, "password": PASSWORD});
    assert_eq!(keyed(&desk.suite, "/api/clients/login", None, &login, "a b").await.status, 200);
    assert_eq!(state(&desk).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_again_while_the_first_is_running_is_told_so() {
    let db = testing::sqlite().await;
    let desk = Desk::open(&db, 9).await;
    let gate = Arc::new(Semaphore::new(0));
    let lending = Neighbour::Fake(behind(&gate, desk.suite.suite.lending));
    let gateway = Elsewhere::start(&desk.suite, Neighbour::Real, lending).await;
    let path = format!("/api/emprunts/{}", desk.livre);
    let ask = |token: &str, key: &str| {
        answer(gateway.request("POST", &path).bearer_auth(token).header("idempotency-key", key))
    };
    let first = tokio::spawn(ask(&desk.royce.token, KEY));

    // Until the first one is there, an attempt would be the first; with another body, such an attempt is refused.
    let probe = || {
        let request = gateway.request("POST", &path).bearer_auth(&desk.royce.token).header("idempotency-key", KEY);
        answer(request.json(&json!({"x": 1})))
    };
    while probe().await.status != 409 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    ask(&desk.royce.token, KEY).await.must_be(409, &no(RUNNING));
    // Another key and another caller are other requests.
    let others = [tokio::spawn(ask(&desk.royce.token, "other")), tokio::spawn(ask(&desk.admin, KEY))];
    gate.add_permits(3);
    let first = first.await.unwrap();
    assert_eq!(first.status, 201, "{}", first.text);
    for other in others {
        let other = other.await.unwrap();
        assert!(other.status == 201 && other.text != first.text, "{}", other.text);
    }
    assert_eq!(numbers(&desk.suite, &desk.livre).await, (9, 6));

    gate.add_permits(1);
    ask(&desk.royce.token, KEY).await.must_be(201, &first.text);
    assert_eq!(numbers(&desk.suite, &desk.livre).await, (9, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_may_ask_again_at_once() {
    let db = testing::sqlite().await;
    let desk = Desk::open(&db, 9).await;
    let gate = Arc::new(Semaphore::new(0));
    let lending = Neighbour::Fake(behind(&gate, desk.suite.suite.lending));
    let gateway = Elsewhere::start(&desk.suite, Neighbour::Real, lending).await;
    let path = format!("/api/emprunts/{}", desk.livre);
    let ask = || gateway.request("POST", &path).bearer_auth(&desk.royce.token).header("idempotency-key", KEY);
    let probe = || answer(ask().json(&json!({"x": 1})));
    let first = tokio::spawn(answer(ask()));
    while probe().await.status != 409 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    first.abort();

    while probe().await.status != 400 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    gate.add_permits(1);
    assert_eq!(answer(ask()).await.status, 201);
    assert_eq!(numbers(&desk.suite, &desk.livre).await, (9, 8));
}
