//! What the document prints: two answers, the three requests that lead to them, and every header.

use std::time::Duration;

use serde_json::json;
use testing::{Database, TestSuite, suite::compact};

use crate::{OPENING, PATH, change, fields, has_headers, is_whole, says};

/// The body of the document's curl command.
const CURL: &str =
    r#"{"oldPassword":"p8\u0026Q4f7B1","newPassword":"p8\u0026Q4f7B","confirmPassword":"p8\u0026Q4f7B"}"#;

/// The document's first example of a body.
const EXAMPLE: &str = r#"{
  "oldPassword": "p8&Q4f7B1",
  "newPassword": "p8&Q4f7B",
  "confirmPassword": "p8&Q4f7B"
}"#;

/// The document's second example of a body.
const OTHER_ORDER: &str = r#"{
  "newPassword": "p8&Q4f7B",
  "oldPassword": "p8&Q4f7B1",
  "confirmPassword": "p8&Q4f7B"
}"#;

/// The headers of the document's 200, except the time of day in `Date`, which is the machine's.
pub const HEADERS_OF_200: &str = r#"Cross-Origin-Embedder-Policy: require-corp
Cross-Origin-Opener-Policy: same-origin
Cross-Origin-Resource-Policy: same-origin
Origin-Agent-Cluster: ?1
Referrer-Policy: no-referrer
Strict-Transport-Security: max-age=15552000; includeSubDomains
X-Content-Type-Options: nosniff
X-DNS-Prefetch-Control: off
X-Download-Options: noopen
X-Frame-Options: SAMEORIGIN
X-Permitted-Cross-Domain-Policies: none
X-XSS-Protection: 0
Access-Control-Allow-Origin: *
Access-Control-Allow-Credentials: true
Retry-After: 579.969
X-RateLimit-Limit: 100
X-RateLimit-Remaining: 97
X-RateLimit-Reset: Mon Oct 30 2023 03:06:04 GMT+0100 (Central European Standard Time)
x-powered-by: TUNISIAN RED CRESSCENT
Content-Type: application/json; charset=utf-8
Content-Length: 139
ETag: W/"8b-QWbb4ikgHnVP7+uS012NuEdlw3U"
Connection: keep-alive
Keep-Alive: timeout=5"#;

/// The headers of the document's 401, except `Date`.
const HEADERS_OF_401: &str = r#"Cross-Origin-Embedder-Policy: require-corp
Cross-Origin-Opener-Policy: same-origin
Cross-Origin-Resource-Policy: same-origin
Origin-Agent-Cluster: ?1
Referrer-Policy: no-referrer
Strict-Transport-Security: max-age=15552000; includeSubDomains
X-Content-Type-Options: nosniff
X-DNS-Prefetch-Control: off
X-Download-Options: noopen
X-Frame-Options: SAMEORIGIN
X-Permitted-Cross-Domain-Policies: none
X-XSS-Protection: 0
Access-Control-Allow-Origin: *
Access-Control-Allow-Credentials: true
Retry-After: 599.783
X-RateLimit-Limit: 100
X-RateLimit-Remaining: 99
X-RateLimit-Reset: Mon Oct 30 2023 03:06:04 GMT+0100 (Central European Standard Time)
x-powered-by: TUNISIAN RED CRESSCENT
Content-Type: application/json; charset=utf-8
Content-Length: 147
ETag: W/"93-sq1pbdnP3EaMQMYbMt4Hd5KnqQQ"
Connection: keep-alive
Keep-Alive: timeout=5"#;

const BODY_OF_200: &str = r#"{
  "code": 200,
  "message": {
    "RESPONSE_TEXT": "Le mot de passe a été modifié avec succès",
    "RESPONSE_CODE": "PASSWORD_CHANGED_SUCCESS_MESSAGE"
  }
}"#;

pub const BODY_OF_401: &str = r#"{
  "code": 401,
  "message": {
    "RESPONSE_TEXT": "Oups! Il semblerait que vos identifiants soient incorrect",
    "RESPONSE_CODE": "BAD_AUTH_COMBINATION_MESSAGE"
  }
}"#;

