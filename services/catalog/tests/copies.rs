//! Copies are lending's: what is ordered arrives there once and in order, and what is lent there is seen here.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part")]
mod apart;
#[expect(dead_code, reason = "each story uses its part")]
mod shelf;

use std::{path::Path, time::Duration};

use apart::{Apart, Door, eventually, number, settled};
use proto::{
    catalog::v1::{self as pb, OnMatch},
    lending::v1 as loans,
};
use shared::{passport::Caller, secret::ExposeSecret as _};
use shelf::{Catalog, ask, batch, by_hand, create, draft, found, import, list, misfits, titled, try_update, update};
use sqlx::{Connection as _, PgConnection, SqliteConnection, migrate::Migrator};
use testing::{Database, Kind, suite::beside};

async fn open(db: &Database) -> (Apart, Catalog) {
    let apart = Apart::start(db).await;
    let catalog = apart.catalog_as(Caller::operator());
    (apart, catalog)
}

/// A book with so many copies.
fn with(copies: i32, title: &str) -> pb::Book {
    pb::Book { available_copies: copies, ..titled(title) }
}

async fn get(catalog: &Catalog, id: &str) -> pb::Book {
    let request = pb::GetBookRequest { book_id: id.to_owned() };
    catalog.clone().get_book(request).await.unwrap().into_inner().book.unwrap()
}

/// Sets how many copies of a book can be borrowed.
async fn try_set(catalog: &Catalog, id: &str, copies: i32) -> Result<(i32, i32), tonic::Status> {
    let book = pb::Book { id: id.to_owned(), ..with(copies, "") };
    try_update(catalog, book, &["available_copies"]).await.map(|book| (book.copies, book.available_copies))
}

/// Waits until catalog and lending both say that there are so many copies, and that nothing is ordered any more.
async fn settles(db: &Database, apart: &Apart, catalog: &Catalog, id: &str, copies: (i32, i32)) {
    eventually(async || apart.lent(id).await == Some(copies)).await;
    settled(db).await;
    let book = get(catalog, id).await;
    assert_eq!((book.copies, book.available_copies), copies);
}

/// Catalog's tables as its first version made them.
async fn as_it_was_before_lending(db: &Database) {
    db.make_schema("catalog").await;
    let url = beside(db.url(), "catalog");
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    match db.kind() {
        Kind::Sqlite => {
            let mut tables = SqliteConnection::connect(url.expose_secret()).await.unwrap();
            Migrator::new(migrations.join("sqlite")).await.unwrap().run_to(1, &mut tables).await.unwrap();
        }
        Kind::Postgres => {
            let mut tables = PgConnection::connect(url.expose_secret()).await.unwrap();
            Migrator::new(migrations.join("postgres")).await.unwrap().run_to(1, &mut tables).await.unwrap();
        }
    }
}

/// The titles of books of which a copy can be borrowed.
async fn available(catalog: &Catalog) -> Vec<String> {
    let filter = Some(pb::BookFilter { available: true, ..pb::BookFilter::default() });
    shelf::titles(&list(catalog, pb::ListBooksRequest { filter, ..ask("") }).await)
}

