//! Certificates that change while roles run.

use std::{fs, path::Path, time::Duration};

use rcgen::date_time_ymd;
use shared::Clock;
use tempfile::tempdir;
use testing::suite::ADMIN;
use time::OffsetDateTime;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    both, certificates, certified,
    process::{PASSWORD, PATIENCE, Setup, door::Door, eventually, free_address},
    refusal, showing,
};

/// A certificate that ends while its role runs: others see it at once, and a new one is taken without a restart.
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_refused_and_its_successor_taken() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let pki = certificates(&directory, "pki").await;
    // Before that it has to have started and to have been asked, on a busy machine too.
    let end = Clock::system().now() + Duration::from_secs(15);
    let short = certified(&pki, date_time_ymd(2020, 1, 1), OffsetDateTime::from_unix_timestamp(end.seconds()).unwrap());
    fs::rename(short, pki.join("identity/tls.crt")).unwrap();
    let setup = Setup::identity(&directory, database.url());
    let identity = showing(setup, &pki, "identity").start().await;
    let health = async || {
        let health = Setup::new(&directory, &["health", "identity"]).beside(&identity);
        showing(health, &pki, "operator").run().await
    };
    assert!(health().await.status.success());
    assert!(identity.logged().contains("expires within thirty days"), "{}", identity.logged());

    eventually(PATIENCE, "it is refused", async || health().await.logged.contains("certificate expired")).await;
    let says_so = async || {
        health().await;
        identity.logged().contains("the certificate has expired")
    };
    eventually(PATIENCE, "it says so itself", says_so).await;
    let renewed = Setup::new(&directory, &["certs", "pki", "--renew=30"]).run().await;
    assert!(renewed.said.contains("identity") && !renewed.said.contains("catalog"), "{}", renewed.said);
    eventually(PATIENCE, "its successor is taken", async || health().await.status.success()).await;
}

/// How long a certificate is good for can be read in time, and of the one that is used now.
#[tokio::test(flavor = "multi_thread")]
async fn how_long_the_certificate_is_good_for_yet_is_a_figure() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let (pki, [secured_at, plain_at]) = (certificates(&directory, "pki").await, [(); 2].map(|()| free_address()));
    let setup = |address: &str| Setup::identity(&directory, database.url()).with("METRICS_ADDR", address);
    let identity = showing(setup(&secured_at), &pki, "identity").start().await;
    let _plain = setup(&plain_at).start().await;
    let days_left = async |address: &str| {
        let figures = Door::at(address).get("/metrics", None).await.text;
        let left = figures.lines().find_map(|line| line.strip_prefix("bibliotique_certificate_expires_seconds "));
        left.map(|seconds| seconds.parse::<f64>().unwrap() / (24.0 * 3600.0))
    };
    let of_a_year = days_left(&secured_at).await;
    assert!(of_a_year.is_some_and(|days| (364.0..=365.0).contains(&days)), "{of_a_year:?}");
    assert_eq!(days_left(&plain_at).await, None);
    assert!(!identity.logged().contains("expires"), "{}", identity.logged());

    // Nobody connects, and it is seen all the same.
    let end = Clock::system().now() + Duration::from_secs(10 * 24 * 3600);
    let short = certified(&pki, date_time_ymd(2020, 1, 1), OffsetDateTime::from_unix_timestamp(end.seconds()).unwrap());
    fs::rename(short, pki.join("identity/tls.crt")).unwrap();

    let is_seen = async || days_left(&secured_at).await.is_some_and(|days| (9.9..=10.0).contains(&days));
    eventually(PATIENCE, "the new one is seen", is_seen).await;
    assert!(identity.logged().contains("expires within thirty days"), "{}", identity.logged());
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_renewed_under_load_and_no_request_notices() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let pki = certificates(&directory, "pki").await;
    let (identity, gateway) = both(&directory, &database, &pki).await;
    let token = gateway.door().token(ADMIN, PASSWORD).await;
    let mut readers = JoinSet::new();
    for _ in 0..4 {
        let (door, token) = (gateway.door(), token.clone());
        readers.spawn(async move {
            for number in 0..250 {
                let me = door.get("/api/clients/me", Some(&token)).await;
                assert_eq!(me.status, 200, "request {number}: {}", me.text);
                sleep(Duration::from_millis(20)).await;
            }
        });
    }

    for round in 1..=2 {
        let renewed = Setup::new(&directory, &["certs", "pki", "--renew"]).run().await;
        assert!(renewed.status.success(), "{}", renewed.logged);
        for role in [&identity, &gateway] {
            // A server looks when somebody connects.
            let seen = async || {
                drop(
                    showing(Setup::new(&directory, &["health", "identity"]).beside(&identity), &pki, "operator")
                        .run()
                        .await,
                );
                role.logged().matches("the certificates have changed").count() >= round
            };
            eventually(PATIENCE, "the certificates are read again", seen).await;
        }
    }

    readers.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_authority_is_taken_without_a_restart_and_the_old_one_is_out() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let (pki, old) = (certificates(&directory, "pki").await, directory.path().join("old"));
    let (identity, gateway) = both(&directory, &database, &pki).await;
    let door = gateway.door();
    door.token(ADMIN, PASSWORD).await;
    let health =
        |pki: &Path| showing(Setup::new(&directory, &["health", "identity"]).beside(&identity), pki, "operator");

    // Not all files at once: in between they do not fit together.
    fs::rename(&pki, &old).unwrap();
    sleep(Duration::from_millis(1500)).await;
    assert!(!health(&old).run().await.logged.contains("panicked"));
    certificates(&directory, "pki").await;

    eventually(PATIENCE, "the new authority's certificates are good", async || {
        health(&pki).run().await.status.success()
    })
    .await;
    refusal(health(&old)).await;
    // The gateway's connections are from before. It makes new ones when they are cut, and shows and asks for what is good now.
    let again = identity.again().clone();
    drop(identity);
    let _identity = again.start().await;
    eventually(PATIENCE, "the gateway is ready", async || door.is_ready().await).await;
    for _ in 0..8 {
        assert_eq!(door.sign_in(ADMIN, PASSWORD).await.status, 200);
    }
}
