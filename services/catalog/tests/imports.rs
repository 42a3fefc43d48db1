//! Imports and exports as streams: what becomes of each draft, again and again, at the same time, and when nothing is to be
//! done.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part")]
mod apart;
#[expect(dead_code, reason = "each story uses its part")]
mod shelf;

use std::collections::BTreeSet;

use apart::settled;
use proto::catalog::v1::{
    self as pb, OnMatch,
    import_books_response::{
        Outcome,
        outcome::Kind::{self as Fate, Added, Refused, Skipped, Updated},
    },
};
use shelf::{
    Catalog, ask, batch, by, category, create, draft, export, fates, found, import, list, misfits, open, titled,
    titles, try_create, try_import,
};
use testing::Database;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

/// An ISBN-13 that nobody else's story uses.
fn isbn(number: usize) -> String {
    let body = format!("978{number:09}");
    let sum: usize =
        body.bytes().zip([1, 3].into_iter().cycle()).map(|(digit, weight)| usize::from(digit - b'0') * weight).sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

/// As many books, of which every third has no ISBN.
fn crowd(many: usize) -> Vec<pb::Draft> {
    let draft = |number: usize| {
        let isbn = if number.is_multiple_of(3) { String::new() } else { isbn(number) };
        draft(number as i64, pb::Book { isbn, ..by("Tout le monde", &format!("Livre {number}x")) })
    };
    (0..many).map(draft).collect()
}

/// Adds copies under an id.
fn add(request_id: &str, drafts: Vec<pb::Draft>) -> pb::ImportBooksRequest {
    pb::ImportBooksRequest { request_id: request_id.to_owned(), ..batch(OnMatch::Add, drafts) }
}

/// Only asks what would become of the drafts.
fn dry(batch: pb::ImportBooksRequest) -> pb::ImportBooksRequest {
    pb::ImportBooksRequest { validate_only: true, ..batch }
}

/// A draft with so many copies.
fn with_copies(copies: i32, draft: pb::Draft) -> pb::Draft {
    pb::Draft { copies: Some(copies), ..draft }
}

/// Whether two drafts are of the same book.
fn is_same(one: &pb::Book, other: &pb::Book) -> bool {
    let by_title = || one.isbn.is_empty() && one.title.to_lowercase() == other.title.to_lowercase();
    one.isbn == other.isbn && (!one.isbn.is_empty() || by_title())
}

/// How many of each there are of the only book that a question finds, once lending has all that was ordered.
async fn copies(db: &Database, catalog: &Catalog, query: &str) -> (i32, i32) {
    settled(db).await;
    let books = list(catalog, ask(query)).await.books;
    assert_eq!(books.len(), 1, "{query}");
    (books[0].copies, books[0].available_copies)
}

async fn categories(catalog: &Catalog) -> Vec<String> {
    let answer = catalog.clone().list_categories(pb::ListCategoriesRequest::default()).await.unwrap().into_inner();
    answer.categories.into_iter().map(|category| category.name).collect()
}

/// Every book is there once, and found once by a word of its own.
async fn all_are_there_once(catalog: &Catalog, many: usize) {
    let exported = export(catalog).await;
    let titles: BTreeSet<&str> = exported.iter().map(|(book, _)| book.title.as_str()).collect();
    assert_eq!((exported.len(), titles.len()), (many, many));
    assert_eq!(list(catalog, ask("livre")).await.total_size, many as i64);
    for title in titles.iter().step_by(17) {
        assert_eq!(found(catalog, title).await, [*title]);
    }
}

testing::on_both! {
    async fn outcomes_come_in_the_order_of_the_drafts_with_those_that_do_not_fit_between_them(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let there = create(&catalog, pb::Book { isbn: isbn(1), ..titled("Déjà là") }).await;
        let other = |book: pb::Book| draft(0, pb::Book { title: "Mal fait".to_owned(), ..book });
        let book = pb::Book::default;
        let refused = [
            ("isbn", other(pb::Book { isbn: "9782070360025".to_owned(), ..book() })),
            ("isbn", other(pb::Book { isbn: "x".to_owned(), ..book() })),
            ("title", draft(0, titled(""))),
            ("title", draft(0, titled(" \n"))),
            ("title", draft(0, titled(&"é".repeat(501)))),
            ("title", draft(0, titled("nul\0"))),
            ("title", pb::Draft::default()),
            ("author", other(pb::Book { author: "é".repeat(2001), ..book() })),
            ("publication_year", other(pb::Book { publication_year: Some(10_000), ..book() })),
            ("publication_year", other(pb::Book { publication_year: Some(i32::MIN), ..book() })),
            ("publisher", other(pb::Book { publisher: "é".repeat(201), ..book() })),
            ("language", other(pb::Book { language: "é".repeat(51), ..book() })),
            ("description", other(pb::Book { description: "é".repeat(10_001), ..book() })),
            ("category", pb::Draft { category: "é".repeat(101), ..other(book()) }),
            ("category", pb::Draft { category: "a\0b".to_owned(), ..other(book()) }),
            ("copies", with_copies(-1, other(book()))),
            ("copies", with_copies(10_000, other(book()))),
        ];
        let mut drafts = Vec::new();
        let mut expected = Vec::new();
        for (number, (field, draft)) in refused.iter().enumerate() {
            let line = 7_000_000_000 - number as i64;
            drafts.push(pb::Draft { line, ..draft.clone() });
            expected.push((line, Refused, *field));
            let (fate, good) = match number % 3 {
                0 => (Added, shelf::draft(line, titled(&format!("Neuf {number}")))),
                1 => (Skipped, shelf::draft(line, pb::Book { isbn: isbn(1), ..titled("Déjà là") })),
                _ => continue,
            };
            drafts.push(good);
            expected.push((line, fate, ""));
        }

        let outcomes = import(&catalog, batch(OnMatch::Skip, drafts)).await;

        let told: Vec<_> = outcomes.iter().map(|of| (of.line, of.kind(), of.field.as_str())).collect();
        assert_eq!(told, expected);
        for outcome in &outcomes {
            assert_eq!(outcome.reason.is_empty(), outcome.kind() == Added, "{outcome:?}");
            assert_eq!(outcome.book_id.is_empty(), outcome.kind() == Refused, "{outcome:?}");
            assert!(outcome.kind() != Skipped || outcome.book_id == there.id, "{outcome:?}");
        }
        let added: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.kind() == Added).collect();
        let all = list(&catalog, ask("")).await;
        assert_eq!(all.total_size as usize, 1 + added.len());
        assert!(added.iter().all(|outcome| all.books.iter().any(|book| book.id == outcome.book_id)));
        assert_eq!(found(&catalog, "mal fait").await, [""; 0]);
    }

    async fn the_same_again_adds_nothing(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let first = import(&catalog, batch(OnMatch::Skip, crowd(300))).await;
        assert!(first.iter().all(|outcome| outcome.kind() == Added), "{first:?}");
        let before = export(&catalog).await;

        for on_match in [OnMatch::Skip, OnMatch::Update] {
            let again = import(&catalog, batch(on_match, crowd(300))).await;

            assert!(again.iter().all(|outcome| outcome.kind() == Skipped), "{on_match:?}");
            let ids = |outcomes: &[Outcome]| outcomes.iter().map(|outcome| outcome.book_id.clone()).collect::<Vec<_>>();
            assert_eq!(ids(&again), ids(&first), "{on_match:?}");
            assert_eq!(export(&catalog).await, before, "{on_match:?}");
        }
        all_are_there_once(&catalog, 300).await;
    }

    async fn a_book_that_is_there_is_left_updated_or_gets_more_copies(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let old = pb::Book {
            isbn: isbn(1),
            publisher: "Gallimard".to_owned(),
            language: "fr".to_owned(),
            available_copies: 2,
            ..by("A. Camus", "Etranger")
        };
        let old = create(&catalog, old).await;
        let new = pb::Book { isbn: isbn(1), description: "Alger".to_owned(), ..by("Albert Camus", "L'Étranger") };
        let new = pb::Draft { category: "Romans".to_owned(), ..draft(2, new) };
        let now = async || {
            let request = pb::GetBookRequest { book_id: old.id.clone() };
            catalog.clone().get_book(request).await.unwrap().into_inner().book.unwrap()
        };

        assert_eq!(fates(&import(&catalog, batch(OnMatch::Skip, vec![with_copies(5, new.clone())])).await), [Skipped]);
        assert_eq!(now().await, old);

        assert_eq!(fates(&import(&catalog, batch(OnMatch::Update, vec![new.clone()])).await), [Updated]);
        let updated = now().await;
        let shown = (updated.title.as_str(), updated.author.as_str(), updated.description.as_str());
        assert_eq!(shown, ("L'Étranger", "Albert Camus", "Alger"));
        assert_eq!((updated.publisher.as_str(), updated.language.as_str()), ("Gallimard", "fr"), "what is empty stays");
        assert_eq!((updated.copies, updated.available_copies), (2, 2), "what is not said stays");
        assert_eq!(categories(&catalog).await, ["Romans"]);
        assert!(!updated.category_id.is_empty() && updated.etag != old.etag);
        assert_eq!(found(&catalog, "a etranger").await, [""; 0]);
        assert_eq!(found(&catalog, "albert alger gallimard").await, ["L'Étranger"]);
        assert_eq!(fates(&import(&catalog, batch(OnMatch::Update, vec![new.clone()])).await), [Skipped]);

        assert_eq!(fates(&import(&catalog, batch(OnMatch::Update, vec![with_copies(7, new.clone())])).await), [Updated]);
        assert_eq!(copies(&db, &catalog, "etranger").await, (7, 7));
        assert_eq!(fates(&import(&catalog, add("1", vec![with_copies(3, new.clone())])).await), [Updated]);
        assert_eq!(copies(&db, &catalog, "etranger").await, (10, 10));
        assert_eq!(fates(&import(&catalog, add("2", vec![new.clone()])).await), [Updated]);
        assert_eq!(copies(&db, &catalog, "etranger").await, (11, 11), "as many as any where the draft does not say");
        assert_eq!(fates(&import(&catalog, add("3", vec![with_copies(0, new.clone())])).await), [Skipped]);
        let too_many = import(&catalog, add("4", vec![with_copies(9_989, new.clone())])).await;
        assert_eq!((too_many[0].kind(), too_many[0].field.as_str()), (Refused, "copies"));
        assert_eq!(copies(&db, &catalog, "etranger").await, (11, 11));
        assert_eq!(fates(&import(&catalog, add("5", vec![with_copies(9_988, new)])).await), [Updated]);
        assert_eq!(copies(&db, &catalog, "etranger").await, (9_999, 9_999));
    }

    async fn copies_are_added_once_for_an_id_however_often_it_is_sent(db: Database) {
        let (_suite, catalog) = open(&db).await;
        create(&catalog, pb::Book { isbn: isbn(1), available_copies: 1, ..titled("Dune") }).await;
        let request = add("lot-1", vec![with_copies(3, draft(1, pb::Book { isbn: isbn(1), ..titled("Dune") }))]);

        assert_eq!(fates(&import(&catalog, request.clone()).await), [Updated]);
        assert_eq!(fates(&import(&catalog, request.clone()).await), [Skipped]);
        assert_eq!(copies(&db, &catalog, "dune").await, (4, 4));
        assert_eq!(fates(&import(&catalog, dry(request.clone())).await), [Skipped], "a dry run knows it too");

        let request = pb::ImportBooksRequest { request_id: "lot-2".to_owned(), ..request };
        let mut senders = JoinSet::new();
        for _ in 0..8 {
            let (catalog, request) = (catalog.clone(), request.clone());
            senders.spawn(async move { import(&catalog, request).await });
        }
        let outcomes: Vec<Outcome> = senders.join_all().await.concat();
        assert_eq!(fates(&outcomes).iter().filter(|fate| **fate == Updated).count(), 1, "{outcomes:?}");
        assert_eq!(copies(&db, &catalog, "dune").await, (7, 7));
        assert_eq!(fates(&import(&catalog, pb::ImportBooksRequest { request_id: "lot-3".to_owned(), ..request }).await), [Updated]);
        assert_eq!(copies(&db, &catalog, "dune").await, (10, 10), "another id adds again");
    }

    async fn categories_are_made_once_whatever_their_case(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let there = category(&catalog, "Poésie").await;
        let mut drafts = Vec::new();
        for (number, name) in ["Romans", "ROMANS", "romans", " Romans ", "POÉSIE", "poe\u{301}sie", "", " "].iter().enumerate() {
            let draft = draft(number as i64, titled(&format!("Tome {number}")));
            drafts.push(pb::Draft { category: (*name).to_owned(), ..draft });
        }

        let (outcomes, ended) =
            try_import(&catalog, drafts.into_iter().map(|draft| batch(OnMatch::Skip, vec![draft])).collect()).await;

        ended.unwrap();
        assert_eq!(fates(&outcomes.concat()), [Added; 8]);
        let mut made = categories(&catalog).await;
        made.sort();
        assert_eq!(made, ["Poésie", "Romans"]);
        let exported = export(&catalog).await;
        let named: Vec<&str> = exported.iter().map(|(_, category)| category.as_str()).collect();
        assert_eq!(named, ["Romans", "Romans", "Romans", "Romans", "Poésie", "Poésie", "", ""]);
        assert_eq!(exported[4].0.category_id, there);

        let mut writers = JoinSet::new();
        for number in 0..12 {
            let catalog = catalog.clone();
            let name = if number % 2 == 0 { "Théâtre" } else { "THÉÂTRE" };
            let draft = pb::Draft { category: name.to_owned(), ..draft(number, titled(&format!("Acte {number}"))) };
            writers.spawn(async move { import(&catalog, batch(OnMatch::Skip, vec![draft])).await });
        }
        assert_eq!(fates(&writers.join_all().await.concat()), [Added; 12]);
        assert_eq!(categories(&catalog).await.len(), 3);
    }

    async fn a_draft_is_the_book_that_has_its_isbn_or_else_its_title_author_and_year(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let year = |year: i32, book: pb::Book| pb::Book { publication_year: Some(year), ..book };
        let long = "é".repeat(120);
        let drafts = [
            (Added, pb::Book { isbn: isbn(1), ..by("Camus", "La Peste") }),
            (Skipped, pb::Book { isbn: isbn(1), ..by("Tout autre", "Rien de cela") }),
            (Added, pb::Book { isbn: isbn(2), ..by("Camus", "La Peste") }),
            (Added, by("Camus", "La Peste")),
            (Skipped, by("CAMUS", "la peste")),
            (Skipped, by("Çamus", "Là Pesté")),
            (Added, year(1947, by("Camus", "La Peste"))),
            (Skipped, year(1947, by("camus", "LA PESTE"))),
            (Added, year(1948, by("Camus", "La Peste"))),
            (Added, by("", "La Peste")),
            (Added, by("Camus", "La Peste II")),
            (Added, by("Stroustrup", "C++")),
            (Added, by("Stroustrup", "C#")),
            (Added, by("Stroustrup", "C")),
            (Added, by("Personne", "???")),
            (Added, by("Personne", "!!!")),
            (Added, by("Personne", &format!("{long}, tome 1"))),
            (Added, by("Personne", &format!("{long}, tome 2"))),
            (Skipped, by("Personne", &format!("{long}, tome 2"))),
        ];
        let mut wrong = Vec::new();
        let (mut all, mut lines) = (Vec::new(), 0);
        for (fate, book) in drafts {
            lines += 1;
            let outcome = import(&catalog, batch(OnMatch::Skip, vec![draft(lines, book.clone())])).await.remove(0);
            if outcome.kind() != fate {
                wrong.push(format!("{:?} of {:?} is {:?}: {}", book.title, book.author, outcome.kind(), outcome.reason));
            }
            all.push(draft(lines, book));
        }
        assert!(wrong.is_empty(), "{wrong:#?}");

        let again = import(&catalog, batch(OnMatch::Skip, all)).await;
        assert_eq!(fates(&again), [Skipped; 19]);
    }

    async fn a_book_that_a_batch_has_twice_is_one_book(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let dune = |description: &str, copies: i32| {
            let book = pb::Book { isbn: isbn(1), description: description.to_owned(), ..titled("Dune") };
            with_copies(copies, draft(1, book))
        };

        let skipped = import(&catalog, batch(OnMatch::Skip, vec![dune("alpha", 1), dune("bêta", 5)])).await;
        assert_eq!(fates(&skipped), [Added, Skipped]);
        assert_eq!(skipped[0].book_id, skipped[1].book_id);
        assert_eq!((copies(&db, &catalog, "dune alpha").await, found(&catalog, "beta").await.len()), ((1, 1), 0));

        let updates = vec![dune("bêta", 2), dune("gamma", 3), dune("gamma", 3), dune("bêta", 4)];
        assert_eq!(fates(&import(&catalog, batch(OnMatch::Update, updates)).await), [Updated, Updated, Skipped, Updated]);
        assert_eq!((copies(&db, &catalog, "dune beta").await, found(&catalog, "gamma").await.len()), ((4, 4), 0));
        assert_eq!(found(&catalog, "alpha").await, [""; 0]);

        assert_eq!(fates(&import(&catalog, add("1", vec![dune("", 2), dune("", 3)])).await), [Updated, Updated]);
        assert_eq!(copies(&db, &catalog, "dune").await, (9, 9));
        let new = |copies: i32| with_copies(copies, draft(1, titled("Solaris")));
        assert_eq!(fates(&import(&catalog, add("2", vec![new(2), new(3), new(0)])).await), [Added, Updated, Skipped]);
        assert_eq!(copies(&db, &catalog, "solaris").await, (5, 5));
    }

    async fn a_dry_run_tells_what_the_real_one_will_and_changes_nothing(db: Database) {
        let (_suite, catalog) = open(&db).await;
        import(&catalog, batch(OnMatch::Skip, crowd(40))).await;
        create(&catalog, pb::Book { isbn: isbn(900), available_copies: 9_990, ..titled("Plein") }).await;
        let changed = |number: usize| {
            let mut draft = crowd(number + 1).swap_remove(number);
            draft.book = draft.book.map(|book| pb::Book { description: "changée".to_owned(), ..book });
            pb::Draft { category: "Neuve".to_owned(), ..with_copies(2, draft) }
        };
        let full = || with_copies(8, draft(1, pb::Book { isbn: isbn(900), ..titled("Plein") }));
        let messages = [
            vec![changed(3), changed(4), draft(1, titled("")), draft(2, titled("Nouveau")), draft(3, titled("nouveau"))],
            vec![draft(4, titled("Nouveau")), changed(41), full(), crowd(50).swap_remove(44)],
            vec![changed(41), changed(41), full(), changed(44), crowd(4).swap_remove(3), draft(9, titled("Nouveau"))],
        ];
        let (books, shelves) = (export(&catalog).await, categories(&catalog).await);

        let mut wrong = Vec::new();
        for on_match in [OnMatch::Skip, OnMatch::Update, OnMatch::Add] {
            let run = |name: &str| -> Vec<pb::ImportBooksRequest> {
                let messages = messages.iter().enumerate();
                messages.map(|(number, drafts)| pb::ImportBooksRequest {
                    request_id: format!("{name}-{number}"),
                    ..batch(on_match, drafts.clone())
                }).collect()
            };
            let (told, ended) = try_import(&catalog, run("une").into_iter().map(dry).collect()).await;
            ended.unwrap();
            assert_eq!((export(&catalog).await, categories(&catalog).await), (books.clone(), shelves.clone()), "{on_match:?}");

            // On a catalogue of the same books, so that the next one's begins like this one's.
            let twin = match db.kind() {
                testing::Kind::Sqlite => testing::sqlite().await,
                testing::Kind::Postgres => testing::postgres().await.unwrap(),
            };
            let (_other, other) = open(&twin).await;
            import(&other, batch(OnMatch::Skip, crowd(40))).await;
            create(&other, pb::Book { isbn: isbn(900), available_copies: 9_990, ..titled("Plein") }).await;
            let (done, ended) = try_import(&other, run("une")).await;
            ended.unwrap();
            let mut earlier: Vec<pb::Book> = Vec::new();
            for (number, drafts) in messages.iter().enumerate() {
                let of = |outcome: &Outcome| (outcome.line, outcome.kind(), outcome.field.clone());
                for (place, draft) in drafts.iter().enumerate() {
                    let (told, done) = (&told[number][place], &done[number][place]);
                    let book = draft.book.clone().unwrap();
                    // What a book is like after an earlier message a dry run does not know.
                    let is_changed = on_match != OnMatch::Skip && earlier.iter().any(|other| is_same(other, &book));
                    if of(told) != of(done) && !(is_changed && told.kind() == Updated) {
                        wrong.push(format!(
                            "{on_match:?}, message {number}, draft {place}: {:?} was told ({}), and {:?} came ({})",
                            told.kind(), told.reason, done.kind(), done.reason,
                        ));
                    }
                }
                earlier.extend(drafts.iter().filter_map(|draft| draft.book.clone()));
            }
            assert_eq!(told.concat().len(), done.concat().len());
        }

        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    async fn a_message_that_does_not_fit_ends_the_stream_and_what_went_before_stays(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let good = |number: usize| batch(OnMatch::Skip, vec![draft(1, titled(&format!("Livre {number}x")))]);
        let bad = [
            ("drafts", batch(OnMatch::Skip, vec![draft(1, titled("De trop")); 5001])),
            ("on_match", pb::ImportBooksRequest { on_match: 0, ..good(100) }),
            ("on_match", pb::ImportBooksRequest { on_match: 77, ..good(100) }),
            ("default_copies", pb::ImportBooksRequest { default_copies: -1, ..good(100) }),
            ("default_copies", pb::ImportBooksRequest { default_copies: 10_000, ..good(100) }),
            ("request_id", pb::ImportBooksRequest { request_id: "x".repeat(101), ..good(100) }),
            ("request_id", add("", vec![draft(1, titled("De trop"))])),
        ];
        for (number, (field, bad)) in bad.into_iter().enumerate() {
            let (outcomes, ended) = try_import(&catalog, vec![good(number), bad, good(100)]).await;

            assert_eq!(misfits(&ended.unwrap_err()), [field]);
            assert_eq!(outcomes.iter().map(Vec::len).collect::<Vec<_>>(), [1], "{field}");
        }

        all_are_there_once(&catalog, 7).await;
        let (outcomes, ended) = try_import(&catalog, Vec::new()).await;
        assert!(outcomes.is_empty() && ended.is_ok(), "a stream of nothing is none of a misfit");
        let most = import(&catalog, batch(OnMatch::Skip, crowd(5000))).await;
        assert_eq!(most.iter().filter(|outcome| outcome.kind() == Added).count(), 5000);
    }

    async fn a_stream_that_breaks_off_and_is_run_again_neither_loses_nor_doubles(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let all = crowd(600);
        let batches: Vec<_> = all.chunks(50).map(|drafts| batch(OnMatch::Skip, drafts.to_vec())).collect();

        for answered in [0, 1, 3] {
            let (give, requests) = mpsc::channel(1);
            let mut importing = catalog.clone();
            let mut answers = importing.import_books(ReceiverStream::new(requests)).await.unwrap().into_inner();
            for batch in &batches[..answered] {
                give.send(batch.clone()).await.unwrap();
                assert_eq!(answers.message().await.unwrap().unwrap().outcomes.len(), 50);
            }
            // This one is on its way when nobody is there any more to hear what became of it.
            give.send(batches[answered].clone()).await.unwrap();
            drop((give, answers, importing));
        }
        let (outcomes, ended) = try_import(&catalog, batches).await;

        ended.unwrap();
        let outcomes = outcomes.concat();
        assert!(outcomes.iter().all(|outcome| matches!(outcome.kind(), Added | Skipped)), "{outcomes:?}");
        all_are_there_once(&catalog, 600).await;
    }

    async fn two_imports_of_the_same_books_at_the_same_time_make_each_once(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let batches: Vec<_> = crowd(400).chunks(100).map(|drafts| batch(OnMatch::Skip, drafts.to_vec())).collect();
        let mut importing = JoinSet::new();
        for backwards in [false, true, false] {
            let (catalog, mut batches) = (catalog.clone(), batches.clone());
            if backwards {
                batches.reverse();
                batches.iter_mut().for_each(|batch| batch.drafts.reverse());
            }
            importing.spawn(async move { try_import(&catalog, batches).await });
        }
        let mut added = 0;
        for (outcomes, ended) in importing.join_all().await {
            ended.unwrap();
            added += outcomes.concat().iter().filter(|outcome| outcome.kind() == Added).count();
        }

        let exported = export(&catalog).await;
        let isbns: Vec<&str> = exported.iter().map(|(book, _)| book.isbn.as_str()).filter(|isbn| !isbn.is_empty()).collect();
        assert_eq!((isbns.len(), isbns.iter().collect::<BTreeSet<_>>().len()), (266, 266), "books with an ISBN");
        assert_eq!(exported.len(), 400, "books without an ISBN are doubled");
        assert_eq!(added, 400);
        all_are_there_once(&catalog, 400).await;
    }

    async fn two_imports_at_the_same_time_of_books_without_isbn_make_each_once(db: Database) {
        let (_suite, catalog) = open(&db).await;
        for round in 0..10 {
            let drafts = (0..20).map(|number| draft(number, titled(&format!("Livre {round}r{number}x"))));
            let batch = batch(OnMatch::Skip, drafts.collect());
            let mut importing = JoinSet::new();
            for _ in 0..3 {
                let (catalog, batch) = (catalog.clone(), batch.clone());
                importing.spawn(async move { import(&catalog, batch).await });
            }
            let outcomes = importing.join_all().await.concat();

            let added = outcomes.iter().filter(|outcome| outcome.kind() == Added).count();
            assert_eq!((added, outcomes.len()), (20, 60), "round {round}");
        }
        all_are_there_once(&catalog, 200).await;
    }

    async fn imports_and_new_books_of_the_same_isbns_meet(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let drafts: Vec<pb::Draft> = crowd(120).into_iter().filter(|draft| draft.line % 3 > 0).collect();
        let mut writers = JoinSet::new();
        for draft in drafts.clone() {
            let catalog = catalog.clone();
            writers.spawn(async move {
                match try_create(&catalog, draft.book.unwrap()).await {
                    Ok(_) => 1,
                    Err(refused) => {
                        assert_eq!(refused.code(), Code::AlreadyExists, "{refused}");
                        0
                    }
                }
            });
        }
        let mut added = 0;
        for some in drafts.chunks(20) {
            let outcomes = import(&catalog, batch(OnMatch::Skip, some.to_vec())).await;
            assert!(outcomes.iter().all(|outcome| matches!(outcome.kind(), Added | Skipped)), "{outcomes:?}");
            added += outcomes.iter().filter(|outcome| outcome.kind() == Added).count();
        }

        added += writers.join_all().await.into_iter().sum::<usize>();
        assert_eq!(added, 80);
        all_are_there_once(&catalog, 80).await;
    }

    async fn an_export_has_all_books_in_the_order_in_which_they_came(db: Database) {
        let (_suite, catalog) = open(&db).await;
        assert_eq!(export(&catalog).await, []);
        let mut expected = Vec::new();
        for some in crowd(760).chunks(380) {
            let drafts = some.iter().map(|draft| pb::Draft {
                category: ["", "Un", "Deux"][usize::try_from(draft.line).unwrap() % 3].to_owned(),
                ..draft.clone()
            });
            import(&catalog, batch(OnMatch::Skip, drafts.collect())).await;
            expected.push(create(&catalog, by("Seul", &format!("Entre {}", expected.len()))).await);
        }

        let exported = export(&catalog).await;

        let listed = list(&catalog, ask("")).await;
        assert_eq!(listed.total_size, 762);
        assert_eq!(exported.iter().map(|(book, _)| book).collect::<Vec<_>>(), listed.books.iter().collect::<Vec<_>>());
        assert_eq!((&exported[380].0, &exported[761].0), (&expected[0], &expected[1]));
        for (number, (book, category)) in exported.iter().enumerate().take(380) {
            assert_eq!((book.title.as_str(), category.as_str()), (format!("Livre {number}x").as_str(), ["", "Un", "Deux"][number % 3]));
        }
        assert_eq!(titles(&list(&catalog, ask("entre")).await), ["Entre 0", "Entre 1"]);
    }
}

/// The longest texts that books may have go through, one way and the other.
#[tokio::test(flavor = "multi_thread")]
async fn the_longest_books_are_imported_listed_and_exported() {
    let db = testing::sqlite().await;
    let (_suite, catalog) = open(&db).await;
    let widest = |many: usize| "\u{1F4D6}".repeat(many);
    let book = |number: usize| pb::Book {
        isbn: isbn(number),
        publisher: widest(200),
        language: widest(50),
        description: widest(10_000),
        ..by(&widest(2000), &widest(500))
    };
    for some in (0..1000).collect::<Vec<_>>().chunks(50) {
        let drafts = some.iter().map(|number| draft(0, book(*number))).collect();
        let outcomes = import(&catalog, batch(OnMatch::Skip, drafts)).await;
        assert!(outcomes.iter().all(|outcome| outcome.kind() == Fate::Added));
    }

    assert_eq!(list(&catalog, pb::ListBooksRequest { page_size: 1000, ..ask("") }).await.books.len(), 1000);
    assert_eq!(export(&catalog).await.len(), 1000);
}
