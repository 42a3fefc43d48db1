//! One account changes its password through all five surfaces in turn: the same effect each time.
#![expect(clippy::unwrap_used, reason = "a test")]

use serde_json::{Value, json};
use testing::{
    Database, TestSuite,
    suite::{ADMIN, Answer, PASSWORD, answer},
};

/// Asks a surface for a change from `old` to `new`.
async fn change(suite: &TestSuite, surface: &str, id: &str, token: &str, key: &str, old: &str, new: &str) -> Answer {
    let ocariot = format!("/v1/users/{id}/password");
    let (method, path, body): (_, _, Value) = match surface {
        "library" => {
            ("PUT", "/api/clients/password", json!({"oldPassword": old, "newPassword": new, "confirmPassword": new}))
        }
        "ocariot" => ("PUT", ocariot.as_str(), json!({"old_password": old, "new_password": new})),
        "swift" => (
            "PUT",
            "/api/v1/users/reset-password",
            json!({"oldPassword": old, "newPassword": new, "confirmPassword": new}),
        ),
        "applivery" => ("POST", "/v1/auth/register/update-password", json!({"password": old, "newPassword": new})),
        _ => ("PATCH", "/api/user/password", json!({"oldPassword": old, "newPassword": new})),
    };
    answer(suite.request(method, path).bearer_auth(token).header("x-api-key", key).json(&body)).await
}

async fn lives(suite: &TestSuite, token: &str) -> bool {
    suite.send("GET", "/api/clients/me", Some(token), None).await.status == 200
}

testing::on_both! {
    async fn each_surface_changes_the_same_password_with_the_same_effect(db: Database) {
        let suite = TestSuite::start(&db).await;
        let token = suite.admin().await;
        let id = suite.send("GET", "/api/clients/me", Some(&token), None).await.json()["data"]["client"]["_id"]
            .as_str().unwrap().to_owned();
        let key = suite.send("POST", "/api/admin/api-keys", Some(&token), Some(json!({"name": "App"}))).await.json()["data"]["key"]
            .as_str().unwrap().to_owned();

        let mut old = PASSWORD.to_owned();
        for (surface, status) in [("library", 200), ("ocariot", 204), ("swift", 200), ("applivery", 200), ("user", 200)] {
            let other = suite.log_in(ADMIN, &old).await.unwrap();
            let new = format!("Zebre-{surface}-42");

            let changed = change(&suite, surface, &id, &token, &key, &old, &new).await;

            assert_eq!(changed.status, status, "{surface}: {}", changed.text);
            assert_eq!(suite.log_in(ADMIN, &old).await, None, "{surface}: the old password still works");
            assert!(suite.log_in(ADMIN, &new).await.is_some(), "{surface}: the new password does not work");
            assert!(!lives(&suite, &other).await, "{surface}: another session lives");
            assert!(lives(&suite, &token).await, "{surface}: this session is dead");
            old = new;
        }
    }
}
