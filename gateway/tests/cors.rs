//! Web pages of other origins may use the APIs if the operator says so.

use testing::{
    TestSuite,
    suite::{Answer, answer},
};

async fn preflight(suite: &TestSuite, path: &str, origin: &str) -> Answer {
    let request = suite.request("OPTIONS", path).header("origin", origin);
    let request = request.header("access-control-request-method", "PUT");
    answer(request.header("access-control-request-headers", "authorization,content-type")).await
}

#[tokio::test]
async fn a_page_of_a_listed_origin_may_use_the_apis_and_another_may_not() {
    let database = testing::sqlite().await;
    let suite = TestSuite::start_with(&database, |settings| {
        settings.gateway.cors_origins = vec!["https://app.example.org".parse().unwrap()];
    })
    .await;

    let listed = preflight(&suite, "/api/clients/password", "https://app.example.org").await;
    let other = preflight(&suite, "/api/clients/password", "https://other.example.org").await;
    let read = answer(suite.request("GET", "/api/clients").header("origin", "https://app.example.org")).await;

    assert_eq!((listed.status, listed.header("access-control-allow-origin")), (200, "https://app.example.org"));
    for header in ["authorization", "idempotency-key", "if-match", "x-api-key"] {
        assert!(listed.header("access-control-allow-headers").contains(header), "{header}");
    }
    assert_eq!(other.header("access-control-allow-origin"), "");
    assert_eq!((read.status, read.header("access-control-allow-origin")), (401, "https://app.example.org"));
    assert!(read.header("access-control-expose-headers").contains("x-total-count"));
}

#[tokio::test]
async fn without_the_setting_no_page_may_but_on_the_route_whose_document_says_so() {
    let database = testing::sqlite().await;
    let suite = TestSuite::start(&database).await;

    let read = answer(suite.request("GET", "/api/clients").header("origin", "https://app.example.org")).await;
    let swift =
        answer(suite.request("PUT", "/api/v1/users/reset-password").header("origin", "https://app.example.org")).await;

    assert_eq!(read.header("access-control-allow-origin"), "");
    assert_eq!(swift.header("access-control-allow-origin"), "*");
}
