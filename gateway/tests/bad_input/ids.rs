//! Ids in paths that are none.

use serde_json::json;
use testing::{Database, suite::Answer};

use crate::{NEW, PASSWORD, Setting, setting, state};

/// Texts that are no 24 lower-case hexadecimal characters, as they stand in a path.
const MALFORMED: [&str; 29] = [
    "0",
    "x",
    "507f191e810c19729de860e",
    "507f191e810c19729de860ea0",
    "507F191E810C19729DE860EA",
    "507f191e810c19729de860eA",
    "507f191e810c19729de860eg",
    "zzzzzzzzzzzzzzzzzzzzzzzz",
    "0x7f191e810c19729de860ea",
    "+07f191e810c19729de860ea",
    "-07f191e810c19729de860ea",
    "507f191e-810c-1972-9de8-60ea",
    "507f191e810c19729de860ea%00",
    "%20507f191e810c19729de860ea",
    "507f191e810c19729de860e%0A",
    // Eight full-width digits and six crabs are 24 bytes too.
    "%EF%BC%90%EF%BC%90%EF%BC%90%EF%BC%90%EF%BC%90%EF%BC%90%EF%BC%90%EF%BC%90",
    "%F0%9F%A6%80%F0%9F%A6%80%F0%9F%A6%80%F0%9F%A6%80%F0%9F%A6%80%F0%9F%A6%80",
    "%20",
    "%00",
    "%FF",
    "%C3%28",
    "%ED%A0%80",
    "%zz",
    "%",
    "..",
    "%2e%2e",
    "%2F",
    "'%20OR%20''='",
    "*",
];

/// Sends a request whose target goes out as it is.
async fn send(setting: &Setting, method: &str, target: &str, body: &str) -> Answer {
    let mut wire = setting.suite.wire().await;
    let (token, length) = (&setting.admin.token, body.len());
    wire.write(format!(
        "{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    ))
    .await;
    wire.answer().await.unwrap()
}

fn library(what: &str) -> String {
    let message = format!("Invalid {what} id! It must be 24 lower-case hexadecimal characters.");
    format!(r#"{{"success":false,"message":"{message}","data":null}}"#)
}

const OCARIOT: &str = r#"{"code":400,"message":"Parameter {user_id} is not in valid format!","description":"A 24-byte hex ID similar to this: 507f191e810c19729de860ea is expected."}"#;

testing::on_both! {
    async fn a_malformed_id_is_the_clients_fault(db: Database) {
        let setting = setting(&db).await;
        let before = state(&setting).await;
        let change = json!({"old_password": PASSWORD, "new_password": NEW}).to_string();
        let livre = &setting.livre;
        for id in MALFORMED {
            for (method, target, body, text) in [
                ("GET", format!("/api/clients/{id}"), "", library("client")),
                ("PUT", format!("/api/clients/{id}"), r#"{"nom":"M"}"#, library("client")),
                ("DELETE", format!("/api/clients/{id}"), "", library("client")),
                ("DELETE", format!("/api/admin/api-keys/{id}"), "", library("API key")),
                ("GET", format!("/api/livres/{id}"), "", library("book")),
                ("PUT", format!("/api/livres/{id}"), r#"{"titre":"M"}"#, library("book")),
                ("DELETE", format!("/api/livres/{id}"), "", library("book")),
                ("GET", format!("/api/livres/{id}/exemplaires"), "", library("book")),
                ("POST", format!("/api/livres/{id}/exemplaires"), "{}", library("book")),
                ("GET", format!("/api/livres/{id}/exemplaires/{livre}"), "", library("book")),
                ("GET", format!("/api/livres/{livre}/exemplaires/{id}"), "", library("exemplaire")),
                ("PATCH", format!("/api/livres/{livre}/exemplaires/{id}"), r#"{"etat":"perdu"}"#, library("exemplaire")),
                ("DELETE", format!("/api/livres/{livre}/exemplaires/{id}"), "", library("exemplaire")),
                ("POST", format!("/api/emprunts/{id}"), "", library("book")),
                ("GET", format!("/api/emprunts/{id}"), "", library("emprunt")),
                ("PUT", format!("/api/emprunts/{id}"), r#"{"statut":"retourné"}"#, library("emprunt")),
                ("DELETE", format!("/api/emprunts/{id}"), "", library("emprunt")),
                ("POST", format!("/api/emprunts/{id}/return"), "", library("emprunt")),
                ("POST", format!("/api/emprunts/{id}/renouveler"), "", library("emprunt")),
                ("GET", format!("/api/emprunts/client/{id}"), "", library("client")),
                ("GET", format!("/api/reservations/{id}"), "", library("reservation")),
                ("DELETE", format!("/api/reservations/{id}"), "", library("reservation")),
                ("GET", format!("/api/categories/{id}"), "", library("category")),
                ("PUT", format!("/api/categories/{id}"), r#"{"nom":"M"}"#, library("category")),
                ("DELETE", format!("/api/categories/{id}"), "", library("category")),
                ("PUT", format!("/v1/users/{id}/password"), &change, OCARIOT.to_owned()),
            ] {
                let answer = send(&setting, method, &target, body).await;

                assert_eq!((answer.status, answer.text), (400, text), "{method} {target}");
            }
        }
        assert_eq!(state(&setting).await, before);
    }

    /// RFC 3986, 6.2.2.2: an escaped letter is the letter.
    async fn an_id_may_be_written_with_escapes(db: Database) {
        let setting = setting(&db).await;
        for (root, thing, id) in [
            ("/api/clients", "client", &setting.client.id),
            ("/api/livres", "livre", &setting.livre),
            ("/api/categories", "categorie", &setting.categorie),
            ("/api/emprunts", "emprunt", &setting.emprunt),
        ] {
            let escaped: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();

            let answer = send(&setting, "GET", &format!("{root}/{escaped}"), "").await;

            assert_eq!((answer.status, &answer.json()["data"][thing]["_id"]), (200, &json!(id)));
        }
    }
}
