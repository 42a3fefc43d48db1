//! The whole of the surface `library`, all 28 operations, through several doors in turn.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};
use testing::suite::{self, Answer};
use tokio::time::Instant;

use crate::process::{PASSWORD, PATIENCE, door::Door, eventually};

/// What library.md names, in its order.
const OPERATIONS: [&str; 28] = [
    "POST /clients/register",
    "POST /clients/login",
    "POST /clients/logout",
    "PUT /clients/profile",
    "PUT /clients/password",
    "GET /clients/me",
    "GET /clients/emprunts",
    "GET /clients",
    "GET /clients/{id}",
    "PUT /clients/{id}",
    "DELETE /clients/{id}",
    "GET /livres",
    "GET /livres/{id}",
    "POST /livres",
    "PUT /livres/{id}",
    "DELETE /livres/{id}",
    "POST /emprunts/{id}",
    "GET /emprunts/{id}",
    "PUT /emprunts/{id}",
    "DELETE /emprunts/{id}",
    "GET /emprunts",
    "GET /emprunts/client/{id}",
    "POST /emprunts/{id}/return",
    "GET /categories",
    "GET /categories/{id}",
    "POST /categories",
    "PUT /categories/{id}",
    "DELETE /categories/{id}",
];

/// Several doors, of which each request takes the next one.
pub struct Doors {
    doors: Vec<Door>,
    turn: AtomicUsize,
    /// Operations that did what they were asked to.
    done: Mutex<BTreeSet<String>>,
}

/// Somebody who has an account.
struct Person {
    id: String,
    token: String,
}

const NOBODY: Option<&str> = None;
const ELODIE: &str = "elodie@example.org";
const NEW_PASSWORD: &str = "Zebre-en-rayures-42";

impl Doors {
    pub fn new(doors: Vec<Door>) -> Self {
        Self { doors, turn: AtomicUsize::new(0), done: Mutex::default() }
    }

    pub fn next(&self) -> &Door {
        &self.doors[self.turn.fetch_add(1, Ordering::Relaxed) % self.doors.len()]
    }

    /// Asks, and gets what the contract says: this status and this message. Answers with the data.
    #[track_caller]
    fn ask<'a>(
        &'a self,
        (method, path): (&'a str, &'a str),
        token: Option<&'a str>,
        body: Value,
        (status, message): (u16, &'a str),
    ) -> impl Future<Output = Value> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let body = (!body.is_null()).then_some(&body);
            let answer = self.insist(method, path, token, body).await;
            let told = answer.json();
            let wanted = json!({"success": status < 400, "message": message});
            let is = json!({"success": told["success"], "message": told["message"]});
            assert_eq!((answer.status, is), (status, wanted), "{place}: {method} {path}: {}", answer.text);
            if status < 400 {
                self.done.lock().unwrap().insert(operation(method, path));
            }
            told["data"].clone()
        }
    }
}

