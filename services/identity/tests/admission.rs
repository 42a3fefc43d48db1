//! Hashing is rationed: who finds no room is told so at once in his surface's words, and everything else goes on.

use std::{sync::Arc, time::Duration};

use identity::Admission;
use serde_json::{Value, json};
use testing::{
    SURFACES, TestSuite,
    suite::{ADMIN, Answer, PASSWORD, answer},
};
use tokio::task::JoinSet;

const NEW: &str = "Zebre-neuf-42";

async fn log_in(suite: &TestSuite, login: &str) -> Answer {
    suite.send("POST", "/api/clients/login", None, Some(json!({"email": login, "password": PASSWORD}))).await
}

/// What a surface says when it is told to come back later; its own words, with when.
fn is_busy(surface: &str, answer: &Answer) -> bool {
    let body = answer.json();
    let in_its_words = match surface {
        "library" => body == json!({"success": false, "message": "Service temporarily unavailable!", "data": null}),
        "ocariot" => body["code"] == 503 && body["message"] == "SERVICE UNAVAILABLE",
        "swift" => body["code"] == 503 && body["message"]["RESPONSE_CODE"] == "UNAVAILABLE_MESSAGE",
        "applivery" => body["status"] == false && body["error"]["code"] == 1007,
        _ => body == json!({"success": false, "message": "Service temporarily unavailable"}),
    };
    let when = answer.header("retry-after").parse::<f64>().is_ok_and(|seconds| seconds > 0.0);
    answer.status == 503 && in_its_words && when
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_served_one_by_one_and_the_rest_is_sent_away_while_other_routes_go_on() {
    let db = testing::sqlite().await;
    let suite = TestSuite::start_with(&db, |settings| {
        // So slow that many cannot be served while a busy machine is still sending them all.
        settings.identity.bcrypt_cost = 12;
        settings.identity.admission = Admission { permits: 1, waiting: 2, patience: Duration::from_millis(200) };
    });
    let suite = Arc::new(suite.await);
    let person = suite.register("lecteur@example.org").await;

    let mut flood = JoinSet::new();
    for number in 0..20 {
        let suite = suite.clone();
        let login = if number % 2 == 0 { person.email.clone() } else { "personne@example.org".to_owned() };
        flood.spawn(async move { log_in(&suite, &login).await });
    }
    let mut seen = 0;
    let mut answers = Vec::new();
    while !flood.is_empty() {
        for path in ["/api/clients/me", "/readyz"] {
            assert_eq!(suite.send("GET", path, Some(&person.token), None).await.status, 200, "{path}");
            seen += 1;
        }
        while let Some(answer) = flood.try_join_next() {
            answers.push(answer.unwrap());
        }
    }

    let served = answers.iter().filter(|answer| [200, 401].contains(&answer.status)).count();
    let away = answers.iter().filter(|answer| is_busy("library", answer)).count();
    assert_eq!((served + away, answers.len()), (20, 20), "{answers:?}");
    assert!((1..=10).contains(&served), "{served} of 20 were served by one permit and two places");
    assert!(seen >= 2);
    assert!(suite.log_in(&person.email, PASSWORD).await.is_some(), "the room is there again");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_room_every_surface_says_so_in_its_own_words_and_only_passwords_wait() {
    let db = testing::sqlite().await;
    let before = TestSuite::start(&db).await;
    let (person, key) = (before.register_admin("lecteur@example.org").await, before.api_key().await);
    // The accounts are there already, so a replica that may hash nothing can start.
    let suite = TestSuite::start_with(&db, |settings| {
        settings.identity.admission = Admission { permits: 0, waiting: 0, patience: Duration::from_secs(30) };
    });
    let suite = suite.await;

    let new = json!({"nom": "Lecteur", "email": "b@example.org", "password": PASSWORD, "confirmPassword": PASSWORD});
    let register = suite.send("POST", "/api/clients/register", None, Some(new)).await;
    assert!(is_busy("library", &register), "{}", register.text);
    for login in [ADMIN, "personne@example.org", "", "lecteur@example.org"] {
        let refused = log_in(&suite, login).await;
        assert!(is_busy("library", &refused), "{login}: {}", refused.text);
    }
    for surface in SURFACES.into_iter().cycle().take(20) {
        let refused = answer(suite.change(surface, &person, &key, PASSWORD, NEW)).await;
        assert!(is_busy(surface, &refused), "{surface}: {} {}", refused.status, refused.text);
    }

    for (method, path, body) in [
        ("GET", "/healthz", Value::Null),
        ("GET", "/readyz", Value::Null),
        ("GET", "/api/clients/me", Value::Null),
        ("GET", "/api/clients", Value::Null),
        ("GET", "/api/admin/api-keys", Value::Null),
        ("PUT", "/api/clients/profile", json!({"nom": "Lectrice"})),
        ("POST", "/api/clients/logout", Value::Null),
    ] {
        let body = Some(body).filter(|body| !body.is_null());
        assert_eq!(suite.send(method, path, Some(&person.token), body).await.status, 200, "{path}");
    }
    // Forty attempts that were not looked at are no failures.
    assert!(before.log_in(&person.email, PASSWORD).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_too_long_is_sent_away() {
    let db = testing::sqlite().await;
    drop(TestSuite::start(&db).await);
    let patience = Duration::from_millis(100);
    let suite = TestSuite::start_with(&db, |settings| {
        settings.identity.admission = Admission { permits: 0, waiting: 1, patience };
    });
    let suite = suite.await;
    let began = std::time::Instant::now();

    let refused = log_in(&suite, ADMIN).await;

    assert!(is_busy("library", &refused), "{}", refused.text);
    assert!(began.elapsed() >= patience);
}
