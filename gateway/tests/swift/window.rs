//! The window of 100 requests in 600 seconds, and the headers that depend on the request.

use std::time::Duration;

use jiff::tz::TimeZone;
use testing::{
    Database, TestSuite,
    suite::{Answer, PASSWORD, answer},
};

use crate::{OPENING, PATH, change, fields, has_headers, is_whole, refused, says};

/// A suite, and the database that has to live as long.
async fn started() -> (TestSuite, Database) {
    let db = testing::sqlite().await;
    (TestSuite::start(&db).await, db)
}

/// Sends a request that costs nothing, and counts all the same.
async fn hit(suite: &TestSuite) -> Answer {
    suite.send("PUT", PATH, None, None).await
}

#[tokio::test]
async fn the_hundred_and_first_request_of_a_window_is_one_too_many() {
    let (suite, _db) = started().await;
    let person = suite.register("royce27@gmail.com").await;
    for number in 1..=100 {
        let answer = hit(&suite).await;
        assert_eq!((answer.status, answer.header("x-ratelimit-remaining")), (401, (100 - number).to_string().as_str()));
    }
    suite.hand.advance(Duration::from_millis(599_999));

    let text = says(429, "TOO_MANY_REQUESTS_MESSAGE", "Trop de tentatives, veuillez réessayer plus tard");
    let good = fields(PASSWORD, "Zebre-bleu-42", "Zebre-bleu-42");
    for _ in 0..2 {
        let over = change(&suite, &person.token, good.clone()).await;

        is_whole(&over, 429, &text);
        has_headers(&over, "Retry-After: 0.001\nX-RateLimit-Limit: 100\nX-RateLimit-Remaining: 0");
        assert_eq!(
            over.header("x-ratelimit-reset"),
            "Mon Mar 02 2026 10:10:00 GMT+0100 (Central European Standard Time)"
        );
    }
    // The window is this route's alone, and nothing was changed.
    assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
}

#[tokio::test]
async fn another_window_opens_after_600_seconds_with_the_next_request() {
    let (suite, _db) = started().await;
    for _ in 0..100 {
        hit(&suite).await;
    }
    assert_eq!(hit(&suite).await.status, 429);

    suite.hand.advance(Duration::from_millis(600_000));
    has_headers(&hit(&suite).await, "Retry-After: 600.000\nX-RateLimit-Remaining: 99");

    // The third one begins when somebody comes, not when the second has ended.
    suite.hand.advance(Duration::from_millis(700_250));
    let first = hit(&suite).await;
    has_headers(&first, "Retry-After: 600.000\nX-RateLimit-Remaining: 99");
    suite.hand.advance(Duration::from_millis(1));
    has_headers(&hit(&suite).await, "Retry-After: 599.999\nX-RateLimit-Remaining: 98");
}

#[tokio::test]
async fn what_a_client_says_of_its_address_does_not_open_a_window() {
    let (suite, _db) = started().await;
    for number in 0..100 {
        let own = format!("10.0.0.{number}");
        let request =
            suite.request("PUT", PATH).header("x-forwarded-for", &own).header("forwarded", format!("for={own}"));
        answer(request.header("x-real-ip", own)).await;
    }

    assert_eq!(hit(&suite).await.status, 429);
}

#[tokio::test]
async fn every_kind_of_answer_counts_and_carries_the_headers() {
    let (suite, _db) = started().await;
    let person = suite.register("royce27@gmail.com").await;
    let token = Some(person.token.as_str());
    let typed = |kind: &'static str| suite.request("PUT", PATH).bearer_auth(&person.token).header("content-type", kind);
    let method = says(405, "METHOD_NOT_ALLOWED_MESSAGE", "Méthode non autorisée");
    let body = says(400, "MALFORMED_BODY_MESSAGE", "Le corps de la requête n'est pas un objet JSON valide");
    let kind = "Le corps de la requête doit être du type application/json";
    let kind = says(415, "UNSUPPORTED_MEDIA_TYPE_MESSAGE", kind);
    let large = says(413, "BODY_TOO_LARGE_MESSAGE", "Le corps de la requête est trop grand");
    let nowhere = says(404, "NOT_FOUND_MESSAGE", "Ressource introuvable");

    let answers = [
        (suite.send("GET", PATH, None, None).await, 405, method.as_str()),
        (suite.send("OPTIONS", PATH, token, None).await, 405, &method),
        (suite.send_text("PUT", PATH, token, "{").await, 400, &body),
        (suite.send_text("PUT", PATH, token, "[]").await, 400, &body),
        (answer(typed("text/plain").body("{}")).await, 415, &kind),
        (suite.send_text("PUT", PATH, token, " ".repeat(17_000)).await, 413, &large),
        (suite.send("PUT", &format!("{PATH}/"), token, None).await, 404, &nowhere),
    ];

    for ((answer, status, text), remaining) in answers.iter().zip((0..100).rev()) {
        is_whole(answer, *status, text);
        assert_eq!(answer.header("x-ratelimit-remaining"), remaining.to_string());
        assert_eq!(answer.header("allow"), if *status == 405 { "PUT" } else { "" });
    }
}

#[tokio::test]
async fn the_time_zone_is_a_setting() {
    let db = testing::sqlite().await;
    for (zone, printed) in [
        ("UTC", "Mon Oct 30 2023 02:06:04 GMT+0000 (Coordinated Universal Time)"),
        ("Europe/Paris", "Mon Oct 30 2023 03:06:04 GMT+0100 (Central European Standard Time)"),
        ("America/St_Johns", "Sun Oct 29 2023 23:36:04 GMT-0230 (GMT-02:30)"),
    ] {
        let suite =
            TestSuite::start_with(&db, |settings| settings.gateway.time_zone = TimeZone::get(zone).unwrap()).await;
        suite.hand.set(OPENING);

        assert_eq!(hit(&suite).await.header("x-ratelimit-reset"), printed);
    }
}

#[tokio::test]
async fn only_http_1_1_is_told_how_long_a_connection_is_kept() {
    let (suite, _db) = started().await;
    let mut wire = suite.wire().await;

    wire.write(format!("PUT {PATH} HTTP/1.0\r\n\r\n")).await;
    let answer = wire.answer().await.unwrap();

    answer.must_be(401, &refused());
    assert_eq!((answer.header("keep-alive"), answer.header("connection")), ("", ""));
    assert!(wire.answer().await.is_none());
}

#[tokio::test]
async fn a_connection_that_is_to_end_is_not_said_to_be_kept() {
    let (suite, _db) = started().await;
    let mut wire = suite.wire().await;

    wire.write(format!("PUT {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
    let answer = wire.answer().await.unwrap();

    answer.must_be(401, &refused());
    assert_eq!((answer.header("keep-alive"), answer.header("connection")), ("", "close"));
    assert!(wire.answer().await.is_none());
}
