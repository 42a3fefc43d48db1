//! Secrets from files: every secret setting can be in one, and what is wrong with it is said without telling it.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each test file uses its part of the harness")]
mod process;

use std::{collections::BTreeMap, fs};

use bibliotique::cli::Cli;
use clap::{Command, CommandFactory as _};
use process::{INTERNAL_KEY, PASSWORD, PEPPER, Setup};
use shared::secret::file_variable;
use tempfile::{TempDir, tempdir};
use testing::suite::ADMIN;

/// Every secret setting's `…_FILE`, and a command that has it.
fn secrets(command: &Command, path: &[String], into: &mut BTreeMap<String, Vec<String>>) {
    for variable in command.get_arguments().filter_map(file_variable) {
        into.entry(variable).or_insert_with(|| path.to_vec());
    }
    for command in command.get_subcommands() {
        secrets(command, &[path, &[command.get_name().to_owned()]].concat(), into);
    }
}

/// Sets `BIBLIOTIQUE_<name>_FILE` to a file with this text.
fn with_file(setup: Setup, directory: &TempDir, name: &str, text: &str) -> Setup {
    let file = directory.path().join(name);
    fs::write(&file, text).unwrap();
    setup.with(&format!("{name}_FILE"), &file.display().to_string())
}

/// One sentence without the secret.
async fn refusal(setup: Setup) -> String {
    let ended = setup.run().await;
    assert!(!ended.status.success() && ended.said.is_empty(), "{}", ended.said);
    assert!(!ended.logged.contains("Kolibri") && !ended.logged.contains("panicked"), "{}", ended.logged);
    let first = ended.logged.lines().next().unwrap();
    assert!(first.starts_with("error: ") || first.starts_with("bibliotique: "), "{}", ended.logged);
    ended.logged
}

#[tokio::test(flavor = "multi_thread")]
async fn every_secret_of_every_command_is_read_from_a_file_and_nothing_is_taken_for_it() {
    let directory = tempdir().unwrap();
    let mut all = BTreeMap::new();
    secrets(&Cli::command(), &[], &mut all);
    assert!(all.len() >= 6, "{all:?}");
    for (variable, path) in all {
        let name = variable.strip_prefix("BIBLIOTIQUE_").unwrap();
        // What others ask for comes to nothing before the command line is read.
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let setup = Setup::new(&directory, &path).with("ADMIN_EMAIL", ADMIN);

        let sentence = refusal(setup.with(name, "Kolibri-where-it-is-not")).await;

        assert!(sentence.contains(&variable), "{path:?} does not read {variable}: {sentence}");
        assert!(sentence.contains("cannot be used"), "{variable}: {sentence}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_starts_with_all_its_secrets_in_files() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let plain = Setup::identity(&directory, database.url()).with_admin().start().await;
    let setup = Setup::new(&directory, &["serve", "identity"]).with("ADMIN_EMAIL", ADMIN);
    let setup = with_file(setup, &directory, "INTERNAL_KEY", &format!("{INTERNAL_KEY}\n"));
    let setup = with_file(setup, &directory, "PEPPER", &format!("{PEPPER}\r\n"));
    let setup = with_file(setup, &directory, "IDENTITY_DATABASE_URL", database.url());
    let setup = with_file(setup, &directory, "ADMIN_PASSWORD", &format!("{PASSWORD}\n"));

    let identity = setup.start().await;

    // The same key and the same pepper, to the byte: what one has made, the other takes.
    let both = format!("{},{}", plain.grpc, identity.grpc);
    let gateway = with_file(Setup::new(&directory, &["serve", "gateway"]), &directory, "INTERNAL_KEY", INTERNAL_KEY);
    let gateway = gateway.with("IDENTITY_ADDR", &both).start().await;
    for _ in 0..8 {
        gateway.door().token(ADMIN, PASSWORD).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_holds_no_secret_stops_the_start_in_one_sentence() {
    let directory = tempdir().unwrap();
    let suite = || Setup::suite(&directory);
    for (name, text, told) in [
        ("INTERNAL_KEY", "", "it is empty"),
        ("PEPPER", "\n", "it is empty"),
        ("PEPPER", "Kolibri-too-short\n", "at least 32 bytes"),
        ("LENDING_DATABASE_URL", "", "it is empty"),
    ] {
        let sentence = refusal(with_file(suite(), &directory, name, text)).await;
        assert!(sentence.contains(told) && sentence.contains(&format!("BIBLIOTIQUE_{name}_FILE")), "{sentence}");
    }
    let large = with_file(suite(), &directory, "PEPPER", &"Kolibri".repeat(10_000));
    assert!(refusal(large).await.contains("too large"));
    fs::write(directory.path().join("latin1"), b"Kolibri-\xe9-which-is-no-UTF-8-at-all").unwrap();
    let latin1 = suite().with("PEPPER_FILE", &directory.path().join("latin1").display().to_string());
    assert!(refusal(latin1).await.contains("UTF-8"));

    let both = with_file(suite(), &directory, "PEPPER", "Kolibri-pepper-of-at-least-32-bytes-too");
    let sentence = refusal(both.with("PEPPER", "Kolibri-pepper-of-at-least-32-bytes-too")).await;
    assert!(sentence.contains("BIBLIOTIQUE_PEPPER is set too"), "{sentence}");
    let empty = refusal(suite().with("ADMIN_EMAIL", ADMIN).with("ADMIN_PASSWORD", "")).await;
    assert!(empty.contains("--admin-password") && empty.contains("it is empty"), "{empty}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_goes_before_a_file_and_help_says_that_there_are_files() {
    let directory = tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("of-the-flag.db").display());
    let setup = Setup::new(&directory, &["serve", "--identity-database-url", &url]);

    let _suite = with_file(setup, &directory, "IDENTITY_DATABASE_URL", "sqlite:of-the-file.db").start().await;

    assert!(directory.path().join("of-the-flag.db").exists() && !directory.path().join("of-the-file.db").exists());
    let help = Setup::new(&directory, &["serve", "--help"]).run().await;
    assert!(help.said.contains("_FILE"), "{}", help.said);
}
