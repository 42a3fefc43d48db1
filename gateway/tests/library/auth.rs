//! Operations 1 to 3: register, log in, log out.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use testing::{Database, TestSuite, suite::PASSWORD};

use crate::{ADDRESS, NAME, WEAK, client, lives, me, no, one, told, with, without, yes};

const REGISTER: &str = "/api/clients/register";
const LOGIN: &str = "/api/clients/login";

/// The client of the document, with a password of the document.
fn melanie() -> Value {
    json!({
        "nom": "Melanie Marquardt", "email": "Royce27@gmail.com", "adresse": "8312 Nadia Mills",
        "password": "j7QzxtXoTXrJSMR", "confirmPassword": "j7QzxtXoTXrJSMR",
    })
}

async fn how_many(suite: &TestSuite) -> String {
    let admin = suite.admin().await;
    suite.send("GET", "/api/clients", Some(&admin), None).await.header("x-total-count").to_owned()
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

testing::on_both! {
    async fn who_registers_is_a_client_and_signed_in(db: Database) {
        let suite = TestSuite::start(&db).await;

        let made = suite.send("POST", REGISTER, None, Some(melanie())).await;

        let data = &made.json()["data"];
        let (id, token) = (data["client"]["_id"].as_str().unwrap(), data["token"].as_str().unwrap());
        let melanie = client(id, "Melanie Marquardt", "Royce27@gmail.com", "8312 Nadia Mills", "client");
        made.must_be(201, &yes("Registration successful!", &format!(r#"{{"client":{melanie},"token":"{token}"}}"#)));
        assert!(id.len() == 24 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{id}");
        me(&suite, token).await.must_be(200, &yes("Client details fetched successfully!", &one(&melanie)));
    }

    async fn an_address_is_optional(db: Database) {
        let suite = TestSuite::start(&db).await;

        let made = suite.send("POST", REGISTER, None, Some(without(&melanie(), "adresse"))).await;

        assert_eq!((made.status, &made.json()["data"]["client"]["adresse"]), (201, &json!("")));
    }

    async fn a_token_says_what_the_clients_of_the_documents_read(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;

        let claims = claims(&person.token);

        let seconds = testing::suite::BEGIN.seconds();
        let own = json!({
            "id": person.id, "sub": person.id, "role": "client", "sub_type": "client", "scope": "",
            "iat": seconds, "exp": seconds + 24 * 3600,
        });
        for (name, value) in own.as_object().unwrap() {
            assert_eq!(&claims[name], value, "{name}");
        }
        for name in ["iss", "aud", "jti", "sid"] {
            assert!(claims[name].as_str().is_some_and(|claim| !claim.is_empty()), "{name}");
        }
        assert_eq!(claims.as_object().unwrap().len(), 11);
    }

    async fn a_bad_registration_is_refused_with_its_own_words_and_makes_nothing(db: Database) {
        let suite = TestSuite::start(&db).await;
        let long_local = format!("{}@example.org", "x".repeat(65));
        let long = format!(
            "x@{}.org",
            ["y".repeat(60), "y".repeat(60), "y".repeat(60), "y".repeat(60)].join(".") + "yyyyyyyyyy"
        );
        let mut refused: Vec<(Value, &str)> = vec![];
        for nom in [" ", "123", "!?", "a\u{0}b", "a\nb", "a\u{7f}", "\u{85}a", &"x".repeat(101)] {
            refused.push((json!({"nom": nom}), NAME));
        }
        for email in [
            "royce27",
            "royce27@",
            "@gmail.com",
            "royce27@gmail",
            "royce 27@gmail.com",
            "royce27@gmail..com",
            " a@b.fr",
            "a@b.fr ",
            ".a@b.fr",
            "a.@b.fr",
            "a..b@b.fr",
            "a@-b.fr",
            "a@[127.0.0.1]",
            "Royce <royce27@gmail.com>",
            "a@b.fr,c@d.fr",
            "a\u{0}@b.fr",
            "a\n@b.fr",
            "a\u{200b}@b.fr",
            "a\u{a0}@b.fr",
            "a@b@c.fr",
            &long_local,
            &long,
        ] {
            refused.push((json!({"email": email}), "Invalid email format!"));
        }
        for adresse in ["a\u{0}b", "\u{1b}[31m", &"é".repeat(501)] {
            refused.push((json!({"adresse": adresse}), ADDRESS));
        }
        refused.push((json!({"confirmPassword": "j7QzxtXoTXrJSMr"}), "Passwords do not match!"));
        let long = format!("Zq7{}", "🦀".repeat(126));
        for password in ["Zq7vKp2", "zq7vkp2x", "ZQ7VKP2X", "ZqWvKpLx", "        ", &long] {
            refused.push((json!({"password": password, "confirmPassword": password}), WEAK));
        }
        for password in ["Password1", "Azerty123", "Royce27@gmail.com"] {
            let common = json!({"password": password, "confirmPassword": password});
            refused.push((common, "Password is too easy to guess!"));
        }

        for (changes, message) in refused {
            let answer = suite.send("POST", REGISTER, None, Some(with(&melanie(), &changes))).await;

            assert_eq!((answer.status, answer.text), (400, no(message)), "{changes}");
        }
        assert_eq!(how_many(&suite).await, "1");
    }

    async fn a_registration_has_four_filled_strings_and_no_other_field_than_an_address(db: Database) {
        let suite = TestSuite::start(&db).await;
        let mut refused = vec![(json!({}), "Require all fields!".to_owned())];
        for name in ["nom", "email", "password", "confirmPassword"] {
            refused.push((without(&melanie(), name), "Require all fields!".to_owned()));
            for empty in [json!(null), json!("")] {
                refused.push((with(&melanie(), &json!({name: empty})), "Require all fields!".to_owned()));
            }
        }
        for name in ["nom", "email", "password", "confirmPassword", "adresse"] {
            for value in [json!(1), json!(true), json!(["x"]), json!({"x": "y"})] {
                refused.push((with(&melanie(), &json!({name: value})), format!("{name} must be a string!")));
            }
        }
        // Nobody gives himself a role (ruling 5).
        for name in ["role", "active", "_id", "id", "state", "scope", "password_hash", "Nom", "nom "] {
            refused.push((with(&melanie(), &json!({name: "admin"})), format!("Invalid fields: {name}")));
        }
        let two = with(&melanie(), &json!({"role": "admin", "active": true}));
        refused.push((two, "Invalid fields: active, role".to_owned()));

        for (body, message) in refused {
            let answer = suite.send("POST", REGISTER, None, Some(body.clone())).await;

            assert_eq!((answer.status, answer.text), (400, no(&message)), "{body}");
        }
        assert_eq!(how_many(&suite).await, "1");
    }

    async fn a_registration_is_checked_in_the_order_of_the_table(db: Database) {
        let suite = TestSuite::start(&db).await;
        suite.register("taken@example.org").await;
        let mut body = json!({"nom": "1", "email": "x", "confirmPassword": "other"});

        for (message, mended) in [
            ("Require all fields!", json!({"password": "weak"})),
            (NAME, json!({"nom": "Royce"})),
            ("Invalid email format!", json!({"email": "taken@example.org"})),
            ("Passwords do not match!", json!({"confirmPassword": "weak"})),
            (WEAK, json!({"password": PASSWORD, "confirmPassword": PASSWORD})),
            ("Invalid Email address!", json!({"email": "royce27@gmail.com"})),
        ] {
            suite.send("POST", REGISTER, None, Some(body.clone())).await.must_be(400, &no(message));
            body = with(&body, &mended);
        }
        assert_eq!(suite.send("POST", REGISTER, None, Some(body)).await.status, 201);
    }

    async fn names_of_any_script_register_and_read_back(db: Database) {
        let suite = TestSuite::start(&db).await;
        let longest = "é".repeat(100);
        for (number, nom) in [
            "Élodie Dupré-N'Diaye",
            "E\u{301}lodie",
            "李",
            "محمد بن سلمان",
            "Ольга 2",
            "Σωκράτης",
            "O",
            "Zoë 🦀",
            " Ana ",
            "\"; DROP TABLE account; --",
            "<b>Ana</b>",
            "ﬁ",
            "𝒜",
            &longest,
        ]
        .into_iter()
        .enumerate()
        {
            let email = format!("n{number}@example.org");

            let made =
                suite.send("POST", REGISTER, None, Some(with(&melanie(), &json!({"nom": nom, "email": email})))).await;

            assert_eq!(made.status, 201, "{nom}: {}", made.text);
            let data = &made.json()["data"];
            let melanie = client(data["client"]["_id"].as_str().unwrap(), nom, &email, "8312 Nadia Mills", "client");
            let token = data["token"].as_str().unwrap();
            me(&suite, token).await.must_be(200, &yes("Client details fetched successfully!", &one(&melanie)));
        }
    }

    async fn addresses_of_every_good_shape_register_and_sign_in(db: Database) {
        let suite = TestSuite::start(&db).await;
        let longest = format!("{}@example.org", "x".repeat(64));
        for email in [
            "royce27+livres@gmail.com",
            "o'neil@example.org",
            "a.b-c_d@sub.example.co.uk",
            "élodie@exemple.fr",
            "李@例子.公司",
            "x@xn--fsqu00a.example",
            "!#$%&*/=?^`{|}~@example.org",
            "1@2.fr",
            &longest,
        ] {
            let made = suite.send("POST", REGISTER, None, Some(with(&melanie(), &json!({"email": email})))).await;

            assert_eq!(made.status, 201, "{email}: {}", made.text);
            assert_eq!(made.json()["data"]["client"]["email"], email);
            assert!(suite.log_in(email, "j7QzxtXoTXrJSMR").await.is_some(), "{email}");
        }
    }

    async fn an_address_is_taken_whatever_its_case(db: Database) {
        let suite = TestSuite::start(&db).await;
        for (email, same) in [
            (
                "Royce27@Gmail.com",
                vec!["Royce27@Gmail.com", "royce27@gmail.com", "ROYCE27@GMAIL.COM", "ｒoyce27@gmail.com"],
            ),
            ("\u{e9}lodie@example.org", vec!["E\u{301}LODIE@example.org", "\u{c9}lodie@EXAMPLE.org"]),
            ("straße@example.org", vec!["STRASSE@example.org"]),
        ] {
            let made = suite.send("POST", REGISTER, None, Some(with(&melanie(), &json!({"email": email})))).await;
            assert_eq!(made.status, 201, "{}", made.text);

            for same in same {
                let again = suite.send("POST", REGISTER, None, Some(with(&melanie(), &json!({"email": same})))).await;
                again.must_be(400, &no("Invalid Email address!"));
                assert!(suite.log_in(same, "j7QzxtXoTXrJSMR").await.is_some(), "{same}");
            }
        }
        assert_eq!(how_many(&suite).await, "4");
    }

    async fn a_sign_in_answers_with_the_client_and_a_token(db: Database) {
        let suite = TestSuite::start(&db).await;
        let id = suite.send("POST", REGISTER, None, Some(melanie())).await.json()["data"]["client"]["_id"].clone();
        let body = json!({"email": "royce27@GMAIL.com", "password": "j7QzxtXoTXrJSMR"});

        let answer = suite.send("POST", LOGIN, None, Some(body)).await;

        let token = answer.json()["data"]["token"].as_str().unwrap().to_owned();
        let melanie =
            client(id.as_str().unwrap(), "Melanie Marquardt", "Royce27@gmail.com", "8312 Nadia Mills", "client");
        answer.must_be(200, &yes("Login successful!", &format!(r#"{{"client":{melanie},"token":"{token}"}}"#)));
        assert!(lives(&suite, &token).await);
    }

    async fn every_failed_sign_in_looks_the_same(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        let blocked = suite.register("blocked@example.org").await;
        let admin = suite.admin().await;
        let path = format!("/api/clients/{}", blocked.id);
        assert_eq!(suite.send("PUT", &path, Some(&admin), Some(json!({"active": false}))).await.status, 200);
        let email = person.email.as_str();
        let mut names = None;

        for body in [
            json!({"email": "nobody@example.org", "password": PASSWORD}),
            json!({"email": email, "password": "Lis-7-livres?"}),
            json!({"email": email, "password": "lis-7-livres!"}),
            json!({"email": email, "password": format!("{PASSWORD} ")}),
            json!({"email": email, "password": format!("{PASSWORD}\u{0}")}),
            json!({"email": format!("{email}\u{0}"), "password": PASSWORD}),
            json!({"email": format!(" {email}"), "password": PASSWORD}),
            json!({"email": "blocked@example.org", "password": PASSWORD}),
            json!({"email": email, "password": ""}),
            json!({"email": "", "password": ""}),
            json!({"email": email, "password": "x".repeat(10_000)}),
            json!({"email": "x".repeat(10_000), "password": PASSWORD}),
            json!({"email": email}),
            json!({"password": PASSWORD}),
            json!({}),
            json!({"email": email, "password": null}),
            json!({"email": email, "password": 1}),
            json!({"email": email, "password": [PASSWORD]}),
            json!({"email": {"$gt": ""}, "password": {"$gt": ""}}),
        ] {
            let answer = suite.send("POST", LOGIN, None, Some(body.clone())).await;

            assert_eq!(
                (answer.status, answer.text.as_str()),
                (401, no("Invalid email or password!").as_str()),
                "{body}"
            );
            let seen: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
            assert_eq!(*names.get_or_insert_with(|| seen.clone()), seen, "{body}");
        }
        let empty = suite.send("POST", LOGIN, None, None).await;
        empty.must_be(401, &no("Invalid email or password!"));
        assert!(suite.log_in(email, PASSWORD).await.is_some());
    }

    async fn a_sign_in_takes_two_fields_and_no_more(db: Database) {
        let suite = TestSuite::start(&db).await;
        suite.register("royce27@gmail.com").await;
        let body = json!({"email": "royce27@gmail.com", "password": PASSWORD, "role": "admin"});

        suite.send("POST", LOGIN, None, Some(body)).await.must_be(400, &no("Invalid fields: role"));
    }

    async fn who_logs_out_ends_this_session_alone(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        let other = suite.log_in(&person.email, PASSWORD).await.unwrap();

        let answer = suite.send("POST", "/api/clients/logout", Some(&person.token), None).await;

        answer.must_be(200, &told(true, "Logged out successfully"));
        me(&suite, &person.token).await.must_be(401, &no("Authentication required!"));
        let again = suite.send("POST", "/api/clients/logout", Some(&person.token), None).await;
        again.must_be(401, &no("Authentication required!"));
        assert!(lives(&suite, &other).await);
    }
}
