//! The five routes that change a password, for stories that try them all.

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::{
    TestSuite,
    suite::{PASSWORD, Person},
};

/// Their surfaces.
pub const SURFACES: [&str; 5] = ["library", "ocariot", "swift", "applivery", "user"];

impl TestSuite {
    /// A request to a surface for a change from `old` to `new`. The surface `ocariot` wants an admin, `user` an API key.
    pub fn change(&self, surface: &str, person: &Person, key: &str, old: &str, new: &str) -> RequestBuilder {
        let twice = json!({"oldPassword": old, "newPassword": new, "confirmPassword": new});
        let (method, path, body): (_, _, Value) = match surface {
            "library" => ("PUT", "/api/clients/password".to_owned(), twice),
            "ocariot" => {
                ("PUT", format!("/v1/users/{}/password", person.id), json!({"old_password": old, "new_password": new}))
            }
            "swift" => ("PUT", "/api/v1/users/reset-password".to_owned(), twice),
            "applivery" => {
                ("POST", "/v1/auth/register/update-password".to_owned(), json!({"password": old, "newPassword": new}))
            }
            "user" => ("PATCH", "/api/user/password".to_owned(), json!({"oldPassword": old, "newPassword": new})),
            _ => panic!("there is no surface {surface}"),
        };
        self.request(method, &path).bearer_auth(&person.token).header("x-api-key", key).json(&body)
    }

    /// Registers a client and makes him an admin, who may change his password on all five surfaces.
    pub async fn register_admin(&self, email: &str) -> Person {
        let person = self.register(email).await;
        let path = format!("/api/clients/{}", person.id);
        let made = self.send("PUT", &path, Some(&self.admin().await), Some(json!({"role": "admin"}))).await;
        assert_eq!(made.status, 200, "{}", made.text);
        Person { token: self.log_in(email, PASSWORD).await.expect("an admin signs in"), ..person }
    }

    /// A new API key.
    pub async fn api_key(&self) -> String {
        let wanted = Some(json!({"name": "App"}));
        let made = self.send("POST", "/api/admin/api-keys", Some(&self.admin().await), wanted).await;
        made.json()["data"]["key"].as_str().expect("a key").to_owned()
    }
}