impl Doors {
    /// Sends a request again that gets 503: on a busy machine a database may take longer than a role waits for it. With its key
    /// it has one effect.
    async fn insist(&self, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Answer {
        let key = shared::random::bytes::<16>().map(|byte| format!("{byte:02x}")).concat();
        let began = Instant::now();
        loop {
            let mut request = self.next().request(method, path);
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            if let Some(body) = body {
                request = request.json(body);
            }
            if method == "POST" {
                request = request.header("Idempotency-Key", &key);
            }
            let answer = suite::answer(request).await;
            if answer.status != 503 || began.elapsed() > PATIENCE {
                return answer;
            }
        }
    }
}

/// As library.md names it.
fn operation(method: &str, path: &str) -> String {
    let path = path.split('?').next().unwrap().strip_prefix("/api").unwrap();
    let is_id = |part: &str| part.len() == 24 && part.chars().all(|letter| letter.is_ascii_hexdigit());
    let parts: Vec<&str> = path.split('/').map(|part| if is_id(part) { "{id}" } else { part }).collect();
    format!("{method} {}", parts.join("/"))
}

/// Does everything that library.md names.
pub async fn all_of_it(doors: &Doors, admin: &str) {
    let elodie = somebody_comes(doors).await;
    let categorie = a_category(doors, admin).await;
    let livre = a_book(doors, admin, &categorie).await;
    let emprunt = a_loan(doors, admin, &elodie, &livre).await;
    an_admin_changes_a_loan(doors, admin, &elodie, &livre).await;
    an_admin_looks_after_clients(doors, admin, &elodie).await;
    everything_goes(doors, admin, &elodie, &categorie, &livre, &emprunt).await;

    let done = doors.done.lock().unwrap();
    let left_out: Vec<_> = OPERATIONS.into_iter().filter(|operation| !done.contains(*operation)).collect();
    assert!(left_out.is_empty(), "{left_out:?}");
}

/// Operations 1 to 6.
async fn somebody_comes(doors: &Doors) -> Person {
    let registration =
        json!({"nom": "Élodie Dupré-N'Diaye", "email": ELODIE, "password": PASSWORD, "confirmPassword": PASSWORD});
    let path = ("POST", "/api/clients/register");
    let made = doors.ask(path, NOBODY, registration.clone(), (201, "Registration successful!")).await;
    doors.ask(path, NOBODY, registration, (400, "Invalid Email address!")).await;
    let first = made["token"].as_str().unwrap();

    let login = json!({"email": ELODIE, "password": PASSWORD});
    let data = doors.ask(("POST", "/api/clients/login"), NOBODY, login.clone(), (200, "Login successful!")).await;
    let token = data["token"].as_str().unwrap().to_owned();
    doors.ask(("POST", "/api/clients/logout"), Some(first), Value::Null, (200, "Logged out successfully")).await;
    let me = ("GET", "/api/clients/me");
    for _ in 0..2 {
        doors.ask(me, Some(first), Value::Null, (401, "Authentication required!")).await;
    }

    let profile = json!({"adresse": "12, rue des Archives, 75003 Paris"});
    let updated = "Profile updated successfully!";
    doors.ask(("PUT", "/api/clients/profile"), Some(&token), profile, (200, updated)).await;
    let change = json!({"oldPassword": PASSWORD, "newPassword": NEW_PASSWORD, "confirmPassword": NEW_PASSWORD});
    let path = ("PUT", "/api/clients/password");
    doors.ask(path, Some(&token), change.clone(), (200, "Password updated successfully!")).await;
    doors.ask(path, Some(&token), change, (400, "Current password is incorrect!")).await;
    let refused = (401, "Invalid email or password!");
    doors.ask(("POST", "/api/clients/login"), NOBODY, login, refused).await;
    let data = doors.ask(me, Some(&token), Value::Null, (200, "Client details fetched successfully!")).await;
    assert_eq!(data["client"]["adresse"], "12, rue des Archives, 75003 Paris");
    Person { id: data["client"]["_id"].as_str().unwrap().to_owned(), token }
}

/// Operations 24 to 27.
async fn a_category(doors: &Doors, admin: &str) -> String {
    let roman = json!({"nom": "Roman", "description": "Œuvres d'imagination en prose"});
    let path = ("POST", "/api/categories");
    let made = doors.ask(path, Some(admin), roman.clone(), (201, "Category created successfully!")).await;
    doors.ask(path, Some(admin), roman, (400, "Invalid category name! Already exists.")).await;
    let id = made["categorie"]["_id"].as_str().unwrap().to_owned();
    let one = format!("/api/categories/{id}");

    let change = json!({"description": "Romans et nouvelles"});
    doors.ask(("PUT", &one), Some(admin), change, (200, "Category updated successfully!")).await;
    let data = doors.ask(("GET", &one), NOBODY, Value::Null, (200, "Category fetched successfully!")).await;
    assert_eq!(data["categorie"]["description"], "Romans et nouvelles");
    let all = (200, "All categories fetched successfully!");
    let data = doors.ask(("GET", "/api/categories"), NOBODY, Value::Null, all).await;
    assert_eq!(data["categories"].as_array().unwrap().len(), 1);
    id
}

/// Operations 12 to 15.
async fn a_book(doors: &Doors, admin: &str, categorie: &str) -> String {
    let livre = json!({
        "isbn": "2-07-036002-4", "titre": "L'Étranger", "auteur": "Albert Camus", "anneePublication": 1942,
        "editeur": "Gallimard", "langue": "fr", "quantite": 1, "categorieId": categorie,
    });
    let made = doors.ask(("POST", "/api/livres"), Some(admin), livre, (201, "Book created successfully!")).await;
    let id = made["livre"]["_id"].as_str().unwrap().to_owned();
    let one = format!("/api/livres/{id}");
    let change = json!({"quantite": 2, "description": "Aujourd'hui, maman est morte."});
    doors.ask(("PUT", &one), Some(admin), change, (200, "Book updated successfully!")).await;

    // At the other door it shows a moment later.
    for _ in 0..2 {
        shows(doors, &one, 2).await;
    }
    for question in ["?q=camus+etran", "?disponible=true&langue=fr", "?auteur=camus&sort=-titre"] {
        let path = format!("/api/livres{question}");
        // Filters go by catalog's own numbers, which follow lending's.
        eventually(PATIENCE, question, async || {
            let found = (200, "Books found successfully!");
            doors.ask(("GET", &path), NOBODY, Value::Null, found).await["livres"][0]["_id"] == id
        })
        .await;
    }
    doors.ask(("GET", "/api/livres/000000000000000000000000"), NOBODY, Value::Null, (404, "Book not found!")).await;
    id
}

async fn shows(doors: &Doors, livre: &str, copies: i64) {
    eventually(PATIENCE, "the copies show", async || {
        let data = doors.ask(("GET", livre), NOBODY, Value::Null, (200, "Book found successfully!")).await;
        data["livre"]["quantite"] == copies
    })
    .await;
}

/// Operations 7, 17, 18, 21 to 23.
async fn a_loan(doors: &Doors, admin: &str, elodie: &Person, livre: &str) -> String {
    let borrow = format!("/api/emprunts/{livre}");
    let token = Some(elodie.token.as_str());
    let made = doors.ask(("POST", &borrow), token, Value::Null, (201, "Emprunt created successfully!")).await;
    let id = made["emprunt"]["_id"].as_str().unwrap().to_owned();
    let one = format!("/api/emprunts/{id}");
    shows(doors, &format!("/api/livres/{livre}"), 1).await;
    let fetched = (200, "Emprunt fetched successfully!");
    let data = doors.ask(("GET", &one), token, Value::Null, fetched).await;
    assert_eq!((&data["emprunt"]["statut"], &data["emprunt"]["livreId"]), (&json!("en cours"), &json!(livre)));
    doors.ask(("DELETE", &format!("/api/livres/{livre}")), Some(admin), Value::Null, (409, "Book is on loan!")).await;
    let client = format!("/api/clients/{}", elodie.id);
    doors.ask(("DELETE", &client), Some(admin), Value::Null, (409, "Client has books on loan!")).await;

    let back = format!("{one}/return");
    let data = doors.ask(("POST", &back), token, Value::Null, (200, "Book returned successfully!")).await;
    assert_eq!(data["emprunt"]["statut"], "retourné");
    doors.ask(("POST", &back), token, Value::Null, (409, "Book already returned!")).await;
    shows(doors, &format!("/api/livres/{livre}"), 2).await;
    let data =
        doors.ask(("GET", "/api/clients/emprunts"), token, Value::Null, (200, "Emprunts fetched successfully!")).await;
    assert_eq!(data["emprunts"].as_array().unwrap().len(), 1);
    let theirs = format!("/api/emprunts/client/{}", elodie.id);
    let message = "Élodie Dupré-N'Diaye's emprunts fetched successfully!";
    doors.ask(("GET", &theirs), token, Value::Null, (200, message)).await;
    let path = format!("/api/emprunts?clientId={}&livreId={livre}&statut=retourn%C3%A9", elodie.id);
    let data = doors.ask(("GET", &path), Some(admin), Value::Null, (200, "All emprunts fetched successfully!")).await;
    assert_eq!(data["emprunts"][0]["_id"], id);
    let refused = (403, "Access denied. Insufficient permissions.");
    doors.ask(("GET", "/api/emprunts"), token, Value::Null, refused).await;
    id
}

/// Operations 17 from the desk, 19 and 20.
async fn an_admin_changes_a_loan(doors: &Doors, admin: &str, elodie: &Person, livre: &str) {
    let at_the_desk = json!({"livreId": livre, "clientId": elodie.id});
    let created = (201, "Emprunt created successfully!");
    let made = doors.ask(("POST", "/api/emprunts"), Some(admin), at_the_desk, created).await;
    let one = format!("/api/emprunts/{}", made["emprunt"]["_id"].as_str().unwrap());

    let later = json!({"dateRetourPrevu": "2099-01-01T00:00:00.000Z"});
    let updated = (200, "Emprunt updated successfully!");
    let data = doors.ask(("PUT", &one), Some(admin), later, updated).await;
    assert_eq!(data["emprunt"]["dateRetourPrevu"], "2099-01-01T00:00:00.000Z");
    doors.ask(("PUT", &one), Some(admin), json!({"livreId": livre}), (400, "Invalid updates!")).await;
    doors.ask(("DELETE", &one), Some(admin), Value::Null, (200, "Emprunt deleted successfully!")).await;
    let gone = (404, "Emprunt not found!");
    doors.ask(("GET", &one), Some(admin), Value::Null, gone).await;
    shows(doors, &format!("/api/livres/{livre}"), 2).await;
}

/// Operations 8 to 10.
async fn an_admin_looks_after_clients(doors: &Doors, admin: &str, elodie: &Person) {
    let fetched = (200, "Clients fetched successfully!");
    let data = doors.ask(("GET", "/api/clients"), Some(admin), Value::Null, fetched).await;
    assert_eq!(data["clients"].as_array().unwrap().len(), 2, "{data}");
    let one = format!("/api/clients/{}", elodie.id);
    doors.ask(("GET", &one), Some(admin), Value::Null, (200, "Client fetched successfully!")).await;
    let updated = (200, "Client updated successfully!");

    doors.ask(("PUT", &one), Some(admin), json!({"active": false}), updated).await;

    for _ in 0..2 {
        let refused = (401, "Authentication required!");
        doors.ask(("GET", "/api/clients/me"), Some(&elodie.token), Value::Null, refused).await;
    }
    doors.ask(("PUT", &one), Some(admin), json!({"active": true}), updated).await;
}

/// Operations 11, 16 and 28.
async fn everything_goes(doors: &Doors, admin: &str, elodie: &Person, categorie: &str, livre: &str, emprunt: &str) {
    let (one, nothing) = (format!("/api/categories/{categorie}"), Value::Null);
    doors.ask(("DELETE", &one), Some(admin), nothing.clone(), (409, "Category has books!")).await;
    let book = format!("/api/livres/{livre}");
    doors.ask(("DELETE", &book), Some(admin), nothing.clone(), (200, "Book deleted successfully!")).await;
    doors.ask(("GET", &book), NOBODY, nothing.clone(), (404, "Book not found!")).await;
    doors.ask(("DELETE", &one), Some(admin), nothing.clone(), (200, "Category deleted successfully!")).await;
    doors.ask(("GET", &one), NOBODY, nothing.clone(), (404, "Category not found!")).await;
    let client = format!("/api/clients/{}", elodie.id);
    doors.ask(("DELETE", &client), Some(admin), nothing.clone(), (200, "Client deleted successfully!")).await;
    doors.ask(("GET", &client), Some(admin), nothing.clone(), (404, "Client not found!")).await;
    let kept = format!("/api/emprunts/{emprunt}");
    doors.ask(("GET", &kept), Some(admin), nothing, (200, "Emprunt fetched successfully!")).await;
}
