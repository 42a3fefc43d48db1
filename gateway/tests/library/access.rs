//! Role × operation: who gets 401, 403 and an answer.

use std::time::Duration;

use serde_json::{Value, json};
use testing::{
    Database, TestSuite,
    suite::{Answer, PASSWORD, answer},
};

use crate::{NOBODY, etranger, id, lives, no, opened, shelved, thing};

/// The token that the document prints: not ours.
const PRINTED: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpZCI6IjY3YjE0OTMwNGNjNmIxMjE0M2VjZjdkMSIsInJvbGUiOiJjbGllbnQiLCJpYXQiOjE3Mzk2NzIxNjMsImV4cCI6MTczOTc1ODU2M30.IqU1VOYVE8bN1l19KvLPtI9fHZh9PFn6hrtmikiZOI8";

const TOKEN: &str = "Authentication required!";
const ROLE: &str = "Access denied. Insufficient permissions.";

/// The operations for which one signs in, and whether only an admin may. `{id}` is a client's, `{own}` the caller's, `{key}` an
/// API key's, and the others are those of what they are called.
const OPERATIONS: [(&str, &str, bool); 37] = [
    ("GET", "/api/clients/me", false),
    ("PUT", "/api/clients/profile", false),
    ("PUT", "/api/clients/password", false),
    ("POST", "/api/clients/logout", false),
    ("GET", "/api/clients", true),
    ("GET", "/api/clients/{id}", true),
    ("PUT", "/api/clients/{id}", true),
    ("DELETE", "/api/clients/{id}", true),
    ("POST", "/api/admin/api-keys", true),
    ("GET", "/api/admin/api-keys", true),
    ("DELETE", "/api/admin/api-keys/{key}", true),
    ("GET", "/api/clients/507f191e810c19729de860ea", true),
    ("POST", "/api/livres", true),
    ("PUT", "/api/livres/{livre}", true),
    ("DELETE", "/api/livres/{livre}", true),
    ("POST", "/api/categories", true),
    ("PUT", "/api/categories/{categorie}", true),
    ("DELETE", "/api/categories/{categorie}", true),
    ("GET", "/api/clients/emprunts", false),
    ("POST", "/api/emprunts", false),
    ("POST", "/api/emprunts/{livre}", false),
    ("GET", "/api/emprunts/{emprunt}", false),
    ("POST", "/api/emprunts/{emprunt}/return", false),
    ("POST", "/api/emprunts/{emprunt}/renouveler", false),
    ("GET", "/api/emprunts/client/{own}", false),
    ("GET", "/api/emprunts", true),
    ("PUT", "/api/emprunts/{emprunt}", true),
    ("DELETE", "/api/emprunts/{emprunt}", true),
    ("GET", "/api/reservations", false),
    ("POST", "/api/reservations", false),
    ("GET", "/api/reservations/{reservation}", false),
    ("DELETE", "/api/reservations/{reservation}", false),
    ("GET", "/api/livres/{livre}/exemplaires", true),
    ("POST", "/api/livres/{livre}/exemplaires", true),
    ("GET", "/api/livres/{livre}/exemplaires/{exemplaire}", true),
    ("PATCH", "/api/livres/{livre}/exemplaires/{exemplaire}", true),
    ("DELETE", "/api/livres/{livre}/exemplaires/{exemplaire}", true),
];

/// The operations for which nobody needs a token.
const PUBLIC: [&str; 6] = [
    "/api/livres",
    "/api/livres?facettes=true&sort=titre&disponible=true",
    "/api/livres/{livre}",
    "/api/categories",
    "/api/categories?page=1&limit=1",
    "/api/categories/{categorie}",
];

