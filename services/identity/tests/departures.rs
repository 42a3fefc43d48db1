//! Accounts that leave: lending is asked first, deleting is last, and whatever is left in between comes to its end.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part")]
#[path = "../../catalog/tests/apart/mod.rs"]
mod apart;

use std::time::Duration;

use apart::{Apart, Door, eventually, number, refusal};
use proto::{
    identity::v1 as pb,
    lending::v1::{self as loans, HoldState},
};
use shared::{
    Id,
    context::{Context, RequestId},
    passport::Caller,
};
use testing::{
    Database, TestSuite,
    suite::{ADMIN, BEGIN, PASSWORD},
};
use tokio::task::JoinSet;
use tonic::{Code, Status};

async fn delete(apart: &Apart, id: &str) -> Result<pb::Account, Status> {
    let request = pb::DeleteAccountRequest { account_id: id.to_owned() };
    let gone = apart.identity_as(Caller::operator()).delete_account(request).await?;
    Ok(gone.into_inner().account.unwrap())
}

async fn is_there(apart: &Apart, id: &str) -> bool {
    let request = pb::GetAccountRequest { account_id: id.to_owned() };
    apart.identity_as(Caller::operator()).get_account(request).await.is_ok()
}

async fn can_sign_in(apart: &Apart, name: &str) -> bool {
    let request = pb::LogInRequest { login: format!("{name}@example.org"), password: PASSWORD.to_owned() };
    apart.identity_as(Caller::service("gateway")).log_in(request).await.is_ok()
}

/// Changes of an account what `mask` names.
async fn update(apart: &Apart, account: pb::Account, mask: &[&str]) -> Result<pb::Account, Status> {
    let paths = mask.iter().map(ToString::to_string).collect();
    let update_mask = Some(prost_types::FieldMask { paths });
    let request = pb::UpdateAccountRequest { account: Some(account), update_mask };
    let changed = apart.identity_as(Caller::operator()).update_account(request).await?;
    Ok(changed.into_inner().account.unwrap())
}

/// An account that runs the place.
async fn admin(apart: &Apart, name: &str) -> String {
    let request = pb::CreateAccountRequest {
        name: name.to_owned(),
        email: format!("{name}@example.org"),
        role: pb::Role::Admin.into(),
        credential: Some(pb::create_account_request::Credential::Password(PASSWORD.to_owned())),
        ..pb::CreateAccountRequest::default()
    };
    let made = apart.identity_as(Caller::operator()).create_account(request).await.unwrap();
    made.into_inner().account.unwrap().id
}

/// The one admin that there is from the beginning.
async fn first_admin(apart: &Apart) -> String {
    let all = apart.identity_as(Caller::operator()).list_accounts(pb::ListAccountsRequest::default()).await.unwrap();
    all.into_inner().accounts.into_iter().find(|account| account.email == ADMIN).unwrap().id
}

/// Who deleted an account, in which request.
async fn deletions(apart: &Apart, id: &str) -> Vec<(String, String)> {
    let request = pb::ListAuditEventsRequest { account_id: id.to_owned(), ..pb::ListAuditEventsRequest::default() };
    let log = apart.identity_as(Caller::operator()).list_audit_events(request).await.unwrap().into_inner();
    let deletions = log.audit_events.into_iter().filter(|event| event.event == "user_deleted");
    deletions.map(|event| (event.actor, event.request_id)).collect()
}

/// How many accounts are about to leave.
async fn marked(db: &Database) -> i64 {
    number(db, "identity", "SELECT COUNT(*) FROM account WHERE leaving_at IS NOT NULL").await
}

/// A book that lending has so many copies of.
async fn book(apart: &Apart, copies: i32) -> String {
    let id = Id::fresh(BEGIN).to_string();
    apart.stock(&id, copies).await;
    id
}

