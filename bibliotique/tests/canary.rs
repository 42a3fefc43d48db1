//! No secret comes out where it should not: everything is logged, counted and traced, distinctive secrets go in everywhere, and then
//! they are looked for in whatever the processes wrote, sent or keep.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod collector;
#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::{fs, path::Path};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use collector::Collector;
use process::{
    INTERNAL_KEY, PATIENCE, PEPPER, Process, Setup,
    door::{Door, registration, token_of},
    eventually, free_address,
    library::livre,
    roles::Roles,
};
use proto::identity::v1::{
    ChangePasswordRequest, CreateAccountRequest, LogInRequest, VerifyApiKeyRequest, create_account_request::Credential,
};
use serde_json::{Value, json};
use shared::passport::Caller;
use tempfile::{TempDir, tempdir};
use testing::{
    Database,
    suite::{ADMIN, Answer, answer},
};

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

/// The passwords of a child, one after the other.
const CHILDS: [&str; 3] = ["kanarienvogel11eineskindes", "kanarienvogel12eineskindes", "kanarienvogel13eineskindes"];

/// What PostgreSQL asks for, in the databases' URLs.
const DATABASES: &str = "Kanarienvogel14derDatenbank";

/// What the collector of traces asks for.
const COLLECTORS: &str = "Kanarienvogel15desSammlers";

/// What is in a header, a query and a path where nobody asks for it.
const STRAY: &str = "Kanarienvogel16verflogen";

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
    let child = go_to_school(&door, &token).await;
    borrow(&door, &token, &other).await;
    speak_grpc(back, &id, &key, old).await;
    door.token("reader@example.org", READERS).await;
    vec![token, other, key, child]
}

/// Makes a child on the school's surface, which signs in and gets another password; answers with its token.
async fn go_to_school(door: &Door, admin: &str) -> String {
    let school = json!({"name": "Lycée Pasteur", "type": "school"});
    let school = door.post("/v1/institutions", Some(admin), school).await.json()["id"].clone();
    let [first, second, third] = CHILDS;
    let child = json!({
        "username": "canari", "password": first, "institution_id": school, "gender": "female", "age": 11,
        "age_calc_date": "2020-01-01",
    });
    let made = door.post("/v1/children", Some(admin), child).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    for badly in [json!({"username": "canari", "password": WRONG}), json!({"username": WRONG, "password": [WRONG]})] {
        assert!((400..500).contains(&door.post("/v1/auth", None, badly).await.status));
    }
    let body = json!({"username": "canari", "password": first});
    let token = door.post("/v1/auth", None, body).await.json()["access_token"].as_str().unwrap().to_owned();
    let change = json!({"old_password": first, "new_password": second});
    let changed =
        answer(door.request("PUT", &format!("/v1/users/{id}/password")).bearer_auth(&token).json(&change)).await;
    // Children get their passwords from an admin.
    assert_eq!(changed.status, 403, "{}", changed.text);
    let reset = json!({"new_password": third});
    let reset = door.post(&format!("/v1/users/{id}/reset-password"), Some(admin), reset).await;
    assert_eq!(reset.status, 204, "{}", reset.text);
    token
}

