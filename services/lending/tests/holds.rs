//! The queue for a book: first come, first served, whatever happens meanwhile.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part")]
mod desk;

use std::time::Duration;

use desk::{
    borrow, give_back, hold, misfits, open, put, refusal, see_copy, see_hold, told, try_borrow, try_hold, unknown,
};
use proto::lending::v1::{self as pb, HoldState};
use testing::Database;
use tonic::Code;

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn cancel(lending: &desk::Lending, hold_id: &str) -> Result<pb::Hold, tonic::Status> {
    let request = pb::CancelHoldRequest { hold_id: hold_id.to_owned() };
    lending.clone().cancel_hold(request).await.map(|gone| gone.into_inner().hold.unwrap())
}

/// How a hold stands: its state and its position.
async fn stands(desk: &desk::Desk, hold: &pb::Hold) -> (HoldState, i32) {
    let hold = see_hold(&desk.admin, &hold.id).await.unwrap();
    (hold.state(), hold.position)
}

testing::on_both! {
    async fn a_returned_copy_goes_to_the_first_in_the_queue_and_then_to_the_next(database: Database) {
        let desk = open(database).await;
        let book = desk.book(1).await;
        let (has, first, second) = (desk.patron("has").await, desk.patron("first").await, desk.patron("second").await);
        let loan = borrow(&desk.of(&has), &has.id, &book).await;
        let hold_1 = hold(&desk.of(&first), &first.id, &book).await;
        let hold_2 = hold(&desk.of(&second), &second.id, &book).await;
        assert_eq!((hold_1.state(), hold_1.position), (HoldState::Waiting, 1));
        assert_eq!((hold_2.state(), hold_2.position), (HoldState::Waiting, 2));

        let returned = give_back(&desk.admin, &loan.id).await;

        let next = returned.next_hold.unwrap();
        assert_eq!((&next.id, next.state()), (&hold_1.id, HoldState::Ready));
        assert_eq!(desk.availability(&book).await, Some((1, 0)));
        assert_eq!(stands(&desk, &hold_2).await, (HoldState::Waiting, 1));
        let gone = told(Code::FailedPrecondition, "BOOK_NOT_AVAILABLE");
        assert_eq!(refusal(try_borrow(&desk.of(&second), &second.id, &book).await), gone);
        desk.must_be_in_order().await;

        let fetched = borrow(&desk.of(&first), &first.id, &book).await;
        assert_eq!(fetched.copy_id, loan.copy_id);
        assert_eq!(stands(&desk, &hold_1).await, (HoldState::Fulfilled, 0));
        let returned = give_back(&desk.of(&first), &fetched.id).await;
        assert_eq!(returned.next_hold, None, "who is next is nobody else's business");
        assert_eq!(stands(&desk, &hold_2).await, (HoldState::Ready, 0));
        desk.must_be_in_order().await;
    }

    async fn a_copy_that_nobody_fetches_goes_on_after_seven_days(database: Database) {
        let desk = open(database).await;
        let book = desk.book(1).await;
        let (has, first, second) = (desk.patron("has").await, desk.patron("first").await, desk.patron("second").await);
        let loan = borrow(&desk.admin, &has.id, &book).await;
        let (hold_1, hold_2) =
            (hold(&desk.admin, &first.id, &book).await, hold(&desk.admin, &second.id, &book).await);
        give_back(&desk.admin, &loan.id).await;

        desk.suite.hand.advance(7 * DAY + Duration::from_secs(1));
        assert_eq!(stands(&desk, &hold_1).await, (HoldState::Expired, 0), "it is computed from the clock");
        // Nobody has swept yet: whoever comes finds it as it should be.
        borrow(&desk.of(&second), &second.id, &book).await;

        assert_eq!(stands(&desk, &hold_1).await, (HoldState::Expired, 0));
        assert_eq!(stands(&desk, &hold_2).await, (HoldState::Fulfilled, 0));
        assert_eq!(refusal(cancel(&desk.admin, &hold_1.id).await), told(Code::FailedPrecondition, "HOLD_ENDED"));
        desk.must_be_in_order().await;
    }

    async fn a_hold_on_a_book_that_is_there_sets_a_copy_aside_at_once(database: Database) {
        let desk = open(database).await;
        let (book, elodie, karim) = (desk.book(1).await, desk.patron("elodie").await, desk.patron("karim").await);

        let ready = hold(&desk.of(&elodie), &elodie.id, &book).await;

        assert_eq!(ready.state(), HoldState::Ready);
        assert_eq!(desk.availability(&book).await, Some((1, 0)));
        let gone = told(Code::FailedPrecondition, "BOOK_NOT_AVAILABLE");
        assert_eq!(refusal(try_borrow(&desk.of(&karim), &karim.id, &book).await), gone);
        assert_eq!(cancel(&desk.of(&elodie), &ready.id).await.unwrap().state(), HoldState::Cancelled);
        assert_eq!(desk.availability(&book).await, Some((1, 1)));
        borrow(&desk.of(&karim), &karim.id, &book).await;
        desk.must_be_in_order().await;
    }

    async fn somebody_waits_once_and_for_ten_books(database: Database) {
        let desk = open(database).await;
        let (elodie, karim) = (desk.patron("elodie").await, desk.patron("karim").await);
        let mut books = Vec::new();
        for _ in 0..11 {
            books.push(desk.book(0).await);
        }
        let his = desk.of(&elodie);
        let first = hold(&his, &elodie.id, &books[0]).await;

        assert_eq!(refusal(try_hold(&his, &elodie.id, &books[0]).await), told(Code::AlreadyExists, "HOLD_EXISTS"));
        for book in &books[1..10] {
            hold(&his, &elodie.id, book).await;
        }
        let full = told(Code::FailedPrecondition, "HOLD_LIMIT_REACHED");
        assert_eq!(refusal(try_hold(&his, &elodie.id, &books[10]).await), full);
        assert_eq!(refusal(try_hold(&his, &elodie.id, &unknown()).await), told(Code::NotFound, "BOOK_NOT_FOUND"));
        assert_eq!(refusal(try_hold(&desk.admin, &unknown(), &books[0]).await), told(Code::NotFound, "PATRON_NOT_FOUND"));
        let absent = told(Code::NotFound, "HOLD_NOT_FOUND");
        assert_eq!(refusal(see_hold(&desk.of(&karim), &first.id).await), absent);
        assert_eq!(refusal(cancel(&desk.of(&karim), &first.id).await), absent);
        assert_eq!(refusal(see_hold(&desk.admin, &unknown()).await), absent);
        let list = |patron_id: &str| {
            let filter = Some(pb::HoldFilter { patron_id: patron_id.to_owned(), ..pb::HoldFilter::default() });
            pb::ListHoldsRequest { filter, ..pb::ListHoldsRequest::default() }
        };
        let all = desk.of(&elodie).list_holds(list(&elodie.id)).await.unwrap().into_inner();
        assert_eq!((all.total_size, all.holds.len()), (10, 10));
        assert_eq!(misfits(desk.of(&karim).list_holds(list("")).await), ["filter.patron_id"]);
        assert_eq!(refusal(desk.of(&karim).list_holds(list(&elodie.id)).await), told(Code::NotFound, "PATRON_NOT_FOUND"));
    }

    async fn a_copy_set_aside_that_is_lost_leaves_its_patron_the_first(database: Database) {
        let desk = open(database).await;
        let book = desk.book(1).await;
        let (elodie, karim) = (desk.patron("elodie").await, desk.patron("karim").await);
        let ready = hold(&desk.admin, &elodie.id, &book).await;
        let behind = hold(&desk.admin, &karim.id, &book).await;

        put(&desk.admin, &ready.copy_id, pb::CopyState::Lost).await.unwrap();
        assert_eq!(stands(&desk, &ready).await, (HoldState::Waiting, 1));
        desk.must_be_in_order().await;
        let found = put(&desk.admin, &ready.copy_id, pb::CopyState::OnShelf).await.unwrap();

        assert_eq!(found.state(), pb::CopyState::OnHoldShelf, "it goes to whoever waits");
        assert_eq!(stands(&desk, &ready).await, (HoldState::Ready, 0));
        assert_eq!(stands(&desk, &behind).await, (HoldState::Waiting, 1));
        desk.must_be_in_order().await;
    }

    async fn whose_copy_is_lost_takes_another_one_that_is_here(database: Database) {
        let desk = open(database).await;
        let (book, elodie) = (desk.book(2).await, desk.patron("elodie").await);
        let ready = hold(&desk.admin, &elodie.id, &book).await;

        put(&desk.admin, &ready.copy_id, pb::CopyState::Lost).await.unwrap();

        let now = see_hold(&desk.admin, &ready.id).await.unwrap();
        assert!(now.state() == HoldState::Ready && now.copy_id != ready.copy_id);
        assert_eq!(desk.availability(&book).await, Some((2, 0)));
        desk.must_be_in_order().await;
    }

    async fn who_has_the_book_and_waits_for_another_copy_may_renew(database: Database) {
        let desk = open(database).await;
        let (book, elodie, karim) = (desk.book(1).await, desk.patron("elodie").await, desk.patron("karim").await);
        let loan = borrow(&desk.admin, &elodie.id, &book).await;
        let renew = async || {
            let request = pb::RenewLoanRequest { request_id: String::new(), loan_id: loan.id.clone() };
            desk.admin.clone().renew_loan(request).await
        };

        hold(&desk.admin, &elodie.id, &book).await;
        renew().await.unwrap();
        hold(&desk.admin, &karim.id, &book).await;
        assert_eq!(refusal(renew().await), told(Code::FailedPrecondition, "BOOK_AWAITED"));
    }

    async fn new_copies_serve_the_queue_first(database: Database) {
        let desk = open(database).await;
        let book = desk.book(0).await;
        let (elodie, karim) = (desk.patron("elodie").await, desk.patron("karim").await);
        let (one, two) = (hold(&desk.admin, &elodie.id, &book).await, hold(&desk.admin, &karim.id, &book).await);

        desk.add(&book, 1).await;
        assert_eq!((stands(&desk, &one).await.0, stands(&desk, &two).await.0), (HoldState::Ready, HoldState::Waiting));
        let set = pb::SetAvailableCopiesRequest { request_id: "x".to_owned(), book_id: book.clone(), available_copies: 3 };
        desk.catalog.clone().set_available_copies(set).await.unwrap();

        assert_eq!(stands(&desk, &two).await.0, HoldState::Ready);
        assert_eq!(desk.availability(&book).await, Some((4, 2)));
        let copy = see_copy(&desk.admin, &see_hold(&desk.admin, &two.id).await.unwrap().copy_id).await.unwrap();
        assert_eq!(copy.state(), pb::CopyState::OnHoldShelf);
        desk.must_be_in_order().await;
    }

    async fn whoever_takes_another_copy_leaves_his_own_to_the_next(database: Database) {
        let desk = open(database).await;
        let book = desk.book(0).await;
        let (elodie, karim) = (desk.patron("elodie").await, desk.patron("karim").await);
        let copy = desk::try_copy(&desk.admin, &book, "B-1").await.unwrap();
        let ready = hold(&desk.admin, &elodie.id, &book).await;
        assert_eq!(ready.copy_id, copy.id);
        desk::try_copy(&desk.admin, &book, "B-2").await.unwrap();

        desk::try_borrow_copy(&desk.admin, &elodie.id, "B-2").await.unwrap();

        assert_eq!(stands(&desk, &ready).await.0, HoldState::Fulfilled);
        assert_eq!(desk.availability(&book).await, Some((2, 1)));
        let next = hold(&desk.admin, &karim.id, &book).await;
        assert_eq!(next.copy_id, copy.id);
        desk.must_be_in_order().await;
    }

    async fn a_book_that_is_withdrawn_has_no_queue_any_more(database: Database) {
        let desk = open(database).await;
        let (book, elodie) = (desk.book(1).await, desk.patron("elodie").await);
        let loan = borrow(&desk.admin, &elodie.id, &book).await;
        let waiting = hold(&desk.admin, &elodie.id, &book).await;
        let withdraw = async || {
            let request = pb::WithdrawBookRequest { book_id: book.clone() };
            desk.catalog.clone().withdraw_book(request).await
        };

        assert_eq!(refusal(withdraw().await), told(Code::FailedPrecondition, "BOOK_ON_LOAN"));
        give_back(&desk.admin, &loan.id).await;
        withdraw().await.unwrap();
        withdraw().await.unwrap();

        assert_eq!(stands(&desk, &waiting).await.0, HoldState::Cancelled);
        assert_eq!(desk.availability(&book).await, None);
        let absent = told(Code::NotFound, "BOOK_NOT_FOUND");
        assert_eq!(refusal(try_borrow(&desk.admin, &elodie.id, &book).await), absent);
        assert_eq!(refusal(try_hold(&desk.admin, &elodie.id, &book).await), absent);
        desk.add(&book, 3).await;
        assert_eq!(desk.availability(&book).await, None, "what was withdrawn stays so");
        desk.must_be_in_order().await;
    }

    async fn a_patron_goes_without_loans_and_takes_his_holds_along(database: Database) {
        let desk = open(database).await;
        let (book, other) = (desk.book(1).await, desk.book(1).await);
        let (elodie, karim) = (desk.patron("elodie").await, desk.patron("karim").await);
        let loan = borrow(&desk.admin, &elodie.id, &other).await;
        let ready = hold(&desk.admin, &elodie.id, &book).await;
        let next = hold(&desk.admin, &karim.id, &book).await;
        let identity = desk.suite.lending_as(shared::passport::Caller::service("identity"));
        let close = async || {
            identity.clone().close_patron(pb::ClosePatronRequest { patron_id: elodie.id.clone() }).await
        };

        assert_eq!(refusal(close().await), told(Code::FailedPrecondition, "PATRON_HAS_LOANS"));
        give_back(&desk.admin, &loan.id).await;
        close().await.unwrap();
        close().await.unwrap();

        assert_eq!(stands(&desk, &ready).await.0, HoldState::Cancelled);
        assert_eq!(stands(&desk, &next).await.0, HoldState::Ready);
        let absent = told(Code::NotFound, "PATRON_NOT_FOUND");
        assert_eq!(refusal(try_borrow(&desk.admin, &elodie.id, &other).await), absent);
        let request = pb::GetLoanRequest { loan_id: loan.id };
        let past = desk.admin.clone().get_loan(request).await.unwrap().into_inner().loan.unwrap();
        assert_eq!(past.patron_id, "", "his past loans are nobody's");
        desk.must_be_in_order().await;
    }
}
