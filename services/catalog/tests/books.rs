//! Books and categories one by one: what fits, what is refused and why, and what happens to those who come at the same time.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part")]
mod apart;
#[expect(dead_code, reason = "each story uses its part")]
mod shelf;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use apart::settled;
use proto::catalog::v1 as pb;
use shared::passport::Caller;
use shelf::{
    Catalog, ask, batch, by, category, create, draft, found, list, misfits, open, refusal, titled, try_categorize,
    try_create, try_delete, try_import, try_update, update,
};
use testing::{Database, suite::client};
use tokio::task::JoinSet;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

async fn get(catalog: &Catalog, id: &str) -> Result<pb::Book, Status> {
    let request = pb::GetBookRequest { book_id: id.to_owned() };
    catalog.clone().get_book(request).await.map(|answer| answer.into_inner().book.unwrap())
}

async fn batch_get(catalog: &Catalog, ids: &[String]) -> Result<Vec<pb::Book>, Status> {
    let request = pb::BatchGetBooksRequest { book_ids: ids.to_vec() };
    catalog.clone().batch_get_books(request).await.map(|answer| answer.into_inner().books)
}

async fn try_delete_category(catalog: &Catalog, id: &str, etag: &str) -> Result<pb::Category, Status> {
    let request = pb::DeleteCategoryRequest { category_id: id.to_owned(), etag: etag.to_owned() };
    catalog.clone().delete_category(request).await.map(|answer| answer.into_inner().category.unwrap())
}

async fn try_update_category(catalog: &Catalog, category: pb::Category, mask: &[&str]) -> Result<pb::Category, Status> {
    let paths = mask.iter().map(ToString::to_string).collect();
    let request =
        pb::UpdateCategoryRequest { category: Some(category), update_mask: Some(prost_types::FieldMask { paths }) };
    catalog.clone().update_category(request).await.map(|answer| answer.into_inner().category.unwrap())
}

fn told(reason: &str, code: Code) -> (Code, String) {
    (code, reason.to_owned())
}

/// A book with everything that a book can have.
fn full(category_id: &str) -> pb::Book {
    pb::Book {
        isbn: "2-07-036002-4".to_owned(),
        publication_year: Some(1942),
        publisher: "Gallimard".to_owned(),
        language: "français".to_owned(),
        description: "Aujourd'hui,\nmaman est morte.\t…".to_owned(),
        category_id: category_id.to_owned(),
        available_copies: 3,
        ..by("Albert Camus", "L'Étranger")
    }
}

