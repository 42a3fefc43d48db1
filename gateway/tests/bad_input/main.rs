//! What is not as the contract says: refused in the surface's own words, never with 5xx, and nothing is changed.
#![expect(clippy::unwrap_used, reason = "a test")]

mod bodies;
mod ids;
mod strings;

use reqwest::RequestBuilder;
use serde_json::{Value, json};
use testing::{
    Database, TestSuite,
    suite::{ADMIN, Answer, PASSWORD, Person, answer},
};

const NEW: &str = "Zebre-bleu-42";

/// A suite with an admin, a client, an API key, a book, a copy of it, a loan of the client's and a category.
struct Setting {
    suite: TestSuite,
    admin: Person,
    client: Person,
    key: String,
    livre: String,
    exemplaire: String,
    emprunt: String,
    categorie: String,
}

/// A route that reads a body.
struct Route {
    surface: &'static str,
    method: &'static str,
    path: String,
    token: Option<String>,
    /// What it takes, so that a test can have one thing wrong at a time.
    good: Value,
}

async fn setting(db: &Database) -> Setting {
    let suite = TestSuite::start(db).await;
    let token = suite.admin().await;
    let me = suite.send("GET", "/api/clients/me", Some(&token), None).await.json();
    let id = me["data"]["client"]["_id"].as_str().unwrap().to_owned();
    let (client, key) = (suite.register("royce27@gmail.com").await, suite.api_key().await);
    let categorie = made(&suite, &token, "/api/categories", json!({"nom": "Romans", "description": "Au fond"})).await;
    let livre = made(&suite, &token, "/api/livres", etranger("", &categorie)).await;
    let exemplaire = made(&suite, &token, &format!("/api/livres/{livre}/exemplaires"), json!({})).await;
    let emprunt = made(&suite, &client.token, "/api/emprunts", json!({"livreId": livre})).await;
    let admin = Person { id, email: ADMIN.to_owned(), token };
    Setting { suite, admin, client, key, livre, exemplaire, emprunt, categorie }
}

/// A book with every field that can be set.
fn etranger(isbn: &str, categorie: &str) -> Value {
    json!({
        "isbn": isbn, "titre": "L'Étranger", "auteur": "Albert Camus", "anneePublication": 1942, "editeur": "Gallimard",
        "langue": "français", "description": "Roman", "quantite": 3, "categorieId": categorie,
    })
}

