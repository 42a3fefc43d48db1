//! Copies, the policy, the feed and the audit log.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part")]
mod desk;

use std::{collections::BTreeMap, time::Duration};

use desk::{
    borrow, give_back, hold, misfits, open, open_with, paths, put, refusal, see_copy, told, try_borrow, try_copy,
    try_give_back, try_update_copy, unknown,
};
use lending::domain::policy::Days;
use proto::lending::v1::{self as pb, CopyState, add_copies_request::Addition};
use testing::Database;
use tonic::{Code, Status};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn set(desk: &desk::Desk, book_id: &str, request_id: &str, copies: i32) -> Result<(i32, i32), Status> {
    let (request_id, book_id) = (request_id.to_owned(), book_id.to_owned());
    let request = pb::SetAvailableCopiesRequest { request_id, book_id, available_copies: copies };
    let answer = desk.catalog.clone().set_available_copies(request).await?.into_inner();
    Ok(answer.availability.map(|of| (of.copies, of.available_copies)).unwrap())
}

async fn try_withdraw(lending: &desk::Lending, copy_id: &str) -> Result<pb::Copy, Status> {
    let request = pb::WithdrawCopyRequest { copy_id: copy_id.to_owned() };
    lending.clone().withdraw_copy(request).await.map(|gone| gone.into_inner().copy.unwrap())
}

async fn policies(lending: &desk::Lending) -> Vec<pb::Policy> {
    lending.clone().list_policies(pb::ListPoliciesRequest {}).await.unwrap().into_inner().policies
}

async fn try_policy(lending: &desk::Lending, policy: pb::Policy, mask: &[&str]) -> Result<pb::Policy, Status> {
    let request = pb::UpdatePolicyRequest { policy: Some(policy), update_mask: Some(paths(mask)) };
    lending.clone().update_policy(request).await.map(|updated| updated.into_inner().policy.unwrap())
}

async fn audited(lending: &desk::Lending) -> Vec<(String, String)> {
    let events = lending.clone().list_audit_events(pb::ListAuditEventsRequest::default()).await.unwrap();
    events.into_inner().audit_events.into_iter().map(|event| (event.event, event.detail)).collect()
}

/// How many copies there are of books, and can be borrowed.
type Known = BTreeMap<String, (i32, i32)>;

