//! Identity's gRPC port trusts passports and nothing else, and lets each role call what its policy says.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{collections::BTreeSet, time::Duration};

use identity::{AUDIENCE, POLICY, SERVICE, domain::account::Role};
use serde_json::json;
use shared::{
    Timestamp,
    passport::{Caller, Passports},
    rpc::Access,
    secret::Secret,
};
use testing::{
    TestSuite,
    suite::{BEGIN, INTERNAL_KEY, answer, client},
};
use tonic::{
    Code, Request, Status,
    codegen::{http::uri::PathAndQuery, tokio_stream},
    metadata::MetadataMap,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_prost::ProstCodec;
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

const LIST: &str = "/bibliotique.identity.v1.IdentityService/ListAccounts";

/// The open port, as grpcurl reaches it.
fn port(suite: &TestSuite) -> Channel {
    Endpoint::from_shared(format!("http://{}", suite.suite.identity)).unwrap().connect_lazy()
}

/// Calls a path with an empty message and this metadata; what comes back is not looked at.
async fn call(port: &Channel, path: &str, metadata: &[(&'static str, &str)]) -> Status {
    let mut request = Request::new(());
    for (name, value) in metadata {
        request.metadata_mut().append(*name, value.parse().unwrap());
    }
    let mut grpc = tonic::client::Grpc::new(port.clone());
    grpc.ready().await.unwrap();
    let path = PathAndQuery::try_from(path).unwrap();
    let answer = grpc.unary(request, path, ProstCodec::<(), ()>::default()).await;
    answer.map_or_else(|status| status, |_| Status::with_metadata(Code::Ok, "", MetadataMap::new()))
}

fn passport_by(key: &str, caller: &Caller, audience: &str, at: Timestamp) -> String {
    Passports::new(&Secret::from(key)).sign(caller, audience, at)
}

fn passport(caller: &Caller) -> String {
    passport_by(INTERNAL_KEY, caller, AUDIENCE, BEGIN)
}

/// A signed-in client that no account belongs to: enough for the policy, and for nothing else.
fn somebody() -> Caller {
    client("5a62be07de34500146d9c544")
}

fn is_without_passport(status: &Status) -> bool {
    status.code() == Code::Unauthenticated && status.message() == "no valid passport"
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rpc_is_open_to_the_roles_of_its_row_and_to_nobody_else() {
    let db = testing::sqlite().await;
    let suite = TestSuite::start(&db).await;
    let port = port(&suite);

    for (path, access) in POLICY {
        let may = |caller: &Caller| match access {
            Access::Roles(roles) => roles.contains(&caller.role),
            Access::Scopes(scopes) => caller.has_scope(scopes),
            Access::Open => panic!("{path} is open to everybody"),
        };
        assert!(is_without_passport(&call(&port, path, &[]).await), "{path} without a passport");
        let of_the_school = Role::ALL.map(|role| Caller { scope: role.scope(), ..somebody() });
        for caller in [Caller::operator(), Caller::service("gateway")].into_iter().chain(of_the_school) {
            let status = call(&port, path, &[("passport", &passport(&caller))]).await;
            let denied = status.code() == Code::PermissionDenied;
            assert_eq!(denied, !may(&caller), "{path} as {caller:?}: {status:?}");
            assert!(!is_without_passport(&status), "{path} as {:?}", caller.role);
            assert_ne!(status.code(), Code::Internal, "{path}: {status:?}");
            assert_ne!(status.code(), Code::Unimplemented, "{path}: {status:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passport_is_asked_for_and_looked_at() {
    let db = testing::sqlite().await;
    let suite = TestSuite::start(&db).await;
    let (port, admin) = (port(&suite), Caller::operator());
    let good = passport(&admin);
    let second = Duration::from_secs(1);
    assert_eq!(call(&port, LIST, &[("passport", &good)]).await.code(), Code::Ok);

    let (head, signature) = good.rsplit_once('.').unwrap();
    let other_claims = passport(&somebody());
    let swapped = format!("{}.{signature}", other_claims.rsplit_once('.').unwrap().0);
    for (what, bad) in [
        ("none", String::new()),
        ("rubbish", "passport".to_owned()),
        ("one for another service", passport_by(INTERNAL_KEY, &admin, "catalog", BEGIN)),
        ("one for nobody", passport_by(INTERNAL_KEY, &admin, "", BEGIN)),
        ("one by another key", passport_by(&INTERNAL_KEY.replace('a', "b"), &admin, AUDIENCE, BEGIN)),
        ("one by no key", passport_by("", &admin, AUDIENCE, BEGIN)),
        ("an expired one", passport_by(INTERNAL_KEY, &admin, AUDIENCE, BEGIN - 66 * second)),
        ("one that would live for too long", passport_by(INTERNAL_KEY, &admin, AUDIENCE, BEGIN + 6 * second)),
        ("one without its signature", format!("{head}.")),
        ("one with another's signature", swapped),
        ("two in one", format!("{good},{good}")),
        ("one called Bearer", format!("Bearer {good}")),
    ] {
        let status = call(&port, LIST, &[("passport", &bad)]).await;
        assert!(is_without_passport(&status), "{what}: {status:?}");
    }
    // An access token is no passport.
    let token = suite.admin().await;
    assert!(is_without_passport(&call(&port, LIST, &[("passport", &token)]).await));
    assert!(is_without_passport(&call(&port, LIST, &[("authorization", &format!("Bearer {good}"))]).await));

    suite.hand.advance(66 * second);
    assert!(is_without_passport(&call(&port, LIST, &[("passport", &good)]).await), "a minute is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_exact_path_is_looked_up_and_what_it_does_not_name_is_denied() {
    let db = testing::sqlite().await;
    let suite = TestSuite::start(&db).await;
    let (port, somebody, admin) = (port(&suite), passport(&somebody()), passport(&Caller::operator()));

    for query in
        ["?x=1", "?", "?/bibliotique.identity.v1.IdentityService/GetAccount", "?x=/grpc.health.v1.Health/Check"]
    {
        let path = format!("{LIST}{query}");
        assert!(is_without_passport(&call(&port, &path, &[]).await), "{path}");
        assert_eq!(call(&port, &path, &[("passport", &somebody)]).await.code(), Code::PermissionDenied, "{path}");
    }
    for path in [
        "/bibliotique.identity.v1.IdentityService/Nothing",
        "/bibliotique.identity.v1.IdentityService/",
        "/bibliotique.identity.v1.IdentityService/ListAccounts/",
        "/bibliotique.identity.v1.IdentityService//ListAccounts",
        "/bibliotique.identity.v1.IdentityService/listaccounts",
        "/bibliotique.identity.v1.IdentityService/List%41ccounts",
        "/bibliotique.identity.v1.IdentityService/GetAccount/../ListAccounts",
        "/grpc.health.v1.Health/Check/../../bibliotique.identity.v1.IdentityService/ListAccounts",
        "//bibliotique.identity.v1.IdentityService/ListAccounts",
        "/bibliotique.identity.v2.IdentityService/ListAccounts",
        "/",
        "/api/clients",
    ] {
        for passport in ["", &somebody, &admin, &passport(&Caller::service("gateway"))] {
            let status = call(&port, path, &[("passport", passport)]).await;
            assert_eq!(status.code(), Code::PermissionDenied, "{path}: {status:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_client_says_of_himself_never_matters() {
    let db = testing::sqlite().await;
    let suite = TestSuite::start(&db).await;
    let (person, admin_token) = (suite.register("lecteur@example.org").await, suite.admin().await);
    let me = suite.send("GET", "/api/clients/me", Some(&admin_token), None).await.json();
    let admin = me["data"]["client"]["_id"].as_str().unwrap();
    // Even a passport that identity itself would take.
    let (as_admin, as_service) = (passport(&client(admin)), passport(&Caller::operator()));
    let claims = [
        ("passport", as_admin.as_str()),
        ("passport", as_service.as_str()),
        ("x-passport", as_service.as_str()),
        ("x-user-id", admin),
        ("x-account-id", admin),
        ("x-role", "admin"),
        ("x-user-role", "admin"),
        ("role", "admin"),
        ("scope", "users:delete"),
        ("sub", admin),
        ("x-forwarded-user", admin),
        ("x-original-url", "/api/clients/login"),
        ("x-http-method-override", "GET"),
        ("forwarded", "for=127.0.0.1;by=gateway"),
        ("cookie", "token=admin"),
    ];

    let over_http = async |path: &str, token: Option<&str>| {
        let mut request = suite.request("GET", path);
        for (name, value) in claims {
            request = request.header(name, value);
        }
        answer(token.into_iter().fold(request, |request, token| request.bearer_auth(token))).await
    };
    assert_eq!(over_http("/api/clients", None).await.status, 401);
    assert_eq!(over_http("/api/clients/me", None).await.status, 401);
    assert_eq!(over_http("/api/clients", Some(&person.token)).await.status, 403);
    assert_eq!(over_http(&format!("/api/clients/{admin}"), Some(&person.token)).await.status, 403);
    let own = over_http("/api/clients/me", Some(&person.token)).await;
    assert_eq!(own.json()["data"]["client"]["_id"], json!(person.id));

    // Over gRPC the passport counts, and nothing beside it.
    let without_passport: Vec<_> = claims.into_iter().filter(|(name, _)| *name != "passport").collect();
    assert!(is_without_passport(&call(&port(&suite), LIST, &without_passport).await));
    let as_client = passport(&client(&person.id));
    let with: Vec<_> = [("passport", as_client.as_str())].into_iter().chain(without_passport).collect();
    assert_eq!(call(&port(&suite), LIST, &with).await.code(), Code::PermissionDenied);

    // And the HTTP port speaks no gRPC.
    let rpc = answer(suite.request("POST", LIST).header("passport", &as_service)).await;
    assert_eq!(rpc.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_open() {
    let db = testing::sqlite().await;
    let suite = TestSuite::start(&db).await;

    for service in ["", SERVICE] {
        let check = HealthCheckRequest { service: service.to_owned() };
        let answer = HealthClient::new(port(&suite)).check(check).await.unwrap();
        assert_eq!(answer.get_ref().status(), ServingStatus::Serving, "{service:?}");
    }
}

/// The services that reflection lists.
async fn reflected(port: Channel) -> Result<BTreeSet<String>, Status> {
    let ask = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers =
        ServerReflectionClient::new(port).server_reflection_info(tokio_stream::once(ask)).await?.into_inner();
    let answer = answers.message().await?.and_then(|answer| answer.message_response);
    let Some(MessageResponse::ListServicesResponse(list)) = answer else { panic!("{answer:?}") };
    Ok(list.service.into_iter().map(|service| service.name).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_lists_the_service_and_can_be_switched_off() {
    let db = testing::sqlite().await;
    let suite = TestSuite::start(&db).await;

    let listed = reflected(port(&suite)).await.unwrap();
    assert!(listed.contains(SERVICE) && listed.contains("grpc.health.v1.Health"), "{listed:?}");

    let silent = TestSuite::start_with(&db, |settings| settings.identity.reflection = false).await;
    assert_eq!(reflected(port(&silent)).await.unwrap_err().code(), Code::Unimplemented);
}
