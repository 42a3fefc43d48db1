//! What no client should do, done to both ports: the process lives, and serves again.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::{process::Command, time::Duration};

use process::{PATIENCE, Setup, count, door::Door, eventually};
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use tempfile::tempdir;
use testing::Database;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, timeout},
};

/// Connections of a role to PostgreSQL.
const CONNECTIONS: usize = 20;

/// How soon a request is told that there is no connection: 2 s of patience, not twice that, and the rest is for a busy machine.
const TOLD: Duration = Duration::from_millis(3900);

#[tokio::test(flavor = "multi_thread")]
async fn rubbish_on_either_port_harms_nobody() {
    let directory = tempdir().unwrap();
    let suite = Setup::suite(&directory).start().await;
    let token = suite.door().register("elodie@example.org").await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let frame = |length: [u8; 3], kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        [preface, &length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    };
    let rubbish: [Vec<u8>; 18] = [
        vec![0; 4096],
        vec![0xff; 100_000],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"GET /\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"\r\n\r\n\r\n".to_vec(),
        b"GET /%zz%00\xff HTTP/1.1\r\nHost: \xff\r\n\r\n".to_vec(),
        b"POST /api/clients/login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".to_vec(),
        b"POST /api/clients/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}".to_vec(),
        b"POST /api/clients/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n"
            .to_vec(),
        [b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; 200_000]].concat(),
        [b"GET /".to_vec(), vec![b'a'; 200_000]].concat(),
        (0..2000).flat_map(|number| format!("GET / HTTP/1.1\r\nX-{number}: y\r\n").into_bytes()).collect(),
        frame([0, 0, 5], 4, 0, 0, &[0; 5]),
        frame([0, 0, 4], 1, 4, 1, &[0xff; 4]),
        frame([0xff; 3], 0, 0, 1, &[0; 64]),
        frame([0, 0, 4], 8, 0, 0, &[0; 4]),
        frame([0, 0, 1], 9, 4, 3, &[0]),
    ];

    for (number, bytes) in rubbish.iter().enumerate() {
        for address in [&suite.http, &suite.grpc] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            // It may be cut off before everything is written.
            let _cut_off = stream.write_all(bytes).await;
            let _cut_off = stream.shutdown().await;
            let mut answer = Vec::new();
            let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
            assert!(read.is_ok(), "number {number} is still looked at on {address}");
        }
    }

    assert!(suite.door().knows(&token).await);
    assert!(!suite.logged().contains("panicked"), "{}", suite.logged());
}

