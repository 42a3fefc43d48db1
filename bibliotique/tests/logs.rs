//! The log: one line a request, in two formats, and nobody outside writes into it.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use process::{PASSWORD, PATIENCE, Process, Setup, eventually};
use serde_json::Value;
use tempfile::tempdir;
use testing::suite::{ADMIN, answer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The longest line that a request may bring about.
const LONGEST: usize = 4096;

/// The objects of a log in JSON.
fn objects(log: &str) -> Vec<Value> {
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"))).collect()
}

/// The whole lines that there are by now.
fn whole(log: &str) -> &str {
    log.rsplit_once('\n').map_or("", |(whole, _)| whole)
}

/// The line of a request: the only one that says how it was answered.
async fn line_of(suite: &Process, request_id: &str) -> Value {
    let of_request = || {
        let lines = objects(whole(&suite.logged()));
        lines.into_iter().filter(|line| line["request_id"] == request_id && line["message"] == "answered").collect()
    };
    eventually(PATIENCE, "the request is logged", async || {
        let lines: Vec<Value> = of_request();
        !lines.is_empty()
    })
    .await;
    let lines: Vec<Value> = of_request();
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_one_line_of_json_with_typed_fields() {
    let directory = tempdir().unwrap();
    let suite = Setup::suite(&directory).with("LOG_FORMAT", "json").with_admin().start().await;
    let token = suite.door().token(ADMIN, PASSWORD).await;

    let request = suite.door().request("GET", "/api/clients/5a62be07de34500146d9c544?secret=geheimnis");
    let request = request.bearer_auth(token).header("x-request-id", "of-json");
    answer(request.header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"))).await;
    answer(suite.door().request("BREW", "/coffee").header("x-request-id", "of-coffee")).await;

    let line = line_of(&suite, "of-json").await;
    for (name, value) in [
        ("level", Value::from("INFO")),
        ("surface", "library".into()),
        ("method", "GET".into()),
        ("route", "/api/clients/{id}".into()),
        ("path", "/api/clients/5a62be07de34500146d9c544".into()),
        ("status", 404.into()),
        ("trace_id", TRACE.into()),
    ] {
        assert_eq!(line[name], value, "{line}");
    }
    assert!(line["took_ms"].is_f64() && line["target"].is_string(), "{line}");
    let timestamp = line["timestamp"].as_str().unwrap();
    assert!(timestamp.len() >= 20 && timestamp.contains('T') && timestamp.ends_with('Z'), "{timestamp}");
    assert!(line.as_object().unwrap().values().all(|value| !value.is_object() && !value.is_array()), "{line}");
    let coffee = line_of(&suite, "of-coffee").await;
    assert_eq!((&coffee["method"], &coffee["route"]), (&"BREW".into(), &"other".into()), "{coffee}");
    assert!(coffee.get("trace_id").is_none(), "{coffee}");
    assert!(!suite.logged().contains("geheimnis"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_nobody_waits_for_is_a_line_too() {
    let directory = tempdir().unwrap();
    let suite = Setup::suite(&directory).with("LOG_FORMAT", "json").start().await;

    let mut stream = TcpStream::connect(&suite.http).await.unwrap();
    let head = "POST /api/clients/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    stream
        .write_all(format!("{head}Content-Length: 100\r\nX-Request-Id: impatient\r\n\r\n{{").as_bytes())
        .await
        .unwrap();
    sleep(std::time::Duration::from_millis(200)).await;
    drop(stream);

    let is_logged = async || {
        objects(whole(&suite.logged()))
            .iter()
            .any(|line| line["request_id"] == "impatient" && line["path"] == "/api/clients/login")
    };
    eventually(PATIENCE, "it is logged", is_logged).await;
}

/// What a client sends that wants to write into the log: its first line would look like one of ours.
fn hostile() -> Vec<Vec<u8>> {
    let forged = "2026-03-02T09:00:00.000000Z  INFO forged: by a client";
    let object = "{\"level\":\"INFO\",\"target\":\"forged\"}";
    let get = |path: &[u8]| [b"GET /", path, b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"].concat();
    let field = |name: &str, value: &[u8]| {
        [b"GET /api/livres HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", name.as_bytes(), b": ", value, b"\r\n\r\n"]
            .concat()
    };
    vec![
        get(format!("%0a{}", forged.replace(' ', "%20")).as_bytes()),
        get(format!("%0d%0a{}", object.replace(' ', "%20")).as_bytes()),
        get(format!("\u{85}{}", forged.replace(' ', "\u{a0}")).as_bytes()),
        get(format!("\u{2028}{object}\u{2029}\u{202e}").as_bytes()),
        get("\u{9b}2J\u{9b}31m".as_bytes()),
        get(b"\xff\xfe\x80\n"),
        get(b"\x1b[2J\x7f\x01"),
        get(b"a\"b\\c{d}"),
        get(&vec![b'a'; 60_000]),
        get(&"é".repeat(30_000).into_bytes()),
        [b"GET /x\n".to_vec(), forged.as_bytes().to_vec(), b" HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()].concat(),
        [vec![b'A'; 5000], b" /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec()].concat(),
        field("X-Request-Id", format!("a\u{85}{forged}").as_bytes()),
        field("Traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01\t{forged}").as_bytes()),
        field("Tracestate", b"\xff\x85=\x1b[2J"),
        field("User-Agent", "\u{85}\u{2028}\u{9b}".as_bytes()),
        field("Authorization", format!("Bearer \u{85}{object}").as_bytes()),
    ]
}

/// Sends all of it; the suite lives.
async fn attack(suite: &Process) {
    for bytes in hostile() {
        let mut stream = TcpStream::connect(&suite.http).await.unwrap();
        // Who is cut off while he writes was refused, too.
        let _refused = stream.write_all(&bytes).await;
        let _answer = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await.unwrap();
    }
    let last = suite.door().request("GET", "/api/livres").header("x-request-id", "the-last-one");
    assert_eq!(answer(last).await.status, 200);
    eventually(PATIENCE, "all is logged", async || suite.logged().contains("the-last-one")).await;
}

/// No letter that ends a line somewhere, or that a terminal obeys.
fn assert_harmless(line: &str) {
    let harmful = |letter: char| letter.is_control() || ('\u{2028}'..='\u{202e}').contains(&letter);
    assert!(!line.contains(harmful), "{line:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_outside_writes_a_line_of_text() {
    for level in ["info", "trace"] {
        let directory = tempdir().unwrap();
        let suite = Setup::suite(&directory).with("LOG", level).start().await;

        attack(&suite).await;

        for line in whole(&suite.logged()).lines() {
            assert_harmless(line);
            let (timestamp, rest) = line.split_once(' ').unwrap_or_else(|| panic!("{line:?}"));
            let begins = timestamp.len() == 27 && timestamp.starts_with("20") && timestamp.ends_with('Z');
            assert!(begins && !rest.trim_start().starts_with("INFO forged"), "{line:?}");
            assert!(level == "trace" || line.len() < LONGEST, "{} bytes", line.len());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_outside_writes_an_object() {
    for level in ["info", "trace"] {
        let directory = tempdir().unwrap();
        let suite = Setup::suite(&directory).with("LOG", level).with("LOG_FORMAT", "json").start().await;

        attack(&suite).await;

        let log = suite.logged();
        whole(&log).lines().for_each(assert_harmless);
        let lines = objects(whole(&log));
        assert!(lines.len() > 10, "{}", lines.len());
        assert!(lines.iter().all(|line| line["timestamp"].is_string() && line["target"] != "forged"));
        let answered = |line: &&Value| line["message"] == "answered";
        let longest = lines.iter().filter(answered).map(|line| line.to_string().len()).max().unwrap();
        assert!(longest < LONGEST, "{longest} bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_query_is_logged() {
    for (format, level) in [("text", "trace"), ("json", "trace")] {
        let directory = tempdir().unwrap();
        let suite = Setup::suite(&directory).with("LOG", level).with("LOG_FORMAT", format).start().await;

        for path in ["/api/livres?q=geheimnis", "/no/such?token=geheimnis", "/api/clients/me?geheimnis"] {
            suite.door().get(path, None).await;
        }

        eventually(PATIENCE, "it is logged", async || suite.logged().contains("/api/clients/me")).await;
        assert!(!suite.logged().contains("geheimnis"), "{}", suite.logged());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_format_that_there_is_not_is_one_sentence_and_no_start() {
    let directory = tempdir().unwrap();

    let ended = Setup::suite(&directory).with("LOG_FORMAT", "xml").run().await;

    assert!(!ended.status.success());
    assert!(ended.logged.contains("invalid value 'xml'") && ended.logged.contains("text, json"), "{}", ended.logged);
}