testing::on_both! {
    async fn copies_are_added_once_for_each_request(database: Database) {
        let desk = open(database).await;
        let (one, two) = (desk.book(0).await, unknown());
        let additions = |copies| [(&one, copies), (&two, 2)].map(|(id, copies)| Addition { book_id: id.clone(), copies });
        let add = async |request_id: &str, copies| {
            let request = pb::AddCopiesRequest { request_id: request_id.to_owned(), additions: additions(copies).to_vec() };
            desk.catalog.clone().add_copies(request).await.map(tonic::Response::into_inner)
        };

        let first = add("order-1", 3).await.unwrap();
        assert_eq!(add("order-1", 3).await.unwrap(), first);
        assert_eq!(refusal(add("order-1", 4).await), told(Code::FailedPrecondition, "REQUEST_ID_REUSED"));
        assert_eq!((desk.availability(&one).await, desk.availability(&two).await), (Some((3, 3)), Some((2, 2))));
        assert_eq!(misfits(add("", 1).await), ["request_id"]);
        assert_eq!(misfits(add("order-2", -1).await), ["additions.copies"]);
        assert_eq!(misfits(add("order-2", 10_000).await), ["additions.copies"]);
        let twice = vec![Addition { book_id: one.clone(), copies: 1 }; 2];
        let request = pb::AddCopiesRequest { request_id: "order-3".to_owned(), additions: twice };
        assert_eq!(misfits(desk.catalog.clone().add_copies(request).await), ["additions"]);
        let denied = desk.admin.clone().add_copies(pb::AddCopiesRequest::default()).await.unwrap_err();
        assert_eq!(denied.code(), Code::PermissionDenied);
        desk.must_be_in_order().await;
    }

    async fn what_can_be_borrowed_is_set_and_what_is_out_stays_out(database: Database) {
        let desk = open(database).await;
        let (book, patron) = (desk.book(2).await, desk.patron("elodie").await);
        let loan = borrow(&desk.admin, &patron.id, &book).await;
        let with_barcode = try_copy(&desk.admin, &book, "B-1").await.unwrap();

        assert_eq!(set(&desk, &book, "a", 5).await.unwrap(), (6, 5));
        assert_eq!(set(&desk, &book, "b", 1).await.unwrap(), (2, 1));
        assert_eq!(see_copy(&desk.admin, &with_barcode.id).await.unwrap().state(), CopyState::OnShelf, "others go first");
        assert_eq!(set(&desk, &book, "c", 0).await.unwrap(), (1, 0));
        assert_eq!(refusal(see_copy(&desk.admin, &with_barcode.id).await), told(Code::NotFound, "COPY_NOT_FOUND"));
        assert_eq!(set(&desk, &book, "b", 1).await.unwrap(), (2, 1), "the same request has its first answer");
        assert_eq!(desk.availability(&book).await, Some((1, 0)));
        give_back(&desk.admin, &loan.id).await;
        assert_eq!(desk.availability(&book).await, Some((1, 1)));
        assert_eq!(refusal(set(&desk, &unknown(), "d", 1).await), told(Code::NotFound, "BOOK_NOT_FOUND"));
        assert_eq!(misfits(set(&desk, &book, "e", 10_000).await), ["available_copies"]);
        desk.must_be_in_order().await;
    }

    async fn a_copy_is_lost_and_found_and_goes(database: Database) {
        let desk = open(database).await;
        let (book, patron) = (desk.book(0).await, desk.patron("elodie").await);
        let copy = try_copy(&desk.admin, &book, "B-1").await.unwrap();
        let loan = borrow(&desk.admin, &patron.id, &book).await;

        assert_eq!(refusal(try_withdraw(&desk.admin, &copy.id).await), told(Code::FailedPrecondition, "COPY_ON_LOAN"));
        let elsewhere = told(Code::FailedPrecondition, "COPY_STATE_CONTRADICTED");
        assert_eq!(refusal(put(&desk.admin, &copy.id, CopyState::OnShelf).await), elsewhere);
        assert_eq!(refusal(put(&desk.admin, &copy.id, CopyState::OnLoan).await), elsewhere);
        put(&desk.admin, &copy.id, CopyState::Lost).await.unwrap();
        put(&desk.admin, &copy.id, CopyState::Lost).await.unwrap();
        let request = pb::GetLoanRequest { loan_id: loan.id.clone() };
        let lost = desk.admin.clone().get_loan(request).await.unwrap().into_inner().loan.unwrap();
        assert!(lost.lost && lost.state() == pb::LoanState::Returned);
        assert_eq!(desk.availability(&book).await, Some((1, 0)));
        assert_eq!(refusal(try_give_back(&desk.admin, &loan.id).await), told(Code::FailedPrecondition, "LOAN_RETURNED"));
        desk.must_be_in_order().await;

        put(&desk.admin, &copy.id, CopyState::OnShelf).await.unwrap();
        let ready = hold(&desk.admin, &patron.id, &book).await;
        assert_eq!(ready.copy_id, copy.id);
        assert_eq!(refusal(try_withdraw(&desk.admin, &copy.id).await), told(Code::FailedPrecondition, "COPY_SET_ASIDE"));
        desk.admin.clone().cancel_hold(pb::CancelHoldRequest { hold_id: ready.id }).await.unwrap();
        assert_eq!(try_withdraw(&desk.admin, &copy.id).await.unwrap().state(), CopyState::Withdrawn);
        assert_eq!(refusal(try_withdraw(&desk.admin, &copy.id).await), told(Code::NotFound, "COPY_NOT_FOUND"));
        assert_eq!(desk.availability(&book).await, Some((0, 0)));
        let mut events: Vec<String> = audited(&desk.admin).await.into_iter().map(|(event, _)| event).collect();
        events.sort();
        assert_eq!(events, ["copy_found", "copy_lost", "copy_withdrawn"]);
        desk.must_be_in_order().await;
    }

    async fn a_barcode_is_one_copys(database: Database) {
        let desk = open(database).await;
        let book = desk.book(1).await;
        let copy = try_copy(&desk.admin, &book, "B-1").await.unwrap();
        let other = try_copy(&desk.admin, &book, "").await.unwrap();

        assert_eq!(refusal(try_copy(&desk.admin, &book, "B-1").await), told(Code::AlreadyExists, "BARCODE_TAKEN"));
        let with = |id: &str, barcode: &str| pb::Copy { id: id.to_owned(), barcode: barcode.to_owned(), ..pb::Copy::default() };
        let taken = try_update_copy(&desk.admin, with(&other.id, "B-1"), &["barcode"]).await;
        assert_eq!(refusal(taken), told(Code::AlreadyExists, "BARCODE_TAKEN"));
        assert_eq!(try_update_copy(&desk.admin, with(&other.id, "B-2"), &["barcode"]).await.unwrap().barcode, "B-2");
        assert_eq!(try_update_copy(&desk.admin, with(&copy.id, ""), &["barcode"]).await.unwrap().barcode, "");
        assert_eq!(misfits(try_copy(&desk.admin, &book, "a b").await), ["copy.barcode"]);
        assert_eq!(misfits(try_copy(&desk.admin, "x", "").await), ["copy.book_id"]);
        assert_eq!(refusal(try_copy(&desk.admin, &unknown(), "").await), told(Code::NotFound, "BOOK_NOT_FOUND"));
        assert_eq!(misfits(try_update_copy(&desk.admin, with(&copy.id, ""), &["book_id"]).await), ["update_mask"]);
        let list = pb::ListCopiesRequest { book_id: book.clone(), page_size: 2, ..pb::ListCopiesRequest::default() };
        let first = desk.admin.clone().list_copies(list.clone()).await.unwrap().into_inner();
        let rest = pb::ListCopiesRequest { page_token: first.next_page_token.clone(), ..list };
        let second = desk.admin.clone().list_copies(rest).await.unwrap().into_inner();
        assert_eq!((first.copies.len(), first.total_size, second.copies.len()), (2, 3, 1));
        assert_eq!(second.copies[0].id, other.id);
        assert_eq!(desk.availability(&book).await, Some((3, 3)));
    }

    async fn a_barcode_of_a_copy_that_went_may_be_another_ones(database: Database) {
        let desk = open(database).await;
        let (book, patron) = (desk.book(0).await, desk.patron("elodie").await);
        let gone = try_copy(&desk.admin, &book, "B-1").await.unwrap();
        try_withdraw(&desk.admin, &gone.id).await.unwrap();

        let absent = told(Code::NotFound, "COPY_NOT_FOUND");
        assert_eq!(refusal(desk::try_borrow_copy(&desk.admin, &patron.id, "B-1").await), absent);
        let next = try_copy(&desk.admin, &book, "B-1").await.unwrap();
        let loan = desk::try_borrow_copy(&desk.admin, &patron.id, "B-1").await.unwrap();
        assert_eq!(loan.copy_id, next.id);
        desk.must_be_in_order().await;
    }

    async fn two_who_make_a_policy_at_once_both_have_their_way(database: Database) {
        let desk = open(database).await;
        let policy = |category: &str| pb::Policy {
            category: category.to_owned(), loan_limit: 1, loan_days: 7, ..pb::Policy::default()
        };
        for round in 0..10_u8 {
            let category: String = ["c", &char::from(b'a' + round).to_string()].concat();
            let (first, second) = tokio::join!(
                try_policy(&desk.admin, policy(&category), &["loan_limit"]),
                try_policy(&desk.admin, policy(&category), &["loan_days"]),
            );
            first.and(second).unwrap();
            let made = policies(&desk.admin).await.into_iter().find(|of| of.category == category).unwrap();
            assert_eq!((made.loan_limit, made.loan_days), (1, 7), "round {round}");
        }
    }

    async fn a_policy_is_changed_while_people_borrow_and_every_change_is_written_down(database: Database) {
        let desk = open(database).await;
        let (patron, book) = (desk.patron("elodie").await, desk.book(3).await);
        assert_eq!(policies(&desk.of(&patron)).await.len(), 1);
        let everybody = policies(&desk.admin).await[0].clone();
        assert_eq!((everybody.loan_limit, everybody.loan_days, everybody.category.as_str()), (5, 14, ""));

        let clients = pb::Policy { category: "client".to_owned(), loan_limit: 1, loan_days: 7, ..pb::Policy::default() };
        let made = try_policy(&desk.admin, clients.clone(), &["loan_limit", "loan_days"]).await.unwrap();
        assert_eq!((made.loan_limit, made.loan_days, made.renewal_limit), (1, 7, 2));
        let loan = borrow(&desk.admin, &patron.id, &book).await;
        assert_eq!(loan.due_time.unwrap().seconds - loan.borrow_time.unwrap().seconds, 7 * 24 * 3600);
        let full = told(Code::FailedPrecondition, "LOAN_LIMIT_REACHED");
        assert_eq!(refusal(try_borrow(&desk.admin, &patron.id, &book).await), full);
        desk.suite.hand.advance(Duration::from_secs(1));
        try_policy(&desk.admin, pb::Policy { loan_limit: 2, ..clients.clone() }, &["loan_limit"]).await.unwrap();
        borrow(&desk.admin, &patron.id, &book).await;

        let request = pb::GetPatronRequest { patron_id: patron.id.clone() };
        let shown = desk.of(&patron).get_patron(request).await.unwrap().into_inner().patron.unwrap();
        assert_eq!((shown.open_loans, shown.overdue_loans, shown.policy.map(|of| of.loan_limit)), (2, 0, Some(2)));
        let bad = pb::Policy { loan_limit: -1, loan_days: 0, ..clients.clone() };
        let fields = misfits(try_policy(&desk.admin, bad, &["loan_limit", "loan_days"]).await);
        assert_eq!(fields, ["policy.loan_limit", "policy.loan_days"]);
        let nobody = pb::Policy { category: "No!".to_owned(), ..clients.clone() };
        assert_eq!(misfits(try_policy(&desk.admin, nobody, &["loan_limit"]).await), ["policy.category"]);
        assert_eq!(misfits(try_policy(&desk.admin, clients.clone(), &["category"]).await), ["update_mask"]);
        let denied = try_policy(&desk.of(&patron), clients, &["loan_limit"]).await.unwrap_err();
        assert_eq!(denied.code(), Code::PermissionDenied);
        let log = [("policy_updated", "loan_limit=1->2"), ("policy_updated", "loan_limit=5->1 loan_days=14->7")];
        assert_eq!(audited(&desk.admin).await, log.map(|(event, detail)| (event.to_owned(), detail.to_owned())));
        assert_eq!(policies(&desk.admin).await.len(), 2);
        desk.must_be_in_order().await;
    }

    async fn history_becomes_nobodys_when_the_setting_says_so(database: Database) {
        let thirty = |settings: &mut bibliotique::SuiteSettings| settings.lending.history_days = Days::try_from(30).ok();
        let desk = open_with(database, thirty).await;
        let (patron, book) = (desk.patron("elodie").await, desk.book(2).await);
        let past = borrow(&desk.admin, &patron.id, &book).await;
        give_back(&desk.admin, &past.id).await;
        let open = borrow(&desk.admin, &patron.id, &book).await;
        desk.suite.hand.advance(31 * DAY);
        // The sweep comes when a service starts, and twice a minute.
        let _another = desk.without_identity(thirty).await;

        let whose = async |loan_id: &str| {
            let request = pb::GetLoanRequest { loan_id: loan_id.to_owned() };
            desk.admin.clone().get_loan(request).await.unwrap().into_inner().loan.unwrap().patron_id
        };
        for _ in 0..1000 {
            if whose(&past.id).await.is_empty() { break; }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!((whose(&past.id).await, whose(&open.id).await), (String::new(), patron.id));
        desk.must_be_in_order().await;
    }

    async fn whoever_follows_gets_the_newest_of_every_book_and_misses_none(database: Database) {
        let desk = open(database).await;
        let patron = desk.patron("elodie").await;
        let (one, two) = (desk.book(1).await, desk.book(2).await);
        let mut known = Known::new();
        let mut token = String::new();
        let follow = async |token: &mut String, known: &mut Known, until: &dyn Fn(&Known) -> bool| {
            let request = pb::WatchAvailabilityRequest { resume_token: token.clone() };
            let mut stream = desk.catalog.clone().watch_availability(request).await.unwrap().into_inner();
            while !until(known) {
                let next = tokio::time::timeout(Duration::from_secs(20), stream.message()).await.expect("it comes in time");
                let message = next.unwrap().unwrap();
                *token = message.resume_token;
                known.extend(message.availabilities.into_iter().map(|of| (of.book_id, (of.copies, of.available_copies))));
            }
        };

        follow(&mut token, &mut known, &|known| known.len() == 2).await;
        assert_eq!((known[&one], known[&two]), ((1, 1), (2, 2)));
        let loan = borrow(&desk.admin, &patron.id, &one).await;
        follow(&mut token, &mut known, &|known| known[&one] == (1, 0)).await;
        give_back(&desk.admin, &loan.id).await;
        let request = pb::WithdrawBookRequest { book_id: two.clone() };
        desk.catalog.clone().withdraw_book(request).await.unwrap();
        follow(&mut token, &mut known, &|known| known[&one] == (1, 1) && known[&two] == (0, 0)).await;

        // A token from another life of the database: everything begins again.
        let mut ahead = shared::feed::Position { changed: i64::MAX, key: one.clone() }.token();
        let mut again = BTreeMap::new();
        follow(&mut ahead, &mut again, &|again| again.len() == 2).await;
        assert_eq!(again, known);
        let request = pb::WatchAvailabilityRequest { resume_token: "!".to_owned() };
        assert_eq!(misfits(desk.catalog.clone().watch_availability(request).await.map(|_| ())), ["resume_token"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_hears_that_nothing_changes() {
    let desk = open(testing::sqlite().await).await;
    let book = desk.book(1).await;
    let mut stream =
        desk.catalog.clone().watch_availability(pb::WatchAvailabilityRequest::default()).await.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap();
    assert_eq!(
        (first.availabilities[0].book_id.as_str(), first.is_all, first.starts_over),
        (book.as_str(), true, true)
    );

    for _ in 0..3 {
        let next = tokio::time::timeout(Duration::from_secs(20), stream.message()).await.expect("it comes in time");
        let quiet = pb::WatchAvailabilityResponse {
            resume_token: first.resume_token.clone(),
            is_all: true,
            ..Default::default()
        };
        assert_eq!(next.unwrap().unwrap(), quiet);
    }
}

/// On PostgreSQL a row may become visible after one that changed later: the feed waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_open_transaction_has_changed_is_not_passed_over() {
    let Some(database) = testing::postgres().await else { return };
    let desk = open(database).await;
    let (slow, quick) = (desk.book(1).await, desk.book(1).await);
    let url = testing::suite::beside(desk.database.url(), "lending");
    let url = shared::secret::ExposeSecret::expose_secret(&url).to_owned();
    let mut open = <sqlx::PgConnection as sqlx::Connection>::connect(&url).await.unwrap();
    let mut seen: BTreeMap<String, i32> = BTreeMap::new();
    let mut stream =
        desk.catalog.clone().watch_availability(pb::WatchAvailabilityRequest::default()).await.unwrap().into_inner();
    while seen.len() < 2 {
        let message = stream.message().await.unwrap().unwrap();
        seen.extend(message.availabilities.into_iter().map(|of| (of.book_id, of.copies)));
    }

    sqlx::raw_sql("BEGIN").execute(&mut open).await.unwrap();
    let change = "UPDATE stock SET lost = lost + 41, changed = pg_current_xact_id()::text::bigint WHERE book_id = $1";
    sqlx::query(change).bind(&slow).execute(&mut open).await.unwrap();
    desk.add(&quick, 6).await;
    let until = tokio::time::Instant::now() + Duration::from_millis(1500);
    let mut is_all = true;
    while let Ok(message) = tokio::time::timeout_at(until, stream.message()).await {
        let message = message.unwrap().unwrap();
        let told = message.availabilities;
        assert!(told.is_empty(), "nothing may be told that something may still come before: {told:?}");
        is_all = message.is_all;
    }
    assert!(!is_all, "and it is known that there is more");
    sqlx::raw_sql("COMMIT").execute(&mut open).await.unwrap();

    let both = async {
        while seen[&slow] != 42 || seen[&quick] != 7 {
            let message = stream.message().await.unwrap().unwrap();
            seen.extend(message.availabilities.into_iter().map(|of| (of.book_id, of.copies)));
        }
    };
    tokio::time::timeout(Duration::from_secs(20), both).await.expect("both are told");
}
