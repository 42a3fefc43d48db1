//! What all surfaces have in common: request ids, paths of no surface, methods, body types and sizes, security headers.
#![expect(clippy::unwrap_used, reason = "a test")]

mod words;

use std::collections::BTreeSet;

use serde_json::Value;
use testing::{
    Database, TestSuite,
    suite::{ADMIN, Answer, PASSWORD, answer},
};
use words::words;

fn problem(status: u16, title: &str) -> String {
    format!(r#"{{"status":{status},"title":"{title}","type":"about:blank"}}"#)
}

/// Every route: its surface, its path with ids of nobody, and its methods.
const ROUTES: [(&str, &str, &str); 28] = [
    ("library", "/api/clients/register", "POST"),
    ("library", "/api/clients/login", "POST"),
    ("library", "/api/clients/logout", "POST"),
    ("library", "/api/clients/profile", "PUT"),
    ("library", "/api/clients/password", "PUT"),
    ("library", "/api/clients/me", "GET HEAD"),
    ("library", "/api/clients", "GET HEAD"),
    ("library", "/api/clients/507f191e810c19729de860ea", "DELETE GET HEAD PUT"),
    ("library", "/api/livres", "GET HEAD POST"),
    ("library", "/api/livres/507f191e810c19729de860ea", "DELETE GET HEAD PUT"),
    ("library", "/api/livres/507f191e810c19729de860ea/exemplaires", "GET HEAD POST"),
    ("library", "/api/livres/507f191e810c19729de860ea/exemplaires/507f191e810c19729de860ea", "DELETE GET HEAD PATCH"),
    ("library", "/api/clients/emprunts", "GET HEAD"),
    ("library", "/api/emprunts", "GET HEAD POST"),
    ("library", "/api/emprunts/507f191e810c19729de860ea", "DELETE GET HEAD POST PUT"),
    ("library", "/api/emprunts/507f191e810c19729de860ea/return", "POST"),
    ("library", "/api/emprunts/507f191e810c19729de860ea/renouveler", "POST"),
    ("library", "/api/emprunts/client/507f191e810c19729de860ea", "GET HEAD"),
    ("library", "/api/reservations", "GET HEAD POST"),
    ("library", "/api/reservations/507f191e810c19729de860ea", "DELETE GET HEAD"),
    ("library", "/api/categories", "GET HEAD POST"),
    ("library", "/api/categories/507f191e810c19729de860ea", "DELETE GET HEAD PUT"),
    ("library", "/api/admin/api-keys", "GET HEAD POST"),
    ("library", "/api/admin/api-keys/507f191e810c19729de860ea", "DELETE"),
    ("ocariot", "/v1/users/507f191e810c19729de860ea/password", "PUT"),
    ("swift", "/api/v1/users/reset-password", "PUT"),
    ("applivery", "/v1/auth/register/update-password", "POST"),
    ("user", "/api/user/password", "PATCH"),
];

/// The routes that read a body, with what lets a request through to it.
async fn writing(suite: &TestSuite) -> Vec<(&'static str, &'static str, String)> {
    let token = suite.admin().await;
    let me = suite.send("GET", "/api/clients/me", Some(&token), None).await.json();
    let id = me["data"]["client"]["_id"].as_str().unwrap();
    vec![
        ("library", "POST", "/api/clients/register".to_owned()),
        ("library", "POST", "/api/clients/login".to_owned()),
        ("library", "PUT", "/api/clients/profile".to_owned()),
        ("library", "PUT", "/api/clients/password".to_owned()),
        ("library", "PUT", format!("/api/clients/{id}")),
        ("library", "POST", "/api/admin/api-keys".to_owned()),
        ("library", "POST", "/api/emprunts".to_owned()),
        ("library", "POST", "/api/emprunts/507f191e810c19729de860ea".to_owned()),
        ("library", "PUT", "/api/emprunts/507f191e810c19729de860ea".to_owned()),
        ("library", "POST", "/api/emprunts/507f191e810c19729de860ea/return".to_owned()),
        ("library", "POST", "/api/emprunts/507f191e810c19729de860ea/renouveler".to_owned()),
        ("library", "POST", "/api/reservations".to_owned()),
        ("library", "POST", "/api/livres/507f191e810c19729de860ea/exemplaires".to_owned()),
        ("library", "PATCH", "/api/livres/507f191e810c19729de860ea/exemplaires/507f191e810c19729de860ea".to_owned()),
        ("ocariot", "PUT", format!("/v1/users/{id}/password")),
        ("swift", "PUT", "/api/v1/users/reset-password".to_owned()),
        ("applivery", "POST", "/v1/auth/register/update-password".to_owned()),
        ("user", "PATCH", "/api/user/password".to_owned()),
    ]
}

const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"];

/// A suite, and the database that has to live as long.
async fn started() -> (TestSuite, Database) {
    let db = testing::sqlite().await;
    (TestSuite::start(&db).await, db)
}

#[track_caller]
fn is_json(answer: &Answer) {
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
}

#[tokio::test]
async fn a_plain_request_id_is_echoed_on_every_answer() {
    let (suite, _db) = started().await;
    let longest = "x".repeat(128);
    for (_, path, _) in ROUTES.into_iter().chain([("", "/", ""), ("", "/healthz", ""), ("", "/readyz", "")]) {
        for (method, id) in [("GET", "7f3a-b.c_D"), ("PUT", &longest), ("BREW", "1")] {
            let answer = answer(suite.request(method, path).header("x-request-id", id)).await;

            let ids: Vec<_> = answer.headers.get_all("x-request-id").iter().collect();
            assert_eq!(ids, [id], "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_request_without_a_plain_id_gets_one() {
    let (suite, _db) = started().await;
    let mut seen = BTreeSet::new();
    let long = "x".repeat(129);
    for id in [b"".as_slice(), b" ", b"two words", b"a,b", b"<b>", b"\xff", "é".as_bytes(), b"a\tb", long.as_bytes()] {
        for path in ["/api/clients/me", "/v1/users", "/healthz", "/nowhere"] {
            let answer = answer(suite.request("GET", path).header("x-request-id", id)).await;

            let made = answer.header("x-request-id").to_owned();
            assert!(made.len() == 24 && made.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id:?}: {made}");
            assert!(seen.insert(made), "an id came twice");
        }
    }
    let made = suite.send("GET", "/", None, None).await.header("x-request-id").to_owned();
    assert!(seen.insert(made));
}

#[tokio::test]
async fn a_path_of_no_surface_is_a_problem() {
    let (suite, _db) = started().await;
    for path in [
        "/",
        "//",
        "/api",
        "/api/",
        "/api/clientship",
        "/API/clients",
        "/api/clients%2Fme",
        "/api/user",
        "/api/user/passwords",
        "/api/v1/users",
        "/api/v1/users/reset-passwords",
        "/v1",
        "/v1/auth/x",
        "/v1/auth//",
        "/v1/auth/register",
        "/v1/usersx",
        "/v2/users",
        "/favicon.ico",
        "/%FF%00",
        "/healthz/",
        "/?x=/api/clients",
    ] {
        for method in ["GET", "POST", "OPTIONS", "BREW"] {
            let answer = suite.send_text(method, path, Some("x"), "{").await;

            answer.must_be(404, &problem(404, "Not Found"));
            assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        }
    }
    for path in ["/healthz", "/readyz"] {
        let answer = suite.send("POST", path, None, None).await;

        answer.must_be(405, &problem(405, "Method Not Allowed"));
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        assert_eq!(answer.header("allow"), "GET,HEAD");
    }
}

#[tokio::test]
async fn a_path_below_a_surface_is_not_found_in_its_words() {
    let (suite, _db) = started().await;
    for (surface, path) in [
        ("library", "/api/clients/"),
        ("library", "/api/clients/me/x"),
        ("library", "/api/clients//me"),
        ("library", "/api/livres/x/y/z"),
        ("library", "/api/livres/x/exemplaires/y/z"),
        ("library", "/api/emprunts/x/y/z"),
        ("library", "/api/emprunts/x/y"),
        ("library", "/api/reservations/x/y"),
        ("library", "/api/categories/x/y"),
        ("library", "/api/admin"),
        ("library", "/api/admin/api-keys/x/y"),
        ("ocariot", "/v1/users/x/y"),
        ("ocariot", "/v1/families/x/y/z/a"),
        ("swift", "/api/v1/users/reset-password/"),
        ("swift", "/api/v1/users/reset-password/x"),
        ("applivery", "/v1/auth/register/update-password/"),
        ("user", "/api/user/password/"),
        ("user", "/api/user/password/x"),
    ] {
        for method in ["GET", "PUT", "PATCH", "DELETE"] {
            let answer = suite.send(method, path, None, None).await;

            answer.must_be(404, &(words(surface).not_found)(path));
            is_json(&answer);
        }
    }
}

#[tokio::test]
async fn another_method_is_refused_with_those_that_are_allowed() {
    let (suite, _db) = started().await;
    for (surface, path, methods) in ROUTES {
        let allowed: BTreeSet<&str> = methods.split(' ').collect();
        for method in METHODS.into_iter().filter(|method| !allowed.contains(method)) {
            // Before any token is looked at.
            let answer = suite.send(method, path, None, None).await;

            // An answer to HEAD has no body (RFC 9110, 9.3.2).
            let text = if method == "HEAD" { String::new() } else { words(surface).method_not_allowed };
            answer.must_be(405, &text);
            is_json(&answer);
            assert_eq!(answer.header("allow").split(',').map(str::trim).collect::<BTreeSet<_>>(), allowed, "{path}");
        }
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let (suite, _db) = started().await;
    let token = suite.admin().await;
    for path in [
        "/api/clients/me",
        "/api/clients",
        "/api/livres",
        "/api/categories",
        "/api/clients/emprunts",
        "/api/emprunts",
        "/api/reservations",
        "/api/admin/api-keys",
        "/healthz",
        "/nowhere",
    ] {
        for token in [None, Some(token.as_str())] {
            let (get, head) = (suite.send("GET", path, token, None).await, suite.send("HEAD", path, token, None).await);

            head.must_be(get.status, "");
            for name in ["content-type", "content-length", "x-total-count", "link", "cache-control"] {
                assert_eq!(head.header(name), get.header(name), "{path}: {name}");
            }
        }
    }
}

#[tokio::test]
async fn a_body_of_another_type_is_refused_in_the_words_of_the_surface() {
    let (suite, _db) = started().await;
    let (token, key) = (suite.admin().await, suite.api_key().await);
    for (surface, method, path) in writing(&suite).await {
        for kind in [
            None,
            Some("text/plain"),
            Some("application/x-www-form-urlencoded"),
            Some("multipart/form-data; boundary=x"),
            Some("application/json; charset=iso-8859-1"),
            Some("application/jsonp"),
            Some("application/json, text/plain"),
            Some("application/problem+json"),
            Some(""),
        ] {
            let mut request = suite.request(method, &path).bearer_auth(&token).header("x-api-key", &key);
            if let Some(kind) = kind {
                request = request.header("content-type", kind);
            }
            let answer = answer(request.body(r#"{"nom":"M"}"#)).await;

            assert_eq!((answer.status, &answer.text), (415, &words(surface).not_json), "{path} {kind:?}");
            is_json(&answer);
        }
    }
    assert!(suite.log_in(ADMIN, PASSWORD).await.is_some());
}

#[tokio::test]
async fn json_is_taken_however_its_type_is_written() {
    let (suite, _db) = started().await;
    let token = suite.admin().await;
    for kind in [
        "application/json",
        "APPLICATION/Json",
        "application/json;charset=utf-8",
        "application/json; charset=\"UTF-8\"",
    ] {
        let request = suite.request("PUT", "/api/clients/profile").bearer_auth(&token).header("content-type", kind);

        assert_eq!(answer(request.body(r#"{"nom":"M"}"#)).await.status, 200, "{kind}");
    }
}

#[tokio::test]
async fn a_body_over_16_kib_is_refused_in_the_words_of_the_surface() {
    let (suite, _db) = started().await;
    let (token, key) = (suite.admin().await, suite.api_key().await);
    for (surface, method, path) in writing(&suite).await {
        // Blanks are good JSON: only the length is wrong.
        for length in [16 * 1024 + 1, 60_000] {
            let body = format!("{}{}", r#"{"nom":"M"}"#, " ".repeat(length - 11));
            let request = suite.request(method, &path).bearer_auth(&token).header("x-api-key", &key);
            let answer = answer(request.header("content-type", "application/json").body(body)).await;

            assert_eq!((answer.status, &answer.text), (413, &words(surface).too_large), "{path}");
            is_json(&answer);
        }
    }
    let largest = format!("{}{}", r#"{"nom":"M"}"#, " ".repeat(16 * 1024 - 11));
    assert_eq!(suite.send_text("PUT", "/api/clients/profile", Some(&token), largest).await.status, 200);
}

#[tokio::test]
async fn a_body_that_comes_in_pieces_is_refused_when_it_has_become_too_large() {
    let (suite, _db) = started().await;
    let token = suite.admin().await;
    let mut wire = suite.wire().await;
    wire.write(format!(
        "PUT /api/clients/profile HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    ))
    .await;
    for _ in 0..17 {
        wire.write(format!("400\r\n{}\r\n", " ".repeat(1024))).await;
    }

    wire.answer().await.unwrap().must_be(413, &words("library").too_large);
}

#[tokio::test]
async fn where_there_is_no_body_its_type_does_not_matter_and_of_two_mistakes_the_type_is_the_first() {
    let (suite, _db) = started().await;
    let token = suite.admin().await;
    let head = format!("PUT /api/clients/profile HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n");
    let mut wire = suite.wire().await;
    wire.write(format!("{head}Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")).await;
    assert_eq!(wire.answer().await.unwrap().status, 200, "nothing changes");

    let large = " ".repeat(30_000);
    for kind in ["", "Content-Type: text/plain\r\n"] {
        let mut wire = suite.wire().await;
        wire.write(format!("{head}{kind}Content-Length: 30000\r\n\r\n{large}")).await;
        wire.answer().await.unwrap().must_be(415, &words("library").not_json);
    }
}

#[tokio::test]
async fn whoever_is_still_writing_gets_his_answer() {
    let (suite, _db) = started().await;
    let token = suite.admin().await;
    let megabytes = "x".repeat(3_000_000);
    for (status, path, token) in [
        (404, "/nowhere", ""),
        (404, "/v1/users", ""),
        (401, "/api/clients/profile", "x"),
        (401, "/v1/users/507f191e810c19729de860ea/password", "x"),
        (403, "/v1/users/507f191e810c19729de860ea/password", token.as_str()),
        (413, "/api/clients/profile", token.as_str()),
    ] {
        let request = suite.request("PUT", path).bearer_auth(token).header("content-type", "application/json");

        let answer = answer(request.body(megabytes.clone())).await;

        assert_eq!(answer.status, status, "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn whoever_writes_without_end_is_not_read_without_end() {
    let (suite, _db) = started().await;
    let mut wire = suite.wire().await;
    wire.write("PUT /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n").await;
    wire.write("x".repeat(1024)).await;
    assert_eq!(wire.answer().await.unwrap().status, 404);

    // Says nothing more: the connection ends all the same.
    assert!(wire.answer().await.is_none());
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let (suite, _db) = started().await;
    let token = suite.admin().await;
    let ours = [
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ];
    let others = ROUTES.into_iter().filter(|(surface, ..)| *surface != "swift");
    for (_, path, _) in others.chain([("", "/", ""), ("", "/healthz", ""), ("", "/readyz", "")]) {
        for method in ["GET", "POST", "PUT", "BREW"] {
            let answer = suite.send(method, path, Some(&token), None).await;

            for (name, value) in ours {
                let values: Vec<_> = answer.headers.get_all(name).iter().collect();
                assert_eq!(values, [value], "{method} {path}: {name}");
            }
            // The legacy headers of the surface swift are its route's alone.
            for name in ["x-powered-by", "access-control-allow-origin", "x-ratelimit-limit", "server", "etag"] {
                assert_eq!(answer.header(name), "", "{method} {path}: {name}");
            }
        }
    }
}

#[tokio::test]
async fn the_probes_answer() {
    let (suite, _db) = started().await;

    suite.send("GET", "/healthz", None, None).await.must_be(200, "ok");
    let ready = suite.send("GET", "/readyz", None, None).await;
    assert_eq!((ready.status, &ready.json()["ready"]), (200, &Value::Bool(true)));
}

#[tokio::test]
async fn odd_request_lines_are_answered_and_not_with_5xx() {
    let (suite, _db) = started().await;
    for (line, status) in [
        ("OPTIONS * HTTP/1.1", 404),
        ("GET /api/clients/.. HTTP/1.1", 401),
        ("GET /api/clients/../admin HTTP/1.1", 404),
        ("GET http://elsewhere.example/api/clients/me HTTP/1.1", 401),
        ("GET /api/clients?page=%zz&limit=% HTTP/1.1", 401),
    ] {
        let mut wire = suite.wire().await;
        wire.write(format!("{line}\r\nHost: x\r\n\r\n")).await;

        assert_eq!(wire.answer().await.map(|answer| answer.status), Some(status), "{line}");
    }
}
