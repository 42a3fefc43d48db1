//! Operation 12, `GET /api/livres`: pages, filters, orders and facets. Words: `search.rs`.

use serde_json::{Value, json};
use testing::{Database, TestSuite, suite::Answer};

use crate::{NOBODY, etranger, lists::linked, livre, no, opened, shelved, with, yes};

const PATH: &str = "/api/livres";
const FOUND: &str = "Books found successfully!";
const NOTHING: &str = r#"{"livres":[]}"#;

async fn list(suite: &TestSuite, query: &str) -> Answer {
    suite.send("GET", &format!("{PATH}{query}"), None, None).await
}

fn titles(answer: &Answer) -> Vec<String> {
    let books = answer.json()["data"]["livres"].as_array().unwrap_or_else(|| panic!("{}", answer.text)).clone();
    books.iter().map(|book| book["titre"].as_str().unwrap().to_owned()).collect()
}

/// Five books in two categories: fable, Élan, eau, elan and Œuvres, in this order.
struct Shelf {
    suite: TestSuite,
    admin: String,
    ids: Vec<String>,
    novels: String,
    tales: String,
}

impl Shelf {
    async fn filled(db: &Database) -> Self {
        let suite = TestSuite::start(db).await;
        let admin = suite.admin().await;
        let (novels, tales) = (opened(&suite, &admin, "Romans").await, opened(&suite, &admin, "Contes").await);
        let mut ids = vec![];
        for (titre, auteur, annee, langue, quantite, categorie) in [
            ("fable", "Zoé", 1990, "français", 0, json!(novels)),
            ("Élan", "émile", -50, "Français", 2, json!(novels)),
            ("eau", "Emile", 2001, "anglais", 1, json!(null)),
            ("elan", "alice", 1990, "FRANÇAIS", 1, json!(tales)),
            ("Œuvres", "Bob", 500, "deutsch", 0, json!(null)),
        ] {
            let book = json!({
                "titre": titre, "auteur": auteur, "anneePublication": annee, "langue": langue, "quantite": quantite,
                "categorieId": categorie,
            });
            ids.push(shelved(&suite, &admin, book).await);
        }
        Self { suite, admin, ids, novels, tales }
    }

    async fn put(&self, id: &str, body: Value) {
        let changed = self.suite.send("PUT", &format!("{PATH}/{id}"), Some(&self.admin), Some(body)).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
    }

    async fn delete(&self, id: &str) {
        let deleted = self.suite.send("DELETE", &format!("{PATH}/{id}"), Some(&self.admin), None).await;
        assert_eq!(deleted.status, 200, "{}", deleted.text);
    }

    /// What somebody sees who follows `rel` from `path` on, as long as it leads somewhere.
    async fn followed(&self, path: &str, rel: &str) -> Vec<String> {
        let (mut seen, mut next) = (vec![], Some(path.to_owned()));
        while let Some(path) = next.filter(|_| seen.len() <= 10) {
            let page = self.suite.send("GET", &path, None, None).await;
            seen.extend(titles(&page));
            next = linked(&page, rel);
        }
        seen
    }
}

/// `Link` as it has to be, where `next` begins behind `token`.
fn links(pages: &[(&str, u32)], limit: u32, others: &str, token: &str) -> String {
    let link = |(rel, page): &(&str, u32)| {
        let after = if *rel == "next" { format!("&apres={token}") } else { String::new() };
        format!("<{PATH}?page={page}&limit={limit}{others}{after}>; rel=\"{rel}\"")
    };
    pages.iter().map(link).collect::<Vec<_>>().join(", ")
}

/// Where the next page of an answer begins.
fn token(answer: &Answer) -> String {
    let next = linked(answer, "next").unwrap_or_default();
    next.split_once("&apres=").map(|(_, token)| token.to_owned()).unwrap_or_default()
}

