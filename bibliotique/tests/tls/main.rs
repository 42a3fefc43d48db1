//! TLS between roles: who is let in, who is not and what is said about it, and certificates that change.
#![expect(clippy::unwrap_used, reason = "a test")]

mod changes;
#[expect(dead_code, reason = "each test file uses its part of the harness")]
#[path = "../process/mod.rs"]
mod process;

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    time::Duration,
};

use process::{PASSWORD, PATIENCE, Process, Setup, eventually, free_address};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, date_time_ymd};
use tempfile::{TempDir, tempdir};
use testing::{Database, suite::ADMIN};
use time::OffsetDateTime;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

/// Certificates in a directory.
async fn certificates(directory: &TempDir, name: &str) -> PathBuf {
    let made = Setup::new(directory, &["certs", name]).run().await;
    assert!(made.status.success(), "{}", made.logged);
    directory.path().join(name)
}

/// With the certificate of a role.
fn showing(setup: Setup, pki: &Path, role: &str) -> Setup {
    let file = |name: &str| pki.join(role).join(name).display().to_string();
    setup.with("TLS_CA", &file("ca.crt")).with("TLS_CERT", &file("tls.crt")).with("TLS_KEY", &file("tls.key"))
}

/// Identity and a gateway, which show certificates.
async fn both(directory: &TempDir, database: &Database, pki: &Path) -> (Process, Process) {
    let setup = Setup::identity(directory, database.url()).with_admin();
    let identity = showing(setup, pki, "identity").start().await;
    let gateway = showing(Setup::gateway(directory, &identity.grpc), pki, "gateway").start().await;
    (identity, gateway)
}

/// A role that does not start; its sentence.
async fn refusal(setup: Setup) -> String {
    let ended = setup.run().await;
    assert!(!ended.status.success() && !ended.said.contains("is ready"), "{}", ended.said);
    assert_eq!(ended.logged.lines().filter(|line| !line.is_empty()).count(), 1, "{}", ended.logged);
    ended.logged
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_with_certificates_of_one_authority_work_together() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let pki = certificates(&directory, "pki").await;
    let (identity, gateway) = both(&directory, &database, &pki).await;

    let door = gateway.door();
    let token = door.token(ADMIN, PASSWORD).await;
    assert!(door.knows(&token).await && door.is_ready().await);

    let command = |name: &str| Setup::new(&directory, &["admin", "create", "--email", name]).beside(&identity);
    let command = |name: &str| {
        command(name).with("INTERNAL_KEY", process::INTERNAL_KEY).with("IDENTITY_DATABASE_URL", database.url())
    };
    let operator = showing(command("operator@example.org"), &pki, "operator").run().await;
    assert!(operator.status.success(), "{}", operator.logged);
    let without = refusal(command("nobody@example.org")).await;
    assert!(without.contains("cannot be talked to") && without.contains("as when it wants TLS"), "{without}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedded_suite_shows_a_certificate_on_its_ports_too() {
    let directory = tempdir().unwrap();
    let pki = certificates(&directory, "pki").await;
    let suite = showing(Setup::suite(&directory), &pki, "suite").start().await;

    for role in ["identity", "catalog", "lending", "gateway"] {
        let health = Setup::new(&directory, &["health", role]).beside(&suite);
        let healthy = showing(health, &pki, "operator").run().await;
        assert!(healthy.status.success() && healthy.said.contains("is ready"), "{role}: {}", healthy.logged);
    }
    refusal(Setup::new(&directory, &["health", "catalog"]).beside(&suite)).await;
    suite.door().register("elodie@example.org").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_of_another_authority_is_refused_and_both_sides_say_so() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let (ours, theirs) = (certificates(&directory, "ours").await, certificates(&directory, "theirs").await);
    let (identity, _gateway) = both(&directory, &database, &ours).await;

    let stranger = showing(Setup::gateway(&directory, &identity.grpc), &theirs, "gateway").start().await;
    let unarmed = Setup::gateway(&directory, &identity.grpc).start().await;

    for gateway in [&stranger, &unarmed] {
        assert_eq!(gateway.door().sign_in(ADMIN, PASSWORD).await.status, 503);
        assert_eq!(gateway.door().get("/readyz", None).await.status, 503);
    }
    assert!(stranger.logged().contains("invalid peer certificate: UnknownIssuer"), "{}", stranger.logged());
    // It may hear of it after the other side has given up.
    let says_so = async || identity.logged().contains("WARN") && identity.logged().contains("not let in");
    eventually(PATIENCE, "identity says so", says_so).await;
}

/// Whoever knows the authority and has no certificate of his own hears nothing, health and reflection neither.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_of_ones_own_nothing_can_be_called() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let pki = certificates(&directory, "pki").await;
    let (identity, _gateway) = both(&directory, &database, &pki).await;
    let text = |file: &str| fs::read_to_string(pki.join("gateway").join(file)).unwrap();
    let anonymous =
        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(text("ca.crt"))).domain_name("identity");
    let ask = async |tls: ClientTlsConfig| {
        let endpoint = Endpoint::from_shared(format!("https://{}", identity.grpc)).unwrap().tls_config(tls).unwrap();
        HealthClient::new(endpoint.connect_lazy()).check(HealthCheckRequest::default()).await
    };

    assert!(ask(anonymous.clone()).await.is_err());
    let known = anonymous.identity(Identity::from_pem(text("tls.crt"), text("tls.key")));
    assert!(ask(known).await.is_ok());
}

