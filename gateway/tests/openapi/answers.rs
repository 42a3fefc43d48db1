//! What the gateway really answers is what the document says: every kind of thing that it shows, and some refusals.

use serde_json::{Value, json};
use testing::{Database, TestSuite, suite::Answer};

use crate::{
    document,
    fits::{misfit, resolved},
};

/// A suite, its document, and a token of an admin.
struct Reader {
    suite: TestSuite,
    document: Value,
    token: String,
}

impl Reader {
    /// Asks, and compares the answer with what the document says of the operation. Answers with the body.
    async fn ask(&self, method: &str, template: &str, ids: &[&str], body: Option<Value>) -> Value {
        let mut ids = ids.iter();
        let filled = template.split('/').map(|part| if part.starts_with('{') { *ids.next().unwrap() } else { part });
        let path = filled.collect::<Vec<_>>().join("/");
        let answer = self.suite.send(method, &path, Some(&self.token), body).await;
        let template = template.split('?').next().unwrap();
        self.compare(&format!("{method} {path}"), &self.document["paths"][template][method.to_lowercase()], &answer);
        if answer.text.is_empty() { Value::Null } else { answer.json() }
    }

    fn compare(&self, what: &str, operation: &Value, answer: &Answer) {
        let told = resolved(&self.document, &operation["responses"][answer.status.to_string()]);
        assert!(answer.status < 500, "{what}: {}", answer.text);
        assert!(told.is_object(), "{what}: nothing is said of {} {}", answer.status, answer.text);
        for (name, header) in told["headers"].as_object().unwrap() {
            let header = resolved(&self.document, header);
            let is_there = answer.headers.contains_key(name.as_str());
            assert!(is_there || header["required"] != true, "{what}: there is no {name}");
        }
        match told["content"].as_object() {
            None => assert_eq!(answer.text, "", "{what}"),
            Some(content) => {
                let (media_type, content) = content.iter().next().unwrap();
                assert!(answer.header("content-type").starts_with(media_type.as_str()), "{what}");
                let body = answer.json();
                assert_eq!(misfit(&self.document, &content["schema"], &body), None, "{what}: {body}");
            }
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// The library: books, categories, copies, loans, holds, accounts, keys.
async fn library(reader: &Reader) {
    let category =
        reader.ask("POST", "/api/categories", &[], Some(json!({"nom": "Romans", "description": "À gauche"}))).await;
    let category = text(&category["data"]["categorie"]["_id"]).to_owned();
    let book = json!({
        "isbn": "2-07-036002-4", "titre": "L'Étranger", "auteur": "Albert Camus", "anneePublication": 1942, "editeur": "Gallimard",
        "langue": "français", "quantite": 2, "categorieId": category,
    });
    let made = reader.ask("POST", "/api/livres", &[], Some(book.clone())).await;
    let id = text(&made["data"]["livre"]["_id"]).to_owned();
    reader.ask("POST", "/api/livres", &[], Some(book)).await;
    reader.ask("POST", "/api/livres", &[], Some(json!({"titre": 1}))).await;
    reader.ask("GET", "/api/livres?facettes=true", &[], None).await;
    reader.ask("GET", "/api/livres/{id}", &[&id], None).await;
    reader.ask("GET", "/api/livres/{id}", &["x"], None).await;
    reader.ask("GET", "/api/livres/{id}", &[&category], None).await;
    reader.ask("PUT", "/api/livres/{id}", &[&id], Some(json!({"isbn": null, "anneePublication": null}))).await;
    reader.ask("GET", "/api/categories", &[], None).await;
    reader.ask("PUT", "/api/categories/{id}", &[&category], Some(json!({}))).await;
    reader.ask("DELETE", "/api/categories/{id}", &[&category], None).await;
    let copies = reader.ask("GET", "/api/livres/{id}/exemplaires", &[&id], None).await;
    let copy = text(&copies["data"]["exemplaires"][0]["_id"]).to_owned();
    reader
        .ask("PATCH", "/api/livres/{id}/exemplaires/{exemplaire_id}", &[&id, &copy], Some(json!({"codeBarres": "B 1"})))
        .await;
    reader
        .ask("PATCH", "/api/livres/{id}/exemplaires/{exemplaire_id}", &[&id, &copy], Some(json!({"codeBarres": "B1"})))
        .await;

    let loan = reader.ask("POST", "/api/emprunts/{id}", &[&id], None).await;
    let loan = text(&loan["data"]["emprunt"]["_id"]).to_owned();
    reader.ask("POST", "/api/emprunts", &[], Some(json!({"codeBarres": "B1"}))).await;
    reader.ask("POST", "/api/emprunts/{id}", &[&id], None).await;
    reader.ask("POST", "/api/emprunts/{id}/renouveler", &[&loan], None).await;
    reader.ask("GET", "/api/emprunts", &[], None).await;
    reader.ask("GET", "/api/clients/emprunts", &[], None).await;
    let hold = reader.ask("POST", "/api/reservations", &[], Some(json!({"livreId": id}))).await;
    reader.ask("GET", "/api/reservations", &[], None).await;
    reader.ask("DELETE", "/api/reservations/{id}", &[text(&hold["data"]["reservation"]["_id"])], None).await;
    reader.ask("POST", "/api/emprunts/{id}/return", &[&loan], None).await;
    reader.ask("POST", "/api/emprunts/{id}/return", &[&loan], None).await;
    reader.ask("PUT", "/api/emprunts/{id}", &[&loan], Some(json!({"dateRetourPrevu": "demain"}))).await;
    reader.ask("DELETE", "/api/livres/{id}", &[&id], None).await;

    let key = reader.ask("POST", "/api/admin/api-keys", &[], Some(json!({"name": "App"}))).await;
    reader.ask("GET", "/api/admin/api-keys", &[], None).await;
    reader.ask("DELETE", "/api/admin/api-keys/{id}", &[text(&key["data"]["apiKey"]["_id"])], None).await;
    let me = reader.ask("GET", "/api/clients/me", &[], None).await;
    let me = text(&me["data"]["client"]["_id"]);
    reader.ask("GET", "/api/clients", &[], None).await;
    reader.ask("DELETE", "/api/clients/{id}", &[me], None).await;
    reader.ask("GET", "/api/emprunts/client/{id}", &[me], None).await;
}

/// The school: every kind of account.
async fn school(reader: &Reader) {
    let place = reader
        .ask("POST", "/v1/institutions", &[], Some(json!({"name": "Pasteur", "type": "school", "latitude": -7.21})))
        .await;
    let place = text(&place["id"]).to_owned();
    let account = |name: &str, more: Value| {
        let mut account = json!({"username": name, "password": "cache-cache", "institution_id": place});
        account.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Some(account)
    };
    let age = json!({"gender": "male", "age": 11, "age_calc_date": "2020-01-01"});
    let child = reader.ask("POST", "/v1/children", &[], account("child", age)).await;
    let child = text(&child["id"]).to_owned();
    let signed_in =
        reader.ask("POST", "/v1/auth", &[], Some(json!({"username": "child", "password": "cache-cache"}))).await;
    assert!(signed_in["access_token"].is_string());
    reader.ask("POST", "/v1/auth", &[], Some(json!({"username": "child", "password": "x"}))).await;
    reader.ask("GET", "/v1/children", &[], None).await;
    reader.ask("PATCH", "/v1/children/{child_id}", &[&child], Some(json!({"age": null}))).await;
    let educator = reader.ask("POST", "/v1/educators", &[], account("educator", json!({}))).await;
    reader.ask("POST", "/v1/healthprofessionals", &[], account("professional", json!({}))).await;
    let family = reader.ask("POST", "/v1/families", &[], account("family", json!({"children": [child]}))).await;
    reader.ask("GET", "/v1/families/{family_id}/children", &[text(&family["id"])], None).await;
    reader.ask("POST", "/v1/applications", &[], account("app", json!({"application_name": "App"}))).await;
    reader.ask("GET", "/v1/applications", &[], None).await;
    reader.ask("DELETE", "/v1/institutions/{institution_id}", &[&place], None).await;
    reader.ask("DELETE", "/v1/users/{user_id}", &["x"], None).await;

    let owner = text(&educator["id"]);
    let token =
        reader.ask("POST", "/v1/auth", &[], Some(json!({"username": "educator", "password": "cache-cache"}))).await;
    let path = "/v1/educators/{educator_id}/children/groups";
    let group = json!({"name": "Group One", "children": [child], "school_class": "4th Grade"});
    let sent = path.replace("{educator_id}", owner);
    for _ in 0..2 {
        let made = reader.suite.send("POST", &sent, Some(text(&token["access_token"])), Some(group.clone())).await;
        reader.compare("POST a group", &reader.document["paths"][path]["post"], &made);
    }
    reader.ask("GET", "/v1/educators/{educator_id}", &[owner], None).await;
    reader.ask("GET", path, &[owner], None).await;
    reader.ask("DELETE", "/v1/users/{user_id}", &[&child], None).await;
}

testing::on_both! {
    async fn answers_are_as_the_document_says(db: Database) {
        let suite = TestSuite::start(&db).await;
        let reader = Reader { document: document(&suite).await, token: suite.admin().await, suite };

        library(&reader).await;
        school(&reader).await;

        let wrong = Some(json!({"oldPassword": "x", "newPassword": "Lis-8-livres!", "confirmPassword": "Lis-8-livres!"}));
        reader.ask("PUT", "/api/clients/password", &[], wrong.clone()).await;
        reader.ask("PUT", "/api/v1/users/reset-password", &[], wrong).await;
        reader.ask("POST", "/v1/auth/register/update-password", &[], Some(json!({"password": 1}))).await;
        reader.ask("PATCH", "/api/user/password", &[], None).await;
        reader.ask("GET", "/readyz", &[], None).await;
    }
}
