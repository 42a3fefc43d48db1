//! Starts that are refused: in one sentence that says what is wrong, and never tells a secret.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::{fs, net::TcpListener};

use process::{Ended, Setup};
use tempfile::tempdir;
use testing::suite::ADMIN;

const SECRETS: [(&str, &str); 4] = [
    ("INTERNAL_KEY", "Kolibri-internal-key-of-at-least-32-bytes"),
    ("PEPPER", "Kolibri-pepper-of-at-least-32-bytes-too"),
    ("IDENTITY_DATABASE_URL", "postgres://user:Kolibri-of-the-database@127.0.0.1:1/identity"),
    ("ADMIN_PASSWORD", "Kolibri-of-the-1st-admin"),
];

/// A process that has to end with a refusal, and says nothing that is a secret.
async fn refusal(setup: &Setup) -> String {
    let Ended { status, said, logged } = setup.run().await;
    assert_eq!(said, "");
    assert!(status.code().is_some_and(|code| code > 0), "{status}: {logged}");
    assert!(!logged.contains("Kolibri"), "a secret is told: {logged}");
    assert!(!logged.contains("panicked"), "{logged}");
    logged
}

/// A refusal of our own is one line; clap may add what is possible, and how to get help.
fn is_one_sentence(logged: &str) -> bool {
    let mut lines = logged.lines().filter(|line| !line.is_empty());
    match lines.next() {
        Some(line) if line.starts_with("bibliotique: ") => lines.next().is_none(),
        Some(line) if line.starts_with("error: ") => lines.all(|line| {
            ["  [possible values: ", "  --", "Usage: ", "For more"].iter().any(|hint| line.starts_with(hint))
        }),
        _ => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_alone_names_the_secret_that_it_misses() {
    let directory = tempdir().unwrap();
    for (role, missing) in [
        ("identity", "INTERNAL_KEY"),
        ("identity", "PEPPER"),
        ("identity", "IDENTITY_DATABASE_URL"),
        ("gateway", "INTERNAL_KEY"),
    ] {
        let given = SECRETS.iter().filter(|(name, _)| ![missing, "ADMIN_PASSWORD"].contains(name));
        let setup =
            given.fold(Setup::new(&directory, &["serve", role]), |setup, (name, value)| setup.with(name, value));

        let refusal = refusal(&setup).await;

        let flag = format!("--{}", missing.to_lowercase().replace('_', "-"));
        assert!(is_one_sentence(&refusal), "{refusal}");
        for way in [flag, format!("BIBLIOTIQUE_{missing} "), format!("BIBLIOTIQUE_{missing}_FILE")] {
            assert!(refusal.contains(&way), "{way}: {refusal}");
        }
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "a refused start left something behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_cannot_be_is_refused_in_one_sentence() {
    let somebody = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = somebody.local_addr().unwrap().to_string();
    for (name, value, told) in [
        ("INTERNAL_KEY", "Kolibri-too-short", "--internal-key"),
        ("PEPPER", "Kolibri-too-short", "--pepper"),
        ("BCRYPT_COST", "9", "--bcrypt-cost"),
        ("BCRYPT_COST", "16", "--bcrypt-cost"),
        ("DRAIN_SECONDS", "9", "--drain-seconds"),
        ("IDENTITY_DATABASE_URL", "mysql://user:Kolibri@127.0.0.1/identity", "sqlite: or postgres:"),
        ("HTTP_ADDR", "localhost", "--http-addr"),
        ("IDENTITY_ADDR", "localhost", "like 127.0.0.1:50051"),
        ("HTTP_ADDR", &taken, &taken),
        ("IDENTITY_ADDR", &taken, &taken),
        ("LOG", "gateway=loudly", "log filter"),
        ("DOCS", "perhaps", "--docs"),
        ("TIME_ZONE", "Africa/Carthage", "--time-zone"),
        ("PASSWORD_POLICY", "none", "--password-policy"),
        ("TRUSTED_PROXIES", "10.0.0.1,proxy.example.org", "--trusted-proxies"),
        ("TRUSTED_PROXIES", "0.0.0.0/0", "would have everybody believed"),
        ("RATE_LIMIT", "200", "--rate-limit"),
        ("PASSWORD_RATE_LIMIT", "5/0", "--password-rate-limit"),
        ("ADMIN_EMAIL", "admin@example.org", "--admin-password"),
    ] {
        let directory = tempdir().unwrap();

        let refusal = refusal(&Setup::suite(&directory).with(name, value)).await;

        assert!(is_one_sentence(&refusal), "{name}: {refusal}");
        assert!(refusal.contains(told), "{name}: {refusal}");
        let alone = self::refusal(&Setup::new(&directory, &[]).with(name, value)).await;
        assert_eq!(alone, refusal, "without the word serve");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_admin_that_cannot_be_stops_the_start() {
    for (email, password, told) in [
        (ADMIN, "Kolibri", "does not have the form"),
        (ADMIN, "Password1", "too easy to guess"),
        ("nobody", "Kolibri-1-livre-42", "email"),
    ] {
        let directory = tempdir().unwrap();
        let setup = Setup::suite(&directory).with("ADMIN_EMAIL", email).with("ADMIN_PASSWORD", password);

        let refusal = refusal(&setup).await;

        assert!(is_one_sentence(&refusal) && refusal.contains(told), "{refusal}");
        assert!(!refusal.contains(password), "{refusal}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_stops_the_start_without_a_word_on_its_password() {
    let directory = tempdir().unwrap();
    let setup = SECRETS.iter().fold(Setup::suite(&directory), |setup, (name, value)| setup.with(name, value));

    let refusal = refusal(&setup.with("ADMIN_EMAIL", ADMIN)).await;

    assert!(is_one_sentence(&refusal) && refusal.contains("database"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn help_and_version_tell_no_secret() {
    let directory = tempdir().unwrap();
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["serve", "--help"],
        &["serve", "-h"],
        &["admin", "create", "--help"],
        &["api-key", "create", "--help"],
        &["signing-key", "rotate", "--help"],
        &["passport", "--help"],
        &["check", "--help"],
        &["backup", "--help"],
        &["restore", "--help"],
        &["migrate", "--help"],
    ] {
        let setup =
            SECRETS.iter().fold(Setup::new(&directory, arguments), |setup, (name, value)| setup.with(name, value));

        let ended = setup.run().await;

        assert!(ended.status.success(), "{arguments:?}: {}", ended.logged);
        assert!(!ended.said.is_empty() && !ended.said.contains("Kolibri"), "{arguments:?}: {}", ended.said);
    }
}
