//! Surface `library`: document 000, operations 1 to 6, 8 to 16 and 24 to 28, and the admin's API keys, byte by byte.
#![expect(clippy::unwrap_used, reason = "a test")]

mod access;
mod api_keys;
mod auth;
mod book_lists;
mod books;
mod categories;
mod clients;
mod lists;
mod password;
mod preconditions;
mod profile;

use serde_json::{Value, json};
use testing::{
    TestSuite,
    suite::{Answer, Person},
};

/// An id of nobody, as the documents print ids.
const NOBODY: &str = "507f191e810c19729de860ea";

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
