//! The document of the APIs says what the gateway does, and the page shows it.
#![expect(clippy::unwrap_used, reason = "a test")]

mod answers;
mod examples;
mod fits;
mod page;

use std::collections::{BTreeMap, BTreeSet};

use gateway::ocariot::OPERATIONS;
use serde_json::Value;
use testing::TestSuite;

const ID: &str = "5a62be07de34500146d9c544";

/// The 28 operations of document 000, in the contract's order.
const LIBRARY: [(&str, &str); 28] = [
    ("post", "/api/clients/register"),
    ("post", "/api/clients/login"),
    ("post", "/api/clients/logout"),
    ("put", "/api/clients/profile"),
    ("put", "/api/clients/password"),
    ("get", "/api/clients/me"),
    ("get", "/api/clients/emprunts"),
    ("get", "/api/clients"),
    ("get", "/api/clients/{id}"),
    ("put", "/api/clients/{id}"),
    ("delete", "/api/clients/{id}"),
    ("get", "/api/livres"),
    ("get", "/api/livres/{id}"),
    ("post", "/api/livres"),
    ("put", "/api/livres/{id}"),
    ("delete", "/api/livres/{id}"),
    ("post", "/api/emprunts/{id}"),
    ("get", "/api/emprunts/{id}"),
    ("put", "/api/emprunts/{id}"),
    ("delete", "/api/emprunts/{id}"),
    ("get", "/api/emprunts"),
    ("get", "/api/emprunts/client/{id}"),
    ("post", "/api/emprunts/{id}/return"),
    ("get", "/api/categories"),
    ("get", "/api/categories/{id}"),
    ("post", "/api/categories"),
    ("put", "/api/categories/{id}"),
    ("delete", "/api/categories/{id}"),
];

/// The four documents of one operation.
const OTHERS: [(&str, &str); 3] = [
    ("put", "/api/v1/users/reset-password"),
    ("post", "/v1/auth/register/update-password"),
    ("patch", "/api/user/password"),
];

/// The document as it is served.
pub async fn document(suite: &TestSuite) -> Value {
    let answer = suite.send("GET", "/openapi.json", None, None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

/// The methods of each path.
fn methods(document: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let paths = document["paths"].as_object().unwrap();
    paths.iter().map(|(path, methods)| (path.clone(), methods.as_object().unwrap().keys().cloned().collect())).collect()
}

#[tokio::test]
async fn every_operation_has_a_route_and_no_path_has_another() {
    let database = testing::sqlite().await;
    let suite = TestSuite::start(&database).await;
    let methods = methods(&document(&suite).await);
    assert!(methods.len() > 50, "{methods:?}");

    for (path, known) in methods {
        let filled = path.split('/').map(|part| if part.starts_with('{') { ID } else { part });
        let filled = filled.collect::<Vec<_>>().join("/");

        let told = suite.send("PROPFIND", &filled, None, None).await;

        assert_eq!(told.status, 405, "{path}: {}", told.text);
        let allowed = told.header("allow").to_lowercase();
        let allowed: BTreeSet<String> = allowed.split(',').map(|name| name.trim().to_owned()).collect();
        let head = known.contains("get").then(|| "head".to_owned());
        assert_eq!(allowed, known.into_iter().chain(head).collect(), "{path}");
    }
}

#[tokio::test]
async fn every_operation_of_the_five_documents_is_there() {
    let database = testing::sqlite().await;
    let suite = TestSuite::start(&database).await;
    let document = document(&suite).await;
    let school = OPERATIONS.iter().map(|operation| (operation.method.to_lowercase(), operation.path));
    let school: Vec<(String, &str)> = school.collect();
    let listed = LIBRARY.iter().chain(&OTHERS).map(|(method, path)| (*method, *path));

    for (method, path) in listed.chain(school.iter().map(|(method, path)| (method.as_str(), *path))) {
        assert!(document["paths"][path][method].is_object(), "{method} {path}");
    }
    let of_school =
        document["paths"].as_object().unwrap().values().flat_map(|methods| methods.as_object().unwrap().values());
    let of_school = of_school.filter(|operation| operation["tags"][0] == "ocariot").count();
    assert_eq!(of_school, OPERATIONS.len());
}

#[tokio::test]
async fn an_operation_has_a_name_of_its_own_and_says_who_may_use_it() {
    let database = testing::sqlite().await;
    let suite = TestSuite::start(&database).await;
    let document = document(&suite).await;
    let mut names = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{name} is there twice");
            assert_ne!(operation["summary"], "", "{name}");

            let is_protected = !operation["security"].as_array().unwrap().is_empty();
            let filled = path.split('/').map(|part| if part.starts_with('{') { ID } else { part });
            let path = filled.collect::<Vec<_>>().join("/");
            let answer = suite.send(&method.to_uppercase(), &path, None, None).await;
            assert!(answer.status < 500, "{name}: {}", answer.text);
            // The surface `user` looks at the key first.
            let refused = if path == "/api/user/password" { 403 } else { 401 };
            let asks = answer.status == refused && name != "logIn";
            assert_eq!(asks, is_protected, "{name}: {} {}", answer.status, answer.text);
        }
    }
}

/// The statuses that an operation answers with.
fn statuses(document: &Value, path: &str) -> Vec<String> {
    document["paths"][path]["get"]["responses"].as_object().unwrap().keys().cloned().collect()
}

#[tokio::test]
async fn the_gateways_own_operations_say_how_they_refuse_and_no_probe_is_too_many() {
    let database = testing::sqlite().await;
    let suite = TestSuite::start(&database).await;
    let document = document(&suite).await;

    assert_eq!(statuses(&document, "/openapi.json"), ["200", "304", "429", "500"]);
    assert_eq!(statuses(&document, "/healthz"), ["200", "500"]);
    assert_eq!(statuses(&document, "/readyz"), ["200", "500", "503"]);
    let not_ready = &document["paths"]["/readyz"]["get"]["responses"]["503"]["content"]["application/json"]["schema"];
    assert_eq!(not_ready["properties"]["ready"]["const"], false);
}

#[tokio::test]
async fn lists_of_schools_say_their_order_and_all_that_they_can_be_filtered_by() {
    let database = testing::sqlite().await;
    let suite = TestSuite::start(&database).await;
    let document = document(&suite).await;
    for operation in OPERATIONS.iter().filter(|operation| !operation.list.is_empty()) {
        let path = operation.path;
        let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
        let named = |name: &str| parameters.iter().find(|parameter| parameter["name"] == name);

        let order = named("sort").unwrap()["description"].as_str().unwrap();
        let usual = if path == "/v1/families/{family_id}/children" { "the family has them" } else { "Newest first" };
        assert!(order.contains(usual), "{path}: {order}");
        assert_eq!(named("institution").is_some(), operation.list.contains(&"institution_id"), "{path}");
    }
}
