//! No string whatever makes a 5xx, and what is accepted reads back as it was sent.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use proptest::{
    option,
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Map, Value, json};
use testing::{
    Database, SURFACES, TestSuite,
    suite::{PASSWORD, answer},
};
use tokio::{runtime::Handle, task::block_in_place};

use crate::{changes, etranger, is_in_envelope, request, routes, send, setting, state, takes_nothing};

/// Tells `story` of many values, and of the smallest one that spoils it.
fn for_all<S: Strategy>(cases: u32, values: &S, story: impl AsyncFn(S::Value)) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let runtime = Handle::current();
    let told = block_in_place(|| {
        TestRunner::new(config).run(values, |value| {
            runtime.block_on(story(value));
            Ok(())
        })
    });
    told.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Strings of every kind, the ones that break things among them.
fn text() -> impl Strategy<Value = String> {
    let nasty = vec![
        "",
        " ",
        "\u{0}",
        "null",
        "a\u{0}b",
        "'; --",
        "%s%n",
        "\u{202e}x",
        "\u{feff}",
        "{{7}}",
        "\u{1F980}",
        "\u{e9}",
    ];
    prop_oneof![
        3 => any::<String>(),
        2 => "\\PC{0,150}",
        1 => "[\\x00-\\x7f]{0,60}",
        1 => "\\PC{450,550}",
        1 => select(nasty).prop_map(str::to_owned),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![1 => text(), 2 => "\\p{L}[\\p{L}\\p{M}\\p{N} '.-]{0,98}"]
}

fn email() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => text(),
        2 => "[a-z0-9+_-]{1,30}@[a-z]{1,20}\\.[a-z]{2,5}",
        2 => "\\p{L}{1,15}@\\p{L}{1,10}\\.\\p{L}{2,5}",
    ]
}

fn password() -> impl Strategy<Value = String> {
    prop_oneof![1 => text(), 2 => "[A-Z][a-z][0-9][ -~]{6,60}", 2 => "[A-Z][a-z][0-9]\\PC{6,125}"]
}

/// JSON of every shape, objects with our field names among it.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(key(), inner, 0..6).prop_map(object),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    let ours = vec![
        "nom",
        "email",
        "adresse",
        "password",
        "confirmPassword",
        "oldPassword",
        "newPassword",
        "old_password",
        "new_password",
        "name",
        "role",
        "active",
        "_id",
    ];
    prop_oneof![3 => select(ours).prop_map(str::to_owned), 1 => text()]
}

/// Names of fields of books and categories.
fn shelf_key() -> impl Strategy<Value = String> {
    let ours = vec![
        "isbn",
        "titre",
        "auteur",
        "anneePublication",
        "editeur",
        "langue",
        "description",
        "quantite",
        "categorieId",
        "nom",
        "_id",
        "exemplaires",
    ];
    prop_oneof![9 => select(ours).prop_map(str::to_owned), 1 => text()]
}

/// What fields of books and categories are given: often what they could take.
fn shelf_value() -> impl Strategy<Value = Value> {
    let isbns = select(vec!["2070360024", "978-2-07-036042-0", "9782070360025", "080442957x", ""]);
    prop_oneof![
        2 => value(),
        2 => text().prop_map(Value::from),
        1 => (-12_000..12_000_i64).prop_map(Value::from),
        1 => isbns.prop_map(Value::from),
        1 => Just(Value::Null),
    ]
}

fn object(fields: BTreeMap<String, Value>) -> Value {
    Value::Object(Map::from_iter(fields))
}

async fn profile(suite: &TestSuite, token: &str) -> Value {
    suite.send("GET", "/api/clients/me", Some(token), None).await.json()["data"]["client"].take()
}

