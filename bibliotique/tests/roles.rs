//! Identity and gateway as processes of their own: what they do together, and what one does without the other.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::time::Duration;

use process::{PASSWORD, PATIENCE, Process, Setup, eventually, free_address};
use proto::identity::v1::ListAccountsRequest;
use serde_json::json;
use shared::{
    Clock,
    passport::{Caller, Passports, Role},
    secret::Secret,
};
use tempfile::{TempDir, tempdir};
use testing::{Database, suite::ADMIN};
use tokio::{task::JoinSet, time::Instant};
use tonic::{Code, Request, transport::Endpoint};

/// Both roles apart, on a database.
async fn both(directory: &TempDir, database: &Database) -> (Process, Process) {
    let identity = Setup::identity(directory, database.url()).with_admin().with("LOG", "debug").start().await;
    let gateway = Setup::gateway(directory, &identity.grpc).with("LOG", "debug").start().await;
    (identity, gateway)
}

/// The log lines of a request.
fn lines(process: &Process, request_id: &str) -> usize {
    process.logged().lines().filter(|line| line.contains(request_id)).count()
}

/// The largest refusal there is: all names are in it, and the next request finds the way still open.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_children_that_there_are_not_are_all_named() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let (_identity, gateway) = both(&directory, &database).await;
    let door = gateway.door();
    let body = json!({"username": ADMIN, "password": PASSWORD});
    let token = door.post("/v1/auth", None, body).await.json()["access_token"].as_str().unwrap().to_owned();
    let school = json!({"name": "Lycée Pasteur", "type": "school"});
    let school = door.post("/v1/institutions", Some(&token), school).await.json()["id"].clone();
    let children: Vec<String> = (0..1000).map(|number| format!("{number:024x}")).collect();
    let family = json!({"username": "f", "password": PASSWORD, "institution_id": school, "children": children});

    for _ in 0..3 {
        let refused = door.post("/v1/families", Some(&token), family.clone()).await;

        assert_eq!(refused.status, 400, "{}", refused.text);
        assert!(children.iter().all(|child| refused.text.contains(child)));
    }
    assert_eq!(door.get("/v1/families", Some(&token)).await.status, 200);
}