fn told(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

testing::on_both! {
    async fn who_has_a_book_stays_and_who_brought_it_back_goes(db: Database) {
        let apart = Apart::start(&db).await;
        let (person, book) = (apart.person("lectrice").await, book(&apart, 1).await);
        let loan = apart.borrow(&person, &book).await;

        let refused = delete(&apart, &person).await.unwrap_err();

        assert_eq!(refusal(&refused), told(Code::FailedPrecondition, "PATRON_HAS_LOANS"));
        assert_eq!((marked(&db).await, can_sign_in(&apart, "lectrice").await), (0, true));
        apart.give_back(&loan).await;
        let loan = apart.borrow(&person, &book).await;
        apart.give_back(&loan).await;
        assert_eq!(delete(&apart, &person).await.unwrap().id, person);
        assert!(!can_sign_in(&apart, "lectrice").await);
        let refused = apart.try_borrow(&person, &book).await.unwrap_err();
        assert_eq!(refusal(&refused), told(Code::NotFound, "PATRON_NOT_FOUND"));
        assert_eq!(refusal(&delete(&apart, &person).await.unwrap_err()), told(Code::NotFound, "ACCOUNT_NOT_FOUND"));
    }

    async fn whose_turn_it_was_leaves_his_copy_to_the_next(db: Database) {
        let apart = Apart::start(&db).await;
        let (first, second, book) = (apart.person("un").await, apart.person("deux").await, book(&apart, 1).await);
        let holds = (apart.hold(&first, &book).await, apart.hold(&second, &book).await);
        assert_eq!((apart.hold_state(&holds.0).await, apart.hold_state(&holds.1).await), (HoldState::Ready, HoldState::Waiting));

        delete(&apart, &first).await.unwrap();

        assert_eq!((apart.hold_state(&holds.0).await, apart.hold_state(&holds.1).await), (HoldState::Cancelled, HoldState::Ready));
    }

    async fn who_borrows_while_he_is_deleted_has_the_book_or_is_gone(db: Database) {
        let apart = Apart::start(&db).await;
        for round in 0..30 {
            let (person, book) = (apart.person(&format!("course-{round}")).await, book(&apart, 1).await);

            let (lent, gone) = tokio::join!(apart.try_borrow(&person, &book), delete(&apart, &person));

            match (&lent, &gone) {
                (Ok(_), Err(refused)) => {
                    assert_eq!(refusal(refused), told(Code::FailedPrecondition, "PATRON_HAS_LOANS"), "round {round}");
                }
                (Err(refused), Ok(_)) => {
                    assert_eq!(refusal(refused), told(Code::NotFound, "PATRON_NOT_FOUND"), "round {round}");
                }
                other => panic!("round {round}: {other:?}"),
            }
            assert_eq!(is_there(&apart, &person).await, lent.is_ok(), "round {round}");
        }
        assert_eq!(marked(&db).await, 0);
    }

    async fn twenty_who_delete_an_account_at_once_delete_it_once(db: Database) {
        let apart = Apart::start(&db).await;
        for round in 0..5 {
            let person = apart.person(&format!("foule-{round}")).await;
            let mut deleting = JoinSet::new();
            for _ in 0..20 {
                let (mut identity, account_id) = (apart.identity_as(Caller::operator()), person.clone());
                deleting.spawn(async move { identity.delete_account(pb::DeleteAccountRequest { account_id }).await });
            }

            let (gone, refused): (Vec<_>, Vec<_>) = deleting.join_all().await.into_iter().partition(Result::is_ok);

            assert_eq!((gone.len(), refused.len()), (1, 19));
            for refused in refused {
                assert_eq!(refusal(&refused.unwrap_err()), told(Code::NotFound, "ACCOUNT_NOT_FOUND"));
            }
            assert_eq!(deletions(&apart, &person).await.len(), 1);
        }
    }

    async fn without_lending_an_account_stays_until_lending_is_back(db: Database) {
        let apart = Apart::start_with(&db, Door::Shut).await;
        let person = apart.person("attend").await;
        let asked = Context::new(RequestId::fresh(), Duration::from_secs(20));
        let id = asked.request_id.to_string();

        assert_eq!(asked.scope(delete(&apart, &person)).await.unwrap_err().code(), Code::Unavailable);
        assert_eq!(delete(&apart, &person).await.unwrap_err().code(), Code::Unavailable, "again");

        assert_eq!((marked(&db).await, can_sign_in(&apart, "attend").await), (1, true));
        let active = pb::Account { id: person.clone(), state: pb::AccountState::Active.into(), ..pb::Account::default() };
        update(&apart, active, &["state"]).await.unwrap();
        assert_eq!(marked(&db).await, 1, "to let somebody in again is not to keep him");
        apart.hand.advance(Duration::from_secs(20));
        apart.door(Door::Open);
        eventually(async || !is_there(&apart, &person).await).await;
        assert_eq!(deletions(&apart, &person).await, [("operator".to_owned(), id)], "who asked for it first");
    }

    async fn an_account_that_lending_closed_without_our_hearing_of_it_is_deleted(db: Database) {
        let apart = Apart::start(&db).await;
        let (swept, asked) = (apart.person("un").await, apart.person("deux").await);
        apart.door(Door::OneWay);
        for person in [&swept, &asked] {
            assert_eq!(delete(&apart, person).await.unwrap_err().code(), Code::Unavailable);
        }
        let refused = apart.try_borrow(&swept, &book(&apart, 1).await).await.unwrap_err();
        assert_eq!(refusal(&refused), told(Code::NotFound, "PATRON_NOT_FOUND"));

        apart.door(Door::Open);
        delete(&apart, &asked).await.unwrap();
        assert!(is_there(&apart, &swept).await);
        apart.hand.advance(Duration::from_secs(20));
        eventually(async || !is_there(&apart, &swept).await).await;
        assert_eq!(marked(&db).await, 0);
    }

    async fn an_account_that_lending_keeps_without_our_hearing_of_it_stays(db: Database) {
        let apart = Apart::start(&db).await;
        let (person, book) = (apart.person("garde").await, book(&apart, 1).await);
        let loan = apart.borrow(&person, &book).await;
        apart.door(Door::OneWay);
        assert_eq!(delete(&apart, &person).await.unwrap_err().code(), Code::Unavailable);
        assert_eq!(marked(&db).await, 1);

        apart.hand.advance(Duration::from_secs(20));
        apart.door(Door::Open);

        eventually(async || marked(&db).await == 0).await;
        apart.give_back(&loan).await;
        apart.borrow(&person, &book).await;
        assert!(is_there(&apart, &person).await && deletions(&apart, &person).await.is_empty());
    }

    async fn an_admin_who_is_about_to_leave_does_not_run_the_place_any_more(db: Database) {
        let apart = Apart::start(&db).await;
        let (leaves, stays) = (first_admin(&apart).await, admin(&apart, "reste").await);
        apart.door(Door::Shut);
        assert_eq!(delete(&apart, &leaves).await.unwrap_err().code(), Code::Unavailable);

        assert_eq!(refusal(&delete(&apart, &stays).await.unwrap_err()), told(Code::FailedPrecondition, "LAST_ADMIN"));
        for (field, account) in [
            ("role", pb::Account { role: pb::Role::Client.into(), ..pb::Account::default() }),
            ("state", pb::Account { state: pb::AccountState::Inactive.into(), ..pb::Account::default() }),
        ] {
            let refused = update(&apart, pb::Account { id: stays.clone(), ..account }, &[field]).await.unwrap_err();
            assert_eq!(refusal(&refused), told(Code::FailedPrecondition, "LAST_ADMIN"), "{field}");
        }
        assert_eq!(marked(&db).await, 1);

        apart.door(Door::Open);
        delete(&apart, &leaves).await.unwrap();
        assert_eq!(refusal(&delete(&apart, &stays).await.unwrap_err()), told(Code::FailedPrecondition, "LAST_ADMIN"));
    }

    async fn an_admin_with_a_book_runs_the_place_on(db: Database) {
        let apart = Apart::start(&db).await;
        let (first, second, book) = (first_admin(&apart).await, admin(&apart, "second").await, book(&apart, 1).await);
        apart.borrow(&first, &book).await;
        assert_eq!(refusal(&delete(&apart, &first).await.unwrap_err()), told(Code::FailedPrecondition, "PATRON_HAS_LOANS"));

        delete(&apart, &second).await.unwrap();

        assert_eq!(refusal(&delete(&apart, &first).await.unwrap_err()), told(Code::FailedPrecondition, "LAST_ADMIN"));
    }

    /// The same through the gateway, with everything in one process.
    async fn the_gateway_says_that_a_client_has_books_on_loan(db: Database) {
        let suite = TestSuite::start(&db).await;
        let (person, admin) = (suite.register("royce27@gmail.com").await, suite.admin().await);
        let book_id = Id::fresh(BEGIN).to_string();
        let additions = vec![loans::add_copies_request::Addition { book_id: book_id.clone(), copies: 1 }];
        let request = loans::AddCopiesRequest { request_id: book_id.clone(), additions };
        suite.lending_as(Caller::service("catalog")).add_copies(request).await.unwrap();
        let request = loans::BorrowBookRequest {
            patron_id: person.id.clone(),
            item: Some(loans::borrow_book_request::Item::BookId(book_id)),
            ..loans::BorrowBookRequest::default()
        };
        suite.lending_as(Caller::operator()).borrow_book(request).await.unwrap();

        let answer = suite.send("DELETE", &format!("/api/clients/{}", person.id), Some(&admin), None).await;

        answer.must_be(409, r#"{"success":false,"message":"Client has books on loan!","data":null}"#);
        assert_eq!(suite.send("GET", "/api/clients/me", Some(&person.token), None).await.status, 200);
    }
}
