//! No secret comes out where it should not: everything is logged, distinctive secrets go in everywhere, and then they are
//! looked for in whatever the processes wrote.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::fs;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use process::{
    INTERNAL_KEY, PEPPER, Process, Setup,
    door::{Door, registration, token_of},
};
use proto::identity::v1::{
    ChangePasswordRequest, CreateAccountRequest, LogInRequest, VerifyApiKeyRequest, create_account_request::Credential,
};
use serde_json::{Value, json};
use shared::passport::Caller;
use tempfile::{TempDir, tempdir};
use testing::suite::{ADMIN, Answer, answer};

/// The first admin's first password.
const FIRST: &str = "Kanarienvogel1ganzamAnfang";

/// The passwords that take its place, one for each surface and one over gRPC.
const NEXT: [&str; 6] = [
    "Kanarienvogel2inderBibliothek",
    "Kanarienvogel3imKlassenzimmer",
    "Kanarienvogel4imRotenKreuz",
    "Kanarienvogel5inderApp",
    "Kanarienvogel6amTelefon",
    "Kanarienvogel7aufderLeitung",
];

/// Passwords that are refused.
const WRONG: &str = "Kanarienvogel8istfalsch";
const WEAK: &str = "kanarienvogelohnegrosses";
const COMMON: &str = "Kanarie1";
const TOO_LONG: &str = "Kanarienvogel9zulang";

/// The password of somebody who registers.
const READERS: &str = "Kanarienvogel10einesLesers";

/// A secret as it is and in the forms in which logs and files carry bytes.
fn forms(secret: &str) -> Vec<String> {
    let decimal = secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ");
    let mut forms = vec![secret.to_owned(), hex::encode(secret), hex::encode_upper(secret), decimal];
    for before in 0..3 {
        let bytes = [&[0; 2][..before], secret.as_bytes()].concat();
        for mut encoded in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            // The characters at both ends also hold bits of the neighbours.
            encoded.truncate(bytes.len() * 8 / 6);
            forms.push(encoded.split_off((before * 8).div_ceil(6)));
        }
    }
    forms
}

#[test]
fn a_secret_is_found_in_whatever_form() {
    for around in 0..4 {
        let bytes = [&b"<>?/"[..around], FIRST.as_bytes(), &b"<>?/"[around..]].concat();
        for text in [
            String::from_utf8(bytes.clone()).unwrap(),
            format!("{bytes:?}"),
            format!("{bytes:02x?}").replace(", ", ""),
            hex::encode_upper(&bytes),
            STANDARD_NO_PAD.encode(&bytes),
            URL_SAFE_NO_PAD.encode(&bytes),
        ] {
            assert!(forms(FIRST).iter().any(|form| text.contains(form)), "{text}");
        }
    }
}

/// Asks a surface for a change of password.
async fn change(door: &Door, surface: &str, id: &str, token: &str, key: &str, old: &str, new: &str) -> Answer {
    let ocariot = format!("/v1/users/{id}/password");
    let three = json!({"oldPassword": old, "newPassword": new, "confirmPassword": new});
    let (method, path, body): (_, _, Value) = match surface {
        "library" => ("PUT", "/api/clients/password", three),
        "ocariot" => ("PUT", ocariot.as_str(), json!({"old_password": old, "new_password": new})),
        "swift" => ("PUT", "/api/v1/users/reset-password", three),
        "applivery" => ("POST", "/v1/auth/register/update-password", json!({"password": old, "newPassword": new})),
        _ => ("PATCH", "/api/user/password", json!({"oldPassword": old, "newPassword": new})),
    };
    answer(door.request(method, path).bearer_auth(token).header("x-api-key", key).json(&body)).await
}

/// What goes wrong with passwords in it: bodies that are no JSON, no object, of another type, twice the same, elsewhere.
async fn send_badly(door: &Door, token: &str, secret: &str) {
    for (kind, body) in [
        ("application/json", format!("{{\"email\":\"{ADMIN}\",\"password\":\"{secret}\"")),
        ("application/json", format!("[\"{secret}\"]")),
        ("application/json", format!("{{\"email\":\"{ADMIN}\",\"password\":[\"{secret}\"]}}")),
        ("application/json", format!("{{\"password\":\"{secret}\",\"password\":\"{secret}\"}}")),
        ("application/json", format!("{{\"{secret}\":\"{secret}\"}}")),
        ("text/plain", secret.to_owned()),
        ("application/json", secret.repeat(1000)),
    ] {
        for path in ["/api/clients/login", "/api/clients/register", "/v1/auth/register/update-password"] {
            let request = door.request("POST", path).bearer_auth(token).header("content-type", kind);
            assert!((400..500).contains(&answer(request.body(body.clone())).await.status));
        }
    }
    let request = door.request("GET", "/api/clients/me").bearer_auth(secret).header("x-api-key", secret);
    assert_eq!(answer(request).await.status, 401);
    let request = door.request("GET", "/api/clients/me").basic_auth(ADMIN, Some(secret));
    assert_eq!(answer(request).await.status, 401);
}

