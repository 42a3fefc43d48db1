//! The suite, as its clients see it.

use crate::Served;
use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::fill::Item;

const PASSWORD: &str = "Lis-7-livres!";

/// What is said when no copy is on the shelf.
const NOT_AVAILABLE: &str = "Book not available!";

/// Somebody with an account.
#[derive(Clone)]
pub struct Client {
    /// His account's id.
    pub id: String,
    token: String,
}

/// People who borrow over HTTP.
pub struct Suite {
    http: reqwest::Client,
    url: String,
    /// Who they are.
    pub clients: Vec<Client>,
    /// What there is.
    pub items: Vec<Item>,
}

impl Suite {
    /// With so many clients, who register first.
    ///
    /// # Errors
    /// When one of them cannot.
    pub async fn new(served: &Served, clients: usize, items: Vec<Item>) -> anyhow::Result<Self> {
        let mut suite = Self { http: reqwest::Client::new(), url: served.url(""), clients: Vec::new(), items };
        for number in 0..clients {
            suite.clients.push(suite.register(number).await?);
        }
        Ok(suite)
    }

    async fn register(&self, number: usize) -> anyhow::Result<Client> {
        let email = format!("client{number}@example.org");
        let body = json!({"nom": "Client", "email": email, "password": PASSWORD, "confirmPassword": PASSWORD});
        let answer = self.http.post(format!("{}/api/clients/register", self.url)).json(&body).send().await?;
        let mut made: Value = answer.json().await?;
        let mut text = |path| match made.pointer_mut(path).map(Value::take) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let (id, token) = (text("/data/client/_id"), text("/data/token"));
        let client = id.zip(token).map(|(id, token)| Client { id, token });
        client.with_context(|| format!("a client could not be registered: {made}"))
    }

    async fn post(&self, client: usize, path: &str) -> anyhow::Result<(u16, Value)> {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.clients[client].token);
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        Ok((status, serde_json::from_slice(&answer.bytes().await?)?))
    }

    /// Borrows a book; answers with the loan's id, or nothing when no copy is on the shelf.
    ///
    /// # Errors
    /// When the answer is any other.
    pub async fn borrow(&self, client: usize, book: usize) -> anyhow::Result<Option<String>> {
        let path = format!("/api/emprunts/{}", self.items[book].book);
        let (status, answer) = self.post(client, &path).await?;
        match (status, answer["data"]["emprunt"]["_id"].as_str(), answer["message"].as_str()) {
            (201, Some(id), _) => Ok(Some(id.to_owned())),
            (400, _, Some(NOT_AVAILABLE)) => Ok(None),
            _ => bail!("borrowing is answered with {status}: {answer}"),
        }
    }

    /// Returns it.
    ///
    /// # Errors
    /// When the answer is not that it is returned.
    pub async fn give_back(&self, client: usize, loan: &str) -> anyhow::Result<()> {
        let (status, answer) = self.post(client, &format!("/api/emprunts/{loan}/return")).await?;
        if status != 200 {
            bail!("returning is answered with {status}: {answer}");
        }
        Ok(())
    }
}
