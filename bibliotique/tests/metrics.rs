//! Figures for Prometheus: what is counted, where it can be read, and that dashboard and alerts ask for nothing else.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use process::{
    PASSWORD, PATIENCE, Process, Setup,
    door::{Door, registration},
    eventually, free_address,
    library::livre,
    roles::Roles,
};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};
use testing::{
    Database,
    suite::{ADMIN, answer},
};
use tokio::{task::JoinSet, time::Instant};

/// What can be read at a port.
struct Figures(String);

impl Figures {
    async fn at(address: &str) -> Self {
        let read = Door::at(address).get("/metrics", None).await;
        assert_eq!(read.status, 200);
        assert!(
            read.header("content-type").starts_with("text/plain; version=0.0.4"),
            "{}",
            read.header("content-type")
        );
        Self(read.text)
    }

    /// All series: a name with its labels, and a number.
    fn series(&self) -> impl Iterator<Item = (&str, f64)> {
        let lines = self.0.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| line.rsplit_once(' ').map(|(series, number)| (series, number.parse().unwrap())).unwrap())
    }

    /// The sum of all series of a name that have these labels; `None` when there are none.
    fn sum(&self, name: &str, labels: &[&str]) -> Option<f64> {
        let is_meant =
            |series: &str| series.split('{').next() == Some(name) && labels.iter().all(|label| series.contains(label));
        let found: Vec<f64> = self.series().filter(|(series, _)| is_meant(series)).map(|(_, number)| number).collect();
        (!found.is_empty()).then(|| found.iter().sum())
    }

    /// Names and what they are: `counter`, `gauge`, `histogram`.
    fn families(&self) -> BTreeMap<&str, &str> {
        self.0.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect()
    }
}

/// A suite whose figures can be read, and where.
async fn read_at(directory: &TempDir, also: impl Fn(Setup) -> Setup) -> (Process, String) {
    let address = free_address();
    let setup = also(Setup::suite(directory).with_admin().with("METRICS_ADDR", &address));
    (setup.start().await, address)
}

