//! Paths and methods, before anything else is looked at, and the checks that every operation begins with.

use std::collections::BTreeSet;

use testing::{Database, TestSuite, suite::answer};

use crate::{
    BAD_TOKEN, DAY, EXPIRED, METHOD, NO_TOKEN, NOBODY, REVOKED, bad_id,
    matrix::{OPERATIONS, Operation},
    no_endpoint,
    school::{School, User},
    unauthorized,
};

/// The path of an operation with the same text for every id.
fn filled(operation: &Operation, id: &str) -> String {
    let path = operation.path.split('/').map(|part| if part.starts_with('{') { id } else { part });
    format!("/v1{}", path.collect::<Vec<_>>().join("/"))
}

/// Somebody who has the scope of an operation.
fn scoped<'a>(school: &'a School, operation: &Operation) -> &'a User {
    match operation.number {
        33..=37 => &school.educator,
        38..=42 => &school.healthprofessional,
        _ => &school.admin,
    }
}

#[tokio::test]
async fn what_no_route_knows_is_named_without_a_token() {
    let db = testing::sqlite().await;
    let suite = TestSuite::start(&db).await;
    for path in [
        "/v1/users",
        "/v1/users/",
        "/v1/users/5a62be07de34500146d9c544/passwords",
        "/v1/users/5a62be07de34500146d9c544/password/x",
        "/v1/users/5a62be07de34500146d9c544/reset-password/x",
        "/v1/institutions/x/y",
        "/v1/children/%22%00%FF/x",
        "/v1/educators/x/children",
        "/v1/educators/x/children/groups/y/z",
        "/v1/educators/x/y/z/a/b/c",
        "/v1/healthprofessionals/x/y",
        "/v1/healthprofessionals/x/children/",
        "/v1/families/x/y",
        "/v1/families/x/children/y/z",
        "/v1/applications/x/y",
        "/v1/applications/x/children/groups",
    ] {
        let answer = suite.send("GET", &format!("{path}?page=1"), None, None).await;

        answer.must_be(404, &no_endpoint(path));
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    }
}

#[tokio::test]
async fn another_method_is_not_allowed_and_told_which_ones_are() {
    let db = testing::sqlite().await;
    let school = School::open(&db).await;
    let mut seen = BTreeSet::new();
    for operation in OPERATIONS.iter().filter(|operation| seen.insert(operation.path)) {
        let known = OPERATIONS.iter().filter(|other| other.path == operation.path).map(|other| other.method);
        let known: BTreeSet<&str> = known.collect();
        let path = filled(operation, "no-id");
        let others = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];
        for method in others.into_iter().filter(|method| !known.contains(method)) {
            for token in [None, Some("x"), Some(school.admin.token.as_str())] {
                let answer = school.suite.send(method, &path, token, None).await;

                assert_eq!((answer.status, answer.text.as_str()), (405, METHOD), "{method} {path}");
                let allowed: BTreeSet<&str> = answer.header("allow").split([',', ' ']).collect();
                let allowed: BTreeSet<&str> = allowed.into_iter().filter(|name| !["", "HEAD"].contains(name)).collect();
                assert_eq!(allowed, known, "{method} {path}");
            }
        }
    }
}

testing::on_both! {
    async fn each_operation_but_the_sign_in_wants_a_token_that_lives(db: Database) {
        let school = School::open(&db).await;
        let gone = school.user(crate::school::Kind::Educator, "gone").await;
        assert_eq!(school.delete(&school.admin, &format!("/users/{}", gone.id)).await.status, 204);
        let send = async |operation: &Operation, value: Option<&str>, expected: &str| {
            let path = filled(operation, NOBODY);
            let mut request = school.suite.request(operation.method, &path);
            if let Some(value) = value {
                request = request.header("authorization", value);
            }
            let answer = answer(request).await;
            let expected = unauthorized(expected);
            assert_eq!((answer.status, answer.text), (401, expected), "{} {path} {value:?}", operation.method);
        };
        let dead = format!("Bearer {}", gone.token);

        for operation in &OPERATIONS[1..] {
            send(operation, None, NO_TOKEN).await;
            send(operation, Some("Basic bGl2cmU6bGl2cmU="), NO_TOKEN).await;
            send(operation, Some("Basic é"), NO_TOKEN).await;
            send(operation, Some("Bearer x"), BAD_TOKEN).await;
            send(operation, Some(&dead), REVOKED).await;
        }
        school.suite.hand.advance(DAY);
        let old = format!("bearer {}", school.admin.token);
        for operation in &OPERATIONS[1..] {
            send(operation, Some(&old), EXPIRED).await;
        }
    }
}

#[tokio::test]
async fn each_malformed_id_of_a_path_is_named_from_left_to_right() {
    let db = testing::sqlite().await;
    let school = School::open(&db).await;
    for operation in &OPERATIONS {
        let names = operation.path.split('/').filter_map(|part| part.strip_prefix('{'));
        let names: Vec<&str> = names.filter_map(|name| name.strip_suffix('}')).collect();
        let caller = scoped(&school, operation);
        let upper = caller.id.to_uppercase();
        for (at, name) in names.iter().enumerate() {
            for bad in ["no-id", "zzzzzzzzzzzzzzzzzzzzzzzz", "507f191e810c19729de860e", &upper, "%00", "%FF", "%2F"] {
                // The ids before it are well formed; the ones after it are bad too.
                let ids = (0..names.len()).map(|place| if place < at { NOBODY } else { bad });
                let mut ids = ids.collect::<Vec<_>>().into_iter();
                let part = |part: &str| {
                    if part.starts_with('{') { ids.next().unwrap().to_owned() } else { part.to_owned() }
                };
                let path = operation.path.split('/').map(part).collect::<Vec<_>>().join("/");

                let answer =
                    school.suite.send_text(operation.method, &format!("/v1{path}"), Some(&caller.token), "{").await;

                assert_eq!((answer.status, answer.text), (400, bad_id(name)), "{} {path}", operation.method);
            }
        }
    }
}

#[tokio::test]
async fn a_trailing_slash_is_allowed_everywhere() {
    let db = testing::sqlite().await;
    let school = School::open(&db).await;
    for operation in &OPERATIONS {
        let path = format!("{}/", filled(operation, NOBODY));
        let answer = school.suite.send(operation.method, &path, None, None).await;

        let expected = if operation.number == 1 { 400 } else { 401 };
        assert_eq!(answer.status, expected, "{} {path}: {}", operation.method, answer.text);
    }
}
