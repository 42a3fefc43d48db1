//! Requests that come again: one effect, one answer, byte for byte.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part")]
mod apart;
#[expect(dead_code, reason = "each story uses its part")]
mod shelf;

use std::{collections::BTreeSet, time::Duration};

use apart::{Apart, Door, eventually, number, refusal};
use prost::Message as _;
use proto::catalog::v1 as pb;
use shared::passport::{Caller, Role};
use shelf::{Catalog, ask, found, list, misfits, titled, try_delete};
use testing::Database;
use tokio::task::JoinSet;
use tonic::{Code, Status};

async fn open(db: &Database) -> (Apart, Catalog) {
    let apart = Apart::start(db).await;
    let catalog = apart.catalog_as(Caller::operator());
    (apart, catalog)
}

fn book(request_id: &str, book: pb::Book) -> pb::CreateBookRequest {
    pb::CreateBookRequest { book: Some(book), request_id: request_id.to_owned(), ..pb::CreateBookRequest::default() }
}

fn category(request_id: &str, name: &str) -> pb::CreateCategoryRequest {
    let category = pb::Category { name: name.to_owned(), description: "rayon".to_owned(), ..pb::Category::default() };
    pb::CreateCategoryRequest { category: Some(category), request_id: request_id.to_owned() }
}

async fn create(catalog: &Catalog, request: pb::CreateBookRequest) -> Result<Vec<u8>, Status> {
    catalog.clone().create_book(request).await.map(|made| made.into_inner().encode_to_vec())
}

async fn categorize(catalog: &Catalog, request: pb::CreateCategoryRequest) -> Result<Vec<u8>, Status> {
    catalog.clone().create_category(request).await.map(|made| made.into_inner().encode_to_vec())
}

fn reused() -> (Code, String) {
    (Code::FailedPrecondition, "REQUEST_ID_REUSED".to_owned())
}

testing::on_both! {
    async fn twenty_of_one_request_make_one_book(db: Database) {
        let (apart, catalog) = open(&db).await;
        let isbn = |isbn: &str| pb::Book { isbn: isbn.to_owned(), available_copies: 3, ..titled("Une fois") };
        for request in [book("sans", isbn("")), book("avec", isbn("9782070360024"))] {
            let mut making = JoinSet::new();
            for _ in 0..20 {
                let (catalog, request) = (catalog.clone(), request.clone());
                making.spawn(async move { create(&catalog, request).await.unwrap() });
            }

            let answers: BTreeSet<Vec<u8>> = making.join_all().await.into_iter().collect();

            assert_eq!(answers.len(), 1);
            assert_eq!(create(&catalog, request.clone()).await.unwrap(), *answers.first().unwrap());
        }
        let books = list(&catalog, ask("fois")).await.books;
        assert_eq!(books.len(), 2);
        for made in &books {
            assert_eq!(apart.lent(&made.id).await, Some((3, 3)), "the copies once");
        }
        assert_eq!(number(&db, "lending", "SELECT CAST(SUM(on_shelf) AS BIGINT) FROM stock").await, 6);
    }

    async fn twenty_of_one_request_make_one_category(db: Database) {
        let (_apart, catalog) = open(&db).await;
        let mut making = JoinSet::new();
        for _ in 0..20 {
            let catalog = catalog.clone();
            making.spawn(async move { categorize(&catalog, category("a", "Romans")).await.unwrap() });
        }

        let answers: BTreeSet<Vec<u8>> = making.join_all().await.into_iter().collect();

        assert_eq!(answers.len(), 1);
        assert_eq!(categorize(&catalog, category("a", "Romans")).await.unwrap(), *answers.first().unwrap());
        let taken = categorize(&catalog, category("b", "Romans")).await.unwrap_err();
        assert_eq!(refusal(&taken), (Code::AlreadyExists, "CATEGORY_TAKEN".to_owned()));
        assert_eq!(refusal(&categorize(&catalog, category("a", "Essais")).await.unwrap_err()), reused());
        assert!(categorize(&catalog, category("b", "Essais")).await.is_ok(), "a refused request is not remembered");
    }

    async fn an_id_is_one_callers_one_requests_and_one_days(db: Database) {
        let (apart, catalog) = open(&db).await;
        let first = create(&catalog, book("a", titled("Un"))).await.unwrap();

        assert_eq!(refusal(&create(&catalog, book("a", titled("Deux"))).await.unwrap_err()), reused());
        assert_eq!(refusal(&categorize(&catalog, category("a", "Un")).await.unwrap_err()), reused());
        let other = Caller { subject: "0".repeat(24), role: Role::Admin, ..Caller::operator() };
        assert!(create(&apart.catalog_as(other), book("a", titled("Deux"))).await.is_ok());
        for id in ["é".to_owned(), "a b".to_owned(), "a".repeat(256)] {
            assert_eq!(misfits(&create(&catalog, book(&id, titled("Trois"))).await.unwrap_err()), ["request_id"]);
            assert_eq!(misfits(&categorize(&catalog, category(&id, "Trois")).await.unwrap_err()), ["request_id"]);
        }
        assert_eq!(found(&catalog, "").await, ["Un", "Deux"]);

        apart.hand.advance(Duration::from_secs(24 * 3600 - 60));
        assert_eq!(create(&catalog, book("a", titled("Un"))).await.unwrap(), first);
        apart.hand.advance(Duration::from_secs(120));
        assert_ne!(create(&catalog, book("a", titled("Un"))).await.unwrap(), first);
        assert_eq!(found(&catalog, "").await, ["Un", "Deux", "Un"]);
    }

    async fn an_answer_stays_what_it_was_whatever_became_of_the_book(db: Database) {
        let (apart, catalog) = open(&db).await;
        let request = book("a", pb::Book { available_copies: 2, ..titled("Éphémère") });
        apart.door(Door::Shut);
        let first = create(&catalog, request.clone()).await.unwrap();
        apart.door(Door::Open);
        assert_eq!(create(&catalog, request.clone()).await.unwrap(), first);
        let id = pb::CreateBookResponse::decode(first.as_slice()).unwrap().book.unwrap().id;
        assert_eq!(apart.lent(&id).await, Some((2, 2)), "asking again carries out what was left");

        try_delete(&catalog, &id).await.unwrap();

        assert_eq!(create(&catalog, request).await.unwrap(), first);
        assert_eq!(found(&catalog, "").await, [""; 0]);
        eventually(async || number(&db, "catalog", "SELECT COUNT(*) FROM copies_order").await == 0).await;
    }

    async fn to_ask_what_would_be_is_no_request_that_is_remembered(db: Database) {
        let (_apart, catalog) = open(&db).await;
        let ask = pb::CreateBookRequest { validate_only: true, ..book("a", titled("Un")) };

        create(&catalog, ask).await.unwrap();

        create(&catalog, book("a", titled("Deux"))).await.unwrap();
        assert_eq!(found(&catalog, "").await, ["Deux"]);
    }
}