testing::on_both! {
    async fn no_books_are_an_empty_list(db: Database) {
        let suite = TestSuite::start(&db).await;
        for query in ["", "?page=1&limit=1000", "?disponible=true&langue=latin", "?sort=-titre", "?facettes=false"] {
            let answer = list(&suite, query).await;

            answer.must_be(200, &yes(FOUND, NOTHING));
            assert_eq!(answer.header("x-total-count"), "0");
        }
        assert_eq!(list(&suite, "").await.header("link"), links(&[("first", 1), ("last", 1)], 1000, "", ""));
        let none = r#"{"livres":[],"facettes":{"categorieId":[],"langue":[],"auteur":[]}}"#;
        list(&suite, "?facettes=true").await.must_be(200, &yes(FOUND, none));
    }

    async fn a_list_holds_books_as_they_are_shown_the_oldest_first(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let mut all = vec![];
        for titre in ["z", "a", "m"] {
            let id = shelved(&suite, &admin, json!({"titre": titre, "quantite": 1})).await;
            let ours = json!({"_id": id, "isbn": "", "description": "", "exemplaires": 1, "disponible": true});
            all.push(livre(&with(&with(&etranger(), &json!({"titre": titre, "quantite": 1})), &ours)));
        }

        for token in [None, Some("x"), Some(admin.as_str())] {
            let answer = suite.send("GET", PATH, token, None).await;

            answer.must_be(200, &yes(FOUND, &format!(r#"{{"livres":[{}]}}"#, all.join(","))));
            assert_eq!(answer.header("x-total-count"), "3");
            assert_eq!(answer.header("link"), links(&[("first", 1), ("last", 1)], 1000, "", ""));
        }
    }

    async fn pages_are_counted_from_one_and_lead_to_their_neighbours(db: Database) {
        let shelf = Shelf::filled(&db).await;
        for (query, shown, pages) in [
            ("?limit=2", vec!["fable", "Élan"], vec![("first", 1), ("next", 2), ("last", 3)]),
            ("?page=1&limit=2", vec!["fable", "Élan"], vec![("first", 1), ("next", 2), ("last", 3)]),
            ("?page=2&limit=2", vec!["eau", "elan"], vec![("first", 1), ("prev", 1), ("next", 3), ("last", 3)]),
            ("?limit=2&page=002", vec!["eau", "elan"], vec![("first", 1), ("prev", 1), ("next", 3), ("last", 3)]),
            ("?page=3&limit=2", vec!["Œuvres"], vec![("first", 1), ("prev", 2), ("last", 3)]),
            ("?page=4&limit=2", vec![], vec![("first", 1), ("prev", 3), ("last", 3)]),
            ("?page=1000000&limit=2", vec![], vec![("first", 1), ("prev", 3), ("last", 3)]),
        ] {
            let answer = list(&shelf.suite, query).await;

            assert_eq!(
                (answer.status, titles(&answer)),
                (200, shown.iter().map(|title| (*title).to_owned()).collect())
            );
            assert_eq!(answer.header("x-total-count"), "5", "{query}");
            assert_eq!(answer.header("link"), links(&pages, 2, "", &token(&answer)), "{query}");
            assert_eq!(token(&answer).is_empty(), !pages.iter().any(|(rel, _)| *rel == "next"), "{query}");
        }
        let first = list(&shelf.suite, "?limit=2").await;
        let second = shelf.suite.send("GET", &linked(&first, "next").unwrap(), None, None).await;
        assert_eq!((titles(&second), second.header("x-total-count")), (vec!["eau".to_owned(), "elan".to_owned()], "5"));
        let pages = [("first", 1), ("prev", 1), ("next", 3), ("last", 3)];
        assert_eq!(second.header("link"), links(&pages, 2, "", &token(&second)));
    }

    async fn links_keep_the_other_parameters_as_they_came(db: Database) {
        let shelf = Shelf::filled(&db).await;
        let others = "&langue=FRAN%C3%87AIS&sort=-titre&x=%3E%22%0D%0A";
        let pages = [("first", 1), ("next", 2), ("last", 3)];

        let first = list(&shelf.suite, &format!("?limit=1{others}")).await;
        assert_eq!(first.header("link"), links(&pages, 1, others, &token(&first)));

        let second = shelf.suite.send("GET", &linked(&first, "next").unwrap(), None, None).await;
        let pages = [("first", 1), ("prev", 1), ("next", 3), ("last", 3)];
        assert_eq!(second.header("link"), links(&pages, 1, others, &token(&second)));
        assert_eq!((first.header("x-total-count"), second.header("x-total-count")), ("3", "3"));
    }

    async fn who_follows_next_sees_every_book_once_and_in_order(db: Database) {
        let shelf = Shelf::filled(&db).await;
        shelf.put(&shelf.ids[2], json!({"anneePublication": null})).await;
        let of_novels = format!("&categorieId={}&sort=titre", shelf.novels);
        for (query, order) in [
            ("", "fable Élan eau elan Œuvres"),
            ("&sort=titre", "eau Élan elan fable Œuvres"),
            ("&sort=-titre", "Œuvres fable elan Élan eau"),
            ("&sort=auteur", "elan Œuvres Élan eau fable"),
            ("&sort=-auteur", "fable eau Élan Œuvres elan"),
            ("&sort=anneePublication", "eau Élan Œuvres fable elan"),
            ("&sort=-anneePublication", "elan fable Œuvres Élan eau"),
            ("&langue=fran%C3%A7ais", "fable Élan elan"),
            ("&langue=fran%C3%A7ais&sort=titre", "Élan elan fable"),
            ("&disponible=true&sort=-anneePublication", "elan Élan eau"),
            (of_novels.as_str(), "Élan fable"),
        ] {
            let order: Vec<&str> = order.split(' ').collect();
            for limit in [1, 2, 3, 4, 5, 6, 1000] {
                let seen = shelf.followed(&format!("{PATH}?limit={limit}{query}"), "next").await;

                assert_eq!(seen, order, "{query} by {limit}");
            }
            let mut back = vec![];
            for page in 1..=order.len() {
                back.extend(titles(&list(&shelf.suite, &format!("?limit=1&page={page}{query}")).await));
            }
            assert_eq!(back, order, "{query} by numbers");
        }
        let backwards = shelf.followed(&format!("{PATH}?limit=2&page=3"), "prev").await;
        assert_eq!(backwards, ["Œuvres", "eau", "elan", "fable", "Élan"]);
    }

    async fn who_follows_next_misses_nothing_when_books_come_and_go(db: Database) {
        let shelf = Shelf::filled(&db).await;
        for (query, seen) in [("", "eau elan Œuvres"), ("&sort=titre", "elan fable Œuvres")] {
            let first = list(&shelf.suite, &format!("?limit=2{query}")).await;
            let next = linked(&first, "next").unwrap();
            shelf.put(&shelf.ids[0], json!({"description": "x"})).await;
            let come = shelved(&shelf.suite, &shelf.admin, json!({"titre": "aaa"})).await;
            let rest = shelf.followed(&next, "next").await;
            shelf.delete(&come).await;

            assert_eq!(
                rest.into_iter().filter(|title| title != "aaa").collect::<Vec<_>>(),
                seen.split(' ').collect::<Vec<_>>()
            );
        }

        let first = list(&shelf.suite, "?limit=2&sort=titre").await;
        for gone in [1, 2] {
            shelf.delete(&shelf.ids[gone]).await;
        }
        let rest = shelf.followed(&linked(&first, "next").unwrap(), "next").await;
        assert_eq!(rest, ["elan", "fable", "Œuvres"]);
    }

    async fn a_title_is_sorted_whatever_its_case_and_accents(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let sorted = [
            "1984",
            "Ça",
            "eau",
            "Élan",
            "elan",
            "ÉLAN",
            "«\u{a0}Élan\u{a0}»",
            "Elan vital",
            "fable",
            "L'Étranger",
            "Œdipe roi",
            "oeuf",
            "Straße",
            "strasse",
            "Zèbre",
            "Война и мир",
            "源氏物語",
        ];
        // By age only those come that are alike.
        let alike = |title: &str| ["Élan", "elan", "ÉLAN", "«\u{a0}Élan\u{a0}»", "Straße", "strasse"].contains(&title);
        for titre in sorted.iter().rev().filter(|title| !alike(title)).chain(sorted.iter().filter(|title| alike(title)))
        {
            shelved(&suite, &admin, json!({"titre": titre, "auteur": titre})).await;
        }

        for field in ["titre", "auteur"] {
            assert_eq!(titles(&list(&suite, &format!("?sort={field}")).await), sorted, "{field}");
            let mut backwards = titles(&list(&suite, &format!("?sort=-{field}")).await);
            backwards.reverse();
            assert_eq!(backwards, sorted, "-{field}");
        }
    }

    async fn books_that_are_alike_in_what_is_sorted_stay_in_order_of_age(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        for editeur in ["c", "a", "d", "b"] {
            shelved(&suite, &admin, json!({"editeur": editeur})).await;
        }

        for sort in ["titre", "auteur", "anneePublication"] {
            let books = list(&suite, &format!("?sort={sort}")).await.json()["data"]["livres"].take();
            let publishers: Vec<_> =
                books.as_array().unwrap().iter().map(|book| book["editeur"].as_str().unwrap()).collect();

            assert_eq!(publishers, ["c", "a", "d", "b"], "{sort}");
        }
    }

    async fn a_changed_book_is_sorted_and_filtered_by_what_it_is_now(db: Database) {
        let shelf = Shelf::filled(&db).await;

        shelf
            .put(
                &shelf.ids[0],
                json!({"titre": "À bas", "langue": "Deutsch", "quantite": 1, "categorieId": shelf.tales}),
            )
            .await;

        for (query, shown) in [
            ("sort=titre".to_owned(), "À bas,eau,Élan,elan,Œuvres"),
            ("langue=deutsch".to_owned(), "À bas,Œuvres"),
            ("langue=fran%C3%A7ais".to_owned(), "Élan,elan"),
            ("disponible=true".to_owned(), "À bas,Élan,eau,elan"),
            (format!("categorieId={}", shelf.tales), "À bas,elan"),
            (format!("categorieId={}", shelf.novels), "Élan"),
        ] {
            assert_eq!(titles(&list(&shelf.suite, &format!("?{query}")).await).join(","), shown, "{query}");
        }
    }

    async fn filters_narrow_a_list_each_alone_and_all_together(db: Database) {
        let shelf = Shelf::filled(&db).await;
        let (novels, tales) = (&shelf.novels, &shelf.tales);
        for (query, shown) in [
            (format!("categorieId={novels}"), vec!["fable", "Élan"]),
            (format!("categorieId={tales}"), vec!["elan"]),
            (format!("categorieId={NOBODY}"), vec![]),
            (format!("categorieId={}", shelf.ids[0]), vec![]),
            ("categorieId=".to_owned(), vec!["fable", "Élan", "eau", "elan", "Œuvres"]),
            ("langue=fran%C3%A7ais".to_owned(), vec!["fable", "Élan", "elan"]),
            ("langue=FRAN%C3%87AIS".to_owned(), vec!["fable", "Élan", "elan"]),
            // The cedilla as a character of its own.
            ("langue=franc%CC%A7ais".to_owned(), vec!["fable", "Élan", "elan"]),
            ("langue=DEUTSCH".to_owned(), vec!["Œuvres"]),
            ("langue=fran".to_owned(), vec![]),
            ("langue=%25".to_owned(), vec![]),
            ("langue=".to_owned(), vec!["fable", "Élan", "eau", "elan", "Œuvres"]),
            ("disponible=true".to_owned(), vec!["Élan", "eau", "elan"]),
            ("disponible=false".to_owned(), vec!["fable", "Élan", "eau", "elan", "Œuvres"]),
            (format!("categorieId={novels}&langue=fran%C3%A7ais&disponible=true"), vec!["Élan"]),
            (format!("categorieId={tales}&langue=anglais"), vec![]),
            ("langue=fran%C3%A7ais&disponible=true&sort=-titre".to_owned(), vec!["elan", "Élan"]),
        ] {
            let answer = list(&shelf.suite, &format!("?{query}")).await;

            assert_eq!(
                (answer.status, titles(&answer)),
                (200, shown.iter().map(|title| (*title).to_owned()).collect()),
                "{query}"
            );
            assert_eq!(answer.header("x-total-count"), shown.len().to_string(), "{query}");
        }
    }

    async fn a_language_of_no_book_is_an_empty_list_whatever_it_is(db: Database) {
        let shelf = Shelf::filled(&db).await;
        let long = "x".repeat(5_000);
        for langue in [
            "%00",
            "%00fran%C3%A7ais",
            "%FF",
            "%ED%A0%80",
            "%F0%9F%A6%80",
            "%27%20OR%20''='",
            "_",
            "x%0D%0AY:%20z",
            &long,
        ] {
            let answer = list(&shelf.suite, &format!("?langue={langue}")).await;

            answer.must_be(200, &yes(FOUND, NOTHING));
        }
    }

    async fn a_parameter_that_does_not_fit_is_refused(db: Database) {
        let shelf = Shelf::filled(&db).await;
        let page = "Invalid page! It must be a whole number from 1 to 1000000.";
        let limit = "Invalid limit! It must be a whole number from 1 to 1000.";
        let category = "Invalid categorieId! It must be 24 lower-case hexadecimal characters.";
        let sort = "Invalid sort! It must be titre, auteur or anneePublication, reversed by a leading -.";
        let after = "Invalid apres! It must come from the Link of an earlier answer.";
        let bits = |name| format!("Invalid {name}! It must be true or false.");
        let (available, facets) = (bits("disponible"), bits("facettes"));
        for (name, values, message) in [
            ("page", vec!["0", "-1", "+1", "1.0", "x", "", "%00", "%FF", "1000001", "99999999999999999999"], page),
            ("limit", vec!["0", "-1", "1001", "x", "", "4294967297", "1e2"], limit),
            ("categorieId", vec!["x", "507F191E810C19729DE860EA", "507f191e810c19729de860e", "%00", "%20"], category),
            (
                "sort",
                vec!["Titre", "title", "--titre", "+titre", "titre,auteur", "titre%20desc", "-", "isbn", "%00", "%20"],
                sort,
            ),
            ("disponible", vec!["1", "True", "yes", "true%20", "%00", "vrai"], available.as_str()),
            ("facettes", vec!["1", "TRUE", "langue", "%00"], facets.as_str()),
            ("apres", vec!["x", "!", "%00", "%FF", "AAAA", "YWJj", "-_-_", "MSAA"], after),
        ] {
            for value in values {
                let answer = list(&shelf.suite, &format!("?{name}={value}")).await;

                assert_eq!((answer.status, &answer.text), (400, &no(message)), "{name}={value}");
                assert_eq!((answer.header("x-total-count"), answer.header("link")), ("", ""));
            }
        }
        for (name, value) in [
            ("page", "1"),
            ("limit", "1"),
            ("apres", ""),
            ("categorieId", shelf.novels.as_str()),
            ("langue", "deutsch"),
            ("disponible", "true"),
            ("sort", "titre"),
            ("facettes", "true"),
        ] {
            let twice = format!("?{name}={value}&{name}={value}");
            list(&shelf.suite, &twice).await.must_be(400, &no("Invalid query!"));
        }
        assert_eq!(list(&shelf.suite, "?x=1&x=2&unknown").await.status, 200);
    }

    async fn a_place_in_another_list_is_no_reason_to_fail(db: Database) {
        let shelf = Shelf::filled(&db).await;
        let orders = ["", "titre", "-titre", "auteur", "anneePublication", "-anneePublication"];
        for from in orders {
            let place = token(&list(&shelf.suite, &format!("?limit=2&sort={from}")).await);
            for to in orders {
                let answer = list(&shelf.suite, &format!("?limit=2&sort={to}&apres={place}")).await;

                assert!(matches!(answer.status, 200 | 400), "{from} to {to}: {}", answer.text);
            }
        }
    }

    async fn facets_say_how_many_books_there_are_of_each_kind(db: Database) {
        let suite = TestSuite::start(&db).await;
        let admin = suite.admin().await;
        let (novels, tales) = (opened(&suite, &admin, "Romans").await, opened(&suite, &admin, "Contes").await);
        let (novels, tales) = (novels.as_str(), tales.as_str());
        for (auteur, langue, quantite, categorie) in [
            ("Victor Hugo", "français", 1, json!(novels)),
            ("Victor Hugo", "français", 0, json!(novels)),
            ("Victor Hugo", "anglais", 1, json!(novels)),
            ("George Sand", "français", 1, json!(tales)),
            ("George Sand", "anglais", 0, json!(tales)),
            ("Émile Zola", "deutsch", 0, json!(null)),
        ] {
            let book = json!({"auteur": auteur, "langue": langue, "quantite": quantite, "categorieId": categorie});
            shelved(&suite, &admin, book).await;
        }
        let of = |counts: &[(&str, u32)]| {
            let each = counts.iter().map(|(value, count)| format!(r#"{{"valeur":"{value}","nombre":{count}}}"#));
            format!("[{}]", each.collect::<Vec<_>>().join(","))
        };

        for (query, categories, languages, authors) in [
            (
                String::new(),
                of(&[(novels, 3), (tales, 2)]),
                of(&[("français", 3), ("anglais", 2), ("deutsch", 1)]),
                of(&[("Victor Hugo", 3), ("George Sand", 2), ("Émile Zola", 1)]),
            ),
            (
                "&disponible=true".to_owned(),
                of(&[(novels, 2), (tales, 1)]),
                of(&[("français", 2), ("anglais", 1)]),
                of(&[("Victor Hugo", 2), ("George Sand", 1)]),
            ),
            (
                format!("&categorieId={novels}"),
                of(&[(novels, 3)]),
                of(&[("français", 2), ("anglais", 1)]),
                of(&[("Victor Hugo", 3)]),
            ),
            ("&langue=DEUTSCH".to_owned(), of(&[]), of(&[("deutsch", 1)]), of(&[("Émile Zola", 1)])),
        ] {
            let facets =
                format!(r#""facettes":{{"categorieId":{categories},"langue":{languages},"auteur":{authors}}}}}}}"#);
            // Of all pages, whichever is shown.
            for page in ["", "&limit=1", "&limit=1&page=2", "&page=9", "&sort=-titre"] {
                let answer = list(&suite, &format!("?facettes=true{query}{page}")).await;

                assert_eq!(answer.status, 200, "{}", answer.text);
                assert!(
                    answer.text.ends_with(&format!("],{facets}")),
                    "{query}{page}: {} is not {facets}",
                    answer.text
                );
            }
        }
        assert!(!list(&suite, "").await.text.contains("facettes"));
        assert_eq!(titles(&list(&suite, "?facettes=true&limit=2").await).len(), 2);
    }

    async fn who_asks_for_what_a_facet_says_gets_as_many_books_as_it_says(db: Database) {
        let shelf = Shelf::filled(&db).await;
        for langue in ["C++ & C#", "100%", "Straße", "ΣΊΣΥΦΟΣ", "Français (Québec)", " latin "] {
            shelved(&shelf.suite, &shelf.admin, json!({"langue": langue, "categorieId": shelf.tales})).await;
        }

        let facets = list(&shelf.suite, "?facettes=true").await.json()["data"]["facettes"].take();

        for name in ["categorieId", "langue"] {
            for facet in facets[name].as_array().unwrap() {
                let value =
                    facet["valeur"].as_str().unwrap().bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
                let answer = list(&shelf.suite, &format!("?{name}={value}")).await;

                assert_eq!(answer.header("x-total-count"), facet["nombre"].to_string(), "{name} {facet}");
            }
        }
    }

    async fn spellings_of_one_language_are_counted_together(db: Database) {
        let shelf = Shelf::filled(&db).await;

        let facets = list(&shelf.suite, "?facettes=true").await.json()["data"]["facettes"].take();

        let (language, author) = (&facets["langue"][0], &facets["auteur"][0]);
        assert_eq!((&language["nombre"], &author["nombre"]), (&json!(3), &json!(2)));
        assert!(["français", "Français", "FRANÇAIS"].contains(&language["valeur"].as_str().unwrap()), "{language}");
        assert!(["émile", "Emile"].contains(&author["valeur"].as_str().unwrap()), "{author}");
        assert_eq!((facets["langue"].as_array().unwrap().len(), facets["auteur"].as_array().unwrap().len()), (3, 4));
    }
}
