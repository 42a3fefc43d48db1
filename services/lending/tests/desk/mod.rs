//! Lending over gRPC: short ways to put copies there, to lend and return them, and to read what was refused.

use std::sync::Arc;

use proto::lending::v1::{
    self as pb, add_copies_request::Addition, borrow_book_request::Item as Wanted,
    lending_service_client::LendingServiceClient, return_loan_request::Item as Given,
};
use shared::{
    Clock, Id, Timestamp,
    channel::Channel,
    clock::Hand,
    passport::{Caller, Passports},
    secret::Secret,
};
use testing::{
    Database, TestSuite,
    suite::{INTERNAL_KEY, Person, beside, client},
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// A way to lending, as somebody.
pub type Lending = LendingServiceClient<Channel>;

/// A suite, and an operator's way to its lending.
pub struct Desk {
    pub suite: TestSuite,
    pub database: Database,
    pub admin: Lending,
    pub catalog: Lending,
}

/// Opens a library.
pub async fn open(database: Database) -> Desk {
    open_with(database, |_| ()).await
}

/// Opens a library whose settings a story changes.
pub async fn open_with(database: Database, change: impl FnOnce(&mut bibliotique::SuiteSettings)) -> Desk {
    let suite = TestSuite::start_with(&database, change).await;
    let admin = suite.lending_as(Caller::operator());
    let catalog = suite.lending_as(Caller::service("catalog"));
    Desk { suite, database, admin, catalog }
}

/// An id that nothing has.
pub fn unknown() -> String {
    Id::fresh(Timestamp::from_micros(7)).to_string()
}

impl Desk {
    /// A book that catalog made known, with so many copies.
    pub async fn book(&self, copies: i32) -> String {
        let book_id = Id::fresh(testing::suite::BEGIN).to_string();
        self.add(&book_id, copies).await;
        book_id
    }

    /// Adds copies of a book.
    pub async fn add(&self, book_id: &str, copies: i32) {
        let additions = vec![Addition { book_id: book_id.to_owned(), copies }];
        let request_id = Id::fresh(testing::suite::BEGIN).to_string();
        self.catalog.clone().add_copies(pb::AddCopiesRequest { request_id, additions }).await.unwrap();
    }

    /// Somebody who may borrow.
    pub async fn patron(&self, name: &str) -> Person {
        self.suite.register(&format!("{name}@example.org")).await
    }

    /// The way of somebody.
    pub fn of(&self, person: &Person) -> Lending {
        self.suite.lending_as(client(&person.id))
    }

    /// How many copies of a book there are, and how many can be borrowed; `None` for one that is not known.
    pub async fn availability(&self, book_id: &str) -> Option<(i32, i32)> {
        let request = pb::BatchGetAvailabilityRequest { book_ids: vec![book_id.to_owned()] };
        let found = self.admin.clone().batch_get_availability(request).await.unwrap().into_inner().availabilities;
        found.first().map(|of| (of.copies, of.available_copies))
    }

    /// Another lending on the same database, as an operator, that never reaches identity.
    pub async fn without_identity(&self, change: impl FnOnce(&mut bibliotique::SuiteSettings)) -> Lending {
        let passports = Arc::new(Passports::new(&Secret::from(INTERNAL_KEY)));
        let caller = Caller::service("lending");
        let (nowhere, _) = Channel::promised(identity::AUDIENCE, caller, passports, self.suite.clock.clone());
        self.another(nowhere, self.suite.clock.clone(), change).await
    }

    /// Another lending on the same database, as an operator, with a clock of its own.
    pub async fn beside(&self, change: impl FnOnce(&mut bibliotique::SuiteSettings)) -> (Lending, Hand) {
        let (clock, hand) = Clock::manual(self.suite.clock.now());
        let identity = self.suite.suite.identity_as(Caller::service("lending"));
        (self.another(identity, clock, change).await, hand)
    }

    async fn another(
        &self,
        identity: Channel,
        clock: Clock,
        change: impl FnOnce(&mut bibliotique::SuiteSettings),
    ) -> Lending {
        let (mut settings, _) = testing::suite::settings(self.database.url());
        change(&mut settings);
        let passports = Arc::new(Passports::new(&settings.internal_key));
        let (keys, stop) = (Arc::clone(&passports), CancellationToken::new());
        let router = lending::start(settings.lending, identity, keys, clock.clone(), stop).await.unwrap();
        // Whoever calls it is as far off: it takes no passport that is ten minutes old, or yet to come.
        let (caller, time) = (Caller::operator(), clock);
        LendingServiceClient::new(Channel::local(router, lending::AUDIENCE, caller, passports, time))
    }

    /// Everything fits together.
    #[track_caller]
    pub fn must_be_in_order(&self) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            let findings = lending::check(&beside(self.database.url(), "lending")).await.unwrap();
            assert_eq!(findings.misfits, Vec::<String>::new(), "at {place}");
        }
    }
}

/// Tries to borrow a book for somebody.
pub async fn try_borrow(lending: &Lending, patron_id: &str, book_id: &str) -> Result<pb::Loan, Status> {
    ask_to_borrow(lending, patron_id, book_id, "").await
}

/// The same, in a request that may come again.
pub async fn ask_to_borrow(
    lending: &Lending,
    patron_id: &str,
    book_id: &str,
    request_id: &str,
) -> Result<pb::Loan, Status> {
    let request = pb::BorrowBookRequest {
        request_id: request_id.to_owned(),
        patron_id: patron_id.to_owned(),
        item: Some(Wanted::BookId(book_id.to_owned())),
        validate_only: false,
    };
    lending.clone().borrow_book(request).await.map(|lent| lent.into_inner().loan.unwrap())
}

