//! Books that leave: lending is asked first, deleting is last, and whatever is left in between comes to its end.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part")]
mod apart;
#[expect(dead_code, reason = "each story uses its part")]
mod shelf;

use std::time::Duration;

use apart::{Apart, Door, eventually, number, refusal};
use proto::{catalog::v1 as pb, lending::v1::HoldState};
use shared::passport::Caller;
use shelf::{Catalog, create, found, titled, try_delete, update};
use testing::Database;
use tokio::task::JoinSet;
use tonic::Code;

async fn open(db: &Database) -> (Apart, Catalog) {
    let apart = Apart::start(db).await;
    let catalog = apart.catalog_as(Caller::operator());
    (apart, catalog)
}

fn told(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

/// A book with one copy.
async fn single(catalog: &Catalog) -> pb::Book {
    create(catalog, pb::Book { available_copies: 1, ..titled("Adieu") }).await
}

/// How many books there are.
async fn there(db: &Database) -> i64 {
    number(db, "catalog", "SELECT COUNT(*) FROM book").await
}

/// How many books are about to leave.
async fn marked(db: &Database) -> i64 {
    number(db, "catalog", "SELECT COUNT(*) FROM departure").await
}

testing::on_both! {
    async fn a_book_on_loan_stays_and_one_that_came_back_goes(db: Database) {
        let (apart, catalog) = open(&db).await;
        let (book, person) = (single(&catalog).await, apart.person("retardataire").await);
        let loan = apart.borrow(&person, &book.id).await;

        let refused = try_delete(&catalog, &book.id).await.unwrap_err();

        assert_eq!(refusal(&refused), told(Code::FailedPrecondition, "BOOK_ON_LOAN"));
        assert_eq!((found(&catalog, "adieu").await.len(), marked(&db).await), (1, 0));
        apart.give_back(&loan).await;
        let loan = apart.borrow(&person, &book.id).await;
        apart.give_back(&loan).await;
        assert_eq!(try_delete(&catalog, &book.id).await.unwrap().title, "Adieu");
        assert_eq!(found(&catalog, "adieu").await, [""; 0]);
        let refused = apart.try_borrow(&person, &book.id).await.unwrap_err();
        assert_eq!(refusal(&refused), told(Code::NotFound, "BOOK_NOT_FOUND"));
        assert_eq!(refusal(&try_delete(&catalog, &book.id).await.unwrap_err()), told(Code::NotFound, "BOOK_NOT_FOUND"));
    }

    async fn nobody_waits_for_a_book_that_is_gone(db: Database) {
        let (apart, catalog) = open(&db).await;
        let book = single(&catalog).await;
        let (first, second) = (apart.person("premier").await, apart.person("second").await);
        let holds = (apart.hold(&first, &book.id).await, apart.hold(&second, &book.id).await);
        assert_eq!(apart.hold_state(&holds.0).await, HoldState::Ready);

        try_delete(&catalog, &book.id).await.unwrap();

        for hold in [&holds.0, &holds.1] {
            assert_eq!(apart.hold_state(hold).await, HoldState::Cancelled);
        }
    }

    async fn a_stale_etag_asks_nobody(db: Database) {
        let (apart, catalog) = open(&db).await;
        let book = single(&catalog).await;
        update(&catalog, titled_again(&book), &["title"]).await;

        let request = pb::DeleteBookRequest { book_id: book.id.clone(), etag: book.etag };
        let refused = catalog.clone().delete_book(request).await.unwrap_err();

        assert_eq!(refusal(&refused), told(Code::Aborted, "STALE_ETAG"));
        assert_eq!((marked(&db).await, apart.lent(&book.id).await), (0, Some((1, 1))));
    }

    async fn twenty_who_delete_a_book_at_once_delete_it_once(db: Database) {
        let (apart, catalog) = open(&db).await;
        for _ in 0..5 {
            let book = single(&catalog).await;
            let mut deleting = JoinSet::new();
            for _ in 0..20 {
                let (catalog, id) = (catalog.clone(), book.id.clone());
                deleting.spawn(async move { try_delete(&catalog, &id).await });
            }

            let (gone, refused): (Vec<_>, Vec<_>) = deleting.join_all().await.into_iter().partition(Result::is_ok);

            assert_eq!((gone.len(), refused.len()), (1, 19));
            for refused in refused {
                assert_eq!(refusal(&refused.unwrap_err()), told(Code::NotFound, "BOOK_NOT_FOUND"));
            }
            assert_eq!((apart.lent(&book.id).await, marked(&db).await), (None, 0));
        }
    }

    async fn who_borrows_a_book_while_it_is_deleted_has_it_or_it_is_gone(db: Database) {
        let (apart, catalog) = open(&db).await;
        let person = apart.person("course").await;
        for round in 0..30 {
            let book = single(&catalog).await;

            let (lent, gone) = tokio::join!(apart.try_borrow(&person, &book.id), try_delete(&catalog, &book.id));

            match (&lent, &gone) {
                (Ok(loan), Err(refused)) => {
                    assert_eq!(refusal(refused), told(Code::FailedPrecondition, "BOOK_ON_LOAN"), "round {round}");
                    apart.give_back(loan).await;
                    try_delete(&catalog, &book.id).await.unwrap();
                }
                (Err(refused), Ok(_)) => {
                    assert_eq!(refusal(refused), told(Code::NotFound, "BOOK_NOT_FOUND"), "round {round}");
                }
                other => panic!("round {round}: {other:?}"),
            }
        }
        assert_eq!(marked(&db).await, 0);
    }

    async fn without_lending_a_book_stays_until_lending_is_back(db: Database) {
        let (apart, catalog) = open(&db).await;
        let book = single(&catalog).await;
        apart.door(Door::Shut);
        let late = create(&catalog, pb::Book { available_copies: 2, ..titled("Jamais commandé") }).await;

        for id in [&book.id, &late.id] {
            assert_eq!(try_delete(&catalog, id).await.unwrap_err().code(), Code::Unavailable);
            assert_eq!(try_delete(&catalog, id).await.unwrap_err().code(), Code::Unavailable, "again");
        }

        assert_eq!((found(&catalog, "adieu").await.len(), marked(&db).await), (1, 2));
        let edited = shelf::try_update(&catalog, pb::Book { id: book.id.clone(), ..titled("Retour") }, &["title"]).await;
        assert_eq!(edited.unwrap_err().code(), Code::NotFound, "what is changed now would be lost");
        assert_eq!(apart.lent(&book.id).await, Some((1, 1)));
        apart.hand.advance(Duration::from_secs(20));
        apart.door(Door::Open);
        eventually(async || there(&db).await == 0).await;
        assert_eq!((apart.lent(&book.id).await, apart.lent(&late.id).await, marked(&db).await), (None, None, 0));
        eventually(async || number(&db, "catalog", "SELECT COUNT(*) FROM copies_order").await == 0).await;
        assert_eq!(apart.lent(&late.id).await, None);
    }

    async fn a_book_that_lending_withdrew_without_our_hearing_of_it_is_deleted(db: Database) {
        let (apart, catalog) = open(&db).await;
        let (swept, asked) = (single(&catalog).await, single(&catalog).await);
        apart.door(Door::OneWay);
        for book in [&swept, &asked] {
            assert_eq!(try_delete(&catalog, &book.id).await.unwrap_err().code(), Code::Unavailable);
            assert_eq!(apart.lent(&book.id).await, None);
        }
        assert_eq!(found(&catalog, "adieu").await.len(), 2);

        apart.door(Door::Open);
        try_delete(&catalog, &asked.id).await.unwrap();
        assert_eq!(found(&catalog, "adieu").await.len(), 1, "asking again finishes it");
        apart.hand.advance(Duration::from_secs(20));
        eventually(async || there(&db).await == 0).await;
        assert_eq!(marked(&db).await, 0);
    }

    async fn a_book_that_lending_keeps_without_our_hearing_of_it_stays(db: Database) {
        let (apart, catalog) = open(&db).await;
        let (book, person) = (single(&catalog).await, apart.person("gardien").await);
        let loan = apart.borrow(&person, &book.id).await;
        apart.door(Door::OneWay);
        assert_eq!(try_delete(&catalog, &book.id).await.unwrap_err().code(), Code::Unavailable);
        assert_eq!(marked(&db).await, 1);

        apart.hand.advance(Duration::from_secs(20));
        apart.door(Door::Open);

        eventually(async || marked(&db).await == 0).await;
        apart.give_back(&loan).await;
        assert_eq!(found(&catalog, "adieu").await.len(), 1);
        apart.borrow(&person, &book.id).await;
    }
}

fn titled_again(book: &pb::Book) -> pb::Book {
    pb::Book { id: book.id.clone(), ..titled("Au revoir") }
}