/// The id of what an admin makes: the first thing in the answer.
async fn made(suite: &TestSuite, admin: &str, path: &str, body: Value) -> String {
    let made = suite.send("POST", path, Some(admin), Some(body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let data = made.json()["data"].take();
    data.as_object().and_then(|data| data.values().next()).unwrap()["_id"].as_str().unwrap().to_owned()
}

/// Every route of every surface that reads a body.
fn routes(setting: &Setting) -> Vec<Route> {
    let (admin, client) = (Some(&setting.admin.token), Some(&setting.client.token));
    let id = &setting.client.id;
    // An address that nobody has.
    let email = format!("{id}@example.org");
    let route = |surface, method, path: &str, token: Option<&String>, good| Route {
        surface,
        method,
        path: path.to_owned(),
        token: token.cloned(),
        good,
    };
    let three = json!({"oldPassword": PASSWORD, "newPassword": NEW, "confirmPassword": NEW});
    let registration = json!({
        "nom": "Melanie Marquardt", "email": email, "adresse": "8312 Nadia Mills",
        "password": NEW, "confirmPassword": NEW,
    });
    let profile = json!({"nom": "Melanie Marquardt", "email": email, "adresse": "8312 Nadia Mills"});
    let account = json!({"nom": "Melanie Marquardt", "email": email, "adresse": "x", "role": "admin", "active": false});
    let own = format!("/v1/users/{}/password", setting.admin.id);
    let (livre, categorie) =
        (format!("/api/livres/{}", setting.livre), format!("/api/categories/{}", setting.categorie));
    let (copies, emprunt) = (format!("{livre}/exemplaires"), format!("/api/emprunts/{}", setting.emprunt));
    let copy = format!("{copies}/{}", setting.exemplaire);
    let category = |nom| json!({"nom": nom, "description": "Au fond à gauche"});
    vec![
        route("library", "POST", "/api/clients/register", None, registration),
        route(
            "library",
            "POST",
            "/api/clients/login",
            None,
            json!({"email": setting.admin.email, "password": PASSWORD}),
        ),
        route("library", "PUT", "/api/clients/profile", client, profile),
        route("library", "PUT", "/api/clients/password", client, three.clone()),
        route("library", "PUT", &format!("/api/clients/{id}"), admin, account),
        route("library", "POST", "/api/admin/api-keys", admin, json!({"name": "Other"})),
        route("library", "POST", "/api/livres", admin, etranger("9782070360024", &setting.categorie)),
        route("library", "PUT", &livre, admin, etranger("9782070360420", &setting.categorie)),
        route("library", "POST", &copies, admin, json!({"codeBarres": "B-1"})),
        route("library", "PATCH", &copy, admin, json!({"codeBarres": "B-2", "etat": "perdu"})),
        route("library", "POST", "/api/emprunts", admin, json!({"livreId": setting.livre, "clientId": id})),
        route("library", "PUT", &emprunt, admin, json!({"statut": "en cours", "dateRetourPrevu": "2099-04-01"})),
        route("library", "POST", "/api/reservations", admin, json!({"livreId": setting.livre, "clientId": id})),
        route("library", "POST", "/api/categories", admin, category("Contes")),
        route("library", "PUT", &categorie, admin, category("Poésie")),
        route("ocariot", "PUT", &own, admin, json!({"old_password": PASSWORD, "new_password": NEW})),
        route("swift", "PUT", "/api/v1/users/reset-password", client, three),
        route(
            "applivery",
            "POST",
            "/v1/auth/register/update-password",
            client,
            json!({"password": PASSWORD, "newPassword": NEW}),
        ),
        route("user", "PATCH", "/api/user/password", client, json!({"oldPassword": PASSWORD, "newPassword": NEW})),
    ]
}

/// Whether a route changes a thing, field by field: there a change of nothing is no mistake.
fn changes(setting: &Setting, route: &Route) -> bool {
    let ids = [&setting.client.id, &setting.livre, &setting.categorie];
    route.path.ends_with("/profile") || ids.iter().any(|id| route.path.ends_with(*id))
}

/// Whether a route makes a thing of which nothing has to be said.
fn takes_nothing(route: &Route) -> bool {
    route.path.ends_with("/exemplaires")
}

fn request(setting: &Setting, route: &Route) -> RequestBuilder {
    let request = setting.suite.request(route.method, &route.path).header("x-api-key", &setting.key);
    match &route.token {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

/// Sends bytes as JSON.
async fn send(setting: &Setting, route: &Route, body: impl Into<reqwest::Body>) -> Answer {
    answer(request(setting, route).header("content-type", "application/json").body(body)).await
}

/// Everything that a request could have changed and that can be seen from outside.
async fn state(setting: &Setting) -> Vec<Value> {
    let (suite, admin) = (&setting.suite, &setting.admin.token);
    let clients = suite.send("GET", "/api/clients", Some(admin), None).await.json();
    let mut keys = suite.send("GET", "/api/admin/api-keys", Some(admin), None).await.json();
    for key in keys["data"]["apiKeys"].as_array_mut().unwrap() {
        key["lastUsedAt"].take();
    }
    let mine = suite.send("GET", "/api/clients/me", Some(&setting.client.token), None).await.json();
    let mut state = vec![clients, keys, mine];
    for email in [&setting.admin.email, &setting.client.email] {
        state.push(suite.log_in(email, PASSWORD).await.is_some().into());
    }
    let copies = format!("/api/livres/{}/exemplaires", setting.livre);
    for path in ["/api/livres", "/api/categories", "/api/emprunts", "/api/reservations", copies.as_str()] {
        state.push(suite.send("GET", path, Some(admin), None).await.json());
    }
    state
}

/// The body is JSON in the surface's own envelope.
#[track_caller]
fn is_in_envelope(surface: &str, answer: &Answer) {
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8", "{}", answer.text);
    let body = answer.json();
    let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let fits = match surface {
        "library" => {
            body["success"] == json!(answer.status < 300) && is_text(&body["message"]) && body.get("data").is_some()
        }
        "ocariot" => body["code"] == json!(answer.status) && is_text(&body["message"]),
        "swift" => {
            body["code"] == json!(answer.status)
                && is_text(&body["message"]["RESPONSE_TEXT"])
                && is_text(&body["message"]["RESPONSE_CODE"])
        }
        "applivery" => {
            body["status"] == json!(false) && body["error"]["code"].is_u64() && is_text(&body["error"]["message"])
        }
        _ => body["success"] == json!(answer.status < 300) && is_text(&body["message"]),
    };
    assert!(fits, "{surface}: {} {}", answer.status, answer.text);
}