/// A suite at the time of the document, and the token of somebody who has its password.
async fn in_2023(db: &Database) -> (TestSuite, String) {
    let suite = TestSuite::start(db).await;
    suite.hand.set(OPENING);
    let password = "p8&Q4f7B1";
    let body = json!({
        "nom": "Melanie Marquardt", "email": "Royce27@gmail.com", "password": password, "confirmPassword": password,
    });
    let made = suite.send("POST", "/api/clients/register", None, Some(body)).await.json();
    let token = made["data"]["token"].as_str().unwrap().to_owned();
    (suite, token)
}

/// The head of the document's curl command, for a body of this length.
fn head(suite: &TestSuite, token: &str, length: usize) -> String {
    format!(
        "PUT {PATH} HTTP/1.1\r\nHost: {}\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n",
        suite.suite.http
    )
}

testing::on_both! {
    async fn the_printed_requests_get_the_printed_200(db: Database) {
        let (suite, mut token) = in_2023(&db).await;
        for body in [CURL, EXAMPLE, OTHER_ORDER] {
            let mut wire = suite.wire().await;
            wire.write(format!("{}\r\n{body}", head(&suite, &token, body.len()))).await;
            let answer = wire.answer().await.unwrap();

            answer.must_be(200, &compact(BODY_OF_200));
            let printed =
                HEADERS_OF_200.lines().filter(|line| line.starts_with("ETag") || line.starts_with("Content-"));
            has_headers(&answer, &printed.collect::<Vec<_>>().join("\n"));
            assert_eq!(suite.log_in("Royce27@gmail.com", "p8&Q4f7B1").await, None);
            token = suite.log_in("Royce27@gmail.com", "p8&Q4f7B").await.unwrap();
            assert_eq!(change(&suite, &token, fields("p8&Q4f7B", "p8&Q4f7B1", "p8&Q4f7B1")).await.status, 200);
        }
    }

    /// The third request of a window, 20.031 seconds after the first.
    async fn the_printed_200_comes_with_every_printed_header(db: Database) {
        let (suite, token) = in_2023(&db).await;
        for _ in 0..2 {
            is_whole(
                &change(&suite, &token, json!({})).await,
                400,
                &says(
                    400,
                    "MISSING_FIELDS_MESSAGE",
                    "Champs obligatoires manquants : oldPassword, newPassword, confirmPassword",
                ),
            );
            suite.hand.advance(Duration::from_millis(10_000));
        }
        suite.hand.advance(Duration::from_millis(31));

        let mut wire = suite.wire().await;
        wire.write(format!("{}\r\n{CURL}", head(&suite, &token, CURL.len()))).await;
        let answer = wire.answer().await.unwrap();

        answer.must_be(200, &compact(BODY_OF_200));
        has_headers(&answer, HEADERS_OF_200);
    }

    /// The first request of a window, 217 milliseconds on its way: the old password is wrong.
    async fn the_printed_401_comes_with_every_printed_header(db: Database) {
        let (suite, token) = in_2023(&db).await;
        let body = EXAMPLE.replace("p8&Q4f7B1", "p8&Q4f7B2");
        let mut wire = suite.wire().await;

        wire.write(format!("{}Expect: 100-continue\r\n\r\n", head(&suite, &token, body.len()))).await;
        assert_eq!(wire.answer().await.unwrap().status, 100);
        // The server asks for the body only now, when it has counted the request.
        suite.hand.advance(Duration::from_millis(217));
        wire.write(body).await;
        let answer = wire.answer().await.unwrap();

        answer.must_be(401, &compact(BODY_OF_401));
        has_headers(&answer, HEADERS_OF_401);
    }

    async fn a_connection_goes_on_after_an_answer_as_it_says(db: Database) {
        let (suite, token) = in_2023(&db).await;
        let mut wire = suite.wire().await;
        for status in [200, 401] {
            wire.write(format!("{}\r\n{CURL}", head(&suite, &token, CURL.len()))).await;
            assert_eq!(wire.answer().await.unwrap().status, status);
        }
    }
}