testing::on_both! {
    async fn a_new_book_has_its_copies_in_lending_when_it_is_answered(db: Database) {
        let (apart, catalog) = open(&db).await;

        let (three, none) = (create(&catalog, with(3, "Trois")).await, create(&catalog, with(0, "Aucun")).await);

        assert_eq!((three.copies, three.available_copies), (3, 3));
        assert_eq!((apart.lent(&three.id).await, apart.lent(&none.id).await), (Some((3, 3)), Some((0, 0))));
        assert_eq!(number(&db, "catalog", "SELECT COUNT(*) FROM copies_order").await, 0);
        settles(&db, &apart, &catalog, &three.id, (3, 3)).await;
    }

    async fn copies_on_loan_stay_on_loan_when_the_others_are_more_or_fewer(db: Database) {
        let (apart, catalog) = open(&db).await;
        let (book, person) = (create(&catalog, with(3, "Dune")).await, apart.person("paul").await);
        let loan = apart.borrow(&person, &book.id).await;
        settles(&db, &apart, &catalog, &book.id, (3, 2)).await;
        let before = get(&catalog, &book.id).await;
        assert_eq!((before.etag, before.update_time), (book.etag, book.update_time), "a loan is no change of the book");

        for (wanted, copies) in [(5, (6, 5)), (5, (6, 5)), (0, (1, 0)), (1, (2, 1))] {
            assert_eq!(try_set(&catalog, &book.id, wanted).await.unwrap(), copies);
            settles(&db, &apart, &catalog, &book.id, copies).await;
        }
        apart.give_back(&loan).await;
        settles(&db, &apart, &catalog, &book.id, (2, 2)).await;
    }

    async fn who_waits_for_a_book_gets_the_copies_that_are_added(db: Database) {
        let (apart, catalog) = open(&db).await;
        let (book, person) = (create(&catalog, with(0, "Rare")).await, apart.person("patient").await);
        let hold = apart.hold(&person, &book.id).await;

        assert_eq!(try_set(&catalog, &book.id, 2).await.unwrap(), (2, 1), "as lending says, not as was asked for");

        assert_eq!(apart.hold_state(&hold).await, loans::HoldState::Ready);
        settles(&db, &apart, &catalog, &book.id, (2, 1)).await;
    }

    async fn a_book_has_at_most_9999_copies_with_those_that_are_out(db: Database) {
        let (apart, catalog) = open(&db).await;
        let (book, person) = (create(&catalog, with(1, "Foule")).await, apart.person("un").await);
        apart.borrow(&person, &book.id).await;
        settles(&db, &apart, &catalog, &book.id, (1, 0)).await;

        let refused = try_set(&catalog, &book.id, 9999).await.unwrap_err();
        assert_eq!(misfits(&refused), ["book.available_copies"]);
        let request = pb::UpdateBookRequest {
            book: Some(pb::Book { id: book.id.clone(), ..with(9999, "") }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["available_copies".to_owned()] }),
            validate_only: true,
        };
        assert_eq!(misfits(&catalog.clone().update_book(request).await.unwrap_err()), ["book.available_copies"]);
        settles(&db, &apart, &catalog, &book.id, (1, 0)).await;

        assert_eq!(try_set(&catalog, &book.id, 9998).await.unwrap(), (9999, 9998));
        settles(&db, &apart, &catalog, &book.id, (9999, 9998)).await;
    }

    async fn filters_follow_loans(db: Database) {
        let (apart, catalog) = open(&db).await;
        let person = apart.person("lectrice").await;
        let one = create(&catalog, with(1, "Un")).await;
        create(&catalog, with(2, "Deux")).await;
        create(&catalog, with(0, "Aucun")).await;
        assert_eq!(available(&catalog).await, ["Un", "Deux"]);

        let began = std::time::Instant::now();
        let loan = apart.borrow(&person, &one.id).await;
        eventually(async || available(&catalog).await == ["Deux"]).await;
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        apart.give_back(&loan).await;
        eventually(async || available(&catalog).await == ["Un", "Deux"]).await;
        assert_eq!(found(&catalog, "deux").await, ["Deux"]);
    }

    async fn numbers_are_known_to_be_lendings_as_long_as_it_is_heard(db: Database) {
        let apart = Apart::start_with(&db, Door::Shut).await;
        let catalog = apart.catalog_as(Caller::operator());
        let book = create(&catalog, with(2, "Entendu")).await;
        let is_current = async || {
            let request = pb::GetBookRequest { book_id: book.id.clone() };
            let one = catalog.clone().get_book(request).await.unwrap().into_inner();
            let all = list(&catalog, pb::ListBooksRequest::default()).await;
            one.copies_are_current && all.copies_are_current
        };
        assert!(!is_current().await, "lending has never been heard");

        apart.door(Door::Open);
        eventually(is_current).await;
        let person = apart.person("lectrice").await;
        settles(&db, &apart, &catalog, &book.id, (2, 2)).await;
        apart.borrow(&person, &book.id).await;
        settles(&db, &apart, &catalog, &book.id, (2, 1)).await;
        eventually(is_current).await;
    }

    async fn what_lending_said_before_changes_nothing(db: Database) {
        let (apart, catalog) = open(&db).await;
        let (book, later) = (create(&catalog, with(2, "Devant")).await, create(&catalog, with(1, "Derrière")).await);
        settles(&db, &apart, &catalog, &book.id, (2, 2)).await;
        settles(&db, &apart, &catalog, &later.id, (1, 1)).await;
        let newer = format!("UPDATE book SET stock_revision = 1000000 WHERE id = '{}'", book.id);
        apart::by_hand(&db, "catalog", &newer).await;

        let person = apart.person("lecteur").await;
        apart.borrow(&person, &book.id).await;
        apart.borrow(&person, &later.id).await;

        eventually(async || get(&catalog, &later.id).await.available_copies == 0).await;
        assert_eq!(get(&catalog, &book.id).await.available_copies, 2, "something newer was known");
        assert_eq!(apart.lent(&book.id).await, Some((2, 1)));
    }

    async fn what_is_imported_has_its_copies_in_lending(db: Database) {
        let (apart, catalog) = open(&db).await;
        let copies = |copies: i32, title: &str| pb::Draft { copies: Some(copies), ..draft(1, titled(title)) };
        let drafts = vec![copies(3, "Trois"), copies(0, "Aucun"), draft(1, titled("Comme les autres")), copies(2, "Trois")];
        let outcomes = import(&catalog, batch(OnMatch::Skip, drafts)).await;
        let [three, none, one]: [String; 3] = [0, 1, 2].map(|place: usize| outcomes[place].book_id.clone());
        for (id, copies) in [(&three, (3, 3)), (&none, (0, 0)), (&one, (1, 1))] {
            settles(&db, &apart, &catalog, id, copies).await;
        }
        let person = apart.person("lecteur").await;
        apart.borrow(&person, &three).await;
        settles(&db, &apart, &catalog, &three, (3, 2)).await;

        import(&catalog, batch(OnMatch::Update, vec![copies(5, "Trois"), copies(1, "Comme les autres")])).await;
        settles(&db, &apart, &catalog, &three, (5, 4)).await;
        settles(&db, &apart, &catalog, &one, (1, 1)).await;

        let more = vec![copies(2, "Trois"), copies(1, "Trois"), copies(7, "Neuf"), copies(1, "Neuf"), copies(4, "Aucun")];
        let more = pb::ImportBooksRequest { request_id: "lot".to_owned(), ..batch(OnMatch::Add, more) };
        let outcomes = import(&catalog, more.clone()).await;
        import(&catalog, more).await;
        let new = outcomes[2].book_id.clone();
        for (id, copies) in [(&three, (8, 7)), (&new, (8, 8)), (&none, (4, 4)), (&one, (1, 1))] {
            settles(&db, &apart, &catalog, id, copies).await;
        }
    }

    async fn many_books_are_ordered_in_a_few_requests(db: Database) {
        let (apart, catalog) = open(&db).await;
        let drafts = (0..2500).map(|number| draft(number, titled(&format!("Tome {number}")))).collect();

        let outcomes = import(&catalog, pb::ImportBooksRequest { default_copies: 2, ..batch(OnMatch::Skip, drafts) }).await;

        let last = &outcomes.last().unwrap().book_id;
        settles(&db, &apart, &catalog, last, (2, 2)).await;
        assert_eq!(number(&db, "lending", "SELECT CAST(SUM(on_shelf) AS BIGINT) FROM stock").await, 5000);
        assert_eq!(number(&db, "lending", "SELECT COUNT(*) FROM request").await, 2);
        eventually(async || number(&db, "catalog", "SELECT COUNT(*) FROM book WHERE available = 2").await == 2500).await;
    }

    async fn without_lending_books_are_made_and_their_copies_come_later(db: Database) {
        let (apart, catalog) = open(&db).await;
        let there = create(&catalog, with(1, "Déjà là")).await;
        settles(&db, &apart, &catalog, &there.id, (1, 1)).await;
        apart.door(Door::Shut);

        let made = create(&catalog, with(3, "Seul")).await;
        let of_file = import(&catalog, batch(OnMatch::Skip, vec![draft(1, titled("Du fichier"))])).await;
        assert_eq!(try_set(&catalog, &made.id, 5).await.unwrap(), (5, 5));
        assert_eq!(try_set(&catalog, &made.id, 2).await.unwrap(), (2, 2));
        assert_eq!(try_set(&catalog, &there.id, 4).await.unwrap(), (4, 4));

        assert_eq!((made.copies, made.available_copies), (3, 3), "what is to be expected");
        assert_eq!((apart.lent(&made.id).await, apart.lent(&there.id).await), (None, Some((1, 1))));
        assert_eq!(available(&catalog).await, ["Déjà là", "Seul", "Du fichier"]);
        apart.door(Door::Open);
        for (id, copies) in [(&made.id, (2, 2)), (&there.id, (4, 4)), (&of_file[0].book_id, (1, 1))] {
            settles(&db, &apart, &catalog, id, copies).await;
        }
    }

    async fn an_order_of_many_books_overtakes_none_of_any_of_them(db: Database) {
        let (apart, catalog) = open(&db).await;
        let (first, second) = (create(&catalog, with(1, "Devant")).await, create(&catalog, with(1, "Derrière")).await);
        for book in [&first, &second] {
            settles(&db, &apart, &catalog, &book.id, (1, 1)).await;
        }
        apart.door(Door::Shut);
        try_set(&catalog, &second.id, 5).await.unwrap();
        let three = |line, title| pb::Draft { copies: Some(3), ..draft(line, titled(title)) };
        let both = batch(OnMatch::Add, vec![three(1, "Devant"), three(2, "Derrière")]);
        import(&catalog, pb::ImportBooksRequest { request_id: "lot".to_owned(), ..both }).await;
        apart.door(Door::Open);

        // Whoever changes the first book now must not have the import's order go before the second book's own.
        let edited = try_set(&catalog, &first.id, 9).await;

        assert!(edited.is_ok());
        settles(&db, &apart, &catalog, &second.id, (8, 8)).await;
        settles(&db, &apart, &catalog, &first.id, (9, 9)).await;
    }

    async fn an_order_whose_answer_was_lost_is_carried_out_once(db: Database) {
        let (apart, catalog) = open(&db).await;
        apart.door(Door::OneWay);

        let made = create(&catalog, with(3, "Perdu")).await;
        assert_eq!(apart.lent(&made.id).await, Some((3, 3)));
        let person = apart.person("rapide").await;
        apart.borrow(&person, &made.id).await;
        assert_eq!(try_set(&catalog, &made.id, 7).await.unwrap().1, 7);
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert_eq!(number(&db, "catalog", "SELECT COUNT(*) FROM copies_order").await, 2, "in their order, not past each other");
        assert_eq!(apart.lent(&made.id).await, Some((3, 2)));

        apart.door(Door::Open);
        settles(&db, &apart, &catalog, &made.id, (8, 7)).await;
    }

    async fn an_order_for_a_book_that_lending_has_withdrawn_is_dropped_and_keeps_nobody_back(db: Database) {
        let (apart, catalog) = open(&db).await;
        let (gone, other) = (create(&catalog, with(3, "Parti")).await, create(&catalog, with(1, "Autre")).await);
        settles(&db, &apart, &catalog, &other.id, (1, 1)).await;
        let withdraw = loans::WithdrawBookRequest { book_id: gone.id.clone() };
        apart.lending_as(Caller::service("catalog")).withdraw_book(withdraw).await.unwrap();
        apart.door(Door::Shut);
        try_set(&catalog, &gone.id, 2).await.unwrap();
        try_set(&catalog, &other.id, 2).await.unwrap();

        apart.door(Door::Open);

        settles(&db, &apart, &catalog, &other.id, (2, 2)).await;
        eventually(async || get(&catalog, &gone.id).await.copies == 0).await;
        assert_eq!(apart.lent(&gone.id).await, None);
    }

    async fn a_book_that_lending_has_forgotten_is_made_known_again(db: Database) {
        let (apart, catalog) = open(&db).await;
        let book = create(&catalog, with(3, "Oublié")).await;
        settles(&db, &apart, &catalog, &book.id, (3, 3)).await;
        apart::by_hand(&db, "lending", "DELETE FROM copy; DELETE FROM stock").await;

        assert_eq!(try_set(&catalog, &book.id, 2).await.unwrap(), (2, 2));

        settles(&db, &apart, &catalog, &book.id, (2, 2)).await;
    }

    async fn the_feed_is_followed_from_where_it_was_left(db: Database) {
        let (apart, catalog) = open(&db).await;
        let (book, person) = (create(&catalog, with(3, "Suite")).await, apart.person("abonné").await);
        settles(&db, &apart, &catalog, &book.id, (3, 3)).await;
        drop((apart, catalog));
        let (apart, catalog) = open(&db).await;
        apart.borrow(&person, &book.id).await;
        settles(&db, &apart, &catalog, &book.id, (3, 2)).await;
        drop((apart, catalog));

        by_hand(&db, "UPDATE feed SET token = 'not one of lending''s'; UPDATE book SET copies = 0, available = 0").await;

        let (apart, catalog) = open(&db).await;
        settles(&db, &apart, &catalog, &book.id, (3, 2)).await;
    }

    async fn the_books_of_a_catalogue_without_lending_are_made_known_to_it(db: Database) {
        as_it_was_before_lending(&db).await;
        let then = if db.kind() == Kind::Sqlite { "0" } else { "'2026-01-01T00:00:00Z'" };
        let book = |number: i32| {
            let copies = if number == 7 { 9999 } else { number % 4 };
            format!("('{number:024x}', 'Tome {number}', '', '', '', -10000, '', '', '', '', {copies}, {copies}, {then}, {then})")
        };
        let sql = "INSERT INTO book (id, title, title_key, author, author_key, year_key, publisher, language, language_key,
                       description, copies, available, created_at, updated_at) VALUES";
        by_hand(&db, &format!("{sql} {}", (0..2300).map(book).collect::<Vec<_>>().join(", "))).await;

        let (apart, catalog) = open(&db).await;

        for (number, copies) in [(0, 0), (3, 3), (7, 9999), (2299, 3)] {
            settles(&db, &apart, &catalog, &format!("{number:024x}"), (copies, copies)).await;
        }
        assert_eq!(number(&db, "lending", "SELECT COUNT(*) FROM stock").await, 2300);
        let person = apart.person("ancienne").await;
        apart.borrow(&person, &format!("{:024x}", 3)).await;
        let book = update(&catalog, pb::Book { id: format!("{:024x}", 3), ..with(1, "") }, &["available_copies"]).await;
        assert_eq!((book.copies, book.available_copies), (2, 1));
    }
}