testing::on_both! {
    async fn a_book_reads_back_as_it_was_made(db: Database) {
        let (suite, catalog) = open(&db).await;
        let romans = category(&catalog, "Romans").await;

        let made = create(&catalog, full(&romans)).await;

        let kept = pb::Book {
            id: made.id.clone(),
            isbn: "9782070360024".to_owned(),
            copies: 3,
            etag: made.etag.clone(),
            create_time: made.create_time,
            update_time: made.create_time,
            ..full(&romans)
        };
        assert_eq!(made, kept);
        assert!(made.id.len() == 24 && !made.etag.is_empty() && made.create_time.is_some());
        assert_eq!(get(&catalog, &made.id).await.unwrap(), kept);
        assert_eq!(list(&catalog, ask("")).await.books, std::slice::from_ref(&kept));

        suite.hand.advance(Duration::from_secs(60));
        let changed = pb::Book { id: made.id.clone(), available_copies: 1, ..pb::Book::default() };
        let changed = update(&catalog, changed, &["available_copies"]).await;
        assert_eq!((changed.copies, changed.available_copies), (1, 1));
        assert_eq!(changed.update_time.unwrap().seconds, made.update_time.unwrap().seconds + 60);
        let like_before = pb::Book { copies: 3, available_copies: 3, etag: made.etag.clone(), update_time: made.update_time, ..changed.clone() };
        assert_eq!(like_before, kept);
        assert_ne!(changed.etag, made.etag);
        settled(&db).await;
        assert_eq!(try_delete(&catalog, &made.id).await.unwrap(), changed);
        assert_eq!(refusal(&get(&catalog, &made.id).await.unwrap_err()), told("BOOK_NOT_FOUND", Code::NotFound));
        assert_eq!(refusal(&try_delete(&catalog, &made.id).await.unwrap_err()), told("BOOK_NOT_FOUND", Code::NotFound));
    }

    async fn however_many_ask_at_once_each_gets_his_own_book_as_it_is_by_then(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let mut ids = Vec::new();
        for number in 0..10 {
            ids.push(create(&catalog, titled(&format!("Tome {number}"))).await.id);
        }
        ids.push("0".repeat(24));
        let done = Arc::new(AtomicBool::new(false));
        let mut readers: JoinSet<usize> = (0..100).map(|reader| {
            let (catalog, done, number) = (catalog.clone(), Arc::clone(&done), reader % ids.len());
            let id = ids[number].clone();
            async move {
                let mut read = 0;
                while !done.load(Ordering::Relaxed) {
                    match get(&catalog, &id).await {
                        Ok(book) => assert_eq!((book.id, book.title), (id.clone(), format!("Tome {number}"))),
                        Err(refused) => assert_eq!((refusal(&refused), number), (told("BOOK_NOT_FOUND", Code::NotFound), 10)),
                    }
                    read += 1;
                }
                read
            }
        }).collect();

        // Meanwhile somebody writes, and each time reads what he wrote.
        for edition in 0..20 {
            let publisher = format!("Éditeur {edition}");
            update(&catalog, pb::Book { id: ids[0].clone(), publisher: publisher.clone(), ..pb::Book::default() }, &["publisher"]).await;
            assert_eq!(get(&catalog, &ids[0]).await.unwrap().publisher, publisher);
        }

        done.store(true, Ordering::Relaxed);
        while let Some(read) = readers.join_next().await {
            assert!(read.unwrap() > 0);
        }
    }

    async fn every_field_that_does_not_fit_is_named_and_nothing_is_kept(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let wrong = |text: &str, most: usize| -> Vec<String> { vec![text.repeat(most + 1), "a\0b".to_owned(), "\u{1b}".to_owned()] };
        let blank = pb::Book::default;
        let mut misfit = vec![("title", pb::Book { title: String::new(), ..blank() }), ("title", titled(" \n "))];
        misfit.extend(wrong("é", 500).into_iter().map(|title| ("title", pb::Book { title, ..blank() })));
        misfit.extend(wrong("é", 2000).into_iter().map(|author| ("author", pb::Book { author, ..titled("t") })));
        misfit.extend(wrong("é", 200).into_iter().map(|publisher| ("publisher", pb::Book { publisher, ..titled("t") })));
        misfit.extend(wrong("é", 50).into_iter().map(|language| ("language", pb::Book { language, ..titled("t") })));
        misfit.extend(wrong("é", 10_000).into_iter().map(|description| ("description", pb::Book { description, ..titled("t") })));
        for isbn in ["x", "9782070360025", "978207036002", "1234567890123", "207036002X", "\0"] {
            misfit.push(("isbn", pb::Book { isbn: isbn.to_owned(), ..titled("t") }));
        }
        for year in [-10_000, 10_000, i32::MIN, i32::MAX] {
            misfit.push(("publication_year", pb::Book { publication_year: Some(year), ..titled("t") }));
        }
        for copies in [-1, 10_000, i32::MIN, i32::MAX] {
            misfit.push(("available_copies", pb::Book { available_copies: copies, ..titled("t") }));
        }
        for id in ["x", "\0", "zzzzzzzzzzzzzzzzzzzzzzzz"] {
            misfit.push(("category_id", pb::Book { category_id: id.to_owned(), ..titled("t") }));
        }
        let made = create(&catalog, titled("Là")).await;

        for (field, book) in misfit {
            let refused = try_create(&catalog, book.clone()).await.unwrap_err();
            assert_eq!(misfits(&refused), [format!("book.{field}")], "{refused}");
            let refused = try_update(&catalog, pb::Book { id: made.id.clone(), ..book }, &[field]).await.unwrap_err();
            assert_eq!(misfits(&refused), [format!("book.{field}")], "{refused}");
        }
        let all = pb::Book { isbn: "x".to_owned(), publication_year: Some(10_000), available_copies: -1, ..blank() };
        let refused = try_create(&catalog, all).await.unwrap_err();
        let mut named = misfits(&refused);
        named.sort();
        assert_eq!(named, ["book.available_copies", "book.isbn", "book.publication_year", "book.title"]);
        for path in ["id", "copies", "etag", "create_time", "nothing", "", "book.title", "*"] {
            let refused = try_update(&catalog, pb::Book { id: made.id.clone(), ..titled("x") }, &["title", path]).await;
            assert_eq!(misfits(&refused.unwrap_err()), ["update_mask"], "{path:?}");
        }
        for id in ["", "x", "\0", "ZZ", "é"] {
            assert_eq!(misfits(&get(&catalog, id).await.unwrap_err()), ["book_id"], "{id:?}");
            assert_eq!(misfits(&try_delete(&catalog, id).await.unwrap_err()), ["book_id"], "{id:?}");
            let refused = try_update(&catalog, pb::Book { id: id.to_owned(), ..titled("x") }, &["title"]).await;
            assert_eq!(misfits(&refused.unwrap_err()), ["book.id"], "{id:?}");
        }
        assert_eq!(list(&catalog, ask("")).await.books, [made]);
    }

    async fn an_update_changes_what_its_mask_names(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let (romans, essais) = (category(&catalog, "Romans").await, category(&catalog, "Essais").await);
        let mut now = create(&catalog, full(&romans)).await;
        let new = pb::Book {
            isbn: "080442957X".to_owned(),
            publication_year: Some(-750),
            publisher: "Pléiade".to_owned(),
            language: "grec".to_owned(),
            description: "Chante".to_owned(),
            category_id: essais,
            available_copies: 9,
            ..by("Homère", "L'Iliade")
        };
        for mask in ["isbn", "publication_year", "publisher", "language", "description", "category_id", "available_copies", "author", "title"] {
            let changed = update(&catalog, pb::Book { id: now.id.clone(), ..new.clone() }, &[mask]).await;

            let mut expected = pb::Book { etag: changed.etag.clone(), update_time: changed.update_time, ..now.clone() };
            match mask {
                "isbn" => expected.isbn = "9780804429573".to_owned(),
                "publication_year" => expected.publication_year = new.publication_year,
                "publisher" => expected.publisher.clone_from(&new.publisher),
                "language" => expected.language.clone_from(&new.language),
                "description" => expected.description.clone_from(&new.description),
                "category_id" => expected.category_id.clone_from(&new.category_id),
                "available_copies" => (expected.copies, expected.available_copies) = (9, 9),
                "author" => expected.author.clone_from(&new.author),
                _ => expected.title.clone_from(&new.title),
            }
            assert_eq!(changed, expected, "{mask}");
            assert_ne!(changed.etag, now.etag, "{mask}");
            now = changed;
            settled(&db).await;
        }
        assert_eq!(found(&catalog, "camus").await, [""; 0]);
        assert_eq!(found(&catalog, "homere chante pleiade").await, ["L'Iliade"]);

        assert_eq!(update(&catalog, pb::Book { id: now.id.clone(), ..full(&romans) }, &[]).await, now, "a mask of nothing");
        let emptied = ["isbn", "publication_year", "publisher", "language", "description", "category_id", "available_copies", "author"];
        let empty = update(&catalog, pb::Book { id: now.id.clone(), ..pb::Book::default() }, &emptied).await;
        let expected = pb::Book {
            id: now.id.clone(),
            etag: empty.etag.clone(),
            create_time: now.create_time,
            update_time: empty.update_time,
            ..titled("L'Iliade")
        };
        assert_eq!(empty, expected);
        let nobody = pb::Book { id: "0".repeat(24), ..titled("x") };
        assert_eq!(refusal(&try_update(&catalog, nobody, &["title"]).await.unwrap_err()), told("BOOK_NOT_FOUND", Code::NotFound));
        let nowhere = pb::Book { id: now.id, category_id: "0".repeat(24), ..titled("x") };
        let refused = try_update(&catalog, nowhere, &["category_id"]).await.unwrap_err();
        assert_eq!(refusal(&refused), told("CATEGORY_NOT_FOUND", Code::NotFound));
    }

    async fn a_stale_etag_is_refused(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let old = create(&catalog, titled("Un")).await;
        let new = update(&catalog, pb::Book { title: "Deux".to_owned(), ..old.clone() }, &["title"]).await;

        for mask in [&["title"][..], &[]] {
            let refused = try_update(&catalog, pb::Book { title: "Trois".to_owned(), ..old.clone() }, mask).await;
            assert_eq!(refusal(&refused.unwrap_err()), told("STALE_ETAG", Code::Aborted), "{mask:?}");
        }
        for etag in [old.etag.as_str(), "x", "\0", " "] {
            let request = pb::DeleteBookRequest { book_id: old.id.clone(), etag: etag.to_owned() };
            let refused = catalog.clone().delete_book(request).await.unwrap_err();
            assert_eq!(refusal(&refused), told("STALE_ETAG", Code::Aborted), "{etag:?}");
        }
        assert_eq!(get(&catalog, &old.id).await.unwrap(), new);

        let request = pb::DeleteBookRequest { book_id: old.id, etag: new.etag.clone() };
        assert_eq!(catalog.clone().delete_book(request).await.unwrap().into_inner().book, Some(new));
        let old = try_categorize(&catalog, "Un").await.unwrap();
        let new = pb::Category { name: "Deux".to_owned(), ..old.clone() };
        let new = try_update_category(&catalog, new, &["name"]).await.unwrap();
        let stale = try_update_category(&catalog, pb::Category { name: "Trois".to_owned(), ..old.clone() }, &["name"]).await;
        assert_eq!(refusal(&stale.unwrap_err()), told("STALE_ETAG", Code::Aborted));
        let stale = try_delete_category(&catalog, &old.id, &old.etag).await;
        assert_eq!(refusal(&stale.unwrap_err()), told("STALE_ETAG", Code::Aborted));
        assert_eq!(try_delete_category(&catalog, &new.id, &new.etag).await.unwrap(), new);
    }

    async fn an_isbn_that_is_taken_is_told_with_the_book_that_has_it(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let holder = create(&catalog, pb::Book { isbn: "9782070360024".to_owned(), ..titled("L'Étranger") }).await;
        let other = create(&catalog, titled("Autre")).await;
        let taken = |refused: Status| {
            assert_eq!(refusal(&refused), told("ISBN_TAKEN", Code::AlreadyExists));
            let expected =
                HashMap::from([("book_id".to_owned(), holder.id.clone()), ("title".to_owned(), holder.title.clone())]);
            assert_eq!(refused.get_details_error_info().unwrap().metadata, expected);
        };

        for isbn in ["2070360024", "978-2-07-036002-4"] {
            let book = pb::Book { isbn: isbn.to_owned(), ..titled("Encore") };
            taken(try_create(&catalog, book.clone()).await.unwrap_err());
            let request = pb::CreateBookRequest { book: Some(book.clone()), validate_only: true, ..pb::CreateBookRequest::default() };
            taken(catalog.clone().create_book(request).await.unwrap_err());
            let book = pb::Book { id: other.id.clone(), ..book };
            taken(try_update(&catalog, book.clone(), &["isbn", "title"]).await.unwrap_err());
            let update_mask = Some(prost_types::FieldMask { paths: vec!["isbn".to_owned()] });
            let request = pb::UpdateBookRequest { book: Some(book), update_mask, validate_only: true };
            taken(catalog.clone().update_book(request).await.unwrap_err());
        }

        assert_eq!(get(&catalog, &other.id).await.unwrap(), other);
        assert_eq!(found(&catalog, "encore").await, [""; 0]);
        update(&catalog, pb::Book { etag: String::new(), ..holder.clone() }, &["isbn"]).await;
        update(&catalog, pb::Book { id: holder.id.clone(), ..titled("") }, &["isbn"]).await;
        update(&catalog, pb::Book { id: other.id, isbn: "2070360024".to_owned(), ..titled("") }, &["isbn"]).await;
    }

    async fn what_is_only_to_be_validated_is_not_done(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let made = create(&catalog, titled("Là")).await;
        let new = pb::Book { isbn: "2070360024".to_owned(), ..titled("Neuf") };

        let request = pb::CreateBookRequest { book: Some(new.clone()), validate_only: true, ..pb::CreateBookRequest::default() };
        catalog.clone().create_book(request).await.unwrap();
        let update_mask = Some(prost_types::FieldMask { paths: vec!["title".to_owned(), "isbn".to_owned()] });
        let book = Some(pb::Book { id: made.id.clone(), ..new.clone() });
        let request = pb::UpdateBookRequest { book, update_mask: update_mask.clone(), validate_only: true };
        catalog.clone().update_book(request).await.unwrap();

        assert_eq!(list(&catalog, ask("")).await.books, std::slice::from_ref(&made));
        assert_eq!(found(&catalog, "neuf").await, [""; 0]);
        let nowhere = pb::Book { category_id: "0".repeat(24), ..new };
        let request = pb::CreateBookRequest { book: Some(nowhere), validate_only: true, ..pb::CreateBookRequest::default() };
        let refused = catalog.clone().create_book(request).await.unwrap_err();
        assert_eq!(refusal(&refused), told("CATEGORY_NOT_FOUND", Code::NotFound));
        let stale = pb::Book { etag: "77".to_owned(), ..made };
        let request = pb::UpdateBookRequest { book: Some(stale), update_mask, validate_only: true };
        let refused = catalog.clone().update_book(request).await.unwrap_err();
        assert_eq!(refusal(&refused), told("STALE_ETAG", Code::Aborted));
    }

    async fn many_are_got_at_once_in_the_order_of_their_ids(db: Database) {
        let (_suite, catalog) = open(&db).await;
        let mut ids = Vec::new();
        for number in 0..12 {
            ids.push(create(&catalog, titled(&format!("Tome {number}"))).await.id);
        }
        ids.reverse();
        ids.swap(2, 9);
        let gone = ids[4].clone();
        try_delete(&catalog, &gone).await.unwrap();

        let got = batch_get(&catalog, &ids).await.unwrap();

        let expected: Vec<&String> = ids.iter().filter(|id| **id != gone).collect();
        assert_eq!(got.iter().map(|book| &book.id).collect::<Vec<_>>(), expected);
        assert_eq!(batch_get(&catalog, &[]).await.unwrap(), []);
        assert_eq!(batch_get(&catalog, &vec!["0".repeat(24); 1000]).await.unwrap(), []);
        assert_eq!(misfits(&batch_get(&catalog, &vec!["0".repeat(24); 1001]).await.unwrap_err()), ["book_ids"]);
        for malformed in ["", "x", "\0"] {
            let refused = batch_get(&catalog, &[ids[0].clone(), malformed.to_owned()]).await.unwrap_err();
            assert_eq!(misfits(&refused), ["book_ids"], "{malformed:?}");
        }
    }

    async fn whoever_may_only_read_reads_and_changes_nothing(db: Database) {
        let (suite, catalog) = open(&db).await;
        let made = create(&catalog, titled("Là")).await;
        let shelf = try_categorize(&catalog, "Là").await.unwrap();
        let before = list(&catalog, ask("")).await;

        for caller in [client("0123456789abcdef01234567"), Caller::service("gateway")] {
            let mut reader = suite.catalog_as(caller.clone());
            assert_eq!(get(&reader, &made.id).await.unwrap(), made);
            assert_eq!(batch_get(&reader, std::slice::from_ref(&made.id)).await.unwrap().len(), 1);
            assert_eq!(found(&reader, "la").await, ["Là"]);
            reader.count_books(pb::CountBooksRequest::default()).await.unwrap();
            reader.get_category(pb::GetCategoryRequest { category_id: shelf.id.clone() }).await.unwrap();
            reader.list_categories(pb::ListCategoriesRequest::default()).await.unwrap();

            let denied = [
                try_create(&reader, titled("Neuf")).await.unwrap_err(),
                try_update(&reader, made.clone(), &["title"]).await.unwrap_err(),
                try_delete(&reader, &made.id).await.unwrap_err(),
                try_categorize(&reader, "Neuve").await.unwrap_err(),
                try_update_category(&reader, shelf.clone(), &["name"]).await.unwrap_err(),
                try_delete_category(&reader, &shelf.id, "").await.unwrap_err(),
                try_import(&reader, vec![batch(pb::OnMatch::Skip, vec![draft(1, titled("Neuf"))])]).await.1.unwrap_err(),
                reader.export_books(pb::ExportBooksRequest {}).await.unwrap_err(),
            ];
            for refused in denied {
                assert_eq!(refused.code(), Code::PermissionDenied, "{caller:?}: {refused}");
            }
        }
        assert_eq!(list(&catalog, ask("")).await, before);
    }

    async fn of_two_who_come_at_the_same_time_one_is_told_so(db: Database) {
        let (_suite, catalog) = open(&db).await;
        for round in 0..10 {
            // ISBNs whose check digits are known: of the same body with a last digit that is looked for.
            let isbn = (0..10).map(|check| format!("97820703{round:04}{check}"));
            let mut isbn = isbn.filter(|isbn| {
                let digits = isbn.bytes().zip([1, 3].into_iter().cycle());
                digits.map(|(digit, weight)| u32::from(digit - b'0') * weight).sum::<u32>() % 10 == 0
            });
            let isbn = isbn.next().unwrap();
            let mut making = JoinSet::new();
            for number in 0..6 {
                let (catalog, isbn) = (catalog.clone(), isbn.clone());
                let book = pb::Book { isbn, ..titled(&format!("Course {round} {number}")) };
                making.spawn(async move { try_create(&catalog, book).await });
            }
            let (made, refused): (Vec<_>, Vec<_>) = making.join_all().await.into_iter().partition(Result::is_ok);
            assert_eq!((made.len(), refused.len()), (1, 5));
            let book = made.into_iter().next().unwrap().unwrap();
            for refused in refused.into_iter().map(Result::unwrap_err) {
                assert_eq!(refusal(&refused), told("ISBN_TAKEN", Code::AlreadyExists));
                assert_eq!(refused.get_details_error_info().unwrap().metadata["book_id"], book.id);
            }

            let mut changing = JoinSet::new();
            for number in 0..4 {
                let (catalog, book) = (catalog.clone(), pb::Book { title: format!("Après {round} {number}"), ..book.clone() });
                changing.spawn(async move { try_update(&catalog, book, &["title"]).await });
            }
            let (changed, refused): (Vec<_>, Vec<_>) = changing.join_all().await.into_iter().partition(Result::is_ok);
            assert_eq!((changed.len(), refused.len()), (1, 3), "with an etag one is the first");
            assert!(refused.into_iter().all(|refused| refusal(&refused.unwrap_err()) == told("STALE_ETAG", Code::Aborted)));
            let mut changing = JoinSet::new();
            for number in 0..4 {
                let after = pb::Book { id: book.id.clone(), ..by(&format!("a{number}"), &format!("Fin {round} t{number}")) };
                let (catalog, field) = (catalog.clone(), if number % 2 == 0 { "title" } else { "author" });
                changing.spawn(async move { update(&catalog, after, &[field]).await });
            }
            changing.join_all().await;
            let last = get(&catalog, &book.id).await.unwrap();
            assert_eq!(found(&catalog, &format!("{} {}", last.author, last.title)).await, [last.title.as_str()]);
            assert_eq!(found(&catalog, &format!("course {round}")).await, [""; 0]);

            let mut deleting = JoinSet::new();
            for _ in 0..3 {
                let (catalog, id) = (catalog.clone(), book.id.clone());
                deleting.spawn(async move { try_delete(&catalog, &id).await });
            }
            let (gone, refused): (Vec<_>, Vec<_>) = deleting.join_all().await.into_iter().partition(Result::is_ok);
            assert_eq!((gone.len(), refused.len()), (1, 2));
            assert_eq!(found(&catalog, "fin").await, [""; 0]);
        }
    }

    async fn no_book_stands_in_a_category_that_is_gone(db: Database) {
        let (_suite, catalog) = open(&db).await;
        for round in 0..50 {
            let shelf = category(&catalog, &format!("Rayon {round}")).await;
            let waiting = create(&catalog, titled("Attend")).await;
            let putting = async {
                match round % 3 {
                    0 => try_create(&catalog, pb::Book { category_id: shelf.clone(), ..titled("Neuf") }).await.map(drop),
                    1 => {
                        let book = pb::Book { id: waiting.id.clone(), category_id: shelf.clone(), ..titled("") };
                        try_update(&catalog, book, &["category_id"]).await.map(drop)
                    }
                    _ => {
                        let draft = pb::Draft { category: format!("RAYON {round}"), ..draft(1, titled(&format!("Lot {round}"))) };
                        try_import(&catalog, vec![batch(pb::OnMatch::Skip, vec![draft])]).await.1
                    }
                }
            };
            let (put, gone) = tokio::join!(putting, try_delete_category(&catalog, &shelf, ""));

            match (round % 3, &put, &gone) {
                (_, Ok(()), Err(refused)) => {
                    assert_eq!(refusal(refused), told("CATEGORY_IN_USE", Code::FailedPrecondition));
                }
                (0 | 1, Err(refused), Ok(_)) => {
                    assert_eq!(refusal(refused), told("CATEGORY_NOT_FOUND", Code::NotFound));
                }
                // An import makes the category again.
                (2, Ok(()), Ok(_)) => (),
                other => panic!("round {round}: {other:?}"),
            }

            let listed = catalog.clone().list_categories(pb::ListCategoriesRequest::default()).await.unwrap().into_inner();
            let books = list(&catalog, ask("")).await.books;
            for book in books.iter().filter(|book| !book.category_id.is_empty()) {
                assert!(listed.categories.iter().any(|category| category.id == book.category_id), "round {round}: {book:?}");
            }
        }
    }

    async fn categories_are_unique_whatever_their_case_and_turned_over_page_by_page(db: Database) {
        let (suite, catalog) = open(&db).await;
        let mut ids = Vec::new();
        for number in 0..7 {
            suite.hand.advance(Duration::from_secs(1));
            ids.push(category(&catalog, &format!("Rayon n° {number}")).await);
        }
        for taken in ["RAYON N° 3", "rayon N° 3", " Rayon n° 3 "] {
            let refused = try_categorize(&catalog, taken).await.unwrap_err();
            assert_eq!(refusal(&refused), told("CATEGORY_TAKEN", Code::AlreadyExists), "{taken}");
            let category = pb::Category { id: ids[0].clone(), name: taken.to_owned(), ..pb::Category::default() };
            let refused = try_update_category(&catalog, category, &["name"]).await.unwrap_err();
            assert_eq!(refusal(&refused), told("CATEGORY_TAKEN", Code::AlreadyExists), "{taken}");
        }
        let same = pb::Category { id: ids[3].clone(), name: "RAYON N° 3".to_owned(), ..pb::Category::default() };
        assert_eq!(try_update_category(&catalog, same, &["name"]).await.unwrap().name, "RAYON N° 3");
        let long = "é".repeat(101);
        for name in ["", " ", "a\0b", long.as_str()] {
            assert_eq!(misfits(&try_categorize(&catalog, name).await.unwrap_err()), ["category.name"], "{name:?}");
        }
        let bare = pb::Category { name: "Nue".to_owned(), ..pb::Category::default() };
        let refused = catalog.clone().create_category(pb::CreateCategoryRequest { category: Some(bare), request_id: String::new() }).await.unwrap_err();
        assert_eq!(misfits(&refused), ["category.description"]);
        create(&catalog, pb::Book { category_id: ids[1].clone(), ..titled("Là") }).await;
        let refused = try_delete_category(&catalog, &ids[1], "").await.unwrap_err();
        assert_eq!(refusal(&refused), told("CATEGORY_IN_USE", Code::FailedPrecondition));

        for page_size in [1, 2, 3, 7, 8] {
            let mut request = pb::ListCategoriesRequest { page_size, ..pb::ListCategoriesRequest::default() };
            let mut turned = Vec::new();
            loop {
                let page = catalog.clone().list_categories(request.clone()).await.unwrap().into_inner();
                let skip = i32::try_from(turned.len()).unwrap();
                let skipped = pb::ListCategoriesRequest { page_size, skip, page_token: String::new() };
                let skipped = catalog.clone().list_categories(skipped).await.unwrap().into_inner();
                assert_eq!((&skipped.categories, page.total_size), (&page.categories, 7));
                turned.extend(page.categories.into_iter().map(|category| category.id));
                if page.next_page_token.is_empty() {
                    break;
                }
                request.page_token = page.next_page_token;
            }
            assert_eq!(turned, ids, "by {page_size}");
        }
        try_delete_category(&catalog, &ids[2], "").await.unwrap();
        let request = pb::GetCategoryRequest { category_id: ids[2].clone() };
        let refused = catalog.clone().get_category(request).await.unwrap_err();
        assert_eq!(refusal(&refused), told("CATEGORY_NOT_FOUND", Code::NotFound));
        assert_eq!(refusal(&try_delete_category(&catalog, &ids[2], "").await.unwrap_err()).0, Code::NotFound);
    }
}