testing::on_both! {
    async fn whoever_may_register_reads_back_what_he_sent_and_signs_in_with_it(db: Database) {
        let suite = TestSuite::start(&db).await;
        let accepted = Cell::new(0);
        for_all(96, &(name(), email(), text(), password()), async |(nom, email, adresse, password)| {
            let body = json!({
                "nom": nom, "email": email, "adresse": adresse, "password": password, "confirmPassword": password,
            });

            let made = suite.send("POST", "/api/clients/register", None, Some(body)).await;

            assert!(matches!(made.status, 201 | 400), "{} {}", made.status, made.text);
            if made.status == 201 {
                accepted.set(accepted.get() + 1);
                let shown = profile(&suite, made.json()["data"]["token"].as_str().unwrap()).await;
                assert_eq!(shown, made.json()["data"]["client"]);
                assert_eq!(
                    (&shown["nom"], &shown["email"], &shown["adresse"]),
                    (&json!(nom), &json!(email), &json!(adresse))
                );
                assert!(suite.log_in(&email, &password).await.is_some());
            }
        });
        assert!(accepted.get() >= 5, "only {} of them were accepted", accepted.get());
    }

    async fn a_profile_reads_back_as_it_was_sent_or_as_it_was(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        let accepted = Cell::new(0);
        for_all(96, &(option::of(name()), option::of(email()), option::of(text())), async |(nom, email, adresse)| {
            let fields = [("nom", nom), ("email", email), ("adresse", adresse)];
            let fields: Map<String, Value> =
                fields.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text?)))).collect();
            let mut expected = profile(&suite, &person.token).await;

            let path = "/api/clients/profile";
            let answer = suite.send("PUT", path, Some(&person.token), Some(fields.clone().into())).await;

            assert!(matches!(answer.status, 200 | 400), "{} {}", answer.status, answer.text);
            if answer.status == 200 {
                accepted.set(accepted.get() + 1);
                expected.as_object_mut().unwrap().extend(fields);
            }
            assert_eq!(profile(&suite, &person.token).await, expected);
        });
        assert!(accepted.get() >= 10, "only {} of them were accepted", accepted.get());
    }

    async fn a_book_reads_back_as_it_was_sent(db: Database) {
        let setting = setting(&db).await;
        let (suite, admin) = (&setting.suite, Some(setting.admin.token.as_str()));
        let accepted = Cell::new(0);
        let titles = prop_oneof![1 => text(), 1 => name()];
        for_all(
            96,
            &(titles, text(), text(), option::of(text()), name()),
            async |(titre, auteur, description, langue, editeur)| {
                let mut body = etranger("", &setting.categorie);
                let fields = json!({"titre": titre, "auteur": auteur, "description": description, "editeur": editeur});
                body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
                if let Some(langue) = langue {
                    body["langue"] = langue.into();
                }

                for (method, path) in [("POST", "/api/livres"), ("PUT", &format!("/api/livres/{}", setting.livre))] {
                    let kept = suite.send(method, path, admin, Some(body.clone())).await;

                    assert!(matches!(kept.status, 200 | 201 | 400), "{} {}", kept.status, kept.text);
                    if kept.status == 400 {
                        continue;
                    }
                    accepted.set(accepted.get() + 1);
                    let shown = kept.json()["data"]["livre"].take();
                    let path = format!("/api/livres/{}", shown["_id"].as_str().unwrap());
                    assert_eq!(suite.send("GET", &path, None, None).await.json()["data"]["livre"], shown);
                    for (name, sent) in body.as_object().unwrap() {
                        assert_eq!(&shown[name], sent, "{name}");
                    }
                }
            },
        );
        let listed = suite.send("GET", "/api/livres?sort=titre", None, None).await;
        assert_eq!(listed.status, 200, "{}", listed.text);
        assert!(accepted.get() >= 20, "only {} of them were accepted", accepted.get());
    }

    async fn a_category_reads_back_as_it_was_sent(db: Database) {
        let setting = setting(&db).await;
        let (suite, admin) = (&setting.suite, Some(setting.admin.token.as_str()));
        let accepted = Cell::new(0);
        for_all(96, &(name(), text()), async |(nom, description)| {
            let body = json!({"nom": nom, "description": description});

            for (method, path) in
                [("POST", "/api/categories"), ("PUT", &format!("/api/categories/{}", setting.categorie))]
            {
                let kept = suite.send(method, path, admin, Some(body.clone())).await;

                assert!(matches!(kept.status, 200 | 201 | 400), "{} {}", kept.status, kept.text);
                if kept.status == 400 {
                    continue;
                }
                accepted.set(accepted.get() + 1);
                let shown = kept.json()["data"]["categorie"].take();
                assert_eq!((&shown["nom"], &shown["description"]), (&json!(nom), &json!(description)));
                let path = format!("/api/categories/{}", shown["_id"].as_str().unwrap());
                assert_eq!(suite.send("GET", &path, None, None).await.json()["data"]["categorie"], shown);
                // The name is free again for the next one.
                if method == "POST" {
                    assert_eq!(suite.send("DELETE", &path, admin, None).await.status, 200);
                }
            }
        });
        assert!(accepted.get() >= 20, "only {} of them were accepted", accepted.get());
    }

    async fn a_barcode_reads_back_as_it_was_sent_and_no_date_whatever_makes_a_5xx(db: Database) {
        let setting = setting(&db).await;
        let admin = Some(setting.admin.token.as_str());
        let (copy, loan) = (
            format!("/api/livres/{}/exemplaires/{}", setting.livre, setting.exemplaire),
            format!("/api/emprunts/{}", setting.emprunt),
        );
        let accepted = Cell::new(0);
        let barcodes = prop_oneof![1 => text(), 1 => "[!-~]{1,70}"];
        let dates = prop_oneof![1 => text(), 2 => "[0-9]{4}-[01][0-9]-[0-3][0-9](T[012][0-9]:[0-6][0-9](Z|[+-][01][0-9]:00))?"];
        for_all(96, &(barcodes, dates), async |(code, date)| {
            let kept = setting.suite.send("PATCH", &copy, admin, Some(json!({"codeBarres": code}))).await;
            let due = setting.suite.send("PUT", &loan, admin, Some(json!({"dateRetourPrevu": date}))).await;
            let sought = json!({"codeBarres": code, "clientId": setting.client.id});
            let lent = setting.suite.send("POST", "/api/emprunts", admin, Some(sought)).await;

            assert!(matches!(kept.status, 200 | 400), "{code:?}: {} {}", kept.status, kept.text);
            assert!(matches!(due.status, 200 | 400), "{date:?}: {} {}", due.status, due.text);
            assert!(matches!(lent.status, 201 | 400 | 403 | 404), "{code:?}: {} {}", lent.status, lent.text);
            if kept.status == 200 {
                accepted.set(accepted.get() + 1);
                let shown = setting.suite.send("GET", &copy, admin, None).await.json();
                assert_eq!(shown["data"]["exemplaire"]["codeBarres"], json!(code));
            }
        });
        assert!(accepted.get() >= 20, "only {} of them were accepted", accepted.get());
    }

    async fn no_book_and_no_category_whatever_makes_a_5xx(db: Database) {
        let setting = setting(&db).await;
        let fields = prop::collection::btree_map(shelf_key(), shelf_value(), 0..9).prop_map(object);
        let mut routes = routes(&setting);
        routes.retain(|route| route.path.starts_with("/api/livres") || route.path.starts_with("/api/categories"));
        let accepted = Cell::new(0);
        for_all(192, &(fields, any::<bool>()), async |(fields, complete)| {
            for route in &routes {
                let mut body = if complete { route.good.clone() } else { json!({}) };
                body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
                let answer = send(&setting, route, body.to_string()).await;

                assert!(answer.status < 500, "{} {body}: {} {}", route.path, answer.status, answer.text);
                is_in_envelope(route.surface, &answer);
                accepted.set(accepted.get() + u32::from(answer.status < 300));
            }
        });
        for path in ["/api/livres", "/api/livres?sort=auteur&facettes=true", "/api/categories"] {
            let listed = setting.suite.send("GET", path, None, None).await;
            assert_eq!(listed.status, 200, "{}", listed.text);
        }
        assert!(accepted.get() >= 10, "only {} of them were accepted", accepted.get());
    }

    async fn no_list_whatever_makes_a_5xx(db: Database) {
        let setting = setting(&db).await;
        let before = state(&setting).await;
        let escaped = || text().prop_map(|text| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>());
        let token = prop_oneof![
            text().prop_map(|text| URL_SAFE_NO_PAD.encode(text)),
            (any::<i64>(), text()).prop_map(|(number, key)| URL_SAFE_NO_PAD.encode(format!("{number} {key}"))),
        ];
        let sorts = select(vec!["", "titre", "-titre", "auteur", "-auteur", "anneePublication", "-anneePublication"]);
        for_all(96, &(escaped(), escaped(), token, sorts), async |(text, other, token, sort)| {
            for path in [
                format!("/api/livres?langue={text}&{other}={text}&sort={sort}"),
                format!("/api/livres?categorieId={text}"),
                format!("/api/livres?sort={text}&disponible={other}"),
                format!("/api/livres?facettes={text}"),
                format!("/api/livres?facettes=true&langue={text}&page=1&limit=1&{other}"),
                format!("/api/livres?apres={text}&sort={sort}"),
                format!("/api/livres?apres={token}&sort={sort}&limit=1"),
                format!("/api/livres?page={text}&limit={other}"),
                format!("/api/categories?apres={token}&limit=1"),
                format!("/api/categories?apres={text}&{other}={text}"),
                format!("/api/emprunts?statut={text}&clientId={other}"),
                format!("/api/emprunts?livreId={text}&{other}={text}"),
                format!("/api/emprunts?apres={token}&limit=1"),
                format!("/api/clients/emprunts?apres={token}&{other}={text}"),
                format!("/api/emprunts/client/{}?apres={text}&limit={other}", setting.client.id),
                format!("/api/reservations?ouvertes={text}&livreId={other}"),
                format!("/api/reservations?apres={token}&clientId={text}"),
                format!("/api/livres/{}/exemplaires?apres={token}&{other}={text}", setting.livre),
            ] {
                let answer = setting.suite.send("GET", &path, Some(&setting.admin.token), None).await;

                assert!(matches!(answer.status, 200 | 400), "{path}: {} {}", answer.status, answer.text);
                is_in_envelope("library", &answer);
            }
        });
        assert_eq!(state(&setting).await, before);
    }

    async fn nothing_but_the_right_words_signs_in(db: Database) {
        let suite = TestSuite::start(&db).await;
        suite.register("royce27@gmail.com").await;
        let login = prop_oneof![email(), Just("royce27@gmail.com".to_owned())];
        for_all(96, &(login, password()), async |(email, password)| {
            let body = json!({"email": email, "password": password});

            let answer = suite.send("POST", "/api/clients/login", None, Some(body)).await;

            assert_eq!(answer.status, 401, "{}", answer.text);
        });
    }

    async fn after_every_change_exactly_one_password_works(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (person, key) = (suite.register_admin("royce27@gmail.com").await, suite.api_key().await);
        let (current, accepted) = (RefCell::new(PASSWORD.to_owned()), Cell::new(0));
        let old = prop_oneof![1 => password().prop_map(Some), 3 => Just(None)];
        for_all(96, &(select(SURFACES.to_vec()), old, password()), async |(surface, old, new)| {
            let right = current.borrow().clone();
            let old = old.unwrap_or_else(|| right.clone());

            let changed = answer(suite.change(surface, &person, &key, &old, &new)).await;

            let refused = [400, 401, 403].contains(&changed.status);
            assert!(changed.status < 300 || refused, "{surface}: {} {}", changed.status, changed.text);
            let (works, fails) = if refused { (right, new) } else { (new, right) };
            assert!(suite.log_in(&person.email, &works).await.is_some(), "{surface}: {}", changed.text);
            assert!(works == fails || suite.log_in(&person.email, &fails).await.is_none(), "{surface}");
            // A right password forgives the wrong ones.
            suite.log_in(&person.email, &works).await.unwrap();
            accepted.set(accepted.get() + u32::from(!refused));
            current.replace(works);
            // The surface swift counts requests.
            suite.hand.advance(Duration::from_secs(10));
        });
        assert!(accepted.get() >= 10, "only {} of them were accepted", accepted.get());
    }

    async fn no_three_strings_change_a_password_unless_they_fit(db: Database) {
        let suite = TestSuite::start(&db).await;
        let person = suite.register("royce27@gmail.com").await;
        let or_old = |other: BoxedStrategy<String>| prop_oneof![other, Just(PASSWORD.to_owned())];
        let strings = (or_old(text().boxed()), or_old(password().boxed()), or_old(password().boxed()));
        for_all(96, &strings, async |(old, new, confirmation)| {
            let body = json!({"oldPassword": old, "newPassword": new, "confirmPassword": confirmation});

            let answer = suite.send("PUT", "/api/clients/password", Some(&person.token), Some(body)).await;

            let fits = old == PASSWORD && new == PASSWORD && confirmation == PASSWORD;
            assert_eq!(answer.status, if fits { 200 } else { 400 }, "{}", answer.text);
            assert!(suite.log_in(&person.email, PASSWORD).await.is_some());
        });
    }

    async fn no_json_whatever_makes_a_5xx(db: Database) {
        let setting = setting(&db).await;
        let before = state(&setting).await;
        let fields = prop::collection::btree_map(key(), value(), 0..6).prop_map(object);
        let mut routes = routes(&setting);
        // There a few of these fields are a good change.
        routes.retain(|route| !changes(&setting, route) && !takes_nothing(route));
        for_all(64, &prop_oneof![1 => value(), 3 => fields], async |body| {
            for route in &routes {
                let answer = send(&setting, route, body.to_string()).await;

                let refused = (400..500).contains(&answer.status);
                assert!(refused || route.path.ends_with("/api-keys"), "{}: {}", route.path, answer.text);
                is_in_envelope(route.surface, &answer);
            }
            // The surface swift counts requests.
            setting.suite.hand.advance(Duration::from_secs(10));
        });
        let after = state(&setting).await;
        // A key may have been made; nothing else.
        assert_eq!((&after[0], &after[2..]), (&before[0], &before[2..]));
    }

    async fn no_header_whatever_makes_a_5xx(db: Database) {
        let setting = setting(&db).await;
        let before = state(&setting).await;
        let mut routes = routes(&setting);
        routes.retain(|route| !takes_nothing(route));
        let bytes = prop::collection::vec(prop_oneof![0x20..0x7f_u8, 0x80..=0xff_u8], 0..200);
        let value = prop_oneof![bytes, "(Bearer|Basic|bib)[ _][!-~]{0,60}".prop_map(String::into_bytes)];
        let name = select(vec![
            AUTHORIZATION.as_str(),
            "x-api-key",
            CONTENT_TYPE.as_str(),
            "x-request-id",
            "accept",
            "if-match",
            "idempotency-key",
        ]);
        for_all(320, &(0..routes.len(), name, value), async |(number, name, value)| {
            let route = &routes[number];
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            headers.insert(name, HeaderValue::from_bytes(&value).unwrap());

            let answer = answer(request(&setting, route).headers(headers).body("{}")).await;

            assert!(answer.status < 500, "{}: {} {}", route.path, answer.status, answer.text);
            is_in_envelope(route.surface, &answer);
            setting.suite.hand.advance(Duration::from_secs(5));
        });
        assert_eq!(state(&setting).await, before);
    }

    async fn no_path_or_query_whatever_makes_a_5xx(db: Database) {
        let setting = setting(&db).await;
        let before = state(&setting).await;
        let escaped = || text().prop_map(|text| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>());
        let methods = select(vec!["GET", "PUT", "DELETE", "POST", "PATCH"]);
        for_all(64, &(methods, escaped(), escaped()), async |(method, text, other)| {
            for path in [
                format!("/{text}"),
                format!("/api/clients/{text}?{other}"),
                format!("/api/clients?page={text}&limit={other}&{other}={text}"),
                format!("/api/admin/api-keys/{text}"),
                format!("/api/livres/{text}?{other}"),
                format!("/api/categories/{text}?{other}={text}"),
                format!("/api/livres/{}/exemplaires/{text}", setting.livre),
                format!("/api/livres/{text}/exemplaires?{other}"),
                format!("/api/emprunts/{text}?{other}"),
                format!("/api/emprunts/{text}/return?{other}"),
                format!("/api/emprunts/client/{text}"),
                format!("/api/reservations/{text}?{other}={text}"),
                format!("/v1/users/{text}/password?{text}={other}"),
                format!("/v1/users/{text}/{other}"),
            ] {
                let answer = setting.suite.send(method, &path, Some(&setting.admin.token), None).await;

                assert!((400..500).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.text);
                answer.json();
            }
        });
        assert_eq!(state(&setting).await, before);
    }
}
