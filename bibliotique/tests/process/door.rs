//! The HTTP port of a process, as a client sees it.

use reqwest::Method;
use serde_json::{Value, json};
use testing::suite::Answer;

use super::{PASSWORD, PATIENCE};

/// A client of an HTTP port, which keeps its connections open.
#[derive(Clone)]
pub struct Door {
    base: String,
    http: reqwest::Client,
}

impl Door {
    /// To an address.
    pub fn at(address: &str) -> Self {
        let http = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        Self { base: format!("http://{address}"), http }
    }

    /// A request to be finished by the story.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), format!("{}{path}", self.base))
    }

    /// An answer, if there is one.
    pub async fn try_ask(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> reqwest::Result<Answer> {
        let mut request = self.request(method, path);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, text: response.text().await? })
    }

    /// An answer.
    pub async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        self.try_ask("GET", path, token, None).await.unwrap()
    }

    /// An answer.
    pub async fn post(&self, path: &str, token: Option<&str>, body: Value) -> Answer {
        self.try_ask("POST", path, token, Some(&body)).await.unwrap()
    }

    /// Whether it says that it is ready.
    pub async fn is_ready(&self) -> bool {
        self.try_ask("GET", "/readyz", None, None).await.is_ok_and(|answer| answer.status == 200)
    }

    /// Registers a client; answers with his token.
    pub async fn register(&self, email: &str) -> String {
        let made = self.post("/api/clients/register", None, registration(email, PASSWORD)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        token_of(&made)
    }

    /// Tries to sign in.
    pub async fn sign_in(&self, email: &str, password: &str) -> Answer {
        self.post("/api/clients/login", None, json!({"email": email, "password": password})).await
    }

    /// Signs in; answers with the token.
    pub async fn token(&self, email: &str, password: &str) -> String {
        let answer = self.sign_in(email, password).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        token_of(&answer)
    }

    /// Tries to change a password on the surface `library`.
    pub async fn change_password(&self, token: &str, old: &str, new: &str) -> reqwest::Result<Answer> {
        let change = json!({"oldPassword": old, "newPassword": new, "confirmPassword": new});
        self.try_ask("PUT", "/api/clients/password", Some(token), Some(&change)).await
    }

    /// Whether a token is good.
    pub async fn knows(&self, token: &str) -> bool {
        let answer = self.get("/api/clients/me", Some(token)).await;
        assert!([200, 401].contains(&answer.status), "{}", answer.text);
        answer.status == 200
    }
}

/// What registers somebody.
pub fn registration(email: &str, password: &str) -> Value {
    json!({"nom": "Élodie Dupré-N'Diaye", "email": email, "password": password, "confirmPassword": password})
}

/// The token of somebody who has just come in.
pub fn token_of(answer: &Answer) -> String {
    answer.json()["data"]["token"].as_str().unwrap().to_owned()
}