/// What an operation takes.
fn good_body(method: &str, path: &str) -> Option<Value> {
    match (method, path) {
        ("PUT", "/api/clients/password") => {
            Some(json!({"oldPassword": PASSWORD, "newPassword": PASSWORD, "confirmPassword": PASSWORD}))
        }
        ("POST", "/api/admin/api-keys") => Some(json!({"name": "App"})),
        ("POST", "/api/livres") => Some(etranger()),
        ("PUT", "/api/livres/{livre}") => Some(json!({"titre": "La Peste", "quantite": 1})),
        ("POST", "/api/categories") => Some(json!({"nom": "Poésie", "description": "Au fond à gauche"})),
        ("PUT", "/api/categories/{categorie}") => Some(json!({"nom": "Contes"})),
        ("POST", "/api/emprunts" | "/api/reservations") => Some(json!({"livreId": "{livre}"})),
        ("PUT", "/api/emprunts/{emprunt}") => Some(json!({"dateRetourPrevu": "2026-04-01"})),
        ("PATCH", _) => Some(json!({"codeBarres": "B-1"})),
        ("PUT", _) => Some(json!({"nom": "Melanie Marquardt"})),
        _ => None,
    }
}

/// What an operation answers with that may be done.
fn success(method: &str, path: &str) -> u16 {
    match (method, path) {
        _ if path.contains(NOBODY) => 404,
        (_, "/api/clients/logout") => 200,
        ("POST", _) if !path.ends_with("/return") && !path.ends_with("/renouveler") => 201,
        _ => 200,
    }
}

