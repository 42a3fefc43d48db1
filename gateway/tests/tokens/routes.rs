//! Every route that asks for a token: what it takes, and what it does when identity cannot be asked.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use aws_lc_rs::signature::Ed25519KeyPair;
use jiff::tz::TimeZone;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use shared::{
    Clock,
    channel::Channel,
    on,
    passport::{Caller, Passports},
    secret::Secret,
    server::{Limits, serve},
};
use testing::{
    SURFACES, TestSuite,
    suite::{ADMIN, Answer, BEGIN, INTERNAL_KEY, PASSWORD, Person, answer},
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::forge::{Forge, LIFETIME, NEW, claims_of, signed_by, with};

/// Every route that asks for a token, as somebody with an account calls it.
fn protected(suite: &TestSuite, person: &Person, key: &str) -> Vec<(String, RequestBuilder)> {
    let account = format!("/api/clients/{}", person.id);
    let loans = format!("/api/emprunts/client/{}", person.id);
    let copy = "/api/livres/5a62be07de34500146d9c544/exemplaires/5a62be07de34500146d9c544".to_owned();
    let mut routes: Vec<_> = [
        ("POST", "/api/clients/logout", Value::Null),
        ("PUT", "/api/clients/profile", json!({"nom": "Lectrice"})),
        ("GET", "/api/clients/me", Value::Null),
        ("GET", "/api/clients", Value::Null),
        ("GET", &account, Value::Null),
        ("PUT", &account, json!({"nom": "Lectrice"})),
        ("DELETE", &account, Value::Null),
        ("POST", "/api/livres", json!({})),
        ("PUT", "/api/livres/5a62be07de34500146d9c544", json!({})),
        ("DELETE", "/api/livres/5a62be07de34500146d9c544", Value::Null),
        ("POST", "/api/categories", json!({})),
        ("PUT", "/api/categories/5a62be07de34500146d9c544", json!({})),
        ("DELETE", "/api/categories/5a62be07de34500146d9c544", Value::Null),
        ("GET", "/api/clients/emprunts", Value::Null),
        ("GET", "/api/emprunts", Value::Null),
        ("POST", "/api/emprunts", json!({"livreId": "5a62be07de34500146d9c544"})),
        ("POST", "/api/emprunts/5a62be07de34500146d9c544", Value::Null),
        ("GET", "/api/emprunts/5a62be07de34500146d9c544", Value::Null),
        ("PUT", "/api/emprunts/5a62be07de34500146d9c544", json!({"statut": "retourné"})),
        ("DELETE", "/api/emprunts/5a62be07de34500146d9c544", Value::Null),
        ("POST", "/api/emprunts/5a62be07de34500146d9c544/return", Value::Null),
        ("POST", "/api/emprunts/5a62be07de34500146d9c544/renouveler", Value::Null),
        ("GET", &loans, Value::Null),
        ("GET", "/api/reservations", Value::Null),
        ("POST", "/api/reservations", json!({"livreId": "5a62be07de34500146d9c544"})),
        ("GET", "/api/reservations/5a62be07de34500146d9c544", Value::Null),
        ("DELETE", "/api/reservations/5a62be07de34500146d9c544", Value::Null),
        ("GET", "/api/livres/5a62be07de34500146d9c544/exemplaires", Value::Null),
        ("POST", "/api/livres/5a62be07de34500146d9c544/exemplaires", json!({})),
        ("GET", &copy, Value::Null),
        ("PATCH", &copy, json!({"etat": "perdu"})),
        ("DELETE", &copy, Value::Null),
        ("POST", "/api/admin/api-keys", json!({"name": "App"})),
        ("GET", "/api/admin/api-keys", Value::Null),
        ("DELETE", "/api/admin/api-keys/5a62be07de34500146d9c544", Value::Null),
    ]
    .into_iter()
    .map(|(method, path, body)| {
        let request = suite.request(method, path).bearer_auth(&person.token);
        (format!("{method} {path}"), if body.is_null() { request } else { request.json(&body) })
    })
    .collect();
    routes.extend(SURFACES.map(|surface| (surface.to_owned(), suite.change(surface, person, key, PASSWORD, NEW))));
    routes
}

#[tokio::test(flavor = "multi_thread")]
async fn every_protected_route_looks_at_the_token() {
    let (forge, db) = Forge::open().await;
    let (suite, key) = (&forge.suite, forge.suite.api_key().await);
    let admin = suite.register_admin("admin2@example.org").await;
    let claims = claims_of(&admin.token);
    let other = Ed25519KeyPair::generate().unwrap();

    for (what, token) in [
        ("another key's", signed_by(&other, &forge.header, &claims)),
        ("an unknown key's", signed_by(&other, &with(&forge.header, "kid", "5a62be07de34500146d9c544"), &claims)),
        (
            "an expired",
            forge.signed(&forge.header, &with(&with(&claims, "exp", BEGIN.seconds() - 6), "iat", BEGIN.seconds() - 60)),
        ),
        ("a revoked", forge.signed(&forge.header, &with(&claims, "sid", "5a62be07de34500146d9c544"))),
        ("no", "x".to_owned()),
    ] {
        let bearer = Person { token, ..admin.clone() };
        for (route, request) in protected(suite, &bearer, &key) {
            let refused = answer(request).await;
            assert_eq!(refused.status, 401, "{route} takes {what} token: {}", refused.text);
        }
    }
    let names: Vec<String> = on!(&db.tables().await, |db| {
        sqlx::query_scalar("SELECT name FROM account WHERE name = 'Lectrice'").fetch_all(db).await.unwrap()
    });
    assert!(names.is_empty());
    assert!(suite.log_in(&admin.email, PASSWORD).await.is_some());
}

/// A gateway alone, as `bibliotique serve gateway` runs it, with identity at an address.
async fn gateway_to(identity: SocketAddr) -> SocketAddr {
    let (clock, _) = Clock::manual(BEGIN);
    let passports = Arc::new(Passports::new(&Secret::from(INTERNAL_KEY)));
    let caller = Caller::service("gateway");
    let channel =
        Channel::remote(&identity.to_string(), proto::DESCRIPTORS, "identity", caller, passports, clock.clone());
    let channel = channel.unwrap();
    let app = gateway::app(gateway::Settings {
        identity: channel.clone(),
        catalog: channel.clone(),
        lending: channel,
        session: Duration::from_secs(LIFETIME as u64),
        time_zone: TimeZone::UTC,
        cors_origins: Vec::new(),
        limits: gateway::LimitArgs::default(),
        clock,
        leaving: CancellationToken::new(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let http = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, app, Limits::default(), CancellationToken::new()));
    http
}

/// Sends requests to another gateway, all at once: each tries for a while.
async fn elsewhere(gateway: SocketAddr, requests: Vec<(String, RequestBuilder)>) -> Vec<(String, Answer)> {
    let mut asked = JoinSet::new();
    for (route, request) in requests {
        let (http, request) = request.build_split();
        let mut request = request.unwrap();
        request.url_mut().set_port(Some(gateway.port())).unwrap();
        asked.spawn(async move { (route, answer(RequestBuilder::from_parts(http, request)).await) });
    }
    asked.join_all().await
}

fn is_unavailable(route: &str, answer: &Answer) {
    assert_eq!(answer.status, 503, "{route}: {}", answer.text);
    assert!(answer.header("retry-after").parse::<f64>().is_ok_and(|seconds| seconds > 0.0), "{route}");
    assert!(answer.header("content-type").starts_with("application/json"), "{route}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_identity_nothing_is_let_through() {
    let (forge, _db) = Forge::open().await;
    let (suite, key) = (&forge.suite, forge.suite.api_key().await);
    let admin = suite.register_admin("admin2@example.org").await;
    // Nobody listens on a port that was free a moment ago.
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gateway = gateway_to(dead).await;

    for (route, answer) in elsewhere(gateway, protected(suite, &admin, &key)).await {
        is_unavailable(&route, &answer);
    }
    let login = suite.request("POST", "/api/clients/login").json(&json!({"email": ADMIN, "password": PASSWORD}));
    for (route, answer) in elsewhere(gateway, vec![("login".to_owned(), login)]).await {
        is_unavailable(&route, &answer);
    }

    // What can be refused without asking anybody still is.
    let bad =
        ["", "x", "a.b.c"].map(|token| (token.to_owned(), suite.request("GET", "/api/clients/me").bearer_auth(token)));
    for (token, answer) in elsewhere(gateway, bad.into()).await {
        assert_eq!(answer.status, 401, "{token:?}");
    }
    let alive = elsewhere(gateway, vec![("healthz".to_owned(), suite.request("GET", "/healthz"))]).await;
    assert_eq!(alive[0].1.status, 200);
    // And nothing of all that was done.
    assert_eq!(suite.send("GET", "/api/clients", Some(&admin.token), None).await.status, 200);
    assert!(suite.log_in(&admin.email, PASSWORD).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_knows_the_key_still_asks_for_the_session() {
    let (forge, _db) = Forge::open().await;
    let key = forge.suite.api_key().await;
    let admin = forge.suite.register_admin("admin2@example.org").await;
    let gateway = gateway_to(forge.suite.suite.identity).await;
    let me = || vec![("me".to_owned(), forge.suite.request("GET", "/api/clients/me").bearer_auth(&admin.token))];
    assert_eq!(elsewhere(gateway, me()).await[0].1.status, 200);
    let (again, requests) = (me(), protected(&forge.suite, &admin, &key));

    forge.suite.suite.end(Duration::ZERO).await;

    is_unavailable("me", &elsewhere(gateway, again).await[0].1);
    for (route, answer) in elsewhere(gateway, requests).await {
        is_unavailable(&route, &answer);
    }
}
