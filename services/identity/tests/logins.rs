//! One login, one account, however it is typed.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::sync::Arc;

use proto::identity::v1 as pb;
use serde_json::{Value, json};
use shared::{on, passport::Caller};
use testing::{
    Database, TestSuite,
    suite::{Answer, PASSWORD},
};
use tokio::task::JoinSet;
use tonic::Code;

/// Each line is one address, typed in several ways: case, width, composed or not, and letters that fold to several.
const FORMS: [&[&str]; 5] = [
    &[
        "Royce27@gmail.com",
        "royce27@gmail.com",
        "ROYCE27@GMAIL.COM",
        "royce27@Gmail.Com",
        "\u{ff32}oyce\u{ff12}7@gmail.com",
    ],
    &["\u{c9}lodie@example.org", "\u{e9}lodie@example.org", "E\u{301}lodie@example.org", "e\u{301}LODIE@EXAMPLE.org"],
    &["stra\u{df}e@example.org", "STRASSE@example.org", "Stra\u{1e9e}e@example.org", "\u{17f}trasse@example.org"],
    &["office@example.org", "o\u{fb03}ce@example.org", "O\u{fb03}CE@example.org"],
    &["kelvin@example.org", "\u{212a}elvin@example.org", "KELVIN@EXAMPLE.ORG"],
];

async fn register(suite: &TestSuite, email: &str) -> Answer {
    let body = json!({"nom": "Lecteur", "email": email, "password": PASSWORD, "confirmPassword": PASSWORD});
    suite.send("POST", "/api/clients/register", None, Some(body)).await
}

async fn log_in(suite: &TestSuite, email: &str) -> Answer {
    suite.send("POST", "/api/clients/login", None, Some(json!({"email": email, "password": PASSWORD}))).await
}

fn refusal(message: &str) -> Value {
    json!({"success": false, "message": message, "data": null})
}

async fn accounts(db: &Database) -> i64 {
    on!(&db.tables().await, |db| sqlx::query_scalar("SELECT COUNT(*) FROM account").fetch_one(db).await.unwrap())
}

testing::on_both! {
    async fn two_addresses_that_look_alike_are_one_account_and_sign_in_to_it(db: Database) {
        let suite = TestSuite::start(&db).await;

        for (number, forms) in FORMS.into_iter().enumerate() {
            let typed = forms[0];
            let made = register(&suite, typed).await;
            assert_eq!(made.status, 201, "{typed}: {}", made.text);
            for form in forms {
                let again = register(&suite, form).await;
                assert_eq!((again.status, again.json()), (400, refusal("Invalid Email address!")), "{form}");
                let signed_in = log_in(&suite, form).await;
                assert_eq!(signed_in.status, 200, "{form}: {}", signed_in.text);
                let client = &signed_in.json()["data"]["client"];
                assert_eq!(client["_id"], made.json()["data"]["client"]["_id"], "{form}");
                assert_eq!(client["email"], json!(typed), "it is kept as it was typed");
            }
            assert_eq!(accounts(&db).await, number as i64 + 2, "and one admin");
        }
    }

    async fn of_twenty_registrations_at_once_one_succeeds(db: Database) {
        let suite = Arc::new(TestSuite::start(&db).await);

        for forms in FORMS {
            let mut registrations = JoinSet::new();
            for form in forms.iter().cycle().take(20) {
                let suite = suite.clone();
                registrations.spawn(async move { register(&suite, form).await });
            }
            let answers = registrations.join_all().await;

            let made = answers.iter().filter(|answer| answer.status == 201).count();
            let taken = answers
                .iter()
                .filter(|answer| answer.status == 400 && answer.json() == refusal("Invalid Email address!"));
            assert_eq!((made, taken.count()), (1, 19), "{forms:?}");
            for form in forms {
                assert_eq!(log_in(&suite, form).await.status, 200, "{form}");
            }
        }
        assert_eq!(accounts(&db).await, 6);
    }

    async fn nobody_moves_to_an_address_that_looks_like_anothers(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (person, admin) = (suite.register("lecteur@example.org").await, suite.admin().await);
        let himself = format!("/api/clients/{}", person.id);

        for forms in FORMS {
            assert_eq!(register(&suite, forms[0]).await.status, 201);
            for form in forms {
                for (path, token) in [("/api/clients/profile", &person.token), (himself.as_str(), &admin)] {
                    let refused = suite.send("PUT", path, Some(token), Some(json!({"email": form}))).await;
                    assert_eq!((refused.status, refused.json()), (400, refusal("Invalid Email!")), "{path} {form}");
                }
                let made = pb::CreateAccountRequest {
                    name: "Lecteur".to_owned(),
                    email: (*form).to_owned(),
                    role: pb::Role::Client.into(),
                    credential: Some(pb::create_account_request::Credential::Password(PASSWORD.to_owned())),
                    ..Default::default()
                };
                let refused = suite.identity_as(Caller::operator()).create_account(made).await.unwrap_err();
                assert_eq!(refused.code(), Code::AlreadyExists, "{form}");
            }
        }
        assert_eq!(log_in(&suite, &person.email).await.status, 200);
    }

    async fn one_may_type_ones_own_address_differently_and_leaves_the_old_one_behind(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("lecteur@example.org").await;
        let moves = async |to: &str| {
            suite.send("PUT", "/api/clients/profile", Some(&person.token), Some(json!({"email": to}))).await.status
        };

        assert_eq!(moves("Lecteur@Example.org").await, 200);
        assert_eq!(log_in(&suite, "lecteur@example.org").await.status, 200);
        assert_eq!(moves("lectrice@example.org").await, 200);

        assert_eq!(log_in(&suite, "lecteur@example.org").await.status, 401);
        assert_eq!(log_in(&suite, "LECTRICE@example.org").await.status, 200);
        assert_eq!(register(&suite, "lecteur@example.org").await.status, 201);
    }

    async fn what_nobody_can_see_makes_no_other_address(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("lecteur@example.org").await;

        for invisible in [
            '\u{200b}',
            '\u{200d}',
            '\u{ad}',
            '\u{feff}',
            '\u{2060}',
            '\u{202e}',
            '\u{115f}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{a0}',
            '\u{2028}',
            '\u{e0041}',
            '\u{0}',
            '\u{7f}',
            '\u{34f}',
            '\u{17b4}',
            '\u{180e}',
        ] {
            for email in [
                format!("lec{invisible}teur@example.org"),
                format!("{invisible}lecteur@example.org"),
                format!("lecteur@exam{invisible}ple.org"),
                format!("lecteur@example.org{invisible}"),
            ] {
                let refused = register(&suite, &email).await;
                assert_eq!((refused.status, refused.json()), (400, refusal("Invalid email format!")), "{email:?}");
                let refused =
                    suite.send("PUT", "/api/clients/profile", Some(&person.token), Some(json!({"email": email}))).await;
                assert_eq!(refused.status, 400, "{email:?}");
                assert_eq!(log_in(&suite, &email).await.status, 401, "{email:?}");
            }
        }
        assert_eq!(accounts(&db).await, 2);
    }

    async fn letters_that_only_resemble_each_other_stay_apart(db: Database) {
        let suite = TestSuite::start(&db).await;

        for email in [
            "paypal@example.org",
            "p\u{430}ypal@example.org",
            "l\u{131}a@example.org",
            "lia@example.org",
            "l.ia@example.org",
        ] {
            assert_eq!(register(&suite, email).await.status, 201, "{email}");
        }
    }
}
