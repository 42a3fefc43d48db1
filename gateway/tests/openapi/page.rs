//! The page, and how both are served.

use gateway::Docs;
use testing::{TestSuite, suite::answer};

/// What a page of HTML loads.
fn loaded(html: &str) -> Vec<&str> {
    let after = |attribute: &'static str| html.split(attribute).skip(1).filter_map(|rest| rest.split('"').next());
    after("src=\"").chain(after("href=\"")).collect()
}

#[tokio::test]
async fn the_page_loads_only_what_is_beside_it() {
    let database = testing::sqlite().await;
    let suite = TestSuite::start(&database).await;
    let page = suite.send("GET", "/docs/", None, None).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html"));
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.starts_with("default-src 'none'") && policy.contains("connect-src 'self'"), "{policy}");
    assert!(!policy.contains("http") && !policy.contains("script-src 'self' 'unsafe"), "{policy}");
    assert!(!page.text.contains("<script>"), "a script in the page would not run: {}", page.text);

    let files = loaded(&page.text);
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        assert!(!file.contains("//"), "{file} is elsewhere");
        let path = format!("/docs/{}", file.trim_start_matches("./"));
        let sent = suite.request("GET", &path).send().await.unwrap();
        assert_eq!(sent.status(), 200, "{path}");
        assert_eq!(sent.headers()["x-content-type-options"], "nosniff");
    }
    let settings = suite.send("GET", "/docs/swagger-initializer.js", None, None).await;
    assert!(settings.text.contains("\"../openapi.json\"") && !settings.text.contains("http"), "{}", settings.text);
    assert!(settings.text.contains("\"validatorUrl\": \"none\""), "{}", settings.text);
}

#[tokio::test]
async fn the_page_is_found_without_the_slash_and_has_no_other_files() {
    let database = testing::sqlite().await;
    let suite = TestSuite::start(&database).await;
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();

    let moved = http.get(suite.url("/docs")).send().await.unwrap();

    assert_eq!((moved.status().as_u16(), moved.headers()["location"].to_str().unwrap()), (308, "docs/"));
    for path in ["/docs/oauth2-redirect.html", "/docs/..%2Fopenapi.json", "/docs/%FF", "/docs/a/b"] {
        let missing = suite.send("GET", path, None, None).await;
        assert_eq!((missing.status, missing.header("content-type")), (404, "application/problem+json"), "{path}");
    }
}

#[tokio::test]
async fn who_has_the_document_does_not_get_it_again() {
    let database = testing::sqlite().await;
    let suite = TestSuite::start(&database).await;
    let first = suite.send("GET", "/openapi.json", None, None).await;
    assert_eq!((first.header("content-type"), first.header("cache-control")), ("application/json", "no-cache"));
    assert!(first.text.len() > 100_000, "{}", first.text.len());
    let etag = first.header("etag").to_owned();

    let asked = |tags: String| answer(suite.request("GET", "/openapi.json").header("if-none-match", tags));

    for known in [etag.clone(), format!("\"x\", W/{etag}"), "*".to_owned()] {
        let same = asked(known).await;
        assert_eq!((same.status, same.text.as_str(), same.header("etag")), (304, "", etag.as_str()));
    }
    assert_eq!(asked("\"x\"".to_owned()).await.status, 200);
}

#[tokio::test]
async fn an_operator_can_leave_both_out() {
    let database = testing::sqlite().await;
    let suite = TestSuite::start_with(&database, |settings| settings.gateway.docs.docs = Docs::Off).await;

    for path in ["/openapi.json", "/docs", "/docs/", "/docs/swagger-ui.css"] {
        let missing = suite.send("GET", path, None, None).await;
        assert_eq!((missing.status, missing.header("content-type")), (404, "application/problem+json"), "{path}");
    }
    assert_eq!(suite.send("GET", "/readyz", None, None).await.status, 200);
}
