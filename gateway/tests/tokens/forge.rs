//! The suite's own signing key in a test's hand: tokens in which nothing is wrong but what a test bends.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    hmac,
    signature::Ed25519KeyPair,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::header::AUTHORIZATION;
use serde_json::{Value, json};
use shared::on;
use testing::{
    Database, TestSuite,
    suite::{Answer, PASSWORD, PEPPER, Person, answer},
};

/// A password that nobody has yet.
pub const NEW: &str = "Zebre-neuf-42";

/// A day, in seconds: how long a token lives in these tests.
pub const LIFETIME: i64 = 24 * 3600;

/// A suite, somebody signed in, the parts of his token, and the key that signed it.
pub struct Forge {
    pub suite: TestSuite,
    pub person: Person,
    pub header: Value,
    pub claims: Value,
    pub key: Ed25519KeyPair,
}

impl Forge {
    pub async fn open() -> (Self, Database) {
        let db = testing::sqlite().await;
        let suite = TestSuite::start(&db).await;
        let person = suite.register("lecteur@example.org").await;
        let (header, claims) = (part_of(&person.token, 0), claims_of(&person.token));
        let key = signing_key(&db).await;
        (Self { suite, person, header, claims, key }, db)
    }

    /// Signs with the suite's own key, so that nothing is wrong but what a test bends.
    pub fn signed(&self, header: &Value, claims: &Value) -> String {
        signed_by(&self.key, header, claims)
    }

    pub fn with_claim(&self, name: &str, value: impl Into<Value>) -> String {
        self.signed(&self.header, &with(&self.claims, name, value))
    }

    pub fn with_header(&self, name: &str, value: impl Into<Value>) -> String {
        self.signed(&with(&self.header, name, value), &self.claims)
    }

    /// What the whole value of `Authorization` is answered with.
    pub async fn authorized(&self, value: &str) -> Answer {
        answer(self.suite.request("GET", "/api/clients/me").header(AUTHORIZATION, value)).await
    }

    pub async fn opens(&self, token: &str) -> bool {
        let answer = self.authorized(&format!("Bearer {token}")).await;
        match answer.status {
            200 => true,
            401 => {
                assert_eq!(
                    answer.json(),
                    json!({"success": false, "message": "Authentication required!", "data": null})
                );
                false
            }
            status => panic!("{status}: {}", answer.text),
        }
    }

    /// Why the surface `applivery`, which tells, refuses a token: 4002 no or bad, 4004 revoked, 4005 expired.
    pub async fn why(&self, token: &str) -> i64 {
        let person = Person { token: token.to_owned(), ..self.person.clone() };
        let refused = answer(self.suite.change("applivery", &person, "", PASSWORD, NEW)).await;
        assert_eq!(refused.status, 401, "{}", refused.text);
        refused.json()["error"]["code"].as_i64().unwrap()
    }
}

/// The key that signs now, taken from the database and opened as identity opens it.
async fn signing_key(db: &Database) -> Ed25519KeyPair {
    let newest = "SELECT id, sealed_key FROM signing_key ORDER BY id DESC LIMIT 1";
    let (id, sealed): (String, Vec<u8>) =
        on!(&db.tables().await, |db| sqlx::query_as(newest).fetch_one(db).await.unwrap());
    let key = hmac::Key::new(hmac::HMAC_SHA256, PEPPER.as_bytes());
    let key = hmac::sign(&key, b"bibliotique: sealing of signing keys");
    let seal = RandomizedNonceKey::new(&AES_256_GCM, key.as_ref()).unwrap();
    let (nonce, sealed) = sealed.split_at(12);
    let mut sealed = sealed.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(nonce).unwrap();
    Ed25519KeyPair::from_pkcs8(seal.open_in_place(nonce, Aad::from(&id), &mut sealed).unwrap()).unwrap()
}

pub fn with(object: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut changed = object.clone();
    changed[name] = value.into();
    changed
}

pub fn without(object: &Value, name: &str) -> Value {
    let mut changed = object.clone();
    assert!(changed.as_object_mut().unwrap().remove(name).is_some(), "{name} was not there");
    changed
}

fn part_of(token: &str, number: usize) -> Value {
    let part = URL_SAFE_NO_PAD.decode(token.split('.').nth(number).unwrap()).unwrap();
    serde_json::from_slice(&part).unwrap()
}

/// What a token says.
pub fn claims_of(token: &str) -> Value {
    part_of(token, 1)
}

pub fn encoded(part: &str) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

pub fn signed_by(key: &Ed25519KeyPair, header: &Value, claims: &Value) -> String {
    sealed(key, &header.to_string(), &claims.to_string())
}

/// A token of any two texts.
pub fn sealed(key: &Ed25519KeyPair, header: &str, claims: &str) -> String {
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

pub fn seconds(claim: &Value) -> i64 {
    claim.as_i64().unwrap()
}
