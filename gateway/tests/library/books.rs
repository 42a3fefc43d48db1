//! Operations 13 to 16: one book is made, shown, changed and deleted.

use serde_json::{Value, json};
use testing::{Database, TestSuite, suite::Answer};

use crate::{NOBODY, etranger, livre, no, opened, shelved, with, without, yes};

const PATH: &str = "/api/livres";
const CREATED: &str = "Book created successfully!";
const FOUND: &str = "Book found successfully!";
const UPDATED: &str = "Book updated successfully!";
const DELETED: &str = "Book deleted successfully!";
const NOT_FOUND: &str = "Book not found!";

/// A list without books.
const NOTHING: &str = r#"{"livres":[]}"#;

/// What a new book has to name.
const REQUIRED: [&str; 6] = ["isbn", "titre", "auteur", "anneePublication", "editeur", "langue"];

/// The largest body.
const BYTES: usize = 256 * 1024;

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

/// All books.
async fn list(suite: &TestSuite) -> Answer {
    suite.send("GET", PATH, None, None).await
}

fn id_of(answer: &Answer) -> String {
    answer.json()["data"]["livre"]["_id"].as_str().unwrap_or_default().to_owned()
}

/// `{"livre":…}`.
fn one(shown: &Value) -> String {
    format!(r#"{{"livre":{}}}"#, livre(shown))
}

/// [`etranger`] as it is shown when it was made with nothing else.
fn shown(id: &str) -> Value {
    let given = json!({
        "_id": id, "isbn": "9782070360024", "description": "", "quantite": 0, "categorieId": null, "exemplaires": 0,
        "disponible": false,
    });
    with(&etranger(), &given)
}

/// What names the fields that do not fit.
fn unfit(misfits: &str) -> String {
    no(&format!("Invalid fields: {misfits}"))
}

fn taken(id: &str, titre: &str) -> String {
    no(&format!("ISBN already exists: \"{titre}\" ({id})!"))
}

/// Values that no field takes, each with the field and what is wrong.
fn misfits() -> Vec<(&'static str, Value, String)> {
    let mut all = vec![];
    for name in ["isbn", "titre", "auteur", "editeur", "langue", "description", "categorieId"] {
        for value in [json!(1), json!(9_782_070_360_024_u64), json!(true), json!(["x"]), json!({"x": 1}), json!(1.5)] {
            all.push((name, value, "must be a string".to_owned()));
        }
    }
    for (name, most) in [("titre", 500), ("auteur", 2000), ("editeur", 200), ("langue", 50), ("description", 10_000)] {
        for letter in ["x", "é", "🦀"] {
            all.push((name, json!(letter.repeat(most + 1)), format!("must have at most {most} characters")));
        }
        for text in ["\u{0}", "a\u{0}b", "a\u{7}", "\u{1b}[2J", "a\u{7f}", "\u{85}a"] {
            all.push((name, json!(text), "must have no control characters".to_owned()));
        }
    }
    for isbn in [
        "x",
        "123",
        "207036002",
        "97820703600241",
        "978207036002",
        "207036002é",
        "20703600X4",
        "978207036002X",
        "2070360024\u{0}",
        "2070360024/",
        "２０７０３６００２４",
        "1234567890128",
        "-",
        "urn:isbn:9782070360024",
    ] {
        all.push(("isbn", json!(isbn), "must be an ISBN of 10 digits, or of 13 that begin with 978 or 979".to_owned()));
    }
    for isbn in ["2070360025", "207036002X", "978-2-07-036002-5", "9782070306024", "080442957-0"] {
        all.push(("isbn", json!(isbn), "has a wrong check digit".to_owned()));
    }
    for (name, range) in [
        ("anneePublication", "must be a year from -9999 to 9999"),
        ("quantite", "must be a whole number from 0 to 9999"),
    ] {
        for value in
            [json!(-10_000), json!(10_000), json!(i64::MIN), json!(i64::MAX), json!(u64::MAX), json!(1_i64 << 32)]
        {
            all.push((name, value, range.to_owned()));
        }
        for value in [json!(1.5), json!(1e300), json!("1942"), json!(false), json!([1942]), json!({})] {
            all.push((name, value, "must be a whole number".to_owned()));
        }
    }
    all.push(("quantite", json!(-1), "must be a whole number from 0 to 9999".to_owned()));
    for id in ["x", "507f191e810c19729de860e", "507F191E810C19729DE860EA", "507f191e810c19729de860ea ", "\u{0}", "null"]
    {
        all.push(("categorieId", json!(id), "must be 24 lower-case hexadecimal characters".to_owned()));
    }
    all.push(("categorieId", json!(NOBODY), "does not exist".to_owned()));
    for name in ["_id", "exemplaires", "disponible", "etag", "id", "ISBN", "Titre", "title", "version", "__proto__"] {
        for value in [json!("x"), json!(1), json!(null)] {
            all.push((name, value, "cannot be set".to_owned()));
        }
    }
    all
}

/// A body whose fields all are wrong, and every one of them named, in the order of the fields.
fn all_wrong() -> (Value, &'static str) {
    let body = json!({
        "_id": NOBODY, "exemplaires": 1, "categorieId": "x", "quantite": 1.5, "description": "\u{0}", "langue": 7,
        "editeur": "x".repeat(201), "anneePublication": 10_000, "auteur": ["Albert Camus"],
        "titre": "x".repeat(501), "isbn": "2070360025",
    });
    let named = "isbn has a wrong check digit; titre must have at most 500 characters; auteur must be a string; \
                 anneePublication must be a year from -9999 to 9999; editeur must have at most 200 characters; \
                 langue must be a string; description must have no control characters; quantite must be a whole number; \
                 categorieId must be 24 lower-case hexadecimal characters; _id cannot be set; exemplaires cannot be set";
    (body, named)
}

/// JSON in which every character that is not ASCII is escaped, those beyond 16 bits as pairs.
fn escaped(body: &Value) -> String {
    let escape = |unit: u16| match u8::try_from(unit) {
        Ok(ascii) if ascii.is_ascii() => char::from(ascii).to_string(),
        _ => format!("\\u{unit:04x}"),
    };
    body.to_string().encode_utf16().map(escape).collect()
}

/// A body that is filled up with blanks, which are good JSON.
fn filled(body: &str, bytes: usize) -> String {
    format!("{body}{}", " ".repeat(bytes - body.len()))
}

/// The longest texts in characters of four bytes.
fn longest() -> Value {
    json!({
        "isbn": "", "titre": "🦀".repeat(500), "auteur": "🦀".repeat(2000), "anneePublication": 9999,
        "editeur": "🦀".repeat(200), "langue": "🦀".repeat(50), "description": "🦀".repeat(10_000), "quantite": 9999,
    })
}

testing::on_both! {
    async fn a_new_book_is_shown_as_the_contract_prints_it(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;

        let made = post(&suite, &admin, etranger()).await;

        let id = id_of(&made);
        made.must_be(201, &yes(CREATED, &one(&shown(&id))));
        assert!(id.len() == 24 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{id}");
        let found = get(&suite, &id).await;
        found.must_be(200, &yes(FOUND, &one(&shown(&id))));
        assert!(made.header("etag").starts_with('"') && made.header("etag").len() > 2, "{}", made.header("etag"));
        assert_eq!(made.header("etag"), found.header("etag"));
    }

    async fn a_new_book_has_what_it_was_given(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let category = opened(&suite, &admin, "Romans").await;
        let more = json!({"description": "Aujourd'hui,\r\n\tmaman est morte.", "quantite": 3, "categorieId": category});

        let made = post(&suite, &admin, with(&etranger(), &more)).await;

        let id = id_of(&made);
        let shown = with(&with(&shown(&id), &more), &json!({"exemplaires": 3, "disponible": true}));
        made.must_be(201, &yes(CREATED, &one(&shown)));
        get(&suite, &id).await.must_be(200, &yes(FOUND, &one(&shown)));
    }

    async fn what_is_optional_may_be_empty(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;

        for more in [json!({"description": null, "categorieId": null}), json!({"description": "", "categorieId": ""})] {
            let body = with(&with(&etranger(), &more), &json!({"isbn": ""}));
            let made = post(&suite, &admin, body).await;

            let shown = with(&shown(&id_of(&made)), &json!({"isbn": ""}));
            made.must_be(201, &yes(CREATED, &one(&shown)));
        }
        assert_eq!(list(&suite).await.header("x-total-count"), "2");
    }

    async fn an_isbn_is_kept_as_isbn_13_however_it_is_written(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        for (written, kept) in [
            ("2070360024", "9782070360024"),
            ("2-07-036002-4", "9782070360024"),
            ("2 07 036002 4", "9782070360024"),
            ("9782070360024", "9782070360024"),
            ("978-2-07-036002-4", "9782070360024"),
            (" 978 2070360024 ", "9782070360024"),
            ("978\u{2011}2\u{2011}07\u{2011}036002\u{2011}4", "9782070360024"),
            ("080442957X", "9780804429573"),
            ("0-8044-2957-x", "9780804429573"),
            ("979-10-90636-07-1", "9791090636071"),
        ] {
            let made = post(&suite, &admin, with(&etranger(), &json!({"isbn": written}))).await;

            let id = id_of(&made);
            made.must_be(201, &yes(CREATED, &one(&with(&shown(&id), &json!({"isbn": kept})))));
            assert_eq!(delete(&suite, &admin, &id).await.status, 200);
        }
    }

    async fn the_ends_of_every_range_are_taken(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        for (field, values) in [
            ("anneePublication", vec![json!(-9999), json!(-1), json!(0), json!(9999)]),
            ("quantite", vec![json!(0), json!(1), json!(9999)]),
            ("titre", vec![json!("x"), json!("7"), json!("é".repeat(500)), json!(" 🦀\n")]),
            ("auteur", vec![json!("x"), json!("x".repeat(2000))]),
            ("editeur", vec![json!("x"), json!("🦀".repeat(200))]),
            ("langue", vec![json!("x"), json!("語".repeat(50))]),
            ("description", vec![json!("x"), json!("x".repeat(10_000))]),
        ] {
            for value in values {
                let id = shelved(&suite, &admin, json!({field: value})).await;

                assert_eq!(get(&suite, &id).await.json()["data"]["livre"][field], value, "{field}");
            }
        }
    }

    async fn a_book_without_what_is_required_is_refused_and_not_kept(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let mut refused = vec![];
        for name in REQUIRED {
            refused.push((without(&etranger(), name), name));
            refused.push((with(&etranger(), &json!({name: null})), name));
        }
        for name in REQUIRED.into_iter().filter(|name| *name != "isbn") {
            for blank in ["", " ", "\t\r\n", "\u{a0}\u{3000}"] {
                refused.push((with(&etranger(), &json!({name: blank})), name));
            }
        }

        for (body, name) in refused {
            let answer = post(&suite, &admin, body.clone()).await;

            assert_eq!((answer.status, answer.text), (400, unfit(&format!("{name} is required"))), "{body}");
        }
        let all = REQUIRED.map(|name| format!("{name} is required")).join("; ");
        post(&suite, &admin, json!({})).await.must_be(400, &unfit(&all));
        suite.send("POST", PATH, Some(&admin), None).await.must_be(400, &unfit(&all));
        list(&suite).await.must_be(200, &yes("Books found successfully!", NOTHING));
    }

    async fn a_value_that_does_not_fit_is_named_and_nothing_is_kept(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        for (name, value, why) in misfits() {
            let answer = post(&suite, &admin, with(&etranger(), &json!({name: value}))).await;

            assert_eq!((answer.status, answer.text), (400, unfit(&format!("{name} {why}"))), "{value}");
        }
        list(&suite).await.must_be(200, &yes("Books found successfully!", NOTHING));
    }

    async fn a_value_that_does_not_fit_is_named_and_nothing_is_changed(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let made = post(&suite, &admin, etranger()).await;
        let good = json!({"editeur": "Personne", "quantite": 7, "isbn": ""});
        let blank = ["", " ", "\n\u{a0}"].map(|blank| ("titre", json!(blank), "must be given".to_owned()));
        let null =
            ["titre", "auteur", "editeur", "langue"].map(|name| (name, json!(null), "must be a string".to_owned()));

        for (name, value, why) in misfits().into_iter().chain(blank).chain(null) {
            let answer = put(&suite, &admin, &id_of(&made), with(&good, &json!({name: value}))).await;

            assert_eq!((answer.status, answer.text), (400, unfit(&format!("{name} {why}"))), "{value}");
        }
        let now = get(&suite, &id_of(&made)).await;
        now.must_be(200, &yes(FOUND, &one(&shown(&id_of(&made)))));
        assert_eq!(now.header("etag"), made.header("etag"));
    }

    async fn everything_that_does_not_fit_is_named_at_once(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let made = post(&suite, &admin, etranger()).await;
        let (body, named) = all_wrong();

        post(&suite, &admin, body.clone()).await.must_be(400, &unfit(named));
        put(&suite, &admin, &id_of(&made), body).await.must_be(400, &unfit(named));

        let mixed = json!({"titre": " ", "auteur": 1, "isbn": "2070360025", "langue": "x".repeat(51)});
        let named = "isbn has a wrong check digit; titre is required; auteur must be a string; anneePublication is \
                     required; editeur is required; langue must have at most 50 characters";
        post(&suite, &admin, mixed).await.must_be(400, &unfit(named));
        assert_eq!(list(&suite).await.header("x-total-count"), "1");
        get(&suite, &id_of(&made)).await.must_be(200, &yes(FOUND, &one(&shown(&id_of(&made)))));
    }

    async fn a_category_that_is_none_is_named_beside_what_is_of_another_type(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let made = post(&suite, &admin, etranger()).await;
        let body = with(&etranger(), &json!({"isbn": "", "categorieId": NOBODY, "langue": 7}));
        let named = unfit("langue must be a string; categorieId does not exist");

        post(&suite, &admin, body.clone()).await.must_be(400, &named);
        put(&suite, &admin, &id_of(&made), body).await.must_be(400, &named);
    }

    async fn a_category_that_is_none_is_named_beside_what_has_another_form(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let made = post(&suite, &admin, etranger()).await;
        let body = with(&etranger(), &json!({"isbn": "2070360025", "categorieId": NOBODY}));
        let named = unfit("isbn has a wrong check digit; categorieId does not exist");

        post(&suite, &admin, body.clone()).await.must_be(400, &named);
        put(&suite, &admin, &id_of(&made), body).await.must_be(400, &named);
    }

    async fn a_number_that_is_none_in_json_is_refused(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        for number in ["1e400", "-1e400", "NaN", "Infinity", "01", "0x7", "1."] {
            let body = with(&etranger(), &json!({"quantite": "@"})).to_string().replace("\"@\"", number);
            let answer = suite.send_text("POST", PATH, Some(&admin), body).await;

            answer.must_be(400, &no("The request body is not valid JSON!"));
        }
        assert_eq!(list(&suite).await.header("x-total-count"), "0");
    }

    async fn two_books_of_one_isbn_are_refused_with_the_name_of_the_first(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let long = "🦀".repeat(500);
        for titre in ["L'Étranger", "\"{}\" \\ <b>\nÉdition de poche</b>", &long] {
            let first = id_of(&post(&suite, &admin, with(&etranger(), &json!({"titre": titre}))).await);
            let other = id_of(&post(&suite, &admin, with(&etranger(), &json!({"isbn": "2070360423"}))).await);
            let before = list(&suite).await.text;

            for isbn in ["2070360024", "2-07-036002-4", "9782070360024", "978 2 07 036002 4"] {
                let isbn = json!({"isbn": isbn});
                post(&suite, &admin, with(&etranger(), &isbn)).await.must_be(409, &taken(&first, titre));
                let change = with(&isbn, &json!({"quantite": 1, "titre": "x"}));
                put(&suite, &admin, &other, change).await.must_be(409, &taken(&first, titre));
            }

            assert_eq!(list(&suite).await.text, before);
            delete(&suite, &admin, &first).await;
            delete(&suite, &admin, &other).await;
        }
    }

    async fn a_book_may_be_given_its_own_isbn_again(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let id = id_of(&post(&suite, &admin, etranger()).await);

        for isbn in ["2070360024", "978-2-07-036002-4"] {
            let answer = put(&suite, &admin, &id, json!({"isbn": isbn})).await;

            answer.must_be(200, &yes(UPDATED, &one(&shown(&id))));
        }
        put(&suite, &admin, &id, json!({"isbn": "2070360024", "titre": 1}))
            .await
            .must_be(400, &unfit("titre must be a string"));
    }

    async fn an_isbn_that_is_given_up_is_free(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let first = id_of(&post(&suite, &admin, etranger()).await);

        assert_eq!(put(&suite, &admin, &first, json!({"isbn": ""})).await.status, 200);
        let second = id_of(&post(&suite, &admin, etranger()).await);

        post(&suite, &admin, etranger()).await.must_be(409, &taken(&second, "L'Étranger"));
        assert_eq!(delete(&suite, &admin, &second).await.status, 200);
        let third = post(&suite, &admin, etranger()).await;
        third.must_be(201, &yes(CREATED, &one(&shown(&id_of(&third)))));
    }

    async fn of_two_new_books_with_one_isbn_at_the_same_time_one_is_made(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        for round in 0..20 {
            let named = |titre: &str, isbn: &str| with(&etranger(), &json!({"titre": titre, "isbn": isbn}));
            let (a, b) = tokio::join!(
                post(&suite, &admin, named("a", "2070360024")),
                post(&suite, &admin, named("b", "9782070360024")),
            );

            let (winner, titre, loser) = if a.status == 201 { (a, "a", b) } else { (b, "b", a) };
            assert_eq!(winner.status, 201, "{round}: {} {}", winner.text, loser.text);
            loser.must_be(409, &taken(&id_of(&winner), titre));
            assert_eq!(list(&suite).await.header("x-total-count"), "1", "{round}");
            assert_eq!(delete(&suite, &admin, &id_of(&winner)).await.status, 200);
        }
    }

    async fn of_two_books_that_take_one_isbn_at_the_same_time_one_gets_it(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let a = shelved(&suite, &admin, json!({"titre": "a"})).await;
        let b = shelved(&suite, &admin, json!({"titre": "b"})).await;
        for round in 0..20 {
            let isbn = || json!({"isbn": "2070360024"});
            let (of_a, of_b) = tokio::join!(put(&suite, &admin, &a, isbn()), put(&suite, &admin, &b, isbn()));

            let (won, (winner, titre), loser) = match of_a.status {
                200 => (of_a, (&a, "a"), of_b),
                _ => (of_b, (&b, "b"), of_a),
            };
            assert_eq!(won.status, 200, "{round}: {} {}", won.text, loser.text);
            loser.must_be(409, &taken(winner, titre));
            assert_eq!(put(&suite, &admin, winner, json!({"isbn": null})).await.status, 200);
        }
    }

    async fn a_book_is_shown_to_everybody_and_whatever_the_token(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (admin, person) = (suite.admin().await, suite.register("royce27@gmail.com").await);
        let id = id_of(&post(&suite, &admin, etranger()).await);

        for token in [None, Some("x"), Some("a.b.c"), Some(person.token.as_str()), Some(&admin)] {
            let found = suite.send("GET", &format!("{PATH}/{id}"), token, None).await;

            found.must_be(200, &yes(FOUND, &one(&shown(&id))));
        }
    }

    async fn a_book_that_is_none_is_not_found(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let of_a_category = opened(&suite, &admin, "Romans").await;

        for id in [NOBODY, &of_a_category] {
            get(&suite, id).await.must_be(404, &no(NOT_FOUND));
            put(&suite, &admin, id, json!({"titre": "x"})).await.must_be(404, &no(NOT_FOUND));
            put(&suite, &admin, id, json!({})).await.must_be(404, &no(NOT_FOUND));
            delete(&suite, &admin, id).await.must_be(404, &no(NOT_FOUND));
        }
        let malformed = no("Invalid book id! It must be 24 lower-case hexadecimal characters.");
        for id in ["x", "507F191E810C19729DE860EA", "507f191e810c19729de860ea%00", "%FF"] {
            get(&suite, id).await.must_be(400, &malformed);
            put(&suite, &admin, id, json!({"titre": "x"})).await.must_be(400, &malformed);
            delete(&suite, &admin, id).await.must_be(400, &malformed);
        }
    }

    async fn each_field_of_a_book_changes_alone(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let category = opened(&suite, &admin, "Romans").await;
        let made = post(&suite, &admin, etranger()).await;
        let id = id_of(&made);
        let mut now = shown(&id);
        let mut etags = vec![made.header("etag").to_owned()];

        for (body, effect) in [
            (json!({"isbn": "2-07-036042-3"}), json!({"isbn": "9782070360420"})),
            (json!({"titre": "La Peste"}), json!({"titre": "La Peste"})),
            (json!({"auteur": "A. Camus, d'après Defoe"}), json!({"auteur": "A. Camus, d'après Defoe"})),
            (json!({"anneePublication": 1947}), json!({"anneePublication": 1947})),
            (json!({"editeur": "NRF"}), json!({"editeur": "NRF"})),
            (json!({"langue": "Français"}), json!({"langue": "Français"})),
            (json!({"description": "Oran,\n194."}), json!({"description": "Oran,\n194."})),
            (json!({"quantite": 3}), json!({"quantite": 3, "exemplaires": 3, "disponible": true})),
            (json!({"quantite": 9999}), json!({"quantite": 9999, "exemplaires": 9999})),
            (json!({"quantite": 1}), json!({"quantite": 1, "exemplaires": 1})),
            (json!({"quantite": 0}), json!({"quantite": 0, "exemplaires": 0, "disponible": false})),
            (json!({"categorieId": category}), json!({"categorieId": category})),
            (json!({"categorieId": null}), json!({"categorieId": null})),
            (
                json!({"categorieId": category, "quantite": 2}),
                json!({"categorieId": category, "quantite": 2, "exemplaires": 2, "disponible": true}),
            ),
            (json!({"categorieId": ""}), json!({"categorieId": null})),
            (json!({"description": null}), json!({"description": ""})),
            (json!({"isbn": null}), json!({"isbn": ""})),
            (json!({"isbn": "9782070360024"}), json!({"isbn": "9782070360024"})),
            (json!({"isbn": ""}), json!({"isbn": ""})),
            (json!({"anneePublication": null}), json!({"anneePublication": null})),
        ] {
            let changed = put(&suite, &admin, &id, body).await;

            now = with(&now, &effect);
            changed.must_be(200, &yes(UPDATED, &one(&now)));
            let found = get(&suite, &id).await;
            found.must_be(200, &yes(FOUND, &one(&now)));
            assert_eq!(changed.header("etag"), found.header("etag"));
            assert!(!etags.iter().any(|etag| etag == changed.header("etag")), "{etags:?} {}", changed.header("etag"));
            etags.push(changed.header("etag").to_owned());
        }
    }

    async fn all_fields_of_a_book_change_together(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let category = opened(&suite, &admin, "Romans").await;
        let id = id_of(&post(&suite, &admin, etranger()).await);
        let other = shelved(&suite, &admin, json!({"titre": "La Chute"})).await;
        let body = json!({
            "isbn": "2070360423", "titre": "La Peste", "auteur": "Camus", "anneePublication": 1947, "editeur": "NRF",
            "langue": "Français", "description": "Oran", "quantite": 4, "categorieId": category,
        });

        let changed = put(&suite, &admin, &id, body.clone()).await;

        let ours = json!({"_id": id, "isbn": "9782070360420", "exemplaires": 4, "disponible": true});
        changed.must_be(200, &yes(UPDATED, &one(&with(&body, &ours))));
        let beside = with(&shown(&other), &json!({"isbn": "", "titre": "La Chute"}));
        get(&suite, &other).await.must_be(200, &yes(FOUND, &one(&beside)));
    }

    async fn a_change_of_nothing_changes_nothing(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let made = post(&suite, &admin, etranger()).await;
        let path = format!("{PATH}/{}", id_of(&made));

        for body in [Some(json!({})), None] {
            let answer = suite.send("PUT", &path, Some(&admin), body).await;

            answer.must_be(200, &yes(UPDATED, &one(&shown(&id_of(&made)))));
            assert_eq!(answer.header("etag"), made.header("etag"));
        }
    }

    async fn what_a_book_shows_can_be_put_back_without_what_is_ours(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let category = opened(&suite, &admin, "Romans").await;
        let full = json!({"description": "Oran", "quantite": 4, "categorieId": category, "isbn": "2070360423"});
        let bare = shelved(&suite, &admin, json!({})).await;
        put(&suite, &admin, &bare, json!({"anneePublication": null, "auteur": "", "editeur": "", "langue": ""})).await;

        for id in [bare, shelved(&suite, &admin, full).await] {
            let before = get(&suite, &id).await.json()["data"]["livre"].take();
            let body =
                ["_id", "exemplaires", "disponible"].iter().fold(before.clone(), |body, name| without(&body, name));
            let answer = put(&suite, &admin, &id, body).await;

            answer.must_be(200, &yes(UPDATED, &one(&before)));
            get(&suite, &id).await.must_be(200, &yes(FOUND, &one(&before)));
            let named = unfit("_id cannot be set; disponible cannot be set; exemplaires cannot be set");
            put(&suite, &admin, &id, before).await.must_be(400, &named);
        }
    }

    async fn a_deleted_book_is_shown_once_more_and_gone(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let (id, other) =
            (id_of(&post(&suite, &admin, etranger()).await), shelved(&suite, &admin, json!({"quantite": 1})).await);

        delete(&suite, &admin, &id).await.must_be(200, &yes(DELETED, &one(&shown(&id))));

        get(&suite, &id).await.must_be(404, &no(NOT_FOUND));
        put(&suite, &admin, &id, json!({"titre": "x"})).await.must_be(404, &no(NOT_FOUND));
        delete(&suite, &admin, &id).await.must_be(404, &no(NOT_FOUND));
        assert_eq!(list(&suite).await.header("x-total-count"), "1");
        assert_eq!(get(&suite, &other).await.status, 200);
    }

    /// Ten thousand characters of four bytes are 40 kB, and 120 kB when each is escaped as a pair.
    async fn the_longest_texts_are_taken_however_they_are_written(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        for body in [longest().to_string(), escaped(&longest())] {
            let made = suite.send_text("POST", PATH, Some(&admin), body.clone()).await;

            let id = id_of(&made);
            let ours = json!({"_id": id, "categorieId": null, "exemplaires": 9999, "disponible": true});
            let shown = one(&with(&longest(), &ours));
            made.must_be(201, &yes(CREATED, &shown));
            let changed = suite.send_text("PUT", &format!("{PATH}/{id}"), Some(&admin), body).await;
            changed.must_be(200, &yes(UPDATED, &shown));
            get(&suite, &id).await.must_be(200, &yes(FOUND, &shown));
        }
        let shown = list(&suite).await.json()["data"]["livres"].take();
        assert!(shown.as_array().unwrap().iter().all(|livre| livre["description"] == longest()["description"]));
    }

    async fn a_body_of_256_kib_is_taken_and_a_larger_one_is_not(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let body = escaped(&longest());
        let made = suite.send_text("POST", PATH, Some(&admin), filled(&body, BYTES)).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let path = format!("{PATH}/{}", id_of(&made));

        for (method, path) in [("POST", PATH), ("PUT", &path)] {
            let answer = suite.send_text(method, path, Some(&admin), filled(&body, BYTES + 1)).await;

            answer.must_be(413, &no("The request body is too large!"));
        }
        let changed = suite.send_text("PUT", &path, Some(&admin), filled("{}", BYTES)).await;
        assert_eq!((changed.status, list(&suite).await.header("x-total-count")), (200, "1"));
    }
}
