//! The table of refusals, each with its text, its tag and all headers.

use std::time::Duration;

use serde_json::json;
use testing::{Database, TestSuite, suite::PASSWORD};

use crate::{PATH, change, fields, is_whole, refused, says};

const WEAK: &str = "Le mot de passe doit contenir au moins 8 caractères, une majuscule, une minuscule et un chiffre";

testing::on_both! {
    async fn every_refusal_has_its_text_its_tag_and_all_headers(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        let new = "Zebre-bleu-42";
        let good = fields(PASSWORD, new, new);
        let missing =
            |names: &str| says(400, "MISSING_FIELDS_MESSAGE", &format!("Champs obligatoires manquants : {names}"));
        let all = missing("oldPassword, newPassword, confirmPassword");
        let mut cases =
            vec![(json!({}), 400, all), (json!({"newPassword": new}), 400, missing("oldPassword, confirmPassword"))];
        for name in ["oldPassword", "newPassword", "confirmPassword"] {
            for value in [json!(""), json!(null), json!(1), json!(true), json!([new]), json!({"$ne": ""})] {
                let mut other = good.clone();
                other[name] = value;
                cases.push((other, 400, missing(name)));
            }
        }
        let mut unknown = good.clone();
        unknown["role"] = json!("admin");
        cases.push((unknown, 400, says(400, "UNKNOWN_FIELDS_MESSAGE", "Champs inconnus : role")));
        for old in ["Lis-7-livres", "lis-7-livres!", "Lis-7-livres!\u{0}", &"x".repeat(5000)] {
            cases.push((fields(old, new, new), 401, refused()));
        }
        for confirmation in ["zebre-bleu-42", "Zebre-bleu-42 "] {
            let text = "Les mots de passe ne correspondent pas";
            cases.push((fields(PASSWORD, new, confirmation), 400, says(400, "PASSWORD_MISMATCH_MESSAGE", text)));
        }
        let long = format!("Zq7{}", "🦀".repeat(126));
        for weak in ["Zq7vKp2", "zq7vkp2x", "ZQ7VKP2X", "ZqWvKpLx", &long] {
            cases.push((fields(PASSWORD, weak, weak), 400, says(400, "WEAK_PASSWORD_MESSAGE", WEAK)));
        }
        let common = says(400, "WEAK_PASSWORD_MESSAGE", "Le mot de passe est trop facile à deviner");
        cases.push((fields(PASSWORD, "Azerty123", "Azerty123"), 400, common));

        for (body, status, text) in cases {
            is_whole(&change(&suite, &person.token, body).await, status, &text);
        }
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    async fn a_change_is_checked_in_the_order_of_all_surfaces(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;

        let nobody = suite.send_text("PUT", PATH, None, "{").await;
        is_whole(&nobody, 401, &refused());
        for (body, status, code) in [
            (json!({"oldPassword": "wrong", "newPassword": "weak"}), 400, "MISSING_FIELDS_MESSAGE"),
            (fields("wrong", "weak", "other"), 401, "BAD_AUTH_COMBINATION_MESSAGE"),
            (fields(PASSWORD, "weak", "other"), 400, "PASSWORD_MISMATCH_MESSAGE"),
            (fields(PASSWORD, "weak", "weak"), 400, "WEAK_PASSWORD_MESSAGE"),
            (fields(PASSWORD, PASSWORD, PASSWORD), 200, "PASSWORD_CHANGED_SUCCESS_MESSAGE"),
        ] {
            let answer = change(&suite, &person.token, body).await;

            assert_eq!((answer.status, answer.json()["message"]["RESPONSE_CODE"].as_str()), (status, Some(code)));
        }
    }

    async fn every_bad_token_is_a_wrong_combination(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        let good = fields(PASSWORD, "Zebre-bleu-42", "Zebre-bleu-42");
        suite.send("POST", "/api/clients/logout", Some(&person.token), None).await;
        let expired = suite.log_in(&person.email, PASSWORD).await.unwrap();

        is_whole(&suite.send("PUT", PATH, None, Some(good.clone())).await, 401, &refused());
        for token in ["", "null", "a.b.c", "$ACCESS_TOKEN", &person.token] {
            is_whole(&change(&suite, token, good.clone()).await, 401, &refused());
        }
        suite.hand.advance(Duration::from_secs(24 * 3600));
        is_whole(&change(&suite, &expired, good).await, 401, &refused());
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }

    async fn ten_wrong_guesses_lock_the_change(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        for _ in 0..10 {
            let guess = change(&suite, &person.token, fields("Lis-8-livres!", "Zebre-bleu-42", "Zebre-bleu-42")).await;
            is_whole(&guess, 401, &refused());
        }

        let locked = change(&suite, &person.token, fields(PASSWORD, "Zebre-bleu-42", "Zebre-bleu-42")).await;

        let text = says(429, "TOO_MANY_REQUESTS_MESSAGE", "Trop de tentatives, veuillez réessayer plus tard");
        is_whole(&locked, 429, &text);
    }
}
