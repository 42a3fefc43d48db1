//! Search: what is found by which words, in which order, on which page, and how many there are.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part")]
mod shelf;

use std::time::{Duration, Instant};

use proto::catalog::v1 as pb;
use shelf::{
    Catalog, ask, batch, by, create, draft, found, import, list, misfits, open, titled, titles, try_delete, try_list,
    update,
};
use testing::Database;
use tokio::task::JoinSet;

/// Searches once; answers with the titles in alphabetical order.
async fn finds(catalog: &Catalog, query: &str) -> Vec<String> {
    let mut titles = found(catalog, query).await;
    titles.sort();
    titles
}

testing::on_both! {
    async fn words_are_found_whatever_their_case_accents_and_script(db: Database) {
        let (_suite, catalog) = open(&db).await;
        for title in [
            "Élodie",
            "L'Étranger",
            "Œuvres complètes",
            "Die Straße",
            "Война и мир",
            "Ὀδύσσεια",
            "Łódź i ÆRØ",
            "Ni\u{f1}os",
            "Cafe\u{301} noir",
            "İstanbul Hatırası",
            "日本語の本",
        ] {
            create(&catalog, titled(title)).await;
        }

        for (query, title) in [
            ("elodie", "Élodie"),
            ("ÉLODIE", "Élodie"),
            ("E\u{301}lodie", "Élodie"),
            ("etranger", "L'Étranger"),
            ("l’étranger", "L'Étranger"),
            ("L ETRANGER", "L'Étranger"),
            ("oeuvres", "Œuvres complètes"),
            ("ŒUVRES COMPLETES", "Œuvres complètes"),
            ("strasse", "Die Straße"),
            ("STRASSE", "Die Straße"),
            ("straße", "Die Straße"),
            ("ВОЙНА", "Война и мир"),
            ("мир война и", "Война и мир"),
            ("οδυσσεια", "Ὀδύσσεια"),
            ("ΟΔΥΣΣΕΙΑ", "Ὀδύσσεια"),
            ("lodz", "Łódź i ÆRØ"),
            ("aero", "Łódź i ÆRØ"),
            ("ninos", "Ni\u{f1}os"),
            ("café", "Cafe\u{301} noir"),
            ("istanbul", "İstanbul Hatırası"),
            ("hatirasi", "İstanbul Hatırası"),
            ("日本", "日本語の本"),
        ] {
            assert_eq!(found(&catalog, query).await, [title], "{query:?}");
        }
    }

    async fn a_book_is_found_by_its_isbn_however_it_is_written(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let camus = pb::Book { isbn: "978-2-07-036002-4".to_owned(), ..by("Albert Camus", "L'Étranger") };
        create(&catalog, camus).await;
        create(&catalog, pb::Book { isbn: "080442957X".to_owned(), ..titled("Mit X") }).await;
        create(&catalog, titled("2070360024")).await;

        for query in [
            "9782070360024",
            "978-2-07-036002-4",
            "978 2 07 036002 4",
            "2070360024",
            "2-07-036002-4",
            "2 07 036002 4",
            " 2070360024 ",
            "978\u{2011}2\u{2011}07\u{2011}036002\u{2011}4",
            "camus 2070360024",
            "2-07-036002-4 etrang",
            "etranger 978-2-07-036002-4 albert",
            "2070360024 9782070360024",
        ] {
            assert_eq!(found(&catalog, query).await, ["L'Étranger"], "{query:?}");
        }
        for query in ["080442957X", "0-8044-2957-x", "9780804429573"] {
            assert_eq!(found(&catalog, query).await, ["Mit X"], "{query:?}");
        }

        for query in ["sartre 2070360024", "2070360024 cam alb", "2070360024 9780804429573", "9782070360031"] {
            assert_eq!(found(&catalog, query).await, [""; 0], "{query:?}");
        }
        for order_by in ["title", "author desc", "publication_year"] {
            let request = pb::ListBooksRequest { order_by: order_by.to_owned(), ..ask("camus 2070360024") };
            assert_eq!(titles(&list(&catalog, request).await), ["L'Étranger"], "{order_by}");
        }
    }

    async fn all_words_must_be_there_in_any_order_and_anywhere(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let stranger = pb::Book {
            publisher: "Gallimard".to_owned(),
            description: "Alger, le soleil et l'absurde.".to_owned(),
            ..by("Albert Camus", "L'Étranger")
        };
        create(&catalog, stranger).await;
        create(&catalog, pb::Book { publisher: "Gallimard".to_owned(), ..by("Albert Camus", "La Peste") }).await;

        for query in [
            "camus étranger",
            "étranger camus",
            "soleil gallimard camus l étranger",
            "absurde alger albert",
            "l'absurde",
            "camus camus étranger étranger",
        ] {
            assert_eq!(found(&catalog, query).await, ["L'Étranger"], "{query:?}");
        }

        assert_eq!(finds(&catalog, "camus gallimard").await, ["L'Étranger", "La Peste"]);
        assert_eq!(found(&catalog, "camus soleil peste").await, [""; 0]);
        assert_eq!(found(&catalog, "camus sartre").await, [""; 0]);
    }

    async fn only_the_last_word_is_found_by_its_beginning(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let desert = pb::Book { description: "Planète de sable".to_owned(), ..by("Frank Herbert", "Dune") };
        create(&catalog, desert).await;

        for query in ["d", "du", "dune", "frank herb", "dune h", "herbert p", "dune plan", "DUN", "dune f "] {
            assert_eq!(found(&catalog, query).await, ["Dune"], "{query:?}");
        }

        for query in ["une dun", "du frank", "herb frank", "plan dune", "dunes", "unexpected", "x dune"] {
            assert_eq!(found(&catalog, query).await, [""; 0], "{query:?}");
        }
    }

    async fn the_best_come_first_and_among_equals_the_oldest(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let described = |title: &str| pb::Book { description: "mer et vent".to_owned(), ..titled(title) };
        for book in [
            described("Anywhere 1"),
            by("Mer", "Vent 1"),
            titled("Vent et mersey 1"),
            titled("Le vent de la mer 1"),
            titled("Vent, mer"),
            described("Anywhere 2"),
            titled("Le vent de la mer 2"),
            titled("VENT MER!"),
            by("Mer", "Vent 2"),
            titled("Vent et mersey 2"),
            titled("Autre chose"),
        ] {
            create(&catalog, book).await;
        }

        let ranked = found(&catalog, "vent mer").await;

        let expected = [
            "Vent, mer",
            "VENT MER!",
            "Le vent de la mer 1",
            "Le vent de la mer 2",
            "Vent et mersey 1",
            "Vent et mersey 2",
            "Vent 1",
            "Vent 2",
            "Anywhere 1",
            "Anywhere 2",
        ];
        assert_eq!(ranked, expected);
        let mut backwards = found(&catalog, "mer vent").await;
        assert_eq!(backwards.len(), 8, "mersey is no mer: {backwards:?}");
        backwards.truncate(4);
        assert_eq!(backwards, ["Le vent de la mer 1", "Vent, mer", "Le vent de la mer 2", "VENT MER!"]);
    }

    async fn a_question_is_text_and_never_syntax(db: Database) {
        let (_suite, catalog) = open(&db).await;
        create(&catalog, titled("x OR y")).await;
        create(&catalog, titled("100% coton")).await;
        create(&catalog, titled("snake_case")).await;
        create(&catalog, titled("C:\\dos")).await;
        create(&catalog, titled("near")).await;
        create(&catalog, titled("title")).await;

        for (query, expected) in [
            ("\"", &[][..]),
            ("*", &[]),
            ("%", &[]),
            ("_", &[]),
            ("\\", &[]),
            ("\0", &[]),
            ("😀", &[]),
            ("?!… —", &[]),
            ("' -- /* */", &[]),
            ("\u{301}", &[]),
            ("\"x or y\"", &["x OR y"]),
            ("x*", &["x OR y"]),
            ("x AND y", &[]),
            ("x NOT z", &[]),
            ("-x", &["x OR y"]),
            ("nothing OR x", &[]),
            ("or", &["x OR y"]),
            ("NEAR(", &["near"]),
            ("NEAR(x, 3)", &[]),
            ("title:", &["title"]),
            ("title:x", &[]),
            ("%100%", &["100% coton"]),
            ("1_0", &[]),
            ("snake_case", &["snake_case"]),
            ("snake%", &["snake_case"]),
            ("c\\dos", &["C:\\dos"]),
            ("'; DROP TABLE book; --", &[]),
            ("x'; DELETE FROM book WHERE '1'='1", &[]),
            ("x\0y", &["x OR y"]),
            ("😀 near 😀", &["near"]),
            ("$7", &[]),
            ("?", &[]),
        ] {
            assert_eq!(found(&catalog, query).await, expected, "{query:?}");
        }

        for blank in ["", " ", "\t\r\n", "\u{a0}\u{3000}"] {
            assert_eq!(found(&catalog, blank).await.len(), 6, "{blank:?}");
        }
        let longest = format!("{} near", "é".repeat(495));
        assert_eq!(found(&catalog, &longest).await, [""; 0]);
        assert_eq!(found(&catalog, &"near ".repeat(32)).await, ["near"]);
        for refused in ["é".repeat(501), "near ".repeat(33), "a".repeat(100_000)] {
            let listed = try_list(&catalog, ask(&refused)).await.unwrap_err();
            assert_eq!(misfits(&listed), ["query"]);
            let request = pb::CountBooksRequest { query: refused, filter: None };
            let counted = catalog.clone().count_books(request).await.unwrap_err();
            assert_eq!(misfits(&counted), ["query"]);
        }
    }

    async fn what_changes_is_found_by_what_it_is_now(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let made = create(&catalog, pb::Book { isbn: "2070360024".to_owned(), ..by("Albert Camus", "La Peste") }).await;
        let _neighbour = create(&catalog, by("Albert Camus", "Caligula")).await;

        let after = pb::Book {
            id: made.id.clone(),
            title: "L'Étranger".to_owned(),
            author: "Sartre, en Camus".to_owned(),
            description: "une peste".to_owned(),
            isbn: "9780804429573".to_owned(),
            ..made.clone()
        };
        update(&catalog, after, &["title", "author", "description", "isbn"]).await;

        assert_eq!(found(&catalog, "la").await, [""; 0]);
        assert_eq!(found(&catalog, "2070360024").await, [""; 0]);
        assert_eq!(found(&catalog, "albert").await, ["Caligula"]);
        assert_eq!(finds(&catalog, "camus").await, ["Caligula", "L'Étranger"]);
        for query in ["etranger", "sartre", "peste", "0-8044-2957-X", "sartre peste etranger camus"] {
            assert_eq!(found(&catalog, query).await, ["L'Étranger"], "{query:?}");
        }

        try_delete(&catalog, &made.id).await.unwrap();

        for query in ["etranger", "sartre", "peste", "9780804429573", "une"] {
            assert_eq!(found(&catalog, query).await, [""; 0], "{query:?}");
        }
        assert_eq!(found(&catalog, "camus").await, ["Caligula"]);
        assert_eq!(found(&catalog, "").await, ["Caligula"]);
    }

    async fn words_of_sixty_four_writers_at_once_are_all_found(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let mut writers = JoinSet::new();
        for number in 0..64 {
            let catalog = catalog.clone();
            let book = by("Tout le monde", &format!("Ensemble w{number}x"));
            writers.spawn(async move { create(&catalog, book).await.id });
        }
        let ids = writers.join_all().await;

        assert_eq!(found(&catalog, "ensemble").await.len(), 64);
        assert_eq!(found(&catalog, "le tout monde").await.len(), 64);
        for number in 0..64 {
            let title = format!("Ensemble w{number}x");
            assert_eq!(found(&catalog, &format!("ensemble w{number}x")).await, [title]);
        }

        let mut writers = JoinSet::new();
        for (number, id) in ids.into_iter().enumerate() {
            let catalog = catalog.clone();
            writers.spawn(async move {
                if number % 2 == 0 {
                    try_delete(&catalog, &id).await.unwrap();
                } else {
                    update(&catalog, pb::Book { id, ..titled(&format!("Autre v{number}x")) }, &["title"]).await;
                }
            });
        }
        writers.join_all().await;

        assert_eq!(found(&catalog, "ensemble").await, [""; 0]);
        assert_eq!(found(&catalog, "autre monde").await.len(), 32);
        assert_eq!(found(&catalog, "").await.len(), 32);
    }
}

/// A long question of common words must not take the catalog away from others.
#[tokio::test(flavor = "multi_thread")]
async fn the_longest_question_is_answered_soon() {
    let db = testing::sqlite().await;
    let (_suite, catalog) = open(&db).await;
    let words: Vec<String> = (0..31).map(|number| format!("mot{number}")).collect();
    let drafts = (0..1000).map(|number| {
        let book = pb::Book { publication_year: Some(number), description: words.join(" "), ..titled("Tout") };
        draft(i64::from(number), book)
    });
    import(&catalog, batch(pb::OnMatch::Skip, drafts.collect())).await;

    let began = Instant::now();
    let answer = list(&catalog, ask(&format!("{} m", words.join(" ")))).await;

    assert_eq!(answer.total_size, 1000);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