/// The certificate says who somebody is: lending may call identity, and cannot be taken for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_not_taken_for_another_one() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let pki = certificates(&directory, "pki").await;
    let identity = Setup::identity(&directory, database.url());

    let sentence = refusal(showing(identity.clone(), &pki, "lending")).await;
    assert!(sentence.contains("is not the certificate of identity"), "{sentence}");

    // One that does not look at itself: a whole suite with the certificate of lending alone.
    let suite = showing(Setup::suite(&directory), &pki, "lending").start().await;
    let health = |role| showing(Setup::new(&directory, &["health", role]).beside(&suite), &pki, "operator");
    assert!(health("lending").run().await.status.success());
    let sentence = refusal(health("identity")).await;
    assert!(sentence.contains("certificate not valid for name"), "{sentence}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_no_tls_can_be_spoken_with_are_named_in_one_sentence() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let (pki, other) = (certificates(&directory, "pki").await, certificates(&directory, "other").await);
    let identity = || showing(Setup::identity(&directory, database.url()), &pki, "identity");
    let expired = certified(&pki, date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let early = certified(&pki, date_time_ymd(2200, 1, 1), date_time_ymd(2201, 1, 1));
    let text = |path: &Path| path.display().to_string();
    let nonsense = directory.path().join("nonsense.pem");
    fs::write(&nonsense, "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n").unwrap();
    let empty = directory.path().join("empty.pem");
    fs::write(&empty, "").unwrap();

    for (setting, file, told) in [
        ("TLS_CA", text(&other.join("ca/ca.crt")), "is not certified by the authority"),
        ("TLS_CA", text(&directory.path().join("nowhere.crt")), "nowhere.crt cannot be read"),
        ("TLS_CA", text(&nonsense), "nonsense.pem is no authority"),
        ("TLS_CA", text(&empty), "empty.pem holds no certificate"),
        ("TLS_CERT", text(&other.join("identity/tls.crt")), "is not certified by the authority"),
        ("TLS_CERT", text(&pki.join("lending/tls.crt")), "is not the certificate of identity"),
        ("TLS_CERT", text(&expired), "has expired"),
        ("TLS_CERT", text(&early), "is not valid yet"),
        ("TLS_CERT", text(&nonsense), "nonsense.pem is of no use"),
        ("TLS_KEY", text(&pki.join("lending/tls.key")), "is not the key of"),
        ("TLS_KEY", text(&pki.join("lending/tls.crt")), "holds no private key"),
    ] {
        let sentence = refusal(identity().with(setting, &file)).await;
        assert!(sentence.starts_with("bibliotique: ") && sentence.contains(told), "{setting} {told}: {sentence}");
    }
    let two =
        Setup::identity(&directory, database.url()).with("TLS_CA", &text(&pki.join("identity/ca.crt"))).run().await;
    assert!(!two.status.success() && two.logged.contains("--tls-cert"), "{}", two.logged);
}

/// A certificate for identity, of the authority, that is good for a time.
fn certified(pki: &Path, from: OffsetDateTime, until: OffsetDateTime) -> PathBuf {
    let text = |file: &str| fs::read_to_string(pki.join(file)).unwrap();
    let authority = KeyPair::from_pem(&text("ca/ca.key")).unwrap();
    let issuer = Issuer::from_ca_cert_pem(&text("ca/ca.crt"), authority).unwrap();
    let mut params = CertificateParams::new(vec!["identity".to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    (params.not_before, params.not_after) = (from, until);
    let key = KeyPair::from_pem(&text("identity/tls.key")).unwrap();
    let file = pki.join(format!("{}.crt", from.year()));
    fs::write(&file, params.signed_by(&key, &issuer).unwrap().pem()).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_without_tls_are_cut_off_and_do_not_fill_the_log() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let pki = certificates(&directory, "pki").await;
    let (identity, gateway) = both(&directory, &database, &pki).await;
    let say = |text: &[u8]| {
        let mut stream = TcpStream::connect(&identity.grpc).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(text).unwrap();
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer);
        answer
    };

    for _ in 0..100 {
        let answer = say(b"GET / HTTP/1.1\r\nHost: identity\r\n\r\n");
        assert!(answer.len() < 16, "more than an alert: {answer:?}");
        say(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    }
    // Whoever only looks whether somebody listens is not worth a word.
    (0..100).for_each(|_| drop(TcpStream::connect(&identity.grpc).unwrap()));

    let lines = identity.logged().lines().filter(|line| line.contains("not let in")).count();
    assert!((1..=4).contains(&lines), "{lines} lines: {}", identity.logged());
    assert!(!identity.logged().contains("ERROR"), "{}", identity.logged());
    gateway.door().token(ADMIN, PASSWORD).await;

    // This one says nothing, and is cut off for that.
    let began = tokio::time::Instant::now();
    assert_eq!(tokio::task::block_in_place(|| say(b"\x16")), b"");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_away_is_not_healthy_in_one_sentence() {
    let directory = tempdir().unwrap();
    let nowhere = free_address();
    for (role, setting) in [
        ("identity", "IDENTITY_ADDR"),
        ("catalog", "CATALOG_ADDR"),
        ("lending", "LENDING_ADDR"),
        ("gateway", "HTTP_ADDR"),
    ] {
        let sentence = refusal(Setup::new(&directory, &["health", role]).with(setting, &nowhere)).await;
        assert!(sentence.contains(&nowhere) && sentence.contains("does not answer"), "{sentence}");
    }
    let suite = Setup::suite(&directory).start().await;
    for arguments in [&["health"][..], &["health", "gateway"], &["health", "lending"]] {
        let healthy = Setup::new(&directory, arguments).beside(&suite).run().await;
        assert!(healthy.status.success() && healthy.said.ends_with("is ready\n"), "{}", healthy.logged);
    }
    let two = format!("{},{nowhere}", suite.catalog);
    let one_of_two = Setup::new(&directory, &["health", "catalog"]).with("CATALOG_ADDR", &two).run().await;
    assert!(!one_of_two.status.success() && one_of_two.logged.contains(&nowhere), "{}", one_of_two.logged);
}