/// Whatever a library does in a day; answers with the admin's token.
async fn a_day(door: &Door) -> String {
    let admin = door.token(ADMIN, PASSWORD).await;
    assert_eq!(door.sign_in(ADMIN, "Kein-1-Passwort").await.status, 401);
    let reader = door.register("elodie@example.org").await;
    let book = door.post("/api/livres", Some(&admin), livre("La Peste", 1)).await.json();
    let book = book["data"]["livre"]["_id"].as_str().unwrap().to_owned();
    let lend = || door.request("POST", &format!("/api/emprunts/{book}")).bearer_auth(&reader);
    let mut loan = Value::Null;
    // Sent again, it is the same loan.
    for _ in 0..3 {
        let lent = answer(lend().header("Idempotency-Key", "once")).await;
        assert_eq!(lent.status, 201, "{}", lent.text);
        loan = lent.json()["data"]["emprunt"]["_id"].clone();
    }
    let loan = format!("/api/emprunts/{}", loan.as_str().unwrap());
    assert_eq!(door.post(&format!("{loan}/renouveler"), Some(&reader), json!({})).await.status, 200);
    let hold = json!({"livreId": book});
    let other = door.register("adele@example.org").await;
    assert_eq!(door.post("/api/reservations", Some(&other), hold).await.status, 201);
    for _ in 0..3 {
        let returned = door.request("POST", &format!("{loan}/return")).bearer_auth(&reader);
        assert_eq!(answer(returned.header("Idempotency-Key", "back")).await.status, 200);
    }
    assert_eq!(door.get("/v1/users/no", Some(&admin)).await.status, 405);
    let key = door.request("PATCH", "/api/user/password").json(&json!({}));
    assert_eq!(answer(key).await.status, 403);
    admin
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_counted_once() {
    let directory = tempdir().unwrap();
    let (suite, address) = read_at(&directory, |setup| setup).await;
    let door = suite.door();

    a_day(&door).await;

    // What is looked at now and then, and what is so at a moment. Two of the sessions came with the registrations.
    let mut figures = Figures::at(&address).await;
    let are_so = async || {
        figures = Figures::at(&address).await;
        let are = |number: f64, names: &[&str]| names.iter().all(|name| figures.sum(name, &[]) == Some(number));
        are(3.0, &["bibliotique_sessions"])
            && are(4.0, &["bibliotique_ready"])
            && are(1.0, &["bibliotique_feed_current"])
            && are(0.0, &["bibliotique_http_requests_in_flight", "bibliotique_password_hashes_running"])
            && figures.sum("bibliotique_grpc_server_calls_in_flight", &["IdentityService"]) == Some(0.0)
    };
    eventually(PATIENCE, "the sessions are counted, and everything is at rest", are_so).await;
    for (name, labels, number) in [
        ("bibliotique_loans_total", &[][..], 1.0),
        ("bibliotique_renewals_total", &[], 1.0),
        ("bibliotique_returns_total", &[], 1.0),
        ("bibliotique_holds_total", &[], 1.0),
        ("bibliotique_sign_ins_total", &["outcome=\"succeeded\""], 1.0),
        ("bibliotique_sign_ins_total", &["outcome=\"refused\""], 1.0),
        ("bibliotique_panics_total", &[], 0.0),
        ("bibliotique_http_limited_total", &[], 0.0),
        ("bibliotique_database_connections_max", &["role=\"lending\"", "pool=\"write\""], 1.0),
        ("bibliotique_http_requests_total", &["surface=\"user\"", "method=\"PATCH\"", "status=\"4xx\""], 1.0),
        ("bibliotique_http_requests_total", &["route=\"/api/livres\"", "method=\"POST\"", "status=\"2xx\""], 1.0),
        ("bibliotique_http_requests_total", &["route=\"/api/livres\"", "method=\"POST\"", "status=\"5xx\""], 0.0),
        ("bibliotique_http_requests_total", &["route=\"/api/emprunts/{", "status=\"2xx\""], 7.0),
        ("bibliotique_http_request_duration_seconds_count", &["route=\"/api/livres\"", "method=\"POST\""], 1.0),
        ("bibliotique_http_request_duration_seconds_bucket", &["route=\"/api/livres\"", "le=\"+Inf\""], 1.0),
        ("bibliotique_grpc_server_calls_total", &["method=\"LogIn\"", "code=\"UNAUTHENTICATED\""], 1.0),
        ("bibliotique_grpc_client_calls_total", &["method=\"LogIn\"", "target=\"identity\"", "code=\"OK\""], 1.0),
    ] {
        assert_eq!(figures.sum(name, labels), Some(number), "{name} {labels:?}\n{}", figures.0);
    }
    let some = |name: &str| figures.sum(name, &[]).is_some_and(|number| number > 0.0);
    for name in ["process_resident_memory_bytes", "process_cpu_seconds_total", "bibliotique_start_seconds"] {
        assert!(some(name) || !Path::new("/proc/self/stat").exists(), "{name}");
    }
    assert!(figures.sum("bibliotique_feed_lag_seconds", &[]).unwrap() < 30.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_serves_the_figures_and_nothing_else() {
    let directory = tempdir().unwrap();
    let (suite, address) = read_at(&directory, |setup| setup).await;
    let port = Door::at(&address);

    for path in ["/", "/api/livres", "/healthz", "/readyz", "/metrics/", "/metrics/x", "/openapi.json"] {
        assert_eq!(port.get(path, None).await.status, 404, "{path}");
    }
    assert_eq!(port.post("/metrics", None, json!({})).await.status, 405);
    let health = "/grpc.health.v1.Health/Check";
    assert_eq!(port.post(health, None, json!({})).await.status, 404);
    for other in [&suite.http, &suite.grpc] {
        let door = Door::at(other);
        assert_ne!(door.get("/metrics", None).await.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_invent_makes_no_new_figures() {
    let directory = tempdir().unwrap();
    let (suite, address) = read_at(&directory, |setup| setup).await;
    let door = suite.door();
    let grpc = Door::at(&suite.grpc);
    let invent = async |number: usize| {
        door.get(&format!("/api/livres/{number:024x}"), None).await;
        door.get(&format!("/api/livres?q={number}"), None).await;
        door.get(&format!("/invented/{number}"), None).await;
        door.try_ask(&format!("INVENT{number}"), "/api/livres", None, None).await.unwrap();
        grpc.post(&format!("/invented.Service{number}/Method{number}"), None, json!({})).await;
        grpc.post(&format!("/bibliotique.identity.v1.IdentityService/{number}"), None, json!({})).await;
    };
    let counted = async || {
        let figures = Figures::at(&address).await;
        // What works by itself may do something else for the first time.
        figures.series().filter(|(series, _)| series.contains("http_") || series.contains("grpc_server")).count()
    };
    let has_begun = async || {
        let figures = Figures::at(&address).await;
        figures.sum("bibliotique_feed_current", &[]) == Some(1.0) && figures.sum("bibliotique_ready", &[]) == Some(4.0)
    };
    eventually(PATIENCE, "what works by itself has asked whom it asks", has_begun).await;
    invent(0).await;
    let before = counted().await;

    for number in 1..100 {
        invent(number).await;
    }

    assert_eq!(counted().await, before);
    let figures = Figures::at(&address).await;
    let other = ["surface=\"other\"", "route=\"other\"", "status=\"4xx\""];
    assert_eq!(figures.sum("bibliotique_http_requests_total", &other), Some(100.0));
    assert_eq!(figures.sum("bibliotique_http_requests_total", &["method=\"_OTHER\"", "4xx"]), Some(100.0));
    assert_eq!(
        figures.sum("bibliotique_grpc_server_calls_total", &["service=\"other\"", "method=\"other\""]),
        Some(200.0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_sign_ins_shows_in_the_queue_and_in_who_is_turned_away() {
    let directory = tempdir().unwrap();
    let (suite, address) = read_at(&directory, |setup| setup.with("BCRYPT_COST", "12")).await;
    let mut flood = JoinSet::new();
    for number in 0..100 {
        let door = suite.door();
        flood.spawn(async move { door.sign_in(&format!("nobody{number}@example.org"), PASSWORD).await.status });
    }

    let is_seen = async || {
        let figures = Figures::at(&address).await;
        let waiting = figures.sum("bibliotique_password_hashes_waiting", &[]).unwrap();
        waiting > 0.0 && figures.sum("bibliotique_password_hashes_running", &[]).unwrap() > 0.0
    };
    eventually(PATIENCE, "the queue is seen", is_seen).await;

    let turned_away = flood.join_all().await.into_iter().filter(|status| *status == 503).count();
    let figures = Figures::at(&address).await;
    #[expect(clippy::cast_precision_loss, reason = "a hundred at most")]
    let expected = Some(turned_away as f64);
    assert!(turned_away > 0);
    assert_eq!(figures.sum("bibliotique_password_hashes_refused_total", &[]), expected);
    assert_eq!(figures.sum("bibliotique_sign_ins_total", &["outcome=\"turned_away\""]), expected);
}

/// At night no request fails: there is none.
#[tokio::test(flavor = "multi_thread")]
async fn whether_roles_can_do_their_work_is_told_where_nobody_asks_for_anything() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let [of_identity, of_gateway] = [free_address(), free_address()];
    let setup = Setup::identity(&directory, database.url()).with("DRAIN_SECONDS", "8");
    let mut identity = setup.with("METRICS_ADDR", &of_identity).start().await;
    let gateway = Setup::gateway(&directory, &identity.grpc).with("METRICS_ADDR", &of_gateway);
    let _gateway = gateway.start().await;
    let is_told = async |address: &str, role: &str, ready: f64| {
        let told = async || Figures::at(address).await.sum("bibliotique_ready", &[role]) == Some(ready);
        eventually(PATIENCE, &format!("{role} is {ready}"), told).await;
    };
    is_told(&of_identity, "role=\"identity\"", 1.0).await;
    is_told(&of_gateway, "role=\"gateway\"", 1.0).await;

    // While it serves on it says so itself, and the gateway sees it.
    identity.signal("TERM");
    is_told(&of_identity, "role=\"identity\"", 0.0).await;
    is_told(&of_gateway, "role=\"gateway\"", 0.0).await;
    identity.kill();
    identity = identity.again().start().await;

    is_told(&of_gateway, "role=\"gateway\"", 1.0).await;
    drop(identity);
    is_told(&of_gateway, "role=\"gateway\"", 0.0).await;
}

/// Nobody is turned away who asks whether the gateway is ready, so that must not be a way to ask the roles more than they can bear.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_that_asks_whether_the_gateway_is_ready_does_not_reach_the_roles() {
    let directory = tempdir().unwrap();
    let (suite, address) = read_at(&directory, |setup| setup).await;
    let asked = async || {
        let figures = Figures::at(&address).await;
        figures.sum("bibliotique_grpc_client_calls_total", &["method=\"Check\"", "target=\"identity\""]).unwrap_or(0.0)
    };
    let (before, began) = (asked().await, Instant::now());
    let mut flood = JoinSet::new();
    for _ in 0..200 {
        let door = suite.door();
        flood.spawn(async move { door.is_ready().await });
    }

    assert!(flood.join_all().await.into_iter().all(|is_ready| is_ready));

    // Ten times a second at most, the gateway's own question among them.
    let (questions, took) = (asked().await - before, began.elapsed().as_secs_f64());
    assert!(asked().await > 0.0, "the roles' answers are not counted");
    assert!(questions <= 10.0 * took + 2.0, "{questions} in {took} s");
}

testing::on_both! {
    async fn while_lending_is_away_catalogs_figures_say_so(database: Database) {
        let (directory, address) = (tempdir().unwrap(), free_address());
        let of_catalog = |setup: Setup| if setup.serves("catalog") { setup.with("METRICS_ADDR", &address) } else { setup };
        let mut roles = Roles::start(&directory, &database, of_catalog).await;
        let admin = roles.door.token(ADMIN, PASSWORD).await;
        let is_current = async || Figures::at(&address).await.sum("bibliotique_feed_current", &[]) == Some(1.0);
        eventually(PATIENCE, "catalog has heard everything", is_current).await;

        roles.lending.kill();
        let made = roles.door.post("/api/livres", Some(&admin), livre("La Peste", 1)).await;

        assert_eq!(made.status, 201, "{}", made.text);
        let says_so = async || {
            let figures = Figures::at(&address).await;
            let number = |name| figures.sum(name, &[]).unwrap();
            number("bibliotique_feed_current") == 0.0
                && number("bibliotique_feed_lag_seconds") > 1.0
                && number("bibliotique_orders_waiting") == 1.0
                && number("bibliotique_orders_oldest_age_seconds") > 0.0
        };
        eventually(PATIENCE, "the figures say so", says_so).await;
        let figures = Figures::at(&address).await;
        assert!(figures.sum("bibliotique_grpc_client_calls_total", &["lending", "code=\"UNAVAILABLE\""]).unwrap() > 0.0);

        roles.lending = roles.lending.again().start().await;
        let is_over = async || {
            let figures = Figures::at(&address).await;
            figures.sum("bibliotique_feed_current", &[]) == Some(1.0)
                && figures.sum("bibliotique_orders_waiting", &[]) == Some(0.0)
        };
        eventually(PATIENCE, "they say that it is over", is_over).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_one_sentence_and_no_start() {
    let directory = tempdir().unwrap();
    let (suite, _) = read_at(&directory, |setup| setup).await;
    let other = tempdir().unwrap();

    let ended = Setup::suite(&other).with("METRICS_ADDR", &suite.http).run().await;

    assert!(!ended.status.success());
    let sentence = format!("bibliotique: cannot listen on {} for metrics", suite.http);
    assert!(ended.logged.starts_with(&sentence) && ended.logged.lines().count() == 1, "{}", ended.logged);
}

/// The names of figures that an expression asks for.
fn asked_for(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let is_name = |word: &&str| word.starts_with("bibliotique_") || word.starts_with("process_");
    words.filter(is_name).map(str::to_owned).collect()
}

/// All texts under a key, at whatever depth.
fn texts<'json>(json: &'json Value, key: &str, found: &mut Vec<&'json str>) {
    match json {
        Value::Object(fields) => {
            found.extend(fields.get(key).and_then(Value::as_str));
            fields.values().for_each(|value| texts(value, key, found));
        }
        Value::Array(values) => values.iter().for_each(|value| texts(value, key, found)),
        _ => (),
    }
}

/// The dashboard's and the alerts' expressions.
fn expressions() -> Vec<String> {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    let dashboard: Value = serde_json::from_slice(&fs::read(deploy.join("grafana/bibliotique.json")).unwrap()).unwrap();
    let alerts: Value = serde_yaml_ng::from_slice(&fs::read(deploy.join("prometheus/alerts.yml")).unwrap()).unwrap();
    let mut found = Vec::new();
    texts(&dashboard, "expr", &mut found);
    texts(&dashboard, "definition", &mut found);
    let of_dashboard = found.len();
    texts(&alerts, "expr", &mut found);
    assert!(of_dashboard > 10 && found.len() > of_dashboard + 5);
    found.into_iter().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboard_and_alerts_ask_for_figures_that_there_are_and_every_figure_is_explained() {
    let directory = tempdir().unwrap();
    let certificates = Setup::new(&directory, &["certs", "pki"]).run().await;
    assert!(certificates.status.success(), "{}", certificates.logged);
    let file = |name: &str| directory.path().join("pki/suite").join(name).display().to_string();
    let secured = |setup: Setup| {
        setup.with("TLS_CA", &file("ca.crt")).with("TLS_CERT", &file("tls.crt")).with("TLS_KEY", &file("tls.key"))
    };
    let (suite, address) = read_at(&directory, secured).await;
    a_day(&suite.door()).await;
    let is_all = async || Figures::at(&address).await.sum("bibliotique_sessions", &[]).is_some();
    eventually(PATIENCE, "all is counted", is_all).await;
    let figures = Figures::at(&address).await;
    let families = figures.families();

    for (name, kind) in &families {
        let help = figures.0.lines().find_map(|line| line.strip_prefix(&format!("# HELP {name} ")));
        assert!(help.is_some_and(|help| help.ends_with('.')), "{name}: {help:?}");
        assert_eq!(name.ends_with("_total"), *kind == "counter", "{name}");
        assert_eq!(
            name.ends_with("_duration_seconds") || name.ends_with("_wait_seconds"),
            *kind == "histogram",
            "{name}"
        );
    }
    let mut there: BTreeSet<String> = families.keys().map(|name| (*name).to_owned()).collect();
    for (name, _) in families.iter().filter(|(_, kind)| **kind == "histogram") {
        there.remove(*name);
        there.extend(["bucket", "sum", "count"].map(|part| format!("{name}_{part}")));
    }
    for expression in expressions() {
        let asked = asked_for(&expression);
        let missing: Vec<_> = asked.difference(&there).collect();
        assert!(missing.is_empty(), "{missing:?} of {expression:?}");
        assert!(!asked.is_empty() || expression.contains("up{"), "{expression}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_is_no_sign_in() {
    let directory = tempdir().unwrap();
    let (suite, address) = read_at(&directory, |setup| setup).await;

    let body = registration("elodie@example.org", PASSWORD);
    assert_eq!(suite.door().post("/api/clients/register", None, body).await.status, 201);

    let figures = Figures::at(&address).await;
    assert_eq!(figures.sum("bibliotique_sign_ins_total", &[]), Some(0.0));
    assert_eq!(figures.sum("bibliotique_grpc_server_calls_total", &["method=\"LogIn\""]), None);
}
