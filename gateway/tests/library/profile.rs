//! Operations 4 and 6: what a client sees and changes of himself.

use serde_json::{Value, json};
use testing::{
    Database, TestSuite,
    suite::{Answer, PASSWORD, Person},
};

use crate::{ADDRESS, NAME, client, lives, me, no, one, yes};

const UPDATED: &str = "Profile updated successfully!";

async fn update(suite: &TestSuite, person: &Person, body: Value) -> Answer {
    suite.send("PUT", "/api/clients/profile", Some(&person.token), Some(body)).await
}

testing::on_both! {
    async fn each_field_of_a_profile_changes_alone(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        let melanie = |nom, email, adresse| one(&client(&person.id, nom, email, adresse, "client"));
        let (before, after) = ("Élodie Dupré-N'Diaye", "Melanie Marquardt");

        for (body, now) in [
            (json!({}), melanie(before, "royce27@gmail.com", "")),
            (json!({"nom": after}), melanie(after, "royce27@gmail.com", "")),
            (
                json!({"adresse": "8312 Nadia Mills\n75011 Paris"}),
                melanie(after, "royce27@gmail.com", "8312 Nadia Mills\n75011 Paris"),
            ),
            (
                json!({"email": "Royce27@gmail.com"}),
                melanie(after, "Royce27@gmail.com", "8312 Nadia Mills\n75011 Paris"),
            ),
            (json!({"adresse": ""}), melanie(after, "Royce27@gmail.com", "")),
            (json!({"adresse": "x", "email": "m@example.org", "nom": "M"}), melanie("M", "m@example.org", "x")),
        ] {
            update(&suite, &person, body).await.must_be(200, &yes(UPDATED, &now));
            me(&suite, &person.token).await.must_be(200, &yes("Client details fetched successfully!", &now));
        }
    }

    async fn a_new_address_is_what_one_signs_in_with(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;

        assert_eq!(update(&suite, &person, json!({"email": "Melanie@example.org"})).await.status, 200);

        assert!(suite.log_in("melanie@example.org", PASSWORD).await.is_some());
        assert_eq!(suite.log_in("royce27@gmail.com", PASSWORD).await, None);
        assert!(lives(&suite, &person.token).await);
        suite.register("royce27@gmail.com").await;
    }

    async fn a_bad_update_is_refused_with_its_own_words_and_changes_nothing(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        suite.register("Taken@example.org").await;
        let before = me(&suite, &person.token).await.text;
        let mut refused = vec![(json!({"nom": "M", "email": "tAKEN@example.org"}), "Invalid Email!".to_owned())];
        for name in ["role", "active", "password", "newPassword", "_id", "id", "token", "Nom", ""] {
            refused.push((json!({"nom": "M", name: "admin"}), "Invalid updates!".to_owned()));
        }
        for nom in ["", " ", "123", "a\u{0}b", "a\tb", &"x".repeat(101)] {
            refused.push((json!({"nom": nom, "adresse": "M"}), NAME.to_owned()));
        }
        for email in ["", "x", "x@", "a b@x.fr", "a\u{0}@x.fr", "a@x.fr\n"] {
            refused.push((json!({"nom": "M", "email": email}), "Invalid email format!".to_owned()));
        }
        for adresse in ["a\u{0}b", "\u{7}", &"x".repeat(501)] {
            refused.push((json!({"nom": "M", "adresse": adresse}), ADDRESS.to_owned()));
        }
        for name in ["nom", "email", "adresse"] {
            for value in [json!(null), json!(1), json!(false), json!(["M"]), json!({"M": 1})] {
                refused.push((json!({name: value}), format!("{name} must be a string!")));
            }
        }

        for (body, message) in refused {
            let answer = update(&suite, &person, body.clone()).await;

            assert_eq!((answer.status, answer.text), (400, no(&message)), "{body}");
            assert_eq!(me(&suite, &person.token).await.text, before, "{body}");
        }
        assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
    }
}
