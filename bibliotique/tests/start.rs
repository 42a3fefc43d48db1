//! The first minutes with the binary: what a start makes, says and keeps, and the operator's commands.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use process::{PASSWORD, Process, Setup, eventually, free_address};
use proto::identity::v1::{ListAccountsRequest, ListAccountsResponse, identity_service_client::IdentityServiceClient};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};
use testing::suite::ADMIN;
use tonic::{Request, transport::Endpoint};

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

/// What is printed below "Try it:", whole.
async fn what_to_try(suite: &Process) -> String {
    let is_whole = async || suite.said().contains("<the token>'\n");
    eventually(process::PATIENCE, "it says what to try", is_whole).await;
    suite.said().split_once("Try it:\n").unwrap().1.to_owned()
}

/// Runs what somebody pasted into his shell.
fn pasted(text: &str) -> String {
    let output = Command::new("sh").args(["-c", text]).output().unwrap();
    assert!(output.status.success(), "{text}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// An operator's command beside a suite, in its data directory.
async fn command(directory: &TempDir, suite: &Process, arguments: &[&str]) -> String {
    let ended = Setup::new(directory, arguments).beside(suite).run().await;
    assert!(ended.status.success(), "{}", ended.logged);
    ended.said
}

/// The last word of what was printed.
fn last_word(text: &str) -> &str {
    text.split_whitespace().last().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_makes_all_it_needs_for_its_owner_alone_and_says_where_it_listens() {
    let directory = tempdir().unwrap();

    let suite = Setup::suite(&directory).start().await;

    let data = directory.path().join("data");
    let files: BTreeSet<String> =
        fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(mode(&data), 0o700);
    assert!(["identity.db", "internal.key", "pepper"].iter().all(|file| files.contains(*file)), "{files:?}");
    for file in &files {
        assert_eq!(mode(&data.join(file)), 0o600, "{file}");
    }
    let tried = what_to_try(&suite).await;
    let said = suite.said();
    assert!(said.contains(&format!("http://{}", suite.http)) && said.contains(&suite.grpc), "{said}");
    assert!(said.contains("bibliotique admin create --email"), "{said}");
    assert!(tried.contains("curl"), "{tried}");
    assert!(suite.door().is_ready().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_lines_work_when_pasted() {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: curl is not installed");
        return;
    }
    let directory = tempdir().unwrap();
    let suite = Setup::suite(&directory).start().await;
    let tried = what_to_try(&suite).await;
    let (register, me) = tried.rsplit_once("  curl").unwrap();

    let registered: Value = serde_json::from_str(&pasted(register)).unwrap();
    let token = registered["data"]["token"].as_str().unwrap();
    let me: Value = serde_json::from_str(&pasted(&format!("curl{}", me.replace("<the token>", token)))).unwrap();

    assert_eq!(me["data"]["client"]["email"], "elodie@example.org");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_keeps_keys_and_accounts() {
    let directory = tempdir().unwrap();
    let mut first = Setup::suite(&directory).start().await;
    let token = first.door().register("elodie@example.org").await;
    first.signal("INT");
    assert_eq!(first.ends(process::PATIENCE).await.status.code(), Some(0));

    let second = first.again().start().await;

    assert!(second.door().knows(&token).await);
    second.door().token("elodie@example.org", PASSWORD).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_admin_comes_from_the_environment_and_is_never_touched_again() {
    let directory = tempdir().unwrap();
    let mut suite = Setup::suite(&directory).with_admin().start().await;
    let token = suite.door().token(ADMIN, PASSWORD).await;
    assert_eq!(suite.door().get("/api/clients", Some(&token)).await.status, 200);
    assert!(!suite.said().contains("Make an admin"));

    for email in [ADMIN, "somebody.else@example.org"] {
        suite.kill();
        let again = suite.again().clone();
        suite = again.with("ADMIN_EMAIL", email).with("ADMIN_PASSWORD", "Zebre-ailleurs-42").start().await;

        assert_eq!(suite.door().sign_in(email, "Zebre-ailleurs-42").await.status, 401, "{email}");
        suite.door().token(ADMIN, PASSWORD).await;
        assert!(suite.door().knows(&token).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_makes_an_admin_whether_the_suite_runs_or_not() {
    let directory = tempdir().unwrap();
    let nowhere = free_address();
    let create = |email| Setup::new(&directory, &["admin", "create", "--email", email]);

    let before = create("before@example.org").with("IDENTITY_ADDR", &nowhere).run().await;
    assert!(before.status.success(), "{}", before.logged);
    let suite = Setup::suite(&directory).start().await;
    let beside = create("beside@example.org").beside(&suite).run().await;
    assert!(beside.status.success(), "{}", beside.logged);
    let twice = create("beside@example.org").beside(&suite).run().await;

    for (email, told) in [("before@example.org", &before), ("beside@example.org", &beside)] {
        let password = last_word(&told.said);
        assert_eq!(told.said.matches(password).count(), 1);
        assert!(!told.logged.contains(password));
        let token = suite.door().token(email, password).await;
        assert_eq!(suite.door().get("/api/clients", Some(&token)).await.status, 200, "{email} is no admin");
    }
    assert!(!twice.status.success());
    assert_eq!((twice.said.as_str(), twice.logged.lines().count()), ("", 1), "{}", twice.logged);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_of_the_command_line_opens_the_fifth_surface() {
    let directory = tempdir().unwrap();
    let suite = Setup::suite(&directory).start().await;
    let token = suite.door().register("elodie@example.org").await;

    let key = command(&directory, &suite, &["api-key", "create", "--name", "Mobile app"]).await;

    let change = |key: &str| {
        let change = json!({"oldPassword": PASSWORD, "newPassword": "Zebre-mobile-42"});
        suite.door().request("PATCH", "/api/user/password").bearer_auth(&token).header("x-api-key", key).json(&change)
    };
    // Its last character carries four bits: one key in sixteen ends with an A by itself.
    let (most, last) = key.trim_end().split_at(key.trim_end().len() - 1);
    let made_up = format!("{most}{}", if last == "A" { "E" } else { "A" });
    assert_eq!(key.lines().count(), 1);
    assert_eq!(testing::suite::answer(change(&made_up)).await.status, 403);
    assert_eq!(testing::suite::answer(change(key.trim_end())).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_at_the_command_line_refuses_no_token() {
    let directory = tempdir().unwrap();
    let suite = Setup::suite(&directory).start().await;
    let old = suite.door().register("elodie@example.org").await;

    let told = command(&directory, &suite, &["signing-key", "rotate"]).await;

    let new = suite.door().token("elodie@example.org", PASSWORD).await;
    let header = |token: &str| token.split_once('.').unwrap().0.to_owned();
    assert!(told.starts_with("Tokens are signed with key "), "{told}");
    assert_ne!(header(&old), header(&new));
    assert!(suite.door().knows(&old).await && suite.door().knows(&new).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_printed_passport_is_good_for_what_its_role_may_do() {
    async fn accounts(suite: &Process, passport: &str) -> Result<ListAccountsResponse, tonic::Code> {
        let channel = Endpoint::from_shared(format!("http://{}", suite.grpc)).unwrap().connect_lazy();
        let mut request = Request::new(ListAccountsRequest::default());
        request.metadata_mut().insert("passport", passport.trim_end().parse().unwrap());
        let answer = IdentityServiceClient::new(channel).list_accounts(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| status.code())
    }
    let directory = tempdir().unwrap();
    let suite = Setup::suite(&directory).with_admin().start().await;

    let admin = command(&directory, &suite, &["passport", "--role", "admin"]).await;
    let client = command(&directory, &suite, &["passport", "--role", "client"]).await;
    let other = command(&directory, &suite, &["passport", "--role", "admin", "--audience", "catalog"]).await;

    assert_eq!(accounts(&suite, &admin).await.unwrap().accounts[0].email, ADMIN);
    assert_eq!(accounts(&suite, &client).await, Err(tonic::Code::PermissionDenied));
    assert_eq!(accounts(&suite, &other).await, Err(tonic::Code::Unauthenticated));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_word_everything_is_served() {
    let directory = tempdir().unwrap();

    let suite = Setup::new(&directory, &[]).start().await;

    let token = suite.door().register("elodie@example.org").await;
    assert!(suite.door().knows(&token).await);
}