testing::on_both! {
    async fn somebody_registers_signs_in_and_changes_his_password(database: Database) {
        let directory = tempdir().unwrap();
        let (_identity, gateway) = both(&directory, &database).await;
        let door = gateway.door();

        let registered = door.register("elodie@example.org").await;
        let signed_in = door.token("elodie@example.org", PASSWORD).await;
        let changed = door.change_password(&signed_in, PASSWORD, "Zebre-apart-42").await.unwrap();

        assert_eq!(changed.status, 200, "{}", changed.text);
        assert!(!door.knows(&registered).await && door.knows(&signed_in).await);
        assert_eq!(door.sign_in("elodie@example.org", PASSWORD).await.status, 401);
        door.token("elodie@example.org", "Zebre-apart-42").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_senders_request_id_is_in_the_logs_of_both_roles() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let (identity, gateway) = both(&directory, &database).await;
    let token = gateway.door().token(ADMIN, PASSWORD).await;

    let request = gateway.door().request("GET", "/api/clients/me").bearer_auth(token);
    let answer = testing::suite::answer(request.header("X-Request-Id", "from-the-reader-7f3a")).await;

    assert_eq!(answer.header("x-request-id"), "from-the-reader-7f3a");
    // One for the session, one for the account, and the gateway's own.
    let in_both =
        async || lines(&identity, "from-the-reader-7f3a") >= 2 && lines(&gateway, "from-the-reader-7f3a") >= 1;
    eventually(PATIENCE, "both have logged it", in_both).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_came_first_recovers_by_itself() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let address = free_address();
    let gateway = Setup::gateway(&directory, &address).start().await;
    let door = gateway.door();
    assert!(!door.is_ready().await);
    assert_eq!(door.sign_in(ADMIN, PASSWORD).await.status, 503);

    let setup = Setup::identity(&directory, database.url()).with_admin().with("IDENTITY_ADDR", &address);
    let _identity = setup.start().await;

    eventually(Duration::from_secs(5), "the gateway is ready", async || door.is_ready().await).await;
    // One after another through all connections: none may still remember that there was nobody.
    for _ in 0..8 {
        assert_eq!(door.sign_in(ADMIN, PASSWORD).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_identity_nothing_protected_is_shown_and_with_it_all_is_back() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let (mut identity, gateway) = both(&directory, &database).await;
    let door = gateway.door();
    let token = door.token(ADMIN, PASSWORD).await;

    identity.kill();

    for _ in 0..8 {
        let began = Instant::now();
        let me = door.get("/api/clients/me", Some(&token)).await;
        assert_eq!((me.status, me.json()["success"].as_bool()), (503, Some(false)), "{}", me.text);
        assert!(began.elapsed() < Duration::from_secs(10));
    }
    assert_eq!(door.sign_in(ADMIN, PASSWORD).await.status, 503);
    assert_eq!(door.get("/readyz", None).await.status, 503);
    assert_eq!(door.get("/healthz", None).await.status, 200);

    let _identity = identity.again().start().await;
    let began = Instant::now();
    eventually(Duration::from_secs(5), "the gateway is ready again", async || door.is_ready().await).await;
    eventually(Duration::from_secs(5), "the token is good again", async || {
        door.get("/api/clients/me", Some(&token)).await.status == 200
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(door.sign_in(ADMIN, PASSWORD).await.status, 200);
}

/// Two identities on one database, which leave slowly, and a gateway in front of both.
async fn two_behind_a_gateway(directory: &TempDir, database: &Database) -> ([Process; 2], Process) {
    let setup = Setup::identity(directory, database.url()).with_admin().with("DRAIN_SECONDS", "8");
    let identities = [setup.start().await, setup.start().await];
    let addresses = identities.each_ref().map(|identity| identity.grpc.clone()).join(",");
    let gateway = Setup::gateway(directory, &addresses).start().await;
    (identities, gateway)
}

testing::on_both! {
    async fn with_two_identities_one_may_die(database: Database) {
        let directory = tempdir().unwrap();
        let ([mut first, _second], gateway) = two_behind_a_gateway(&directory, &database).await;
        let door = gateway.door();
        let token = door.token(ADMIN, PASSWORD).await;
        let eight_times_over = async || {
            let mut readers = JoinSet::new();
            for _ in 0..8 {
                let (door, token) = (door.clone(), token.clone());
                readers.spawn(async move {
                    for _ in 0..25 {
                        let me = door.get("/api/clients/me", Some(&token)).await;
                        assert_eq!(me.status, 200, "{}", me.text);
                    }
                });
            }
            readers.join_all().await;
        };
        eight_times_over().await;

        first.kill();

        eight_times_over().await;
        for _ in 0..8 {
            assert!(door.is_ready().await);
            assert_eq!(door.sign_in(ADMIN, PASSWORD).await.status, 200, "to the dead one it could not even be sent");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_one_of_two_identities_leaves_the_gateway_is_ready() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let ([first, _second], gateway) = two_behind_a_gateway(&directory, &database).await;
    gateway.door().token(ADMIN, PASSWORD).await;

    first.signal("TERM");

    eventually(PATIENCE, "it leaves", async || first.logged().contains("leaving")).await;
    for number in 0..50 {
        let ready = gateway.door().get("/readyz", None).await;
        assert_eq!(ready.status, 200, "asked {number} times before: {}", ready.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_a_client_invents_means_nothing() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let (_identity, gateway) = both(&directory, &database).await;
    let door = gateway.door();
    let token = door.register("elodie@example.org").await;
    let passports = Passports::new(&Secret::from(process::INTERNAL_KEY));
    let stolen = passports.sign(&Caller::operator(), identity::AUDIENCE, Clock::system().now());

    for (name, value) in [("passport", stolen.as_str()), ("x-role", "admin"), ("x-user-id", "operator")] {
        let with_it = |path| door.request("GET", path).bearer_auth(&token).header(name, value);
        let list = testing::suite::answer(with_it("/api/clients")).await;
        let me = testing::suite::answer(with_it("/api/clients/me")).await;

        assert_eq!(list.status, 403, "{name}: {}", list.text);
        assert_eq!(me.json()["data"]["client"]["email"], "elodie@example.org", "{name}");
        assert_eq!(testing::suite::answer(door.request("GET", "/api/clients").header(name, value)).await.status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_trusts_a_passport_and_nothing_else() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let identity = Setup::identity(&directory, database.url()).with_admin().start().await;
    let now = Clock::system().now();
    let sign =
        |key: &str, caller: &Caller, audience: &str, at| Passports::new(&Secret::from(key)).sign(caller, audience, at);
    let client = Caller { role: Role::Client, ..Caller::operator() };
    let ours = process::INTERNAL_KEY;
    let two_minutes = Duration::from_secs(120);
    let channel = Endpoint::from_shared(format!("http://{}", identity.grpc)).unwrap().connect_lazy();
    let list = async |passport: Option<String>| {
        let mut request = Request::new(ListAccountsRequest::default());
        request.metadata_mut().insert("x-role", "admin".parse().unwrap());
        request.metadata_mut().insert("authorization", "Bearer admin".parse().unwrap());
        if let Some(passport) = passport {
            request.metadata_mut().insert("passport", passport.parse().unwrap());
        }
        let mut client = proto::identity::v1::identity_service_client::IdentityServiceClient::new(channel.clone());
        client.list_accounts(request).await.map_or_else(|status| status.code(), |_| Code::Ok)
    };

    let another_key = "another key for tests, of 32 bytes or so";
    assert_eq!(list(Some(sign(ours, &Caller::operator(), identity::AUDIENCE, now))).await, Code::Ok);
    assert_eq!(list(None).await, Code::Unauthenticated);
    assert_eq!(
        list(Some(sign(another_key, &Caller::operator(), identity::AUDIENCE, now))).await,
        Code::Unauthenticated
    );
    assert_eq!(list(Some(sign(ours, &Caller::operator(), "lending", now))).await, Code::Unauthenticated);
    assert_eq!(
        list(Some(sign(ours, &Caller::operator(), identity::AUDIENCE, now - two_minutes))).await,
        Code::Unauthenticated
    );
    assert_eq!(
        list(Some(sign(ours, &Caller::operator(), identity::AUDIENCE, now + two_minutes))).await,
        Code::Unauthenticated
    );
    assert_eq!(list(Some(sign(ours, &client, identity::AUDIENCE, now))).await, Code::PermissionDenied);
    assert_eq!(
        list(Some(sign(ours, &Caller::service("gateway"), identity::AUDIENCE, now))).await,
        Code::PermissionDenied
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_with_another_key_gets_nothing() {
    let (directory, database) = (tempdir().unwrap(), testing::sqlite().await);
    let identity = Setup::identity(&directory, database.url()).with_admin().start().await;
    let setup = Setup::gateway(&directory, &identity.grpc);
    let gateway = setup.with("INTERNAL_KEY", "another key for tests, of 32 bytes or so").start().await;

    let answer = gateway.door().sign_in(ADMIN, PASSWORD).await;

    assert_eq!(answer.json(), json!({"success": false, "message": "Internal server error!", "data": null}));
}