testing::on_both! {
    async fn who_hangs_up_in_the_middle_of_a_write_harms_nobody(database: Database) {
        let directory = tempdir().unwrap();
        let suite = Setup::suite(&directory).with("IDENTITY_DATABASE_URL", database.url()).start().await;
        let token = suite.door().register("elodie@example.org").await;
        let write = async |door: &Door| {
            let address = json!({"adresse": "rue du Livre"});
            door.try_ask("PUT", "/api/clients/profile", Some(&token), Some(&address)).await.unwrap().status
        };
        let (door, began) = (suite.door(), Instant::now());
        assert_eq!(write(&door).await, 200);
        let whole = began.elapsed();

        // At every moment of such a request, and a bit later.
        for part in 0..200 {
            let moment = whole * part / 150;
            // A client of its own, because a kept connection would be closed only later.
            let _hung_up = timeout(moment, write(&suite.door())).await;
        }

        assert_eq!(write(&door).await, 200);
        assert!(door.knows(&token).await);
        assert!(!suite.logged().contains("ERROR"), "{}", suite.logged());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn out_of_file_descriptors_it_serves_again_when_there_are_some() {
    let directory = tempdir().unwrap();
    let suite = Setup::suite(&directory).within("ulimit -n 64").start().await;
    let token = suite.door().register("elodie@example.org").await;

    let mut many = Vec::new();
    for _ in 0..100 {
        many.push(TcpStream::connect(&suite.http).await.unwrap());
    }
    let is_out = async || suite.logged().contains("cannot accept a connection");
    eventually(PATIENCE, "it is out of file descriptors", is_out).await;
    drop(many);

    eventually(Duration::from_secs(5), "it serves again", async || suite.door().is_ready().await).await;
    assert!(suite.door().knows(&token).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_log_can_be_written_it_serves_all_the_same() {
    let directory = tempdir().unwrap();
    let suite = Setup::suite(&directory).logging_to("/dev/full").with("LOG", "debug").start().await;

    let token = suite.door().register("elodie@example.org").await;

    assert!(suite.door().knows(&token).await);
    assert_eq!(suite.door().sign_in("elodie@example.org", "Zebre-faux-42").await.status, 401);
}

/// The limit of a file's size stands in for a full disk, because anybody may set and lift it.
#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_reading_goes_on_and_with_space_so_does_writing() {
    let lift = |process: u32| Command::new("prlimit").args([&format!("--pid={process}"), "--fsize=unlimited"]).status();
    if Command::new("prlimit").arg("--version").output().is_err() {
        eprintln!("skipped: prlimit is not installed");
        return;
    }
    let directory = tempdir().unwrap();
    // In blocks of 512 bytes, and as an error instead of a signal, like a full disk.
    let full = Setup::suite(&directory).within("trap '' XFSZ; ulimit -S -f 1000");
    let suite = full.start().await;
    let door = suite.door();
    let token = door.register("elodie@example.org").await;
    let write = async || {
        let address = json!({"adresse": "rue du Livre, ".repeat(30)});
        door.try_ask("PUT", "/api/clients/profile", Some(&token), Some(&address)).await.unwrap().status
    };

    eventually(PATIENCE, "the disk is full", async || {
        let status = write().await;
        assert!([200, 503].contains(&status), "{status}");
        status == 503
    })
    .await;
    for _ in 0..10 {
        assert!(door.knows(&token).await, "it does not read any more");
        assert_eq!(write().await, 503);
    }
    assert!(lift(suite.id()).unwrap().success());

    eventually(Duration::from_secs(5), "it writes again", async || write().await == 200).await;
    assert!(door.knows(&token).await);
    door.register("lea@example.org").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_free_connection_to_the_database_a_request_is_told_in_time() {
    let Some(database) = testing::postgres().await else { return };
    let directory = tempdir().unwrap();
    let suite = Setup::suite(&directory).with("IDENTITY_DATABASE_URL", database.url()).start().await;
    let door = suite.door();
    let token = door.register("elodie@example.org").await;
    let mut somebody = PgConnection::connect(database.url()).await.unwrap();
    let mut lock = somebody.begin().await.unwrap();
    sqlx::query("UPDATE account SET version = version").execute(&mut *lock).await.unwrap();

    let mut waiting = JoinSet::new();
    for number in 0..CONNECTIONS {
        let (door, token) = (door.clone(), token.clone());
        waiting.spawn(async move {
            let address = json!({"adresse": format!("{number} rue du Livre")});
            door.try_ask("PUT", "/api/clients/profile", Some(&token), Some(&address)).await.unwrap().status
        });
    }
    let all_wait = async || {
        let waiting = "SELECT COUNT(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        count(database.url(), waiting).await == CONNECTIONS as i64
    };
    eventually(PATIENCE, "all connections wait", all_wait).await;

    let began = Instant::now();
    let told = door.get("/api/clients/me", Some(&token)).await;
    assert_eq!((told.status, told.json()["success"].as_bool()), (503, Some(false)), "{}", told.text);
    assert!(began.elapsed() < TOLD, "{:?}", began.elapsed());
    lock.rollback().await.unwrap();

    assert_eq!(waiting.join_all().await, [200; CONNECTIONS]);
    assert!(door.knows(&token).await);
}