/// Lives a whole life with secrets in it; answers with those that it learnt on the way.
async fn live(front: &Process, back: &Process) -> Vec<String> {
    let door = front.door();
    let token = door.token(ADMIN, FIRST).await;
    let me = door.get("/api/clients/me", Some(&token)).await.json();
    let id = me["data"]["client"]["_id"].as_str().unwrap().to_owned();
    let made = door.post("/api/admin/api-keys", Some(&token), json!({"name": "App"})).await.json();
    let key = made["data"]["key"].as_str().unwrap().to_owned();

    let mut old = FIRST;
    for (surface, new) in ["library", "ocariot", "swift", "applivery", "user"].into_iter().zip(NEXT) {
        for refused in [WRONG, WEAK, COMMON, &TOO_LONG.repeat(10)] {
            let wrong = change(&door, surface, &id, &token, &key, WRONG, refused).await;
            assert!((400..404).contains(&wrong.status), "{surface}: {}", wrong.text);
        }
        let weak = change(&door, surface, &id, &token, &key, old, WEAK).await;
        assert!((400..404).contains(&weak.status), "{surface}: {}", weak.text);
        let changed = change(&door, surface, &id, &token, &key, old, new).await;
        assert!([200, 204].contains(&changed.status), "{surface}: {}", changed.text);
        old = new;
    }
    assert_eq!(door.sign_in(ADMIN, WRONG).await.status, 401);
    let registered = door.post("/api/clients/register", None, registration("reader@example.org", READERS)).await;
    let other = token_of(&registered);
    send_badly(&door, &token, WRONG).await;
    speak_grpc(back, &id, &key, old).await;
    door.token("reader@example.org", READERS).await;
    vec![token, other, key]
}

/// The same secrets straight to the service.
async fn speak_grpc(identity: &Process, id: &str, key: &str, old: &str) {
    let mut service = identity.identity_as(Caller::service("gateway"));
    let login = |password: &str| LogInRequest { login: ADMIN.to_owned(), password: password.to_owned() };
    service.log_in(login(old)).await.unwrap();
    service.log_in(login(WRONG)).await.unwrap_err();
    service.verify_api_key(VerifyApiKeyRequest { key: key.to_owned() }).await.unwrap();
    service.verify_api_key(VerifyApiKeyRequest { key: WRONG.to_owned() }).await.unwrap_err();

    let own = Caller { subject: id.to_owned(), ..Caller::operator() };
    let change = |old: &str, new: &str| ChangePasswordRequest {
        account_id: id.to_owned(),
        old_password: old.to_owned(),
        new_password: new.to_owned(),
        confirmation: None,
        must_differ: true,
    };
    let mut own = identity.identity_as(own);
    own.change_password(change(WRONG, NEXT[5])).await.unwrap_err();
    own.change_password(change(old, NEXT[5])).await.unwrap();
    let create = CreateAccountRequest {
        email: WRONG.to_owned(),
        credential: Some(Credential::PasswordHash(WRONG.to_owned())),
        ..CreateAccountRequest::default()
    };
    identity.identity_as(Caller::operator()).create_account(create).await.unwrap_err();
}

/// Everything that was written: the output of the processes, and all files below the directory, by name.
fn written(processes: &[&Process], directory: &TempDir) -> Vec<(String, String)> {
    let mut written = Vec::new();
    for process in processes {
        written.push(("stdout".to_owned(), process.said()));
        written.push(("stderr".to_owned(), process.logged()));
    }
    let mut directories = vec![directory.path().to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                directories.push(entry.path());
            } else {
                let text = String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).into_owned();
                written.push((entry.file_name().into_string().unwrap(), text));
            }
        }
    }
    written
}

/// Where a form of a secret is written, and around what.
fn find(written: &[(String, String)], form: &str) -> Option<String> {
    written.iter().find_map(|(name, text)| {
        let line = text.lines().find(|line| line.contains(form))?;
        Some(format!("{name}: {}", line.chars().take(300).collect::<String>()))
    })
}

fn look_for(secrets: &[String], written: &[(String, String)]) {
    let known = [FIRST, READERS, WRONG, WEAK, COMMON, TOO_LONG, INTERNAL_KEY, PEPPER].into_iter().chain(NEXT);
    for secret in known.map(str::to_owned).chain(secrets.iter().cloned()) {
        for form in forms(&secret) {
            let found = find(written, &form);
            assert!(found.is_none(), "{secret} is written as {form}: {}", found.unwrap());
        }
    }
    let logs: Vec<_> = written.iter().filter(|(name, _)| name.starts_with("std")).cloned().collect();
    // Passports and tokens, whosever, begin like this; hashes like that.
    for beginning in ["eyJ0eXAiOiJKV1Qi", "$2b$"] {
        let found = find(&logs, beginning);
        assert!(found.is_none(), "{beginning}: {}", found.unwrap());
    }
}

/// What shows that there was something to find: everything was logged, and the database is where it was looked for.
fn was_worth_looking(written: &[(String, String)]) {
    assert!(find(written, "TRACE").is_some() && find(written, "authn_password_change_fail").is_some());
    assert!(written.iter().any(|(name, _)| name.ends_with("-wal")), "no write-ahead log");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_writes_no_secret_anywhere() {
    let directory = tempdir().unwrap();
    let setup = Setup::suite(&directory).with("LOG", "trace").with("INTERNAL_KEY", INTERNAL_KEY).with("PEPPER", PEPPER);
    let suite = setup.with_admin().with("ADMIN_PASSWORD", FIRST).start().await;

    let secrets = live(&suite, &suite).await;

    let written = written(&[&suite], &directory);
    was_worth_looking(&written);
    look_for(&secrets, &written);
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_do_the_roles_apart() {
    let directory = tempdir().unwrap();
    let database = format!("sqlite:{}", directory.path().join("identity.db").display());
    let setup = Setup::identity(&directory, &database).with_admin().with("ADMIN_PASSWORD", FIRST);
    let identity = setup.with("LOG", "trace").start().await;
    let gateway = Setup::gateway(&directory, &identity.grpc).with("LOG", "trace").start().await;

    let secrets = live(&gateway, &identity).await;

    let written = written(&[&gateway, &identity], &directory);
    was_worth_looking(&written);
    look_for(&secrets, &written);
}
