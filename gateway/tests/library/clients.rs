//! Operations 9 to 11: what an admin does with one account.

use serde_json::{Value, json};
use testing::{
    Database, TestSuite,
    suite::{ADMIN, Answer, PASSWORD},
};

use crate::{ADDRESS, NAME, NOBODY, client, id_of_the_admin, lives, me, no, one, promoted, yes};

const UPDATED: &str = "Client updated successfully!";

async fn get(suite: &TestSuite, admin: &str, id: &str) -> Answer {
    suite.send("GET", &format!("/api/clients/{id}"), Some(admin), None).await
}

async fn put(suite: &TestSuite, admin: &str, id: &str, body: Value) -> Answer {
    suite.send("PUT", &format!("/api/clients/{id}"), Some(admin), Some(body)).await
}

async fn delete(suite: &TestSuite, admin: &str, id: &str) -> Answer {
    suite.send("DELETE", &format!("/api/clients/{id}"), Some(admin), None).await
}

testing::on_both! {
    async fn an_admin_sees_one_client(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (admin, person) = (suite.admin().await, suite.register("royce27@gmail.com").await);

        let answer = get(&suite, &admin, &person.id).await;

        let shown = client(&person.id, "Élodie Dupré-N'Diaye", "royce27@gmail.com", "", "client");
        answer.must_be(200, &yes("Client fetched successfully!", &one(&shown)));
    }

    async fn who_does_not_exist_is_not_found(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let key = json!({"name": "App"});
        let made = suite.send("POST", "/api/admin/api-keys", Some(&admin), Some(key)).await.json();
        let of_a_key = made["data"]["apiKey"]["_id"].as_str().unwrap();

        for id in [NOBODY, of_a_key] {
            get(&suite, &admin, id).await.must_be(404, &no("Client not found!"));
            put(&suite, &admin, id, json!({"nom": "M"})).await.must_be(404, &no("Client not found!"));
            delete(&suite, &admin, id).await.must_be(404, &no("Client not found!"));
        }
    }

    async fn an_admin_changes_each_field_of_anybody(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (admin, person) = (suite.admin().await, suite.register("royce27@gmail.com").await);
        let now = |nom, email, adresse, role| one(&client(&person.id, nom, email, adresse, role));
        let (before, after) = ("Élodie Dupré-N'Diaye", "Melanie Marquardt");

        for (body, now) in [
            (json!({}), now(before, "royce27@gmail.com", "", "client")),
            (json!({"nom": after}), now(after, "royce27@gmail.com", "", "client")),
            (json!({"email": "Royce27@gmail.com"}), now(after, "Royce27@gmail.com", "", "client")),
            (json!({"adresse": "8312 Nadia Mills"}), now(after, "Royce27@gmail.com", "8312 Nadia Mills", "client")),
            (json!({"active": true}), now(after, "Royce27@gmail.com", "8312 Nadia Mills", "client")),
            (json!({"role": "admin"}), now(after, "Royce27@gmail.com", "8312 Nadia Mills", "admin")),
            (json!({"role": "client", "adresse": ""}), now(after, "Royce27@gmail.com", "", "client")),
        ] {
            put(&suite, &admin, &person.id, body).await.must_be(200, &yes(UPDATED, &now));
            get(&suite, &admin, &person.id).await.must_be(200, &yes("Client fetched successfully!", &now));
        }
    }

    async fn a_bad_update_is_refused_with_its_own_words_and_changes_nothing(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (admin, person) = (suite.admin().await, suite.register("royce27@gmail.com").await);
        let before = get(&suite, &admin, &person.id).await.text;
        let role = "Invalid role! It must be client or admin.";
        let active = "Invalid active! It must be true or false.";
        let mut refused = vec![(json!({"nom": "M", "email": ADMIN}), "Invalid Email!".to_owned())];
        for name in ["password", "newPassword", "_id", "id", "state", "scope", "Role", "sessions"] {
            refused.push((json!({"nom": "M", name: "x"}), "Invalid updates!".to_owned()));
        }
        for value in [json!("Admin"), json!("root"), json!(""), json!(null), json!(1), json!(["admin"]), json!(true)] {
            refused.push((json!({"nom": "M", "role": value}), role.to_owned()));
        }
        for value in [json!("false"), json!(0), json!(null), json!([]), json!({})] {
            refused.push((json!({"nom": "M", "active": value}), active.to_owned()));
        }
        for (name, value, message) in [
            ("nom", "123", NAME),
            ("nom", "", NAME),
            ("email", "x", "Invalid email format!"),
            ("email", "", "Invalid email format!"),
            ("adresse", "\u{0}", ADDRESS),
        ] {
            refused.push((json!({"role": "admin", name: value}), message.to_owned()));
        }
        for name in ["nom", "email", "adresse"] {
            refused.push((json!({"active": false, name: null}), format!("{name} must be a string!")));
        }

        for (body, message) in refused {
            let answer = put(&suite, &admin, &person.id, body.clone()).await;

            assert_eq!((answer.status, answer.text), (400, no(&message)), "{body}");
            assert_eq!(get(&suite, &admin, &person.id).await.text, before, "{body}");
        }
        assert!(lives(&suite, &person.token).await);
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    async fn a_new_role_ends_the_sessions_of_the_old_one(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (admin, person) = (suite.admin().await, suite.register("royce27@gmail.com").await);

        let token = promoted(&suite, &admin, &person).await;

        me(&suite, &person.token).await.must_be(401, &no("Authentication required!"));
        assert_eq!(get(&suite, &token, &person.id).await.status, 200);
        assert_eq!(put(&suite, &admin, &person.id, json!({"role": "client"})).await.status, 200);
        me(&suite, &token).await.must_be(401, &no("Authentication required!"));
        let client = suite.log_in(&person.email, PASSWORD).await.unwrap();
        get(&suite, &client, &person.id).await.must_be(403, &no("Access denied. Insufficient permissions."));
    }

    async fn a_blocked_account_is_out_until_it_is_let_in_again(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (admin, person) = (suite.admin().await, suite.register("royce27@gmail.com").await);

        assert_eq!(put(&suite, &admin, &person.id, json!({"active": false})).await.status, 200);
        me(&suite, &person.token).await.must_be(401, &no("Authentication required!"));
        assert_eq!(suite.log_in(&person.email, PASSWORD).await, None);

        assert_eq!(put(&suite, &admin, &person.id, json!({"active": true})).await.status, 200);
        assert!(!lives(&suite, &person.token).await);
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    async fn a_deleted_account_leaves_nothing_but_its_address_free(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (admin, person) = (suite.admin().await, suite.register("royce27@gmail.com").await);

        let answer = delete(&suite, &admin, &person.id).await;

        let shown = client(&person.id, "Élodie Dupré-N'Diaye", "royce27@gmail.com", "", "client");
        answer.must_be(200, &yes("Client deleted successfully!", &one(&shown)));
        me(&suite, &person.token).await.must_be(401, &no("Authentication required!"));
        assert_eq!(suite.log_in(&person.email, PASSWORD).await, None);
        get(&suite, &admin, &person.id).await.must_be(404, &no("Client not found!"));
        delete(&suite, &admin, &person.id).await.must_be(404, &no("Client not found!"));
        assert_ne!(suite.register("royce27@gmail.com").await.id, person.id);
    }

    async fn the_last_admin_stays(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (admin, person) = (suite.admin().await, suite.register("royce27@gmail.com").await);
        let id = id_of_the_admin(&suite, &admin).await;

        for body in [json!({"role": "client"}), json!({"active": false}), json!({"nom": "M", "role": "client"})] {
            put(&suite, &admin, &id, body).await.must_be(409, &no("The last admin cannot leave!"));
        }
        delete(&suite, &admin, &id).await.must_be(409, &no("The last admin cannot leave!"));
        assert!(lives(&suite, &admin).await);

        let other = promoted(&suite, &admin, &person).await;
        assert_eq!(delete(&suite, &other, &id).await.status, 200);
        me(&suite, &admin).await.must_be(401, &no("Authentication required!"));
        delete(&suite, &other, &person.id).await.must_be(409, &no("The last admin cannot leave!"));
    }
}
