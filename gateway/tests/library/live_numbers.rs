//! `quantite` and `exemplaires` are what lending says now, and while it says nothing, what catalog last heard.

use std::time::Duration;

use axum::Router;
use proto::lending::v1 as pb;
use serde_json::{Value, json};
use testing::{Database, TestSuite, suite::answer};
use tokio::time::Instant;
use tonic::Status;

use crate::{
    elsewhere::{Elsewhere, Neighbour, failing, saying, silent},
    lent, numbers, shelved, thing,
};

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

    async fn books_are_shown_as_catalog_knows_them_when_lending_fails_or_is_slow(db: Database) {
        let (suite, livre) = shelf(&db).await;
        heard(&suite, &livre, json!([3, 2, true])).await;
        let nonsense = Router::new().fallback(async || "what?");
        for lending in [
            Neighbour::Away,
            Neighbour::Fake(failing(&Status::internal("x"))),
            Neighbour::Fake(failing(&Status::permission_denied("x"))),
            Neighbour::Fake(nonsense),
            Neighbour::Fake(silent()),
        ] {
            let gateway = with_lending(&suite, lending).await;
            let began = Instant::now();

            assert_eq!(shown(&gateway, &livre).await, [json!([3, 2, true]), json!([3, 2, true])]);
            assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lendings_word_counts_and_a_book_that_it_does_not_know_is_as_catalog_knows_it() {
    let db = testing::sqlite().await;
    let (suite, livre) = shelf(&db).await;
    heard(&suite, &livre, json!([3, 2, true])).await;
    let says = |book_id: &str, copies, available_copies| {
        let availability = pb::Availability { book_id: book_id.to_owned(), copies, available_copies, revision: 1 };
        Neighbour::Fake(saying(&pb::BatchGetAvailabilityResponse { availabilities: vec![availability] }))
    };
    for (lending, expected) in [
        (says(&livre, 7, 5), json!([7, 5, true])),
        (says(&livre, 7, 0), json!([7, 0, false])),
        (says(crate::NOBODY, 7, 5), json!([3, 2, true])),
        (Neighbour::Fake(saying(&pb::BatchGetAvailabilityResponse::default())), json!([3, 2, true])),
    ] {
        let gateway = with_lending(&suite, lending).await;

        assert_eq!(shown(&gateway, &livre).await, [expected.clone(), expected]);
    }
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