/// Borrows a book for somebody.
pub async fn borrow(lending: &Lending, patron_id: &str, book_id: &str) -> pb::Loan {
    try_borrow(lending, patron_id, book_id).await.unwrap()
}

/// Tries to lend the copy on the desk.
pub async fn try_borrow_copy(lending: &Lending, patron_id: &str, barcode: &str) -> Result<pb::Loan, Status> {
    let request = pb::BorrowBookRequest {
        patron_id: patron_id.to_owned(),
        item: Some(Wanted::Barcode(barcode.to_owned())),
        ..pb::BorrowBookRequest::default()
    };
    lending.clone().borrow_book(request).await.map(|lent| lent.into_inner().loan.unwrap())
}

/// Everything that is in the way.
pub async fn obstacles(lending: &Lending, patron_id: &str, book_id: &str) -> Vec<String> {
    let request = pb::BorrowBookRequest {
        patron_id: patron_id.to_owned(),
        item: Some(Wanted::BookId(book_id.to_owned())),
        validate_only: true,
        ..pb::BorrowBookRequest::default()
    };
    let answer = lending.clone().borrow_book(request).await.unwrap().into_inner();
    assert!(answer.loan.is_none());
    answer.obstacles.into_iter().map(|obstacle| obstacle.reason).collect()
}

/// Tries to end a loan.
pub async fn try_give_back(lending: &Lending, loan_id: &str) -> Result<pb::ReturnLoanResponse, Status> {
    let request = pb::ReturnLoanRequest { request_id: String::new(), item: Some(Given::LoanId(loan_id.to_owned())) };
    lending.clone().return_loan(request).await.map(tonic::Response::into_inner)
}

/// Ends a loan.
pub async fn give_back(lending: &Lending, loan_id: &str) -> pb::ReturnLoanResponse {
    try_give_back(lending, loan_id).await.unwrap()
}

/// Tries to put somebody into the queue for a book.
pub async fn try_hold(lending: &Lending, patron_id: &str, book_id: &str) -> Result<pb::Hold, Status> {
    let (patron_id, book_id) = (patron_id.to_owned(), book_id.to_owned());
    let request = pb::PlaceHoldRequest { request_id: String::new(), patron_id, book_id };
    lending.clone().place_hold(request).await.map(|placed| placed.into_inner().hold.unwrap())
}

/// Puts somebody into the queue for a book.
pub async fn hold(lending: &Lending, patron_id: &str, book_id: &str) -> pb::Hold {
    try_hold(lending, patron_id, book_id).await.unwrap()
}

/// A hold as it stands now.
pub async fn see_hold(lending: &Lending, hold_id: &str) -> Result<pb::Hold, Status> {
    let request = pb::GetHoldRequest { hold_id: hold_id.to_owned() };
    lending.clone().get_hold(request).await.map(|found| found.into_inner().hold.unwrap())
}

/// Tries to add a copy with a barcode.
pub async fn try_copy(lending: &Lending, book_id: &str, barcode: &str) -> Result<pb::Copy, Status> {
    let (book_id, barcode) = (book_id.to_owned(), barcode.to_owned());
    let copy = Some(pb::Copy { book_id, barcode, ..pb::Copy::default() });
    let request = pb::CreateCopyRequest { request_id: String::new(), copy };
    lending.clone().create_copy(request).await.map(|made| made.into_inner().copy.unwrap())
}

/// Tries to change of a copy what `mask` names.
pub async fn try_update_copy(lending: &Lending, copy: pb::Copy, mask: &[&str]) -> Result<pb::Copy, Status> {
    let request = pb::UpdateCopyRequest { copy: Some(copy), update_mask: Some(paths(mask)) };
    lending.clone().update_copy(request).await.map(|updated| updated.into_inner().copy.unwrap())
}

/// A copy as it is now.
pub async fn see_copy(lending: &Lending, copy_id: &str) -> Result<pb::Copy, Status> {
    let request = pb::GetCopyRequest { copy_id: copy_id.to_owned() };
    lending.clone().get_copy(request).await.map(|found| found.into_inner().copy.unwrap())
}

/// Says that a copy is somewhere.
pub async fn put(lending: &Lending, copy_id: &str, state: pb::CopyState) -> Result<pb::Copy, Status> {
    let copy = pb::Copy { id: copy_id.to_owned(), state: state.into(), ..pb::Copy::default() };
    try_update_copy(lending, copy, &["state"]).await
}

/// A field mask.
pub fn paths(mask: &[&str]) -> prost_types::FieldMask {
    prost_types::FieldMask { paths: mask.iter().map(ToString::to_string).collect() }
}

/// A refusal: its code and its reason.
#[track_caller]
pub fn refusal<T: std::fmt::Debug>(outcome: Result<T, Status>) -> (Code, String) {
    let refused = outcome.unwrap_err();
    let reason = refused.get_details_error_info().map(|info| info.reason).unwrap_or_default();
    (refused.code(), reason)
}

/// What a refusal should be.
pub fn told(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

/// The fields that do not fit.
#[track_caller]
pub fn misfits<T: std::fmt::Debug>(outcome: Result<T, Status>) -> Vec<String> {
    let refused = outcome.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    let violations = refused.get_details_bad_request().map(|details| details.field_violations);
    violations.unwrap_or_default().into_iter().map(|violation| violation.field).collect()
}
