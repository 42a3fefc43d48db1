//! Loans one by one: lent, returned, renewed, changed, forgotten; by whom, and what is refused.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part")]
mod desk;

use std::time::Duration;

use desk::{
    borrow, give_back, hold, misfits, obstacles, open, paths, refusal, told, try_borrow, try_borrow_copy, try_copy,
    try_give_back, unknown,
};
use proto::lending::v1 as pb;
use serde_json::json;
use testing::{Database, suite::BEGIN};
use tonic::{Code, Status};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn see(lending: &desk::Lending, loan_id: &str) -> Result<pb::Loan, Status> {
    let request = pb::GetLoanRequest { loan_id: loan_id.to_owned() };
    lending.clone().get_loan(request).await.map(|found| found.into_inner().loan.unwrap())
}

async fn try_renew(lending: &desk::Lending, loan_id: &str) -> Result<pb::Loan, Status> {
    let request = pb::RenewLoanRequest { request_id: String::new(), loan_id: loan_id.to_owned() };
    lending.clone().renew_loan(request).await.map(|renewed| renewed.into_inner().loan.unwrap())
}

async fn try_change(lending: &desk::Lending, loan: pb::Loan, mask: &[&str]) -> Result<pb::Loan, Status> {
    let request = pb::UpdateLoanRequest { loan: Some(loan), update_mask: Some(paths(mask)) };
    lending.clone().update_loan(request).await.map(|changed| changed.into_inner().loan.unwrap())
}

async fn listed(lending: &desk::Lending, filter: pb::LoanFilter) -> Result<Vec<String>, Status> {
    let request = pb::ListLoansRequest { filter: Some(filter), ..pb::ListLoansRequest::default() };
    let answer = lending.clone().list_loans(request).await?.into_inner();
    assert_eq!(answer.total_size, answer.loans.len() as i64);
    Ok(answer.loans.into_iter().map(|loan| loan.id).collect())
}

fn seconds(time: Option<prost_types::Timestamp>) -> i64 {
    time.unwrap().seconds - BEGIN.seconds()
}

const FOURTEEN_DAYS: i64 = 14 * 24 * 3600;

