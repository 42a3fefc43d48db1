//! `quantite` and `exemplaires` are what lending has now: as catalog heard a moment ago, or as lending says itself, and while it says
//! nothing, what catalog last heard.

use std::time::Duration;

use axum::{Router, extract::Request};
use proto::{catalog::v1 as catalog, lending::v1 as pb};
use serde_json::{Value, json};
use testing::{Database, TestSuite, suite::answer};
use tokio::time::Instant;
use tonic::Status;
use tower::ServiceExt as _;

use crate::{
    elsewhere::{Elsewhere, Neighbour, failing, saying, silent},
    lent, numbers, shelved, thing,
};

/// A book that only [`knowing`] knows.
const LIVRE: &str = "0123456789abcdef01234567";

/// A suite with a book of three copies, of which the admin has one.
async fn shelf(db: &Database) -> (TestSuite, String) {
    let suite = TestSuite::start(db).await;
    let admin = suite.admin().await;
    let livre = shelved(&suite, &admin, json!({"quantite": 3})).await;
    lent(&suite, &admin, &livre).await;
    (suite, livre)
}

/// What a gateway shows of a book: alone, and in the list.
async fn shown(gateway: &Elsewhere, livre: &str) -> [Value; 2] {
    let one = answer(gateway.request("GET", &format!("/api/livres/{livre}"))).await;
    let list = answer(gateway.request("GET", "/api/livres")).await;
    let three = |book: &Value| json!([book["exemplaires"], book["quantite"], book["disponible"]]);
    [three(&thing(&one, 200, "livre")), three(&thing(&list, 200, "livres")[0])]
}

async fn with_lending(suite: &TestSuite, lending: Neighbour) -> Elsewhere {
    Elsewhere::start(suite, Neighbour::Real, lending).await
}

/// What catalog has heard last: it follows lending, a moment behind.
async fn heard(suite: &TestSuite, livre: &str, expected: Value) {
    let gateway = with_lending(suite, Neighbour::Away).await;
    let began = Instant::now();
    loop {
        let shown = shown(&gateway, livre).await;
        if shown == [expected.clone(), expected.clone()] {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{shown:?} is not {expected}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

testing::on_both! {
    async fn a_loan_shows_at_once_and_without_lending_a_moment_later(db: Database) {
        let (suite, livre) = shelf(&db).await;

        assert_eq!(numbers(&suite, &livre).await, (3, 2));
        heard(&suite, &livre, json!([3, 2, true])).await;

        let admin = suite.admin().await;
        for _ in 0..2 {
            lent(&suite, &admin, &livre).await;
        }
        assert_eq!(numbers(&suite, &livre).await, (3, 0));
        heard(&suite, &livre, json!([3, 0, false])).await;
        let none = suite.send("GET", "/api/livres?disponible=true", None, None).await;
        assert_eq!(none.json()["data"]["livres"], json!([]));
    }

    async fn whoever_borrows_and_looks_sees_it_whatever_catalog_has_heard(db: Database) {
        let (suite, livre) = shelf(&db).await;
        let gateway = Elsewhere::start(&suite, Neighbour::Fake(knowing(&livre, true)), Neighbour::Real).await;
        assert_eq!(shown(&gateway, &livre).await, [json!([3, 2, true]), json!([3, 2, true])]);

        let admin = suite.admin().await;
        let lent = answer(gateway.request("POST", &format!("/api/emprunts/{livre}")).bearer_auth(&admin)).await;
        let loan = thing(&lent, 201, "emprunt");
        assert_eq!(shown(&gateway, &livre).await, [json!([3, 1, true]), json!([3, 1, true])]);

        let path = format!("/api/emprunts/{}/return", loan["_id"].as_str().unwrap());
        answer(gateway.request("POST", &path).bearer_auth(&admin)).await;
        assert_eq!(shown(&gateway, &livre).await, [json!([3, 2, true]), json!([3, 2, true])]);
    }
}

/// A catalog that knows one book, of which it has heard that two of three copies can be borrowed.
fn knowing(livre: &str, copies_are_current: bool) -> Router {
    let book = catalog::Book { id: livre.to_owned(), copies: 3, available_copies: 2, ..catalog::Book::default() };
    let one = catalog::GetBookResponse { book: Some(book.clone()), copies_are_current };
    let all =
        catalog::ListBooksResponse { books: vec![book], copies_are_current, ..catalog::ListBooksResponse::default() };
    let (one, all) = (saying(&one), saying(&all));
    Router::new().fallback(async move |request: Request| {
        let rpc = if request.uri().path().ends_with("/GetBook") { one } else { all };
        rpc.oneshot(request).await.unwrap()
    })
}

/// A lending that says this of a book.
fn says(book_id: &str, copies: i32, available_copies: i32) -> Neighbour {
    let availability = pb::Availability { book_id: book_id.to_owned(), copies, available_copies, revision: 1 };
    Neighbour::Fake(saying(&pb::BatchGetAvailabilityResponse { availabilities: vec![availability] }))
}

#[tokio::test(flavor = "multi_thread")]
async fn while_catalog_does_not_hear_lendings_word_counts_and_without_it_what_catalog_last_heard() {
    let suite = TestSuite::start(&testing::sqlite().await).await;
    let nonsense = Router::new().fallback(async || "what?");
    for (lending, expected) in [
        (says(LIVRE, 7, 5), json!([7, 5, true])),
        (says(LIVRE, 7, 0), json!([7, 0, false])),
        (says(crate::NOBODY, 7, 5), json!([3, 2, true])),
        (Neighbour::Fake(saying(&pb::BatchGetAvailabilityResponse::default())), json!([3, 2, true])),
        (Neighbour::Away, json!([3, 2, true])),
        (Neighbour::Fake(failing(&Status::internal("x"))), json!([3, 2, true])),
        (Neighbour::Fake(failing(&Status::permission_denied("x"))), json!([3, 2, true])),
        (Neighbour::Fake(nonsense), json!([3, 2, true])),
        (Neighbour::Fake(silent()), json!([3, 2, true])),
    ] {
        let gateway = Elsewhere::start(&suite, Neighbour::Fake(knowing(LIVRE, false)), lending).await;
        let began = Instant::now();

        assert_eq!(shown(&gateway, LIVRE).await, [expected.clone(), expected]);
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_catalog_hears_of_everything_it_alone_is_asked() {
    let suite = TestSuite::start(&testing::sqlite().await).await;
    let gateway = Elsewhere::start(&suite, Neighbour::Fake(knowing(LIVRE, true)), says(LIVRE, 7, 5)).await;

    assert_eq!(shown(&gateway, LIVRE).await, [json!([3, 2, true]), json!([3, 2, true])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_catalog_refuses_is_refused_whatever_lending_says() {
    let db = testing::sqlite().await;
    let (suite, _) = shelf(&db).await;
    let gateway = with_lending(&suite, Neighbour::Fake(silent())).await;

    let missing = answer(gateway.request("GET", &format!("/api/livres/{}", crate::NOBODY))).await;

    missing.must_be(404, &crate::no("Book not found!"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_lending_serves_is_told_and_decides_nothing() {
    let db = testing::sqlite().await;
    let (suite, _) = shelf(&db).await;
    let ready = suite.send("GET", "/readyz", None, None).await;
    assert_eq!((ready.status, &ready.json()["lending"]), (200, &json!(true)));

    let gateway = with_lending(&suite, Neighbour::Away).await;

    let ready = answer(gateway.request("GET", "/readyz")).await;
    assert_eq!((ready.status, &ready.json()["lending"]), (200, &json!(false)));
}
