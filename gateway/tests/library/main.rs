//! Surface `library`: document 000, all its operations, reservations, copies and the admin's API keys, byte by byte.
#![expect(clippy::unwrap_used, reason = "a test")]

mod access;
mod api_keys;
mod auth;
mod book_lists;
mod books;
mod categories;
mod clients;
mod elsewhere;
mod emprunt_lists;
mod emprunt_updates;
mod emprunts;
mod exemplaires;
mod idempotency;
mod lists;
mod live_numbers;
mod password;
mod preconditions;
mod profile;
mod reservations;
mod school;

use std::time::Duration;

use serde_json::{Value, json};
use testing::{
    TestSuite,
    suite::{Answer, Person},
};

/// An id of nobody, as the documents print ids.
const NOBODY: &str = "507f191e810c19729de860ea";

/// When a test begins, and when a loan of then is due.
const BEGIN: &str = "2026-03-02T09:00:00.000Z";
const DUE: &str = "2026-03-16T09:00:00.000Z";

/// Ids of one moment are in no order.
const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

const NAME: &str = "Invalid name! It must have 1 to 100 characters, at least one letter and no control characters.";
const ADDRESS: &str = "Invalid address! It must have at most 500 characters and no control characters.";
const WEAK: &str =
    "Password must contain at least 8 characters, one uppercase letter, one lowercase letter, and one number.";

/// An answer without data.
fn told(success: bool, message: &str) -> String {
    format!(r#"{{"success":{success},"message":{},"data":null}}"#, Value::from(message))
}

/// A refusal.
fn no(message: &str) -> String {
    told(false, message)
}

/// An answer with data, which is JSON already.
fn yes(message: &str, data: &str) -> String {
    format!(r#"{{"success":true,"message":{},"data":{data}}}"#, Value::from(message))
}

/// A client as the document prints it.
fn client(id: &str, nom: &str, email: &str, adresse: &str, role: &str) -> String {
    let (nom, email, adresse) = (Value::from(nom), Value::from(email), Value::from(adresse));
    format!(r#"{{"_id":"{id}","nom":{nom},"email":{email},"adresse":{adresse},"role":"{role}"}}"#)
}

/// A book as the contract prints it: `shown` in the order of the fields.
fn livre(shown: &Value) -> String {
    let names = [
        "_id",
        "isbn",
        "titre",
        "auteur",
        "anneePublication",
        "editeur",
        "langue",
        "description",
        "quantite",
        "categorieId",
        "exemplaires",
        "disponible",
    ];
    let fields = names.map(|name| format!(r#""{name}":{}"#, shown[name]));
    format!("{{{}}}", fields.join(","))
}

/// A loan as the contract prints it.
fn emprunt(shown: &Value) -> String {
    let names = ["_id", "clientId", "livreId", "dateEmprunt", "dateRetourPrevu", "dateRetourEffectif", "statut"];
    ordered(shown, &names)
}

/// What there is of `shown`, in the order of the fields.
fn ordered(shown: &Value, names: &[&str]) -> String {
    let field = |name: &&str| shown.get(*name).map(|value| format!(r#""{name}":{value}"#));
    format!("{{{}}}", names.iter().filter_map(field).collect::<Vec<_>>().join(","))
}

/// A refusal of an id.
fn no_id(what: &str) -> String {
    no(&format!("Invalid {what}! It must be 24 lower-case hexadecimal characters."))
}

/// A category as the contract prints it.
fn categorie(id: &str, nom: &str, description: &str) -> String {
    let (nom, description) = (Value::from(nom), Value::from(description));
    format!(r#"{{"_id":"{id}","nom":{nom},"description":{description}}}"#)
}

/// `{"client":…}`.
fn one(client: &str) -> String {
    format!(r#"{{"client":{client}}}"#)
}

/// `body` with some fields set.
fn with(body: &Value, changes: &Value) -> Value {
    let mut fields = body.as_object().unwrap().clone();
    fields.extend(changes.as_object().unwrap().clone());
    fields.into()
}

/// `body` with a field less.
fn without(body: &Value, name: &str) -> Value {
    let mut fields = body.as_object().unwrap().clone();
    fields.remove(name);
    fields.into()
}

/// What a new book needs, and no more.
fn etranger() -> Value {
    json!({
        "isbn": "978-2-07-036002-4", "titre": "L'Étranger", "auteur": "Albert Camus", "anneePublication": 1942,
        "editeur": "Gallimard", "langue": "français",
    })
}

/// A new book without an ISBN; otherwise [`etranger`] with `changes`. Its id.
async fn shelved(suite: &TestSuite, admin: &str, changes: Value) -> String {
    let body = with(&with(&etranger(), &json!({"isbn": ""})), &changes);
    let made = suite.send("POST", "/api/livres", Some(admin), Some(body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["data"]["livre"]["_id"].as_str().unwrap().to_owned()
}

/// A new loan.
async fn lent(suite: &TestSuite, token: &str, livre: &str) -> Value {
    let made = suite.send("POST", &format!("/api/emprunts/{livre}"), Some(token), None).await;
    thing(&made, 201, "emprunt")
}

/// What an answer is about.
#[track_caller]
fn thing(answer: &Answer, status: u16, name: &str) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text);
    answer.json()["data"][name].take()
}

/// The id of a thing.
fn id(of: &Value) -> &str {
    of["_id"].as_str().unwrap()
}

/// How many copies of a book there are, and how many of them can be borrowed now.
async fn numbers(suite: &TestSuite, livre: &str) -> (i64, i64) {
    let book = thing(&suite.send("GET", &format!("/api/livres/{livre}"), None, None).await, 200, "livre");
    assert_eq!(book["disponible"], json!(book["quantite"] != json!(0)));
    (book["exemplaires"].as_i64().unwrap(), book["quantite"].as_i64().unwrap())
}

/// A new category's id.
async fn opened(suite: &TestSuite, admin: &str, nom: &str) -> String {
    let body = json!({"nom": nom, "description": "Au fond à gauche"});
    let made = suite.send("POST", "/api/categories", Some(admin), Some(body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["data"]["categorie"]["_id"].as_str().unwrap().to_owned()
}

/// What somebody's token shows of his account.
async fn me(suite: &TestSuite, token: &str) -> Answer {
    suite.send("GET", "/api/clients/me", Some(token), None).await
}

async fn lives(suite: &TestSuite, token: &str) -> bool {
    me(suite, token).await.status == 200
}

async fn id_of_the_admin(suite: &TestSuite, token: &str) -> String {
    me(suite, token).await.json()["data"]["client"]["_id"].as_str().unwrap().to_owned()
}

/// Makes a client an admin and signs him in again.
async fn promoted(suite: &TestSuite, admin: &str, person: &Person) -> String {
    let path = format!("/api/clients/{}", person.id);
    let made = suite.send("PUT", &path, Some(admin), Some(json!({"role": "admin"}))).await;
    assert_eq!(made.status, 200, "{}", made.text);
    suite.log_in(&person.email, testing::suite::PASSWORD).await.unwrap()
}