testing::on_both! {
    async fn a_book_is_lent_for_fourteen_days_and_comes_back_once(database: Database) {
        let desk = open(database).await;
        let (book, patron) = (desk.book(2).await, desk.patron("elodie").await);
        let his = desk.of(&patron);

        let loan = borrow(&his, &patron.id, &book).await;

        assert_eq!((&loan.patron_id, &loan.book_id, loan.state()), (&patron.id, &book, pb::LoanState::Open));
        assert_eq!((seconds(loan.borrow_time), seconds(loan.due_time), loan.return_time), (0, FOURTEEN_DAYS, None));
        assert_eq!(desk.availability(&book).await, Some((2, 1)));
        assert_eq!(see(&his, &loan.id).await.unwrap(), loan);

        desk.suite.hand.advance(3 * DAY);
        let returned = give_back(&his, &loan.id).await;

        let ended = returned.loan.unwrap();
        assert_eq!((seconds(ended.return_time), ended.state()), (3 * 24 * 3600, pb::LoanState::Returned));
        assert_eq!(returned.availability.map(|of| (of.copies, of.available_copies)), Some((2, 2)));
        assert_eq!(refusal(try_give_back(&his, &loan.id).await), told(Code::FailedPrecondition, "LOAN_RETURNED"));
        assert_eq!(desk.availability(&book).await, Some((2, 2)));
        desk.must_be_in_order().await;
    }

    async fn who_is_in_the_way_of_himself_is_told_all_of_it(database: Database) {
        let desk = open(database).await;
        let patron = desk.patron("elodie").await;
        let his = desk.of(&patron);
        let mut loans = Vec::new();
        for _ in 0..5 {
            loans.push(borrow(&his, &patron.id, &desk.book(1).await).await);
        }
        let (there, out) = (desk.book(1).await, desk.book(0).await);

        assert_eq!(refusal(try_borrow(&his, &patron.id, &there).await), told(Code::FailedPrecondition, "LOAN_LIMIT_REACHED"));
        assert_eq!(obstacles(&his, &patron.id, &there).await, ["LOAN_LIMIT_REACHED"]);
        desk.suite.hand.advance(14 * DAY + Duration::from_secs(1));
        let all = ["LOAN_LIMIT_REACHED", "PATRON_HAS_OVERDUE_LOANS", "BOOK_NOT_AVAILABLE"];
        assert_eq!(obstacles(&his, &patron.id, &out).await, all);
        for loan in &loans[..4] {
            give_back(&his, &loan.id).await;
        }
        let late = told(Code::FailedPrecondition, "PATRON_HAS_OVERDUE_LOANS");
        assert_eq!(refusal(try_borrow(&his, &patron.id, &there).await), late);
        give_back(&his, &loans[4].id).await;
        assert_eq!(obstacles(&his, &patron.id, &there).await, Vec::<String>::new());
        let gone = told(Code::FailedPrecondition, "BOOK_NOT_AVAILABLE");
        assert_eq!(refusal(try_borrow(&his, &patron.id, &out).await), gone);
        borrow(&his, &patron.id, &there).await;
        desk.must_be_in_order().await;
    }

    async fn a_request_for_what_is_not_there_leaves_nothing_behind(database: Database) {
        let desk = open(database).await;
        let (book, patron) = (desk.book(1).await, desk.patron("elodie").await);
        let his = desk.of(&patron);

        assert_eq!(refusal(try_borrow(&his, &patron.id, &unknown()).await), told(Code::NotFound, "BOOK_NOT_FOUND"));
        assert_eq!(refusal(try_borrow(&desk.admin, &unknown(), &book).await), told(Code::NotFound, "PATRON_NOT_FOUND"));
        assert_eq!(refusal(try_give_back(&his, &unknown()).await), told(Code::NotFound, "LOAN_NOT_FOUND"));
        assert_eq!(misfits(try_borrow(&desk.admin, "x", &book).await), ["patron_id"]);
        assert_eq!(misfits(try_borrow(&his, &patron.id, "x").await), ["book_id"]);

        assert_eq!(desk.availability(&book).await, Some((1, 1)));
        assert_eq!(listed(&desk.admin, pb::LoanFilter::default()).await.unwrap(), Vec::<String>::new());
        desk.must_be_in_order().await;
    }

    async fn somebody_elses_loan_does_not_exist(database: Database) {
        let desk = open(database).await;
        let (elodie, karim) = (desk.patron("elodie").await, desk.patron("karim").await);
        let loan = borrow(&desk.of(&elodie), &elodie.id, &desk.book(1).await).await;
        let other = desk.of(&karim);

        let absent = told(Code::NotFound, "LOAN_NOT_FOUND");
        assert_eq!(refusal(see(&other, &loan.id).await), absent);
        assert_eq!(refusal(try_give_back(&other, &loan.id).await), absent);
        assert_eq!(refusal(try_renew(&other, &loan.id).await), absent);
        let of_hers = pb::LoanFilter { patron_id: elodie.id.clone(), ..pb::LoanFilter::default() };
        assert_eq!(refusal(listed(&other, of_hers.clone()).await), told(Code::NotFound, "PATRON_NOT_FOUND"));
        assert_eq!(misfits(listed(&other, pb::LoanFilter::default()).await), ["filter.patron_id"]);
        let borrowed = try_borrow(&other, &elodie.id, &desk.book(1).await).await;
        assert_eq!(refusal(borrowed), told(Code::NotFound, "PATRON_NOT_FOUND"));
        assert_eq!(listed(&desk.admin, of_hers).await.unwrap(), [loan.id]);
    }

    async fn a_blocked_patron_borrows_nothing_and_may_give_back(database: Database) {
        let desk = open(database).await;
        let (patron, admin) = (desk.patron("elodie").await, desk.suite.admin().await);
        let loan = borrow(&desk.admin, &patron.id, &desk.book(1).await).await;

        let path = format!("/api/clients/{}", patron.id);
        let blocked = desk.suite.send("PUT", &path, Some(&admin), Some(json!({"active": false}))).await;
        assert_eq!(blocked.status, 200, "{}", blocked.text);

        let refused = told(Code::FailedPrecondition, "PATRON_BLOCKED");
        assert_eq!(refusal(try_borrow(&desk.admin, &patron.id, &desk.book(1).await).await), refused);
        assert_eq!(refusal(try_renew(&desk.admin, &loan.id).await), refused);
        assert_eq!(refusal(desk::try_hold(&desk.admin, &patron.id, &desk.book(1).await).await), refused);
        give_back(&desk.admin, &loan.id).await;
    }

    async fn a_loan_is_renewed_twice_and_not_while_somebody_waits(database: Database) {
        let desk = open(database).await;
        let (elodie, karim) = (desk.patron("elodie").await, desk.patron("karim").await);
        let (his, book) = (desk.of(&elodie), desk.book(1).await);
        let loan = borrow(&his, &elodie.id, &book).await;

        desk.suite.hand.advance(10 * DAY);
        let renewed = try_renew(&his, &loan.id).await.unwrap();
        assert_eq!((seconds(renewed.due_time), renewed.renewals), (24 * 24 * 3600, 1));
        let waiting = hold(&desk.of(&karim), &karim.id, &book).await;
        assert_eq!(refusal(try_renew(&his, &loan.id).await), told(Code::FailedPrecondition, "BOOK_AWAITED"));
        desk.of(&karim).cancel_hold(pb::CancelHoldRequest { hold_id: waiting.id }).await.unwrap();
        try_renew(&his, &loan.id).await.unwrap();
        assert_eq!(refusal(try_renew(&his, &loan.id).await), told(Code::FailedPrecondition, "RENEWAL_LIMIT_REACHED"));

        let late = borrow(&his, &elodie.id, &desk.book(1).await).await;
        desk.suite.hand.advance(15 * DAY);
        assert_eq!(refusal(try_renew(&his, &late.id).await), told(Code::FailedPrecondition, "LOAN_OVERDUE"));
        give_back(&his, &late.id).await;
        assert_eq!(refusal(try_renew(&his, &late.id).await), told(Code::FailedPrecondition, "LOAN_RETURNED"));
    }

    async fn an_admin_changes_when_a_loan_is_due_and_ends_it(database: Database) {
        let desk = open(database).await;
        let (patron, book) = (desk.patron("elodie").await, desk.book(1).await);
        let loan = borrow(&desk.admin, &patron.id, &book).await;
        let at = |days: i64| Some(prost_types::Timestamp { seconds: BEGIN.seconds() + days * 24 * 3600, nanos: 0 });
        let due = |days| pb::Loan { id: loan.id.clone(), due_time: at(days), ..pb::Loan::default() };
        let stands = |state: pb::LoanState| pb::Loan { id: loan.id.clone(), state: state.into(), ..pb::Loan::default() };

        desk.suite.hand.advance(2 * DAY);
        let changed = try_change(&desk.admin, due(1), &["due_time"]).await.unwrap();
        assert_eq!((seconds(changed.due_time), changed.state()), (24 * 3600, pb::LoanState::Overdue));
        let early = told(Code::InvalidArgument, "DUE_TIME_TOO_EARLY");
        assert_eq!(refusal(try_change(&desk.admin, due(-1), &["due_time"]).await), early);
        assert_eq!(misfits(try_change(&desk.admin, due(1_000_000), &["due_time"]).await), ["loan.due_time"]);
        assert_eq!(misfits(try_change(&desk.admin, due(1), &["id"]).await), ["update_mask"]);
        assert_eq!(misfits(try_change(&desk.admin, stands(pb::LoanState::Unspecified), &["state"]).await), ["loan.state"]);
        let contradicted = told(Code::FailedPrecondition, "LOAN_STATE_CONTRADICTED");
        assert_eq!(refusal(try_change(&desk.admin, stands(pb::LoanState::Open), &["state"]).await), contradicted);
        try_change(&desk.admin, stands(pb::LoanState::Overdue), &["state"]).await.unwrap();
        let ended = try_change(&desk.admin, stands(pb::LoanState::Returned), &["state"]).await.unwrap();
        assert_eq!(ended.state(), pb::LoanState::Returned);
        assert_eq!(desk.availability(&book).await, Some((1, 1)));
        let over = told(Code::FailedPrecondition, "LOAN_RETURNED");
        assert_eq!(refusal(try_change(&desk.admin, stands(pb::LoanState::Returned), &["state"]).await), over);
        assert_eq!(refusal(try_change(&desk.admin, due(20), &["due_time"]).await), over);
        let denied = try_change(&desk.of(&patron), due(20), &["due_time"]).await.unwrap_err();
        assert_eq!(denied.code(), Code::PermissionDenied);
        desk.must_be_in_order().await;
    }

    async fn forgetting_an_open_loan_gives_the_copy_back_once(database: Database) {
        let desk = open(database).await;
        let (patron, book) = (desk.patron("elodie").await, desk.book(2).await);
        let (first, second) =
            (borrow(&desk.admin, &patron.id, &book).await, borrow(&desk.admin, &patron.id, &book).await);
        give_back(&desk.admin, &second.id).await;
        let forget = async |loan_id: &str| {
            let request = pb::DeleteLoanRequest { loan_id: loan_id.to_owned() };
            desk.admin.clone().delete_loan(request).await.map(|gone| gone.into_inner().loan.unwrap())
        };

        assert_eq!(forget(&first.id).await.unwrap(), first);
        assert_eq!(desk.availability(&book).await, Some((2, 2)));
        assert_eq!(forget(&second.id).await.unwrap().state(), pb::LoanState::Returned);
        assert_eq!(desk.availability(&book).await, Some((2, 2)));
        assert_eq!(refusal(forget(&first.id).await), told(Code::NotFound, "LOAN_NOT_FOUND"));
        desk.must_be_in_order().await;
    }

    async fn at_the_desk_a_barcode_is_enough(database: Database) {
        let desk = open(database).await;
        let (elodie, karim, book) = (desk.patron("elodie").await, desk.patron("karim").await, desk.book(0).await);
        let copy = try_copy(&desk.admin, &book, "B-0001").await.unwrap();
        let return_by = async |barcode: &str, lending: &desk::Lending| {
            let item = Some(pb::return_loan_request::Item::Barcode(barcode.to_owned()));
            lending.clone().return_loan(pb::ReturnLoanRequest { request_id: String::new(), item }).await
        };

        let loan = try_borrow_copy(&desk.admin, &elodie.id, "B-0001").await.unwrap();
        assert_eq!((&loan.copy_id, &loan.book_id), (&copy.id, &book));
        let out = told(Code::FailedPrecondition, "COPY_NOT_AVAILABLE");
        assert_eq!(refusal(try_borrow_copy(&desk.admin, &karim.id, "B-0001").await), out);
        let absent = told(Code::NotFound, "COPY_NOT_FOUND");
        assert_eq!(refusal(try_borrow_copy(&desk.admin, &karim.id, "B-0002").await), absent);
        assert_eq!(refusal(try_borrow_copy(&desk.of(&karim), &karim.id, "B-0001").await), absent, "no desk of his");
        assert_eq!(refusal(return_by("B-0001", &desk.of(&elodie)).await), absent, "no desk of hers");
        let returned = return_by("B-0001", &desk.admin).await.unwrap().into_inner();
        assert_eq!(returned.loan.unwrap().id, loan.id);
        let here = told(Code::FailedPrecondition, "COPY_NOT_ON_LOAN");
        assert_eq!(refusal(return_by("B-0001", &desk.admin).await), here);
        assert_eq!(misfits(try_borrow_copy(&desk.admin, &karim.id, "a b").await), ["barcode"]);
    }

    async fn lists_show_what_is_asked_for_page_by_page(database: Database) {
        let desk = open(database).await;
        let (elodie, karim) = (desk.patron("elodie").await, desk.patron("karim").await);
        let (one, two) = (desk.book(3).await, desk.book(3).await);
        let mut loans = Vec::new();
        for (patron, book) in [(&elodie, &one), (&karim, &one), (&elodie, &two)] {
            loans.push(borrow(&desk.admin, &patron.id, book).await.id);
            desk.suite.hand.advance(Duration::from_millis(1));
        }
        give_back(&desk.admin, &loans[1]).await;
        desk.suite.hand.advance(14 * DAY);
        loans.push(borrow(&desk.admin, &karim.id, &two).await.id);
        let of = |change: &dyn Fn(&mut pb::LoanFilter)| {
            let mut filter = pb::LoanFilter::default();
            change(&mut filter);
            listed(&desk.admin, filter)
        };

        assert_eq!(of(&|_| ()).await.unwrap(), loans);
        assert_eq!(of(&|of| of.patron_id = karim.id.clone()).await.unwrap(), [loans[1].clone(), loans[3].clone()]);
        assert_eq!(of(&|of| of.book_id = one.clone()).await.unwrap(), loans[..2]);
        assert_eq!(of(&|of| of.set_state(pb::LoanState::Overdue)).await.unwrap(), [loans[0].clone(), loans[2].clone()]);
        assert_eq!(of(&|of| of.set_state(pb::LoanState::Open)).await.unwrap(), loans[3..]);
        assert_eq!(of(&|of| of.set_state(pb::LoanState::Returned)).await.unwrap(), loans[1..2]);
        let both = of(&|of| { of.book_id = two.clone(); of.patron_id = elodie.id.clone() }).await.unwrap();
        assert_eq!(both, loans[2..3]);
        assert_eq!(misfits(of(&|of| of.book_id = "x".to_owned()).await), ["filter.book_id"]);

        let mut paged = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = pb::ListLoansRequest { page_size: 3, page_token, ..pb::ListLoansRequest::default() };
            let page = desk.admin.clone().list_loans(request).await.unwrap().into_inner();
            assert_eq!(page.total_size, 4);
            paged.extend(page.loans.into_iter().map(|loan| loan.id));
            page_token = page.next_page_token;
            if page_token.is_empty() { break; }
        }
        assert_eq!(paged, loans);
    }

    async fn with_identity_silent_nothing_is_lent_and_nothing_half_done(database: Database) {
        let desk = open(database).await;
        let (patron, book) = (desk.patron("elodie").await, desk.book(1).await);
        let loan = borrow(&desk.admin, &patron.id, &book).await;
        give_back(&desk.admin, &loan.id).await;
        let lonely = desk.without_identity(|_| ()).await;

        let refused = try_borrow(&lonely, &patron.id, &book).await.unwrap_err();

        assert_eq!(refused.code(), Code::Unavailable, "{refused}");
        assert_eq!(desk.availability(&book).await, Some((1, 1)));
        desk.must_be_in_order().await;
    }
}