/// Sends an operation with ids that exist, made by `admin`, loans and reservations for `own`, and with whatever `authorize`
/// adds.
async fn send(
    suite: &TestSuite,
    admin: &str,
    own: &str,
    (method, path, _): (&str, &str, bool),
    authorize: impl Fn(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
) -> Answer {
    let body = good_body(method, path).map(|body| body.to_string()).unwrap_or_default();
    let (mut filled, mut body) = (path.replace("{own}", own), body);
    for place in ["{id}", "{key}", "{emprunt}", "{reservation}", "{exemplaire}", "{livre}", "{categorie}"] {
        if filled.contains(place) || body.contains(place) {
            let (id, livre) = made(suite, admin, own, place, &format!("{method} {path}")).await;
            (filled, body) = (filled.replace(place, &id), body.replace(place, &id));
            // A copy stands below its own book.
            filled = livre.map_or(filled.clone(), |livre| filled.replace("{livre}", &livre));
        }
    }
    let request = authorize(suite.request(method, &filled));
    answer(if body.is_empty() { request } else { request.header("content-type", "application/json").body(body) }).await
}

/// The id of a new thing of the kind that `place` stands for, and the book that it is below.
async fn made(suite: &TestSuite, admin: &str, own: &str, place: &str, name: &str) -> (String, Option<String>) {
    let post = async |path: &str, body: Value, kind: &str| {
        let made = suite.send("POST", path, Some(admin), Some(body)).await;
        id(&thing(&made, 201, kind)).to_owned()
    };
    let livre = shelved(suite, admin, json!({"quantite": 1})).await;
    let for_own = json!({"livreId": livre, "clientId": own});
    let made = match place {
        "{id}" => {
            let email = format!("{}@example.org", name.replace(|other: char| !other.is_ascii_alphanumeric(), "-"));
            suite.register(&email).await.id
        }
        "{key}" => post("/api/admin/api-keys", json!({"name": "App"}), "apiKey").await,
        "{emprunt}" => post("/api/emprunts", for_own, "emprunt").await,
        "{reservation}" => post("/api/reservations", for_own, "reservation").await,
        "{categorie}" => opened(suite, admin, name).await,
        "{exemplaire}" => {
            let exemplaire = post(&format!("/api/livres/{livre}/exemplaires"), json!({}), "exemplaire").await;
            return (exemplaire, Some(livre));
        }
        _ => livre,
    };
    (made, None)
}

/// Somebody new, who has nothing yet.
async fn reader(suite: &TestSuite, operation: (&str, &str, bool)) -> String {
    let number = OPERATIONS.iter().position(|known| *known == operation).unwrap();
    suite.register(&format!("reader{number}@example.org")).await.id
}

testing::on_both! {
    async fn nobody_gets_401_from_every_operation_that_is_not_public(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;

        for operation in OPERATIONS {
            let own = reader(&suite, operation).await;
            let answer = send(&suite, &admin, &own, operation, |request| request).await;

            assert_eq!((answer.status, answer.text), (401, no(TOKEN)), "{operation:?}");
        }
    }

    async fn a_client_gets_his_own_operations_and_403_from_the_others(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let person = suite.register("royce27@gmail.com").await;

        for operation @ (method, path, admins) in OPERATIONS {
            let token = suite.log_in(&person.email, PASSWORD).await.unwrap();
            let own = if admins { reader(&suite, operation).await } else { person.id.clone() };
            let answer = send(&suite, &admin, &own, operation, |request| request.bearer_auth(&token)).await;

            let expected = if admins { 403 } else { success(method, path) };
            assert_eq!(answer.status, expected, "{operation:?}: {}", answer.text);
            assert!(!admins || answer.text == no(ROLE), "{operation:?}: {}", answer.text);
            assert!(path.ends_with("logout") || lives(&suite, &token).await, "{operation:?}");
        }
    }

    async fn an_admin_gets_all_operations(db: Database) {
        let suite = TestSuite::start(&db).await;

        for operation @ (method, path, _) in OPERATIONS {
            // Anew each time: one operation logs out, and one ends the other sessions.
            let (maker, token) = (suite.admin().await, suite.admin().await);
            let own = reader(&suite, operation).await;
            let answer = send(&suite, &maker, &own, operation, |request| request.bearer_auth(&token)).await;

            assert_eq!(answer.status, success(method, path), "{operation:?}: {}", answer.text);
        }
    }

    async fn who_may_not_write_changes_no_book_and_no_category(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (admin, person) = (suite.admin().await, suite.register("royce27@gmail.com").await);
        let (livre, categorie) = (shelved(&suite, &admin, json!({})).await, opened(&suite, &admin, "Romans").await);
        let state = async || {
            let (livres, categories) = ("/api/livres", "/api/categories");
            (suite.send("GET", livres, None, None).await.text, suite.send("GET", categories, None, None).await.text)
        };
        let before = state().await;

        let of_the_shelf = |path: &str| path.starts_with("/api/livres") || path.starts_with("/api/categories");
        for (method, path, _) in OPERATIONS.into_iter().filter(|(_, path, _)| of_the_shelf(path)) {
            for token in [None, Some("x"), Some(person.token.as_str())] {
                let filled = path.replace("{livre}", &livre).replace("{categorie}", &categorie);
                let filled = filled.replace("{exemplaire}", NOBODY);
                let answer = suite.send(method, &filled, token, good_body(method, path)).await;

                assert!(matches!(answer.status, 401 | 403), "{method} {path}: {} {}", answer.status, answer.text);
            }
        }

        assert_eq!(state().await, before);
    }

    async fn what_is_public_is_shown_whatever_the_token(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (admin, person) = (suite.admin().await, suite.register("royce27@gmail.com").await);
        let (livre, categorie) = (shelved(&suite, &admin, json!({})).await, opened(&suite, &admin, "Romans").await);
        let ended = suite.log_in(&person.email, PASSWORD).await.unwrap();
        assert_eq!(suite.send("POST", "/api/clients/logout", Some(&ended), None).await.status, 200);

        for path in PUBLIC {
            let path = path.replace("{livre}", &livre).replace("{categorie}", &categorie);
            let shown = suite.send("GET", &path, None, None).await;
            assert_eq!(shown.status, 200, "{path}: {}", shown.text);
            for value in
                ["", "Bearer", "Bearer x", &format!("Bearer {PRINTED}"), &format!("Bearer {ended}"), "Basic eDp5"]
            {
                let answer = answer(suite.request("GET", &path).header("authorization", value)).await;

                assert_eq!((answer.status, &answer.text), (200, &shown.text), "{path} {value}");
            }
            for token in [&person.token, &admin] {
                suite.send("GET", &path, Some(token), None).await.must_be(200, &shown.text);
            }
        }
    }

    async fn a_role_is_looked_at_before_an_id_and_a_body(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        for (token, status, message) in [(None, 401, TOKEN), (Some(person.token.as_str()), 403, ROLE)] {
            for path in ["/api/clients/x", "/api/clients/5A62BE07DE34500146D9C544", "/api/clients/%FF"] {
                for method in ["GET", "PUT", "DELETE"] {
                    suite.send_text(method, path, token, "{").await.must_be(status, &no(message));
                }
            }
            for root in ["/api/livres", "/api/categories"] {
                for id in ["x", "5A62BE07DE34500146D9C544", "%FF", NOBODY] {
                    for method in ["PUT", "DELETE"] {
                        let answer = suite.send_text(method, &format!("{root}/{id}"), token, "{").await;
                        answer.must_be(status, &no(message));
                    }
                }
                suite.send_text("POST", root, token, "{").await.must_be(status, &no(message));
            }
            for id in ["x", "%FF", NOBODY] {
                for method in ["PUT", "DELETE"] {
                    let answer = suite.send_text(method, &format!("/api/emprunts/{id}"), token, "{").await;
                    answer.must_be(status, &no(message));
                }
                for (method, path) in
                    [("GET", ""), ("POST", ""), ("GET", "/x"), ("PATCH", "/%FF"), ("DELETE", "/x"), ("PATCH", "/x")]
                {
                    let path = format!("/api/livres/{id}/exemplaires{path}");
                    suite.send_text(method, &path, token, "{").await.must_be(status, &no(message));
                }
            }
            suite.send_text("POST", "/api/admin/api-keys", token, "{").await.must_be(status, &no(message));
            // One's own account is reached by /me, not by its id.
            let own = format!("/api/clients/{}", person.id);
            suite.send("GET", &own, token, None).await.must_be(status, &no(message));
            suite.send("PUT", &own, token, Some(json!({"role": "admin"}))).await.must_be(status, &no(message));
        }
    }

    async fn every_bad_token_gets_the_same_401(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        let good = format!("Bearer {}", person.token);
        let (head, tail) = good.split_at(good.len() - 40);
        let forged = format!("{head}{}{}", if tail.starts_with('A') { "B" } else { "A" }, &tail[1..]);
        let long = format!("Bearer {}", "x".repeat(5000));

        for value in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer null",
            "Bearer a.b.c",
            "Bearer ..",
            "Basic bGl2cmU6bGl2cmU=",
            &person.token,
            &format!("Token {}", person.token),
            &format!("Bearer {PRINTED}"),
            &forged,
            &long,
            &format!("{good} {good}"),
            &format!("{good},x"),
        ] {
            let request = suite.request("GET", "/api/clients/me").header("authorization", value);
            let answer = answer(request).await;

            assert_eq!((answer.status, answer.text), (401, no(TOKEN)), "{value}");
        }
        let twice =
            suite.request("GET", "/api/clients/me").header("authorization", &good).header("authorization", &good);
        answer(twice).await.must_be(401, &no(TOKEN));
        let bytes = suite.request("GET", "/api/clients/me").header("authorization", b"Bearer \xff\xfe".as_slice());
        answer(bytes).await.must_be(401, &no(TOKEN));
        assert_eq!(answer(suite.request("GET", "/api/clients/me").header("authorization", &good)).await.status, 200);
        let lower = good.replacen("Bearer", "bearer", 1);
        assert_eq!(answer(suite.request("GET", "/api/clients/me").header("authorization", lower)).await.status, 200);
    }

    async fn a_token_ends_after_24_hours(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        suite.hand.advance(Duration::from_secs(24 * 3600 - 1));
        assert!(lives(&suite, &person.token).await);

        suite.hand.advance(Duration::from_secs(1));

        let answer = suite.send("GET", "/api/clients/me", Some(&person.token), None).await;
        answer.must_be(401, &no(TOKEN));
    }
}
