//! A request is one trace through all roles, and whoever collects traces is in nobody's way.
#![expect(clippy::unwrap_used, reason = "a test")]

mod collector;
#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::time::Duration;

use collector::{Collector, Seen};
use process::{
    PASSWORD, PATIENCE, Setup,
    door::{Door, registration},
    eventually, free_address,
    library::livre,
    roles::Roles,
};
use serde_json::{Value, json};
use tempfile::tempdir;
use testing::{
    Database,
    suite::{ADMIN, Answer, answer},
};
use tokio::{io::AsyncReadExt as _, net::TcpListener, time::Instant};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const STATE: &str = "vendor=opaque";

/// What a client says of where he is.
fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{PARENT}-{flags}")
}

/// Sending its spans there, often.
fn exporting(setup: Setup, endpoint: &str) -> Setup {
    setup.with_foreign("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).with_foreign("OTEL_BSP_SCHEDULE_DELAY", "100")
}

async fn ask(door: &Door, method: &str, path: &str, token: &str, traceparent: &str, body: Option<Value>) -> Answer {
    let request = door.request(method, path).bearer_auth(token);
    let request = request.header("traceparent", traceparent).header("tracestate", STATE);
    answer(match body {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

/// The span of a service with this name.
fn find<'seen>(spans: &'seen [Seen], service: &str, kind: i32, name: &str) -> &'seen Seen {
    let found =
        spans.iter().find(|span| (span.service.as_str(), span.kind, span.name.as_str()) == (service, kind, name));
    found.unwrap_or_else(|| panic!("no {kind} {name} of {service} in {spans:#?}"))
}

/// Which service a span of it answers which caller's.
fn assert_asked(spans: &[Seen], caller: (&str, &Seen), callee: &str, rpc: &str) -> Seen {
    let served = find(spans, callee, 2, rpc);
    let asked = spans.iter().find(|span| span.id == served.parent).unwrap();
    assert_eq!((asked.service.as_str(), asked.kind, asked.name.as_str()), (caller.0, 3, rpc));
    assert_eq!(asked.parent, caller.1.id, "{rpc}");
    assert_eq!((served.text("rpc.system"), served.text("rpc.grpc.status_code")), ("grpc".to_owned(), "0".to_owned()));
    let (service, method) = rpc.split_once('/').unwrap();
    assert_eq!((served.text("rpc.service"), served.text("rpc.method")), (service.to_owned(), method.to_owned()));
    served.clone()
}

testing::on_both! {
    async fn a_loan_at_the_desk_is_one_trace_through_gateway_lending_and_identity(database: Database) {
        let (directory, collector) = (tempdir().unwrap(), Collector::start().await);
        let roles = Roles::start(&directory, &database, |setup| exporting(setup, &collector.endpoint)).await;
        let door = &roles.door;
        let admin = door.token(ADMIN, PASSWORD).await;
        let made = door.post("/api/clients/register", None, registration("elodie@example.org", PASSWORD)).await.json();
        let patron = made["data"]["client"]["_id"].as_str().unwrap();
        let book = door.post("/api/livres", Some(&admin), livre("La Peste", 1)).await.json();
        let book = book["data"]["livre"]["_id"].as_str().unwrap();

        let body = json!({"livreId": book, "clientId": patron});
        let lent = ask(door, "POST", "/api/emprunts?secret=geheimnis", &admin, &traceparent("01"), Some(body)).await;

        assert_eq!(lent.status, 201, "{}", lent.text);
        let came = async || {
            // Each role sends its own when it comes to it, and one whose answer is read may not have ended yet.
            let spans = collector.of(TRACE);
            let came = |kind: i32, name: &str| spans.iter().any(|span| span.kind == kind && span.name.ends_with(name));
            let rpcs = ["/CheckSession", "/BorrowBook", "/GetStanding"];
            came(2, " /api/emprunts") && rpcs.iter().all(|rpc| came(2, rpc) && came(3, rpc))
        };
        eventually(PATIENCE, "the spans come", came).await;
        let spans = collector.of(TRACE);
        let request = find(&spans, "bibliotique-gateway", 2, "POST /api/emprunts");
        assert_eq!(request.parent, PARENT);
        assert_eq!(request.text("http.request.method"), "POST");
        assert_eq!(request.text("http.route"), "/api/emprunts");
        assert_eq!(request.text("http.response.status_code"), "201");
        let gateway = ("bibliotique-gateway", request);
        assert_asked(&spans, gateway, "bibliotique-identity", "bibliotique.identity.v1.IdentityService/CheckSession");
        let lending = assert_asked(
            &spans, gateway, "bibliotique-lending", "bibliotique.lending.v1.LendingService/BorrowBook",
        );
        let lending = ("bibliotique-lending", &lending);
        assert_asked(&spans, lending, "bibliotique-identity", "bibliotique.identity.v1.IdentityService/GetStanding");
        assert!(spans.iter().all(|span| span.state == STATE && span.status != 2), "{spans:#?}");
        let said = collector.said();
        for nobodys_business in [patron, "elodie@example.org", ADMIN, "geheimnis"] {
            assert!(!said.contains(nobodys_business), "{nobodys_business}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_trace_is_ignored_and_a_new_one_begins() {
    let (directory, collector) = (tempdir().unwrap(), Collector::start().await);
    let suite = exporting(Setup::suite(&directory), &collector.endpoint).with("LOG_FORMAT", "json").start().await;
    let long = format!("a={}", "x".repeat(8000));

    for (number, malformed) in ["", "00", "00-0-0-00", &"0".repeat(8000), "ff-x", "é"].into_iter().enumerate() {
        let request = suite.door().request("GET", "/api/livres").header("traceparent", malformed.as_bytes());
        let request = request.header("tracestate", &long).header("x-request-id", format!("malformed-{number}"));
        assert_eq!(answer(request).await.status, 200, "{malformed}");
    }
    // Well-formed, with more to say than anybody has to pass on.
    let request = suite.door().request("GET", "/api/livres").header("traceparent", traceparent("01"));
    assert_eq!(answer(request.header("tracestate", &long)).await.status, 200);

    let requests = || collector.spans().into_iter().filter(|span| span.name == "GET /api/livres").collect::<Vec<_>>();
    eventually(PATIENCE, "all spans come", async || requests().len() == 7).await;
    let (ours, begun): (Vec<_>, Vec<_>) = requests().into_iter().partition(|span| span.trace == TRACE);
    assert_eq!((ours.len(), ours[0].state.as_str()), (1, ""));
    assert!(begun.iter().all(|span| span.parent.is_empty() && span.service == "bibliotique"), "{begun:#?}");
    let log = suite.logged();
    for (number, _) in begun.iter().enumerate() {
        let line = log.lines().find(|line| line.contains(&format!("\"malformed-{number}\""))).unwrap();
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(begun.iter().any(|span| line["trace_id"] == span.trace), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_stranger_decides_what_is_recorded() {
    let collector = Collector::start().await;
    for (sampler, flags, recorded) in
        [("parentbased_always_off", "01", false), ("parentbased_always_on", "00", true), ("always_on", "01", true)]
    {
        let directory = tempdir().unwrap();
        let setup = exporting(Setup::suite(&directory), &collector.endpoint).with("DRAIN_SECONDS", "0");
        let setup = setup.with_foreign("OTEL_TRACES_SAMPLER", sampler).with_foreign("OTEL_SERVICE_NAME", sampler);
        let mut suite = setup.start().await;

        ask(&suite.door(), "GET", "/api/livres", "", &traceparent(flags), None).await;
        suite.signal("TERM");
        assert!(suite.ends(PATIENCE).await.status.success());

        // Also what the services did, which follow the gateway.
        let spans: Vec<_> = collector.spans().into_iter().filter(|span| span.service == sampler).collect();
        assert_eq!(spans.iter().filter(|span| span.kind == 2).count(), if recorded { 2 } else { 0 }, "{spans:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_spans_are_sent_at_the_end() {
    let (directory, collector) = (tempdir().unwrap(), Collector::start().await);
    let setup = exporting(Setup::suite(&directory), &collector.endpoint).with("DRAIN_SECONDS", "0");
    let mut suite = setup.with_foreign("OTEL_BSP_SCHEDULE_DELAY", "600000").start().await;
    ask(&suite.door(), "GET", "/api/livres", "", &traceparent("01"), None).await;
    assert!(collector.spans().is_empty());

    suite.signal("TERM");

    assert!(suite.ends(PATIENCE).await.status.success());
    find(&collector.of(TRACE), "bibliotique", 2, "GET /api/livres");
}

/// A collector that takes connections and never says a word.
async fn hanging() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move { while connection.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {} });
        }
    });
    endpoint
}

/// How long the middle one of many requests took.
async fn middle(door: &Door) -> Duration {
    let mut took = Vec::new();
    for _ in 0..300 {
        let began = Instant::now();
        assert_eq!(door.get("/api/livres", None).await.status, 200);
        took.push(began.elapsed());
    }
    took.sort_unstable();
    took[took.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_or_hangs_is_in_nobodys_way() {
    let directory = tempdir().unwrap();
    let alone = Setup::suite(&directory).start().await;
    let usual = middle(&alone.door()).await;
    drop(alone);

    for endpoint in [format!("http://{}", free_address()), hanging().await] {
        let setup = exporting(Setup::suite(&directory), &endpoint).with("DRAIN_SECONDS", "0");
        // More spans than there is room for.
        let mut suite = setup.with_foreign("OTEL_BSP_MAX_QUEUE_SIZE", "32").start().await;

        let with_it = middle(&suite.door()).await;
        suite.signal("TERM");
        let began = Instant::now();
        let ended = suite.ends(PATIENCE).await;

        assert!(with_it < usual * 3 + Duration::from_millis(100), "{with_it:?}, and without a collector {usual:?}");
        assert!(ended.status.success() && began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        let is_told =
            ["spans are lost", "the last spans were not taken"].iter().any(|told| ended.logged.contains(told));
        assert!(is_told, "nobody was told that spans are lost");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_exported_a_trace_still_goes_through_the_logs_of_all_roles() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let mut roles = Roles::start(&directory, &database, |setup| setup.with("LOG", "debug")).await;
    let admin = roles.door.token(ADMIN, PASSWORD).await;

    ask(&roles.door, "GET", "/api/clients/me", &admin, &traceparent("01"), None).await;
    ask(&roles.door, "GET", "/api/livres", "", &traceparent("01"), None).await;
    ask(&roles.door, "GET", "/api/emprunts", &admin, &traceparent("01"), None).await;

    for role in roles.all() {
        eventually(PATIENCE, "the trace is in the log", async || role.logged().contains(TRACE)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_cannot_be_followed_is_one_sentence_and_no_start() {
    let directory = tempdir().unwrap();
    for (name, value, sentence) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://u:geheimnis@localhost:4317", "traces go over http:// alone"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "geheimnis", "is not an address like http://127.0.0.1:4317"),
        ("OTEL_TRACES_SAMPLER", "geheimnis", "OTEL_TRACES_SAMPLER is not always_on"),
        ("OTEL_TRACES_SAMPLER_ARG", "geheimnis", "OTEL_TRACES_SAMPLER_ARG is not a number"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "geheimnis", "over grpc alone"),
    ] {
        let setup = exporting(Setup::suite(&directory), "http://127.0.0.1:1");
        let setup = setup.with_foreign("OTEL_TRACES_SAMPLER", "traceidratio").with_foreign(name, value);

        let ended = setup.run().await;

        assert!(!ended.status.success(), "{name}={value}");
        assert!(ended.logged.contains(sentence) && ended.logged.lines().count() == 1, "{}", ended.logged);
        assert!(!ended.logged.contains("geheimnis") && !ended.said.contains("geheimnis"), "{}", ended.logged);
    }
    let off = exporting(Setup::suite(&directory), "http://127.0.0.1:1").with_foreign("OTEL_SDK_DISABLED", "true");
    drop(off.start().await);
}
