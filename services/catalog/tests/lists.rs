//! Lists: filters, orders, pages and totals, and how many books there are of each kind.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part")]
mod shelf;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use proto::catalog::v1::{self as pb, BookFilter};
use shelf::{
    Catalog, ask, batch, by, by_hand, category, create, draft, found, import, list, misfits, open, pages, titled,
    titles, try_delete, try_list, update,
};
use testing::{Database, Kind};
use tokio::task::JoinSet;
use tonic::Code;

/// A filter that lets everything through.
fn any() -> BookFilter {
    BookFilter::default()
}

/// A token as catalog would make it of a text of ours.
fn token(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

testing::on_both! {
    async fn filters_hold_with_and_without_words_and_order(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let (novels, essays) = (category(&catalog, "Romans").await, category(&catalog, "Essais").await);
        let book = |title: &str, author: &str, language: &str, category: &str, copies: i32| pb::Book {
            language: language.to_owned(),
            category_id: category.to_owned(),
            available_copies: copies,
            ..by(author, title)
        };
        for book in [
            book("La Peste", "Albert Camus", "Français", &novels, 2),
            book("The Plague", "Albert Camus, Stuart Gilbert", "english", &novels, 0),
            book("Le Mythe de Sisyphe", "Camus", "FRANÇAIS", &essays, 1),
            book("Camus, une vie", "Olivier Todd", "français", "", 1),
            book("Albert Savarus", "Honoré de Balzac", "français", &novels, 3),
        ] {
            create(&catalog, book).await;
        }
        let filtered = async |query: &str, filter: BookFilter| {
            let mut by_order = Vec::new();
            for order_by in ["", "title", "author desc"] {
                let filter = Some(filter.clone());
                let order_by = order_by.to_owned();
                let answer = list(&catalog, pb::ListBooksRequest { filter, order_by, ..ask(query) }).await;
                assert_eq!((answer.total_size, answer.total_size_is_least), (answer.books.len() as i64, false));
                let mut titles = titles(&answer);
                titles.sort();
                by_order.push(titles);
            }
            assert!(by_order.iter().all(|titles| *titles == by_order[0]), "{query:?} {filter:?}: {by_order:?}");
            by_order.swap_remove(0)
        };
        let author = |author: &str| BookFilter { author: author.to_owned(), ..any() };
        let language = |language: &str| BookFilter { language: language.to_owned(), ..any() };

        let camus = ["La Peste", "Le Mythe de Sisyphe", "The Plague"];
        assert_eq!(filtered("", author("CAMUS")).await, camus);
        assert_eq!(filtered("", author("albert, camus")).await, ["La Peste", "The Plague"]);
        assert_eq!(filtered("", author("gilbert camus")).await, ["The Plague"]);
        assert_eq!(filtered("", author("cam")).await, [""; 0], "words of an author are whole");
        assert_eq!(filtered("", author("camus todd")).await, [""; 0]);
        assert_eq!(filtered("", author("honore")).await, ["Albert Savarus"]);
        assert_eq!(filtered("peste", author("camus")).await, ["La Peste"]);
        assert_eq!(filtered("camus", author("todd")).await, ["Camus, une vie"]);
        assert_eq!(filtered("savarus", author("camus")).await, [""; 0]);
        let french = ["Albert Savarus", "Camus, une vie", "La Peste", "Le Mythe de Sisyphe"];
        assert_eq!(filtered("", language("français")).await, french);
        assert_eq!(filtered("", language(" FRANÇAIS ")).await, french);
        assert_eq!(filtered("", language("francais")).await, [""; 0], "accents tell languages apart");
        assert_eq!(filtered("", language("fran")).await, [""; 0]);
        let novel = BookFilter { category_id: novels.clone(), ..any() };
        assert_eq!(filtered("", novel.clone()).await, ["Albert Savarus", "La Peste", "The Plague"]);
        assert_eq!(filtered("albert", novel.clone()).await, ["Albert Savarus", "La Peste", "The Plague"]);
        assert_eq!(filtered("camus", novel.clone()).await, ["La Peste", "The Plague"]);
        let there = BookFilter { available: true, ..any() };
        assert_eq!(filtered("", there.clone()).await, french);
        assert_eq!(filtered("camus", there.clone()).await, ["Camus, une vie", "La Peste", "Le Mythe de Sisyphe"]);
        let everything = BookFilter { available: true, author: "camus".to_owned(), language: "français".to_owned(), ..novel };
        assert_eq!(filtered("", everything.clone()).await, ["La Peste"]);
        assert_eq!(filtered("albert", everything.clone()).await, ["La Peste"]);
        assert_eq!(filtered("savarus", everything).await, [""; 0]);

        let malformed = BookFilter { category_id: "romans".to_owned(), ..any() };
        let request = pb::ListBooksRequest { filter: Some(malformed.clone()), ..ask("") };
        assert_eq!(misfits(&try_list(&catalog, request).await.unwrap_err()), ["filter.category_id"]);
        let request = pb::CountBooksRequest { query: String::new(), filter: Some(malformed) };
        assert_eq!(misfits(&catalog.clone().count_books(request).await.unwrap_err()), ["filter.category_id"]);
        let nobody = BookFilter { category_id: "0".repeat(24), ..any() };
        assert_eq!(filtered("", nobody).await, [""; 0]);
    }

    async fn whatever_a_filter_says_it_is_answered(db: Database) {
        let (_suite, catalog) = open(&db).await;
        create(&catalog, pb::Book { language: "fr".to_owned(), ..by("Albert Camus", "La Peste") }).await;
        let many: Vec<String> = (0..70_000).map(|number| format!("w{number}")).collect();

        for filter in [
            BookFilter { language: "fr\0".to_owned(), ..any() },
            BookFilter { language: "'; DROP TABLE book; --".to_owned(), ..any() },
            BookFilter { language: "x".repeat(100_000), ..any() },
            BookFilter { author: "camus\0x".to_owned(), ..any() },
            BookFilter { author: "%".to_owned(), ..any() },
            BookFilter { author: many.join(" "), ..any() },
            BookFilter { category_id: "\0".to_owned(), ..any() },
        ] {
            for query in ["", "peste", "2070360024"] {
                let shown: String = format!("{filter:?}").chars().take(80).collect();
                let listed = try_list(&catalog, pb::ListBooksRequest { filter: Some(filter.clone()), ..ask(query) }).await;
                let code = listed.map_or_else(|refused| refused.code(), |_| Code::Ok);
                assert!([Code::Ok, Code::InvalidArgument].contains(&code), "{query:?} {shown}: {code:?}");
                let request = pb::CountBooksRequest { query: query.to_owned(), filter: Some(filter.clone()) };
                let counted = catalog.clone().count_books(request).await;
                let code = counted.map_or_else(|refused| refused.code(), |_| Code::Ok);
                assert!([Code::Ok, Code::InvalidArgument].contains(&code), "{query:?} {shown}: {code:?}");
            }
        }
    }

    async fn the_words_of_an_author_are_as_many_as_those_of_a_question(db: Database) {
        let (_suite, catalog) = open(&db).await;
        create(&catalog, by("Albert Camus", "La Peste")).await;
        let filtered = async |author: String| {
            let filter = Some(BookFilter { author, ..any() });
            try_list(&catalog, pb::ListBooksRequest { filter, ..ask("") }).await
        };

        assert_eq!(titles(&filtered("camus ".repeat(32)).await.unwrap()), ["La Peste"]);
        assert_eq!(titles(&filtered(format!("{}camus", " ".repeat(495))).await.unwrap()), ["La Peste"]);
        for author in ["camus ".repeat(33), "é".repeat(501)] {
            assert_eq!(misfits(&filtered(author.clone()).await.unwrap_err()), ["filter.author"]);
            let filter = Some(BookFilter { author, ..any() });
            let counted = catalog.clone().count_books(pb::CountBooksRequest { query: String::new(), filter }).await;
            assert_eq!(misfits(&counted.unwrap_err()), ["filter.author"]);
        }
    }

    async fn a_ranked_list_is_read_page_by_page(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let shelves = [category(&catalog, "Un").await, category(&catalog, "Deux").await];
        let kinds = ["Mer", "Mer {}", "Mersey {}", "Vague {}", "Sable {}"];
        let drafts = (0..60).map(|number| {
            let kind = number % kinds.len();
            let book = pb::Book {
                author: if kind == 3 { "Mer" } else { "Personne" }.to_owned(),
                description: if kind == 4 { "la mer" } else { "" }.to_owned(),
                publication_year: i32::try_from(number).ok(),
                ..titled(&kinds[kind].replace("{}", &number.to_string()))
            };
            pb::Draft { category: ["Un", "Deux"][number % 2].to_owned(), ..draft(number as i64, book) }
        });
        import(&catalog, batch(pb::OnMatch::Skip, drafts.collect())).await;

        for filter in [any(), BookFilter { category_id: shelves[1].clone(), ..any() }] {
            let whole = list(&catalog, pb::ListBooksRequest { filter: Some(filter.clone()), ..ask("mer") }).await;
            let all: Vec<String> = whole.books.iter().map(|book| book.id.clone()).collect();
            assert_eq!(all.len(), if filter == any() { 60 } else { 30 });
            for page_size in [1, 2, 7, 12, 13, 30, 59, 60, 61] {
                let request = pb::ListBooksRequest { page_size, filter: Some(filter.clone()), ..ask("mer") };
                let pages = pages(&catalog, &request).await;

                let turned: Vec<String> = pages.iter().flat_map(|page| &page.books).map(|book| book.id.clone()).collect();
                assert_eq!(turned, all, "by {page_size}");
                let size = usize::try_from(page_size).unwrap();
                assert_eq!(pages.len(), all.len().div_ceil(size), "by {page_size}");
                assert!(pages.iter().all(|page| page.total_size == all.len() as i64 && !page.total_size_is_least));
                for (number, page) in pages.iter().enumerate() {
                    let skip = i32::try_from(number * size).unwrap();
                    let skipped = list(&catalog, pb::ListBooksRequest { skip, ..request.clone() }).await;
                    assert_eq!(skipped.books, page.books, "page {number} by {page_size}");
                    assert_eq!(skipped.next_page_token, page.next_page_token, "page {number} by {page_size}");
                    assert_eq!(skipped.total_size, all.len() as i64);
                }
            }
            let beyond = pb::ListBooksRequest { skip: 1000, filter: Some(filter), ..ask("mer") };
            let beyond = list(&catalog, beyond).await;
            assert_eq!((beyond.books.len(), beyond.total_size, beyond.next_page_token.as_str()), (0, all.len() as i64, ""));
        }
    }

    async fn a_token_of_nobody_is_refused_and_one_of_another_question_does_no_harm(db: Database) {
        let (_suite, catalog) = open(&db).await;
        for number in 0..6 {
            create(&catalog, by("Camus", &format!("Tome {number}"))).await;
        }
        let sorted = |order_by: &str| pb::ListBooksRequest { order_by: order_by.to_owned(), page_size: 2, ..ask("") };
        let ranked = pb::ListBooksRequest { page_size: 2, ..ask("tome") };
        let all = [sorted(""), sorted("title"), sorted("title desc"), sorted("publication_year"), ranked];
        let mut tokens = Vec::new();
        for request in &all {
            tokens.push(list(&catalog, request.clone()).await.next_page_token);
        }

        for request in &all {
            for page_token in &tokens {
                let answer = try_list(&catalog, pb::ListBooksRequest { page_token: page_token.clone(), ..request.clone() });
                match answer.await {
                    Ok(page) => assert!(page.books.len() <= 2),
                    Err(refused) => assert_eq!(misfits(&refused), ["page_token"], "{request:?}"),
                }
            }
            let greatest = i64::MAX.to_string();
            for garbage in [
                "!".to_owned(),
                "é".to_owned(),
                "AAAA".to_owned(),
                token("x"),
                token("x y"),
                token("\0"),
                token("9 1"),
                token("-1 1"),
                token("4 "),
                token(&format!("{greatest}0")),
                token(&format!("{greatest}0 x")),
                token(&format!("0 {greatest}")),
                token(&format!("4 {greatest}")),
                token(&format!("0 -{greatest}")),
                token(&format!("{greatest} x")),
                token(&format!("-{greatest} x")),
                "A".repeat(100_000),
            ] {
                let shown: String = garbage.chars().take(60).collect();
                let answer = try_list(&catalog, pb::ListBooksRequest { page_token: garbage, ..request.clone() }).await;
                // What has the form of a token may be one of another question.
                match answer {
                    Ok(page) => assert!(page.books.len() <= 2),
                    Err(refused) => {
                        assert_eq!(refused.code(), Code::InvalidArgument, "{shown} of {request:?}: {refused}");
                        assert_eq!(misfits(&refused), ["page_token"], "{shown}");
                    }
                }
            }
            for plainly in ["!", "é", &token("x"), &token("x y"), &token("\0")] {
                let answer = try_list(&catalog, pb::ListBooksRequest { page_token: plainly.to_owned(), ..request.clone() });
                assert_eq!(misfits(&answer.await.unwrap_err()), ["page_token"], "{plainly}");
            }
        }
        assert_eq!(list(&catalog, all[4].clone()).await.books.len(), 2);
    }

    async fn a_list_that_is_read_while_books_go_has_all_that_stay(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let mut stay = Vec::new();
        let mut go = Vec::new();
        for some in 0..4 {
            let drafts = (0..60).map(|number| draft(number, by("Woolf", &format!("Phare {}", some * 60 + number))));
            for outcome in import(&catalog, batch(pb::OnMatch::Skip, drafts.collect())).await {
                if outcome.line % 2 == 0 { &mut stay } else { &mut go }.push(outcome.book_id);
            }
        }
        let mut deleting = JoinSet::new();
        for some in go.chunks(30) {
            let (catalog, some) = (catalog.clone(), some.to_vec());
            deleting.spawn(async move {
                for id in some {
                    try_delete(&catalog, &id).await.unwrap();
                }
            });
        }

        let filter = BookFilter { author: "woolf".to_owned(), ..any() };
        let ranked = pb::ListBooksRequest { page_size: 110, ..ask("phare") };
        let requests = [
            ranked.clone(),
            pb::ListBooksRequest { filter: Some(filter), ..ranked.clone() },
            pb::ListBooksRequest { order_by: "author".to_owned(), ..ranked.clone() },
            pb::ListBooksRequest { query: String::new(), ..ranked },
        ];
        let mut short = Vec::new();
        let mut last_round = false;
        while !last_round {
            // Once more when nothing goes any more.
            while deleting.try_join_next().is_some() {}
            last_round = deleting.is_empty();
            for request in &requests {
                let pages = pages(&catalog, request).await;
                let books = pages.iter().flat_map(|page| &page.books);
                let kept: Vec<&String> = books.map(|book| &book.id).filter(|id| stay.contains(id)).collect();
                if kept != stay.iter().collect::<Vec<_>>() {
                    short.push(format!("{:?} {:?}: {} of {}", request.query, request.order_by, kept.len(), stay.len()));
                }
            }
        }

        assert!(short.is_empty(), "{short:#?}");
    }

    async fn a_sorted_list_has_each_book_once_and_those_without_a_year_first(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let book = |title: &str, author: &str, year: Option<i32>| pb::Book { publication_year: year, ..by(author, title) };
        for book in [
            book("Zadig", "Voltaire", Some(1747)),
            book("\u{e9}mile", "Rousseau", Some(1762)),
            book("Émile", "rousseau", None),
            book("Enéide", "Virgile", Some(-19)),
            book("Iliade", "", Some(-750)),
            book("… !", "", None),
            book("An 0", "Personne", Some(0)),
            book("Zadig", "Voltaire", None),
        ] {
            create(&catalog, book).await;
        }

        for (column, expected) in [
            ("title", ["… !", "An 0", "émile", "Émile", "Enéide", "Iliade", "Zadig", "Zadig"]),
            ("author", ["Iliade", "… !", "An 0", "émile", "Émile", "Enéide", "Zadig", "Zadig"]),
            ("publication_year", ["Émile", "… !", "Zadig", "Iliade", "Enéide", "An 0", "Zadig", "émile"]),
        ] {
            for (order_by, way) in [(column.to_owned(), 1), (format!("{column} desc"), -1)] {
                let mut expected: Vec<String> = expected.map(str::to_owned).to_vec();
                if way < 0 {
                    expected.reverse();
                }
                let request = pb::ListBooksRequest { order_by: order_by.clone(), ..ask("") };
                let whole = list(&catalog, request.clone()).await;
                let years = |books: &[pb::Book]| books.iter().map(|book| book.publication_year).collect::<Vec<_>>();
                if column != "publication_year" {
                    assert_eq!(titles(&whole), expected, "{order_by}");
                } else {
                    let all = [None, None, None, Some(-750), Some(-19), Some(0), Some(1747), Some(1762)];
                    let backwards: Vec<_> = all.into_iter().rev().collect();
                    assert_eq!(years(&whole.books), if way < 0 { backwards } else { all.to_vec() });
                    assert_eq!(titles(&whole), expected, "{order_by}");
                }
                for page_size in 1..=9 {
                    let pages = pages(&catalog, &pb::ListBooksRequest { page_size, ..request.clone() }).await;
                    let turned: Vec<pb::Book> = pages.iter().flat_map(|page| page.books.clone()).collect();
                    assert_eq!(turned, whole.books, "{order_by} by {page_size}");
                    assert!(pages.iter().all(|page| (page.total_size, page.total_size_is_least) == (8, false)));
                    for (number, page) in pages.iter().enumerate() {
                        let skip = i32::try_from(number).unwrap() * page_size;
                        let skipped = list(&catalog, pb::ListBooksRequest { page_size, skip, ..request.clone() }).await;
                        assert_eq!((&skipped.books, &skipped.next_page_token), (&page.books, &page.next_page_token));
                    }
                }
            }
        }
        for order_by in ["titre", "title asc", "title,author", "title  desc", "-title", "TITLE", "title; DROP TABLE book"] {
            let request = pb::ListBooksRequest { order_by: order_by.to_owned(), ..ask("") };
            assert_eq!(misfits(&try_list(&catalog, request).await.unwrap_err()), ["order_by"], "{order_by}");
        }
        for (page_size, skip, field) in [(-1, 0, "page_size"), (1001, 0, "page_size"), (0, -1, "skip"), (i32::MAX, 0, "page_size")] {
            let request = pb::ListBooksRequest { page_size, skip, ..ask("") };
            assert_eq!(misfits(&try_list(&catalog, request).await.unwrap_err()), [field]);
        }
        for request in [ask(""), ask("zadig"), pb::ListBooksRequest { order_by: "title".to_owned(), ..ask("zadig") }] {
            let answer = list(&catalog, pb::ListBooksRequest { page_size: 1000, skip: i32::MAX, ..request }).await;
            assert_eq!((answer.books.len(), answer.next_page_token.as_str()), (0, ""));
        }
    }

    async fn books_are_counted_by_kind_the_most_frequent_first(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let (novels, essays) = (category(&catalog, "Romans").await, category(&catalog, "Essais").await);
        let mut drafts = Vec::new();
        for number in 0..130 {
            // Author n has books 0 to n: the last ones are the most frequent.
            let author = format!("Autrice {:03}", number % 110);
            let language = ["fr", "FR", "en", ""][number % 4].to_owned();
            let category = ["Romans", "Romans", "Essais", "", ""][number % 5].to_owned();
            let book = pb::Book { language, ..by(&author, &format!("Tome {number} x{}", number % 2)) };
            drafts.push(pb::Draft { category, ..draft(number as i64, book) });
        }
        import(&catalog, batch(pb::OnMatch::Skip, drafts)).await;
        let count = async |query: &str, filter: BookFilter| {
            let request = pb::CountBooksRequest { query: query.to_owned(), filter: Some(filter) };
            catalog.clone().count_books(request).await.unwrap().into_inner()
        };

        let all = count("", any()).await;
        let counts = |of: &[pb::count_books_response::Count]| of.iter().map(|of| (of.value.clone(), of.count)).collect::<Vec<_>>();
        assert_eq!(counts(&all.categories), [(novels.clone(), 52), (essays.clone(), 26)]);
        let languages: Vec<(String, i64)> = all.languages.iter().map(|of| (of.value.to_lowercase(), of.count)).collect();
        assert_eq!(languages, [("fr".to_owned(), 66), ("en".to_owned(), 32)]);
        assert_eq!(all.authors.len(), 100, "the most frequent hundred");
        assert!(all.authors[..20].iter().all(|of| of.count == 2) && all.authors[20..].iter().all(|of| of.count == 1));
        for (query, filter) in [
            ("", any()),
            ("tome", any()),
            ("tome x1", any()),
            ("x0 autrice", BookFilter { language: "fr".to_owned(), ..any() }),
            ("nulle part", any()),
            ("?!", any()),
            ("2070360024", any()),
        ] {
            let answer = count(query, filter.clone()).await;
            for (category, of) in [(&novels, answer.categories.iter().find(|of| of.value == novels)), (&essays, answer.categories.iter().find(|of| of.value == essays))] {
                let filter = Some(BookFilter { category_id: category.clone(), ..filter.clone() });
                let listed = list(&catalog, pb::ListBooksRequest { filter, page_size: 1, ..ask(query) }).await;
                assert_eq!(of.map_or(0, |of| of.count), listed.total_size, "{query} {category}");
            }
            for of in &answer.authors {
                let filter = Some(BookFilter { author: of.value.clone(), ..filter.clone() });
                let listed = list(&catalog, pb::ListBooksRequest { filter, page_size: 1, ..ask(query) }).await;
                assert_eq!(of.count, listed.total_size, "{query} {}", of.value);
            }
        }
    }
}

/// Makes the next book's number `number`; answers with the book that has to go when that one is there.
async fn next_number(db: &Database, catalog: &Catalog, number: i64) -> String {
    let before = number - 1;
    // Found by no word, so nothing else of it is kept.
    let place = create(catalog, titled("…")).await.id;
    match db.kind() {
        // A number is one more than the greatest.
        Kind::Sqlite => by_hand(db, &format!("UPDATE book SET number = {before} WHERE id = '{place}'")).await,
        Kind::Postgres => {
            by_hand(db, &format!("SELECT setval(pg_get_serial_sequence('catalog.book', 'number'), {before})")).await;
        }
    }
    place
}

testing::on_both! {
    async fn books_of_many_blocks_are_found_counted_and_turned_over_like_those_of_one(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let mut made = Vec::new();
        for begin in [65_533, 131_069, 196_606, 200_000] {
            let place = next_number(&db, &catalog, begin).await;
            for number in begin..begin + 6 {
                let title = if number % 3 == 0 { "Phare" } else { "Phares" };
                let book = pb::Book { description: "ancre".to_owned(), ..by("Woolf", &format!("{title} {number}")) };
                made.push(create(&catalog, book).await);
            }
            by_hand(&db, &format!("DELETE FROM book WHERE id = '{place}'")).await;
        }
        let alone = create(&catalog, titled("Seule")).await;
        let titles_of = |of: &dyn Fn(&str) -> bool| -> Vec<String> {
            made.iter().map(|book| book.title.clone()).filter(|title| of(title)).collect()
        };
        let mut ranked = titles_of(&|title: &str| title.starts_with("Phare "));
        ranked.extend(titles_of(&|title: &str| title.starts_with("Phares")));

        let answer = list(&catalog, ask("phare")).await;
        assert_eq!(titles(&answer), ranked);
        assert_eq!((answer.total_size, answer.total_size_is_least), (24, false), "a page that is not full is exact");
        assert_eq!(found(&catalog, "ancre phares").await.len(), 16);
        assert_eq!(found(&catalog, "woolf anc").await.len(), 24);
        assert_eq!(found(&catalog, "seule").await, ["Seule"]);
        for book in &made {
            let number = book.title.split_once(' ').unwrap().1;
            assert_eq!(found(&catalog, &format!("woolf {number}")).await, [book.title.as_str()]);
        }

        for (query, all) in [("phare", &ranked), ("ancre", &titles_of(&|_| true)), ("woolf anc", &titles_of(&|_| true))] {
            for page_size in [1, 5, 6, 7, 12, 23] {
                let request = pb::ListBooksRequest { page_size, ..ask(query) };
                let pages = pages(&catalog, &request).await;

                let turned: Vec<String> = pages.iter().flat_map(titles).collect();
                assert_eq!(&turned, all, "{query} by {page_size}");
                for (number, page) in pages.iter().enumerate() {
                    let exact = page.total_size == 24;
                    let least = page.total_size_is_least && page.total_size < 24;
                    assert!(exact || least, "{query} by {page_size}: {} {}", page.total_size, page.total_size_is_least);
                    let skip = i32::try_from(number).unwrap() * page_size;
                    let skipped = list(&catalog, pb::ListBooksRequest { skip, ..request.clone() }).await;
                    assert_eq!(titles(&skipped), titles(page), "{query} by {page_size}, page {number}");
                }
            }
        }
        let full = list(&catalog, pb::ListBooksRequest { page_size: 2, ..ask("phare") }).await;
        assert!(full.total_size_is_least && (3..24).contains(&full.total_size), "{}", full.total_size);
        let filter = Some(BookFilter { author: "woolf".to_owned(), ..any() });
        let filtered = list(&catalog, pb::ListBooksRequest { page_size: 2, filter: filter.clone(), ..ask("phare") }).await;
        assert_eq!((filtered.total_size, filtered.total_size_is_least), (24, false), "a filtered list is counted");
        assert_eq!(list(&catalog, pb::ListBooksRequest { filter, ..ask("") }).await.total_size, 24);
        let sorted = pb::ListBooksRequest { order_by: "title desc".to_owned(), page_size: 2, ..ask("phare") };
        let sorted = list(&catalog, sorted).await;
        assert_eq!((sorted.total_size, sorted.total_size_is_least), (24, false), "a sorted list is counted");
        let count = pb::CountBooksRequest { query: "phare".to_owned(), filter: None };
        let counts = catalog.clone().count_books(count).await.unwrap().into_inner();
        assert_eq!(counts.authors[0].count, 24);

        for book in made.iter().step_by(2) {
            try_delete(&catalog, &book.id).await.unwrap();
        }
        update(&catalog, pb::Book { id: made[23].id.clone(), ..titled("Balise") }, &["title"]).await;
        let left: Vec<&str> = made.iter().skip(1).step_by(2).map(|book| book.title.as_str()).collect();
        let expected: Vec<&str> = ranked.iter().map(String::as_str).filter(|title| left[..11].contains(title)).collect();
        assert_eq!(found(&catalog, "phare").await, expected);
        assert_eq!(found(&catalog, "woolf balise").await, ["Balise"]);
        try_delete(&catalog, &alone.id).await.unwrap();
        assert_eq!(found(&catalog, "seule").await, [""; 0]);
    }
}
