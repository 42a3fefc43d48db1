//! Operation 5, which the document prints in full.

use std::time::Duration;

use serde_json::{Value, json};
use testing::{
    Database, TestSuite,
    suite::{Answer, PASSWORD, compact},
};

use crate::{WEAK, client, lives, no, one, with, without, yes};

const PATH: &str = "/api/clients/password";
const REQUIRED: &str = "All fields are required (oldPassword, newPassword, confirmPassword)!";

/// The body of the document's curl command.
const CURL: &str = r#"{
    "oldPassword": "j7QzxtXoTXrJSMR",
    "newPassword": "_gpmsDWfAAoAdOt43",
    "confirmPassword": "_gpmsDWfAAoAdOt43"
}"#;

/// The document's example of a body.
const EXAMPLE: &str = r#"{
  "oldPassword": "j7QzxtXoTXrJSMR",
  "newPassword": "_gpmsDWfAAoAdOt43",
  "confirmPassword": "_gpmsDWfAAoAdOt43"
}"#;

/// The document's example of an answer.
const PRINTED: &str = r#"{
  "success": true,
  "message": "Password updated successfully!",
  "data": {
    "client": {
      "_id": "ZtuZEItdoV7Pc33kLjpYJ",
      "nom": "Melanie Marquardt",
      "email": "Royce27@gmail.com",
      "adresse": "8312 Nadia Mills",
      "role": "client"
    }
  }
}"#;

/// A client with the document's values: his id and token.
async fn melanie(suite: &TestSuite) -> (String, String) {
    let body = json!({
        "nom": "Melanie Marquardt", "email": "Royce27@gmail.com", "adresse": "8312 Nadia Mills",
        "password": "j7QzxtXoTXrJSMR", "confirmPassword": "j7QzxtXoTXrJSMR",
    });
    let data = suite.send("POST", "/api/clients/register", None, Some(body)).await.json()["data"].take();
    (data["client"]["_id"].as_str().unwrap().to_owned(), data["token"].as_str().unwrap().to_owned())
}

fn fields(old: &str, new: &str, confirmation: &str) -> Value {
    json!({"oldPassword": old, "newPassword": new, "confirmPassword": confirmation})
}

async fn change(suite: &TestSuite, token: &str, body: Value) -> Answer {
    suite.send("PUT", PATH, Some(token), Some(body)).await
}

testing::on_both! {
    async fn the_printed_requests_get_the_printed_answer(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (id, token) = melanie(&suite).await;

        for body in [CURL, EXAMPLE] {
            let answer = suite.send_text("PUT", PATH, Some(&token), body).await;

            answer.must_be(200, &compact(PRINTED).replace("ZtuZEItdoV7Pc33kLjpYJ", &id));
            assert!(suite.log_in("Royce27@gmail.com", "_gpmsDWfAAoAdOt43").await.is_some());
            assert_eq!(suite.log_in("Royce27@gmail.com", "j7QzxtXoTXrJSMR").await, None);
            let back = fields("_gpmsDWfAAoAdOt43", "j7QzxtXoTXrJSMR", "j7QzxtXoTXrJSMR");
            assert_eq!(change(&suite, &token, back).await.status, 200);
        }
    }

    async fn a_change_ends_the_other_sessions_and_not_this_one(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        let (other, stranger) = (suite.log_in(&person.email, PASSWORD).await.unwrap(), suite.admin().await);

        assert_eq!(change(&suite, &person.token, fields(PASSWORD, "Zebre-bleu-42", "Zebre-bleu-42")).await.status, 200);

        assert!(lives(&suite, &person.token).await);
        assert!(!lives(&suite, &other).await);
        assert!(lives(&suite, &stranger).await);
    }

    async fn the_new_password_may_be_the_old_one(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        let same = one(&client(&person.id, "Élodie Dupré-N'Diaye", "royce27@gmail.com", "", "client"));

        let answer = change(&suite, &person.token, fields(PASSWORD, PASSWORD, PASSWORD)).await;

        answer.must_be(200, &yes("Password updated successfully!", &same));
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    /// Ruling 1: fields present, then the old password, the confirmation, and at last the strength.
    async fn a_change_is_checked_in_the_order_of_the_ruling(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;

        for (body, message) in [
            (json!({"oldPassword": "wrong", "newPassword": "weak"}), REQUIRED),
            (fields("wrong", "weak", "other"), "Current password is incorrect!"),
            (fields(PASSWORD, "weak", "other"), "Passwords do not match!"),
            (fields(PASSWORD, "weak", "weak"), WEAK),
        ] {
            change(&suite, &person.token, body).await.must_be(400, &no(message));
        }
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    async fn a_bad_change_is_refused_with_its_own_words_and_changes_nothing(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        let new = "Zebre-bleu-42";
        let good = fields(PASSWORD, new, new);
        let mut refused = vec![(json!({}), REQUIRED.to_owned())];
        for name in ["oldPassword", "newPassword", "confirmPassword"] {
            refused.push((without(&good, name), REQUIRED.to_owned()));
            for (value, message) in [
                (json!(""), REQUIRED.to_owned()),
                (json!(null), REQUIRED.to_owned()),
                (json!(1), format!("{name} must be a string!")),
                (json!(true), format!("{name} must be a string!")),
                (json!([PASSWORD]), format!("{name} must be a string!")),
                (json!({"$ne": ""}), format!("{name} must be a string!")),
            ] {
                refused.push((with(&good, &json!({name: value})), message));
            }
        }
        for name in ["role", "_id", "email", "old_password", "password"] {
            refused.push((with(&good, &json!({name: "admin"})), format!("Invalid fields: {name}")));
        }
        for old in ["Lis-7-livres", "lis-7-livres!", "Lis-7-livres! ", "Lis-7-livres!\u{0}", &"x".repeat(5000)] {
            refused.push((fields(old, new, new), "Current password is incorrect!".to_owned()));
        }
        for confirmation in ["zebre-bleu-42", "Zebre-bleu-42 ", "Zebre-bleu-4\u{b2}"] {
            refused.push((fields(PASSWORD, new, confirmation), "Passwords do not match!".to_owned()));
        }
        let long = format!("Zq7{}", "🦀".repeat(126));
        for weak in ["Zq7vKp2", "zq7vkp2x", "ZQ7VKP2X", "ZqWvKpLx", "        ", &long] {
            refused.push((fields(PASSWORD, weak, weak), WEAK.to_owned()));
        }
        for common in ["Password1", "Azerty123", "Royce27@gmail.com"] {
            refused.push((fields(PASSWORD, common, common), "Password is too easy to guess!".to_owned()));
        }

        for (body, message) in refused {
            let answer = change(&suite, &person.token, body.clone()).await;

            assert_eq!((answer.status, answer.text), (400, no(&message)), "{body}");
        }
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
        assert!(lives(&suite, &person.token).await);
    }

    async fn ten_wrong_guesses_lock_the_change_for_a_minute(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        let new = "Zebre-bleu-42";

        for _ in 0..10 {
            let guess = change(&suite, &person.token, fields("Lis-8-livres!", new, new)).await;
            guess.must_be(400, &no("Current password is incorrect!"));
        }
        let locked = change(&suite, &person.token, fields(PASSWORD, new, new)).await;

        locked.must_be(429, &no("Too many attempts. Please try again later."));
        assert_eq!(locked.header("retry-after"), "60");
        suite.hand.advance(Duration::from_secs(60));
        assert_eq!(change(&suite, &person.token, fields(PASSWORD, new, new)).await.status, 200);
    }
}