/// Borrows a book, with something in the headers, the query and the trace that is nobody's business.
async fn borrow(door: &Door, admin: &str, token: &str) {
    let book = door.post("/api/livres", Some(admin), livre("Le Canari", 1)).await.json();
    let book = book["data"]["livre"]["_id"].as_str().unwrap();
    let request = door.request("POST", &format!("/api/emprunts/{book}?token={STRAY}")).bearer_auth(token);
    let request = request.header("cookie", STRAY).header("x-session", STRAY).header("passport", STRAY);
    let request = request.header("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let lent = answer(request.header("user-agent", STRAY).header("baggage", format!("secret={STRAY}"))).await;
    assert_eq!(lent.status, 201, "{}", lent.text);
}

/// With everything logged, counted and traced.
fn telling(setup: Setup, collector: &Collector, format: &str) -> Setup {
    setup
        .with("LOG", "trace")
        .with("LOG_FORMAT", format)
        .with_foreign("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint)
        .with_foreign("OTEL_EXPORTER_OTLP_HEADERS", &format!("authorization={COLLECTORS}"))
        .with_foreign("OTEL_BSP_SCHEDULE_DELAY", "100")
}

/// What can be read or was sent elsewhere: figures and spans.
async fn told(collector: &Collector, ports: &[String]) -> Vec<(String, String)> {
    let came = async || collector.spans().iter().any(|span| span.name.ends_with("/BorrowBook") && span.kind == 2);
    eventually(PATIENCE, "the spans come", came).await;
    let mut told = vec![("spans".to_owned(), collector.said())];
    for port in ports {
        let figures = Door::at(port).get("/metrics", None).await.text;
        assert!(figures.contains("bibliotique_build_info"), "{figures}");
        told.push(("figures".to_owned(), figures));
    }
    told
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
    written.extend(files_below(directory.path()));
    written
}

/// All files below a directory, by name.
fn files_below(directory: &Path) -> Vec<(String, String)> {
    let (mut written, mut directories) = (Vec::new(), vec![directory.to_owned()]);
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
    written.iter().filter(|(_, text)| text.contains(form)).find_map(|(name, text)| {
        let line = text.lines().find(|line| line.contains(form))?;
        Some(format!("{name}: {}", line.chars().take(300).collect::<String>()))
    })
}

fn look_for(secrets: &[String], written: &[(String, String)]) {
    let known = [FIRST, READERS, WRONG, WEAK, COMMON, TOO_LONG, INTERNAL_KEY, PEPPER, DATABASES, COLLECTORS, STRAY];
    for secret in known.into_iter().chain(NEXT).chain(CHILDS).map(str::to_owned).chain(secrets.iter().cloned()) {
        for form in forms(&secret) {
            let found = find(written, &form);
            assert!(found.is_none(), "{secret} is written as {form}: {}", found.unwrap());
        }
    }
    let told = |name: &str| name.starts_with("std") || ["spans", "figures"].contains(&name);
    let logs: Vec<_> = written.iter().filter(|(name, _)| told(name)).cloned().collect();
    // Passports and tokens, whosever, begin like this; hashes like that.
    for beginning in ["eyJ0eXAiOiJKV1Qi", "$2b$"] {
        let found = find(&logs, beginning);
        assert!(found.is_none(), "{beginning}: {}", found.unwrap());
    }
}

/// What shows that there was something to find: everything was logged, and the database is where it was looked for.
fn was_worth_looking(written: &[(String, String)]) {
    assert!(find(written, "TRACE").is_some() && find(written, "authn_password_change_fail").is_some());
    let is_kept = |name: &str| name.ends_with("-wal") || name == "dump";
    assert!(written.iter().any(|(name, _)| is_kept(name)), "no write-ahead log and no dump");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_writes_no_secret_anywhere() {
    let (directory, collector, port) = (tempdir().unwrap(), Collector::start().await, free_address());
    let setup = telling(Setup::suite(&directory), &collector, "text").with("METRICS_ADDR", &port);
    let setup = setup.with("INTERNAL_KEY", INTERNAL_KEY).with("PEPPER", PEPPER);
    let suite = setup.with_admin().with("ADMIN_PASSWORD", FIRST).start().await;

    let secrets = live(&suite, &suite).await;

    // The pepper is a setting here, so the backup does not hold it.
    let backup = Setup::new(&directory, &["backup", "copy"]).with("PEPPER", PEPPER).run().await;
    assert!(backup.status.success(), "{}", backup.logged);
    let mut found = told(&collector, &[port]).await;
    found.extend([("stdout".to_owned(), backup.said), ("stderr".to_owned(), backup.logged)]);
    found.extend(written(&[&suite], &directory));
    assert!(found.iter().any(|(name, _)| name == "manifest.json"), "no backup");
    was_worth_looking(&found);
    look_for(&secrets, &found);
}

testing::on_both! {
    /// In JSON.
    async fn nor_do_the_roles_apart(database: Database) {
        let (directory, collector) = (tempdir().unwrap(), Collector::start().await);
        let ports: Vec<String> = (0..4).map(|_| free_address()).collect();
        let port_of = |setup: &Setup| {
            let place = ["identity", "catalog", "lending", "gateway"].iter().position(|role| setup.serves(role));
            ports[place.unwrap()].clone()
        };
        let also = |setup: Setup| {
            let port = port_of(&setup);
            let setup = telling(setup, &collector, "json").with("METRICS_ADDR", &port);
            if setup.serves("identity") { setup.with("ADMIN_PASSWORD", FIRST) } else { setup }
        };
        let roles = Roles::start_at(&directory, &database, with_password, also).await;

        let secrets = live(&roles.gateway, &roles.identity).await;

        let mut found = told(&collector, &ports).await;
        found.extend(written(&[&roles.gateway, &roles.identity, &roles.catalog, &roles.lending], &directory));
        found.extend(database.dump().map(|dump| ("dump".to_owned(), dump)));
        found.extend(database.directory().into_iter().flat_map(|directory| files_below(&directory)));
        was_worth_looking(&found);
        look_for(&secrets, &found);
    }
}

/// A PostgreSQL URL with a password in it, which the server does not ask for.
fn with_password(url: &str) -> String {
    url.replacen("postgres@", &format!("postgres:{DATABASES}@"), 1)
}
