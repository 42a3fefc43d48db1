//! What one client address may ask, behind a proxy that is believed about whose requests it sends.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::time::Instant;

use gateway::LimitArgs;
use serde_json::json;
use testing::{
    Database, TestSuite,
    suite::{ADMIN, Answer, PASSWORD, answer},
};

/// A suite behind a proxy on this machine, where so much may be asked.
async fn behind_a_proxy(database: &Database, rate: &str, password_rate: &str) -> TestSuite {
    let (rate_limit, password_rate_limit) = (rate.parse().unwrap(), password_rate.parse().unwrap());
    let trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    let limits = LimitArgs { trusted_proxies, rate_limit, password_rate_limit };
    TestSuite::start_with(database, |settings| {
        settings.gateway.limits = limits;
        settings.gateway.cors_origins = vec!["https://app.example.org".parse().unwrap()];
    })
    .await
}

/// What a client gets through the proxy.
async fn ask(suite: &TestSuite, client: &str, method: &str, path: &str) -> Answer {
    let named = format!("10.9.9.9, {client}");
    let request = suite.request(method, path).header("x-forwarded-for", named);
    answer(request.header("origin", "https://app.example.org")).await
}

/// The answer to what is too much. For each second that went by meanwhile, on a slow machine, one more was not too much yet.
async fn over(ask: impl AsyncFn() -> Answer) -> Answer {
    let began = Instant::now();
    let mut more = 0;
    loop {
        let answer = ask().await;
        if answer.status == 429 {
            return answer;
        }
        more += 1;
        // Seconds may have gone by before, and then as many may come as at once.
        assert!(more <= 3 + began.elapsed().as_secs(), "{more} more than may come were let in");
    }
}

async fn sign_in(suite: &TestSuite, client: &str) -> Answer {
    let body = json!({"email": ADMIN, "password": PASSWORD});
    answer(suite.request("POST", "/api/clients/login").header("x-forwarded-for", client).json(&body)).await
}

#[tokio::test]
async fn who_asks_too_much_is_told_in_the_words_of_each_surface_when_to_come_again() {
    let database = testing::sqlite().await;
    let suite = behind_a_proxy(&database, "1/3", "off").await;
    let swift = r#"{"code":429,"message":{"RESPONSE_TEXT":"Trop de tentatives, veuillez réessayer plus tard","RESPONSE_CODE":"TOO_MANY_REQUESTS_MESSAGE"}}"#;
    for (number, (method, path, told)) in [
        (
            "GET",
            "/api/livres",
            r#"{"success":false,"message":"Too many attempts. Please try again later.","data":null}"#,
        ),
        (
            "GET",
            "/v1/children",
            r#"{"code":429,"message":"TOO MANY REQUESTS","description":"Too many attempts. Please try again later."}"#,
        ),
        ("PUT", "/api/v1/users/reset-password", swift),
        (
            "POST",
            "/v1/auth/register/update-password",
            r#"{"status":false,"error":{"code":1006,"message":"Too Many Requests"}}"#,
        ),
        ("PATCH", "/api/user/password", r#"{"success":false,"message":"Too many attempts, please try again later"}"#),
        ("GET", "/elsewhere", r#"{"status":429,"title":"Too Many Requests","type":"about:blank"}"#),
    ]
    .into_iter()
    .enumerate()
    {
        let client = format!("2001:db8:0:{number}::1");
        for _ in 0..3 {
            assert_ne!(ask(&suite, &client, method, path).await.status, 429, "{path}");
        }

        // Another address of the same network, and other addresses in front of it, are no way around.
        let over = over(async || ask(&suite, &format!("2001:db8:0:{number}::2"), method, path).await).await;

        over.must_be(429, told);
        // On the surface `swift` the header always says when its own window ends.
        assert!(over.header("retry-after") == "1" || told == swift, "{}", over.header("retry-after"));
        assert!(["https://app.example.org", "*"].contains(&over.header("access-control-allow-origin")), "{path}");
    }
    assert_eq!(ask(&suite, "203.0.113.7", "GET", "/api/livres").await.status, 200, "somebody else");
}

#[tokio::test]
async fn signing_in_has_a_limit_of_its_own() {
    let database = testing::sqlite().await;
    let suite = behind_a_proxy(&database, "off", "1/2").await;

    let statuses = [sign_in(&suite, "203.0.113.7").await.status, sign_in(&suite, "203.0.113.7").await.status];
    let over = over(async || sign_in(&suite, "203.0.113.7").await).await;

    assert_eq!((statuses, over.status, over.header("retry-after")), ([200, 200], 429, "1"), "{}", over.text);
    assert_eq!(ask(&suite, "203.0.113.7", "GET", "/api/livres").await.status, 200);
    assert_eq!(sign_in(&suite, "203.0.113.8").await.status, 200);
}

#[tokio::test]
async fn the_window_of_the_surface_swift_is_the_clients_and_not_the_proxys() {
    let database = testing::sqlite().await;
    let suite = behind_a_proxy(&database, "off", "off").await;
    let hit = async |client: &str| ask(&suite, client, "PUT", "/api/v1/users/reset-password").await;
    for _ in 0..100 {
        assert_eq!(hit("203.0.113.7").await.status, 401);
    }

    assert_eq!(hit("203.0.113.7").await.status, 429);
    assert_eq!(hit("203.0.113.8").await.header("x-ratelimit-remaining"), "99");
}

/// A balancer, and somebody who floods the gateway from the same address: it must not be taken out for that.
#[tokio::test]
async fn whether_the_gateway_is_ready_may_be_asked_by_who_has_asked_too_much() {
    let database = testing::sqlite().await;
    let suite = behind_a_proxy(&database, "1/20", "off").await;
    let probe = async || {
        for path in ["/healthz", "/readyz"].repeat(20) {
            assert_eq!(ask(&suite, "203.0.113.7", "GET", path).await.status, 200, "{path}");
        }
    };
    probe().await;
    assert_eq!(ask(&suite, "203.0.113.7", "GET", "/api/livres").await.status, 200, "probes count for nothing");

    let mut flood = 0;
    while ask(&suite, "203.0.113.7", "GET", "/api/livres").await.status != 429 {
        flood += 1;
        assert!(flood < 10_000, "nobody is counted");
    }

    probe().await;
    assert_eq!(ask(&suite, "203.0.113.8", "GET", "/readyz/").await.status, 404);
}

#[tokio::test]
async fn who_comes_from_this_machine_without_a_name_is_not_counted() {
    let database = testing::sqlite().await;
    let suite = behind_a_proxy(&database, "1/3", "1/3").await;

    for _ in 0..10 {
        assert_eq!(suite.send("GET", "/api/livres", None, None).await.status, 200);
    }
}
