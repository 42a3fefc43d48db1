//! Operations 24 to 28: categories.

use std::time::Duration;

use serde_json::{Value, json};
use testing::{Database, TestSuite, suite::Answer};

use crate::{NOBODY, categorie, etranger, lists::linked, no, opened, shelved, with, without, yes};

const PATH: &str = "/api/categories";
const CREATED: &str = "Category created successfully!";
const FOUND: &str = "Category fetched successfully!";
const ALL: &str = "All categories fetched successfully!";
const UPDATED: &str = "Category updated successfully!";
const DELETED: &str = "Category deleted successfully!";
const NOT_FOUND: &str = "Category not found!";
const REQUIRED: &str = "Nom and description are required!";
const TAKEN: &str = "Invalid category name! Already exists.";
const IN_USE: &str = "Category has books!";

/// The largest body.
const BYTES: usize = 16 * 1024;

async fn post(suite: &TestSuite, admin: &str, body: Value) -> Answer {
    suite.send("POST", PATH, Some(admin), Some(body)).await
}

async fn get(suite: &TestSuite, id: &str) -> Answer {
    suite.send("GET", &format!("{PATH}/{id}"), None, None).await
}

async fn put(suite: &TestSuite, admin: &str, id: &str, body: Value) -> Answer {
    suite.send("PUT", &format!("{PATH}/{id}"), Some(admin), Some(body)).await
}

async fn delete(suite: &TestSuite, admin: &str, id: &str) -> Answer {
    suite.send("DELETE", &format!("{PATH}/{id}"), Some(admin), None).await
}

async fn list(suite: &TestSuite, query: &str) -> Answer {
    suite.send("GET", &format!("{PATH}{query}"), None, None).await
}

fn names(answer: &Answer) -> Vec<String> {
    let categories = answer.json()["data"]["categories"].as_array().unwrap().clone();
    categories.iter().map(|category| category["nom"].as_str().unwrap().to_owned()).collect()
}

fn named(nom: &str) -> Value {
    json!({"nom": nom, "description": "Au fond à gauche"})
}

fn id_of(answer: &Answer) -> String {
    answer.json()["data"]["categorie"]["_id"].as_str().unwrap_or_default().to_owned()
}

/// `{"categorie":…}`.
fn one(id: &str, nom: &str, description: &str) -> String {
    format!(r#"{{"categorie":{}}}"#, categorie(id, nom, description))
}

/// Five categories, each a second younger than the one before.
async fn five(suite: &TestSuite, admin: &str) {
    for nom in ["e", "a", "d", "b", "c"] {
        opened(suite, admin, nom).await;
        suite.hand.advance(Duration::from_secs(1));
    }
}

/// Bodies that neither POST nor PUT takes, each with what is said of it.
fn unfit() -> Vec<(Value, String)> {
    let good = named("Romans");
    let mut refused = vec![];
    for name in ["nom", "description"] {
        for blank in [json!(""), json!(" "), json!("\t\n"), json!("\u{a0}"), json!(null)] {
            refused.push((with(&good, &json!({name: blank})), REQUIRED.to_owned()));
        }
        for value in [json!(1), json!(false), json!(["Romans"]), json!({"x": 1})] {
            refused.push((with(&good, &json!({name: value})), format!("{name} must be a string!")));
        }
        for text in ["a\u{0}b", "\u{7}", "a\u{7f}", "\u{85}a"] {
            let message = format!("Invalid fields: {name} must have no control characters");
            refused.push((with(&good, &json!({name: text})), message));
        }
    }
    for letter in ["x", "é", "🦀"] {
        let (nom, description) = (letter.repeat(101), letter.repeat(1001));
        let (of_nom, of_description) =
            ("nom must have at most 100 characters", "description must have at most 1000 characters");
        refused.push((with(&good, &json!({"nom": nom})), format!("Invalid fields: {of_nom}")));
        refused.push((with(&good, &json!({"description": description})), format!("Invalid fields: {of_description}")));
        refused.push((
            json!({"nom": nom, "description": description}),
            format!("Invalid fields: {of_nom}; {of_description}"),
        ));
    }
    for name in ["_id", "id", "etag", "Nom", "name", "livres"] {
        refused.push((with(&good, &json!({name: "x"})), format!("Invalid fields: {name}")));
    }
    refused.push((with(&good, &json!({"etag": "1", "_id": NOBODY})), "Invalid fields: _id, etag".to_owned()));
    refused
}

testing::on_both! {
    async fn a_new_category_is_shown_as_the_contract_prints_it(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (admin, person) = (suite.admin().await, suite.register("royce27@gmail.com").await);

        let made = post(&suite, &admin, json!({"nom": "Poésie", "description": "Vers\net prose"})).await;

        let id = id_of(&made);
        let shown = one(&id, "Poésie", "Vers\net prose");
        made.must_be(201, &yes(CREATED, &shown));
        assert!(id.len() == 24 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{id}");
        for token in [None, Some("x"), Some(person.token.as_str()), Some(&admin)] {
            suite.send("GET", &format!("{PATH}/{id}"), token, None).await.must_be(200, &yes(FOUND, &shown));
        }
        list(&suite, "")
            .await
            .must_be(200, &yes(ALL, &format!(r#"{{"categories":[{}]}}"#, categorie(&id, "Poésie", "Vers\net prose"))));
    }

    async fn a_category_that_does_not_fit_is_refused_and_not_kept(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let absent = ["nom", "description"].map(|name| (without(&named("Romans"), name), REQUIRED.to_owned()));

        for (body, message) in unfit().into_iter().chain(absent).chain([(json!({}), REQUIRED.to_owned())]) {
            let answer = post(&suite, &admin, body.clone()).await;

            assert_eq!((answer.status, answer.text), (400, no(&message)), "{body}");
        }
        suite.send("POST", PATH, Some(&admin), None).await.must_be(400, &no(REQUIRED));
        list(&suite, "").await.must_be(200, &yes(ALL, r#"{"categories":[]}"#));
    }

    async fn a_change_that_does_not_fit_is_refused_and_changes_nothing(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let made = post(&suite, &admin, named("Contes")).await;
        let alone = ["nom", "description"].map(|name| (json!({name: " "}), REQUIRED.to_owned()));

        for (body, message) in unfit().into_iter().chain(alone) {
            let answer = put(&suite, &admin, &id_of(&made), body.clone()).await;

            assert_eq!((answer.status, answer.text), (400, no(&message)), "{body}");
        }
        let now = get(&suite, &id_of(&made)).await;
        now.must_be(200, &yes(FOUND, &one(&id_of(&made), "Contes", "Au fond à gauche")));
        assert_eq!(now.header("etag"), made.header("etag"));
    }

    async fn the_longest_texts_are_taken(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        for letter in ["x", "é", "🦀"] {
            let (nom, description) = (letter.repeat(100), letter.repeat(1000));
            let made = post(&suite, &admin, json!({"nom": nom, "description": description})).await;

            made.must_be(201, &yes(CREATED, &one(&id_of(&made), &nom, &description)));
            get(&suite, &id_of(&made)).await.must_be(200, &yes(FOUND, &one(&id_of(&made), &nom, &description)));
        }
    }

    async fn a_body_of_16_kib_is_taken_and_a_larger_one_is_not(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        // Escaped as pairs, the longest texts are 13 kB.
        let crab = r"\ud83e\udd80";
        let body = format!(r#"{{"nom":"{}","description":"{}"}}"#, crab.repeat(100), crab.repeat(1000));
        let filled = |bytes| format!("{body}{}", " ".repeat(bytes - body.len()));

        let made = suite.send_text("POST", PATH, Some(&admin), filled(BYTES)).await;

        made.must_be(201, &yes(CREATED, &one(&id_of(&made), &"🦀".repeat(100), &"🦀".repeat(1000))));
        for (method, path) in [("POST", PATH.to_owned()), ("PUT", format!("{PATH}/{}", id_of(&made)))] {
            let answer = suite.send_text(method, &path, Some(&admin), filled(BYTES + 1)).await;
            answer.must_be(413, &no("The request body is too large!"));
        }
    }

    async fn a_name_is_taken_whatever_its_case_and_not_whatever_its_accents(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        opened(&suite, &admin, "Café Straße").await;
        let other = opened(&suite, &admin, "Contes").await;

        for nom in ["Café Straße", "CAFÉ STRASSE", "café straße", "Cafe\u{301} Straße", " cafÉ StraSSe "] {
            post(&suite, &admin, named(nom)).await.must_be(400, &no(TAKEN));
            put(&suite, &admin, &other, json!({"nom": nom, "description": "x"})).await.must_be(400, &no(TAKEN));
        }
        get(&suite, &other).await.must_be(200, &yes(FOUND, &one(&other, "Contes", "Au fond à gauche")));
        for nom in ["Cafe Strasse", "Café Straße 2", "CaféStraße", "Cafë Straße"] {
            let made = post(&suite, &admin, named(nom)).await;

            made.must_be(201, &yes(CREATED, &one(&id_of(&made), nom, "Au fond à gauche")));
        }
        assert_eq!(list(&suite, "").await.header("x-total-count"), "6");
    }

    async fn names_that_differ_in_the_last_letter_are_two_names_however_long(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        // The last of them is eighteen letters in one.
        for letter in ["x", "é", "ß", "🦀", "\u{fdfa}"] {
            for last in ["a", "b"] {
                let nom = format!("{}{last}", letter.repeat(99));
                let made = post(&suite, &admin, named(&nom)).await;

                made.must_be(201, &yes(CREATED, &one(&id_of(&made), &nom, "Au fond à gauche")));
            }
        }
    }

    async fn a_category_may_be_given_its_own_name_in_another_case(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let id = opened(&suite, &admin, "café").await;

        for nom in ["CAFÉ", "Café", "Café"] {
            let answer = put(&suite, &admin, &id, json!({"nom": nom})).await;

            answer.must_be(200, &yes(UPDATED, &one(&id, nom, "Au fond à gauche")));
        }
        get(&suite, &id).await.must_be(200, &yes(FOUND, &one(&id, "Café", "Au fond à gauche")));
    }

    async fn a_name_that_is_given_up_is_free(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let first = opened(&suite, &admin, "Café").await;

        assert_eq!(put(&suite, &admin, &first, json!({"nom": "Contes"})).await.status, 200);
        let second = opened(&suite, &admin, "CAFÉ").await;
        post(&suite, &admin, named("café")).await.must_be(400, &no(TAKEN));

        assert_eq!(delete(&suite, &admin, &second).await.status, 200);
        assert_eq!(post(&suite, &admin, named("café")).await.status, 201);
    }

    async fn each_field_of_a_category_changes_alone(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let made = post(&suite, &admin, named("Romans")).await;
        let id = id_of(&made);
        let mut etag = made.header("etag").to_owned();
        for (body, nom, description) in [
            (json!({"nom": "Récits"}), "Récits", "Au fond à gauche"),
            (json!({"description": "À droite"}), "Récits", "À droite"),
            (json!({"nom": "Contes", "description": "En haut"}), "Contes", "En haut"),
        ] {
            let changed = put(&suite, &admin, &id, body).await;

            changed.must_be(200, &yes(UPDATED, &one(&id, nom, description)));
            get(&suite, &id).await.must_be(200, &yes(FOUND, &one(&id, nom, description)));
            assert_ne!(changed.header("etag"), etag);
            etag = changed.header("etag").to_owned();
        }

        for body in [Some(json!({})), None] {
            let unchanged = suite.send("PUT", &format!("{PATH}/{id}"), Some(&admin), body).await;

            unchanged.must_be(200, &yes(UPDATED, &one(&id, "Contes", "En haut")));
            assert_eq!(unchanged.header("etag"), etag);
        }
    }

    async fn a_category_that_is_none_is_not_found(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let of_a_book = shelved(&suite, &admin, json!({})).await;

        for id in [NOBODY, &of_a_book] {
            get(&suite, id).await.must_be(404, &no(NOT_FOUND));
            put(&suite, &admin, id, named("Romans")).await.must_be(404, &no(NOT_FOUND));
            put(&suite, &admin, id, json!({})).await.must_be(404, &no(NOT_FOUND));
            delete(&suite, &admin, id).await.must_be(404, &no(NOT_FOUND));
        }
        let malformed = no("Invalid category id! It must be 24 lower-case hexadecimal characters.");
        for id in ["x", "507F191E810C19729DE860EA", "507f191e810c19729de860ea%00", "%FF"] {
            get(&suite, id).await.must_be(400, &malformed);
            put(&suite, &admin, id, named("Romans")).await.must_be(400, &malformed);
            delete(&suite, &admin, id).await.must_be(400, &malformed);
        }
    }

    async fn a_deleted_category_is_shown_once_more_and_gone(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let id = opened(&suite, &admin, "Romans").await;

        let answer = delete(&suite, &admin, &id).await;

        answer.must_be(200, &yes(DELETED, &one(&id, "Romans", "Au fond à gauche")));
        get(&suite, &id).await.must_be(404, &no(NOT_FOUND));
        put(&suite, &admin, &id, named("Contes")).await.must_be(404, &no(NOT_FOUND));
        delete(&suite, &admin, &id).await.must_be(404, &no(NOT_FOUND));
        list(&suite, "").await.must_be(200, &yes(ALL, r#"{"categories":[]}"#));
    }

    async fn a_category_in_which_books_stand_stays(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let (romans, contes) = (opened(&suite, &admin, "Romans").await, opened(&suite, &admin, "Contes").await);
        let book = shelved(&suite, &admin, json!({"categorieId": romans})).await;
        let other = shelved(&suite, &admin, json!({"categorieId": romans})).await;
        let shown = one(&romans, "Romans", "Au fond à gauche");
        let moves = |id: &str, to: Value| {
            let request = suite.request("PUT", &format!("/api/livres/{id}")).bearer_auth(&admin);
            testing::suite::answer(request.json(&json!({"categorieId": to})))
        };

        delete(&suite, &admin, &romans).await.must_be(409, &no(IN_USE));
        get(&suite, &romans).await.must_be(200, &yes(FOUND, &shown));
        assert_eq!(moves(&book, json!(contes)).await.status, 200);
        delete(&suite, &admin, &romans).await.must_be(409, &no(IN_USE));
        let deleted = suite.send("DELETE", &format!("/api/livres/{other}"), Some(&admin), None).await;
        assert_eq!(deleted.status, 200);

        delete(&suite, &admin, &romans).await.must_be(200, &yes(DELETED, &shown));
        delete(&suite, &admin, &contes).await.must_be(409, &no(IN_USE));
        assert_eq!(moves(&book, json!(null)).await.status, 200);
        assert_eq!(delete(&suite, &admin, &contes).await.status, 200);
    }

    async fn of_two_categories_of_one_name_at_the_same_time_one_is_made(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        for round in 0..20 {
            let (a, b) = tokio::join!(
                post(&suite, &admin, named(&format!("CAFÉ {round}"))),
                post(&suite, &admin, named(&format!("café {round}"))),
            );

            let (winner, loser) = if a.status == 201 { (a, b) } else { (b, a) };
            assert_eq!(winner.status, 201, "{}", winner.text);
            loser.must_be(400, &no(TAKEN));
        }
        assert_eq!(list(&suite, "").await.header("x-total-count"), "20");
    }

    async fn of_two_categories_that_take_one_name_at_the_same_time_one_gets_it(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let (a, b) = (opened(&suite, &admin, "a").await, opened(&suite, &admin, "b").await);
        for round in 0..20 {
            let nom = |prefix: &str| json!({"nom": format!("{prefix} {round}")});
            let (of_a, of_b) = tokio::join!(put(&suite, &admin, &a, nom("café")), put(&suite, &admin, &b, nom("CAFÉ")));

            let (winner, loser) = if of_a.status == 200 { (of_a, of_b) } else { (of_b, of_a) };
            assert_eq!(winner.status, 200, "{}", winner.text);
            loser.must_be(400, &no(TAKEN));
        }
    }

    async fn no_book_stands_in_a_category_that_was_deleted_at_the_same_time(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        for round in 0..20 {
            let category = opened(&suite, &admin, &format!("Romans {round}")).await;
            let book = with(&etranger(), &json!({"isbn": "", "categorieId": category}));

            let (deleted, made) = tokio::join!(
                delete(&suite, &admin, &category),
                suite.send("POST", "/api/livres", Some(&admin), Some(book)),
            );

            if made.status == 201 {
                deleted.must_be(409, &no(IN_USE));
                assert_eq!(get(&suite, &category).await.status, 200);
            } else {
                made.must_be(400, &no("Invalid fields: categorieId does not exist"));
                assert_eq!((deleted.status, get(&suite, &category).await.status), (200, 404), "{}", deleted.text);
            }
        }
    }

    async fn categories_are_listed_in_pages_the_oldest_first(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        five(&suite, &admin).await;
        let link = |rel: &str, page: u32, after: &str| format!("<{PATH}?page={page}&limit=2{after}>; rel=\"{rel}\"");

        let first = list(&suite, "?limit=2").await;
        let next = linked(&first, "next").unwrap();
        let second = suite.send("GET", &next, None, None).await;
        let third = list(&suite, "?page=3&limit=2").await;
        let beyond = list(&suite, "?page=9&limit=2").await;

        let token = next.split_once("&apres=").unwrap_or_default().1;
        let links = [link("first", 1, ""), link("next", 2, &format!("&apres={token}")), link("last", 3, "")];
        assert_eq!(first.header("link"), links.join(", "));
        for (page, shown) in
            [(&first, vec!["e", "a"]), (&second, vec!["d", "b"]), (&third, vec!["c"]), (&beyond, vec![])]
        {
            assert_eq!((page.status, names(page)), (200, shown.into_iter().map(str::to_owned).collect()));
            assert_eq!(page.header("x-total-count"), "5");
        }
        assert_eq!(third.header("link"), [link("first", 1, ""), link("prev", 2, ""), link("last", 3, "")].join(", "));
        assert_eq!(names(&list(&suite, "?page=2&limit=2").await), names(&second));
        beyond.must_be(200, &yes(ALL, r#"{"categories":[]}"#));
    }

    async fn who_follows_next_sees_every_category_once(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        five(&suite, &admin).await;
        for limit in [1, 2, 3, 4, 5, 6, 1000] {
            let (mut seen, mut next) = (vec![], Some(format!("{PATH}?limit={limit}")));
            while let Some(path) = next.filter(|_| seen.len() <= 5) {
                let page = suite.send("GET", &path, None, None).await;
                seen.extend(names(&page));
                next = linked(&page, "next");
            }

            assert_eq!(seen, ["e", "a", "d", "b", "c"], "{limit}");
        }
    }

    async fn no_categories_are_an_empty_list_and_a_page_that_is_none_is_refused(db: Database) {
        let suite = TestSuite::start(&db).await;

        let none = list(&suite, "").await;
        none.must_be(200, &yes(ALL, r#"{"categories":[]}"#));
        assert_eq!(none.header("x-total-count"), "0");
        let links = format!("<{PATH}?page=1&limit=1000>; rel=\"first\", <{PATH}?page=1&limit=1000>; rel=\"last\"");
        assert_eq!(none.header("link"), links);

        for (query, message) in [
            ("page=0", "Invalid page! It must be a whole number from 1 to 1000000."),
            ("page=x", "Invalid page! It must be a whole number from 1 to 1000000."),
            ("limit=0", "Invalid limit! It must be a whole number from 1 to 1000."),
            ("limit=1001", "Invalid limit! It must be a whole number from 1 to 1000."),
            ("apres=!", "Invalid apres! It must come from the Link of an earlier answer."),
            ("apres=AAAA", "Invalid apres! It must come from the Link of an earlier answer."),
            ("page=1&page=1", "Invalid query!"),
            ("limit=1&limit=1", "Invalid query!"),
        ] {
            list(&suite, &format!("?{query}")).await.must_be(400, &no(message));
        }
    }
}
