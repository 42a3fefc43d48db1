//! Identity, catalog and lending, each on a database of its own, with a door on the way from both others to lending that a story can
//! shut.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use proto::{
    catalog::v1::catalog_service_client::CatalogServiceClient,
    identity::v1::{self as people, identity_service_client::IdentityServiceClient},
    lending::v1::{
        self as loans, borrow_book_request, lending_service_client::LendingServiceClient, return_loan_request,
    },
};
use shared::{
    Clock,
    channel::{Channel, Promise},
    clock::Hand,
    feed::Position,
    passport::{Caller, Passports},
    secret::ExposeSecret as _,
};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};
use testing::{
    Database, Kind,
    suite::{PASSWORD, beside, client, settings},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::Status;
use tonic_types::StatusExt as _;

/// What becomes of calls to lending.
#[derive(Clone, Copy, Debug)]
pub enum Door {
    /// They get there, and so do the answers.
    Open,
    /// They do not get there.
    Shut,
    /// They get there, and the answers are lost.
    OneWay,
}

/// The services, until it is dropped.
pub struct Apart {
    pub hand: Hand,
    door: Arc<Mutex<Door>>,
    identity: Router,
    catalog: Router,
    lending: Router,
    passports: Arc<Passports>,
    clock: Clock,
    _promise: Promise,
    _stop: DropGuard,
}

impl Apart {
    /// Starts them, the door open.
    pub async fn start(db: &Database) -> Self {
        Self::start_with(db, Door::Open).await
    }

    /// Starts them.
    pub async fn start_with(db: &Database, door: Door) -> Self {
        let (settings, hand) = settings(db.url());
        for schema in ["catalog", "lending"] {
            db.make_schema(schema).await;
        }
        let passports = Arc::new(Passports::new(&settings.internal_key));
        let (clock, stop) = (settings.clock, CancellationToken::new());
        let (keys, time) = (|| Arc::clone(&passports), || clock.clone());

        let (way, promise) = Channel::promised(lending::AUDIENCE, Caller::service("catalog"), keys(), time());
        let for_identity = way.on_behalf_of(Arc::new(Caller::service("identity")));
        let identity = identity::start(settings.identity, for_identity, keys(), time(), stop.clone()).await.unwrap();
        let identity = identity.router;
        let for_lending =
            Channel::local(identity.clone(), identity::AUDIENCE, Caller::service("lending"), keys(), time());
        let lending = lending::start(settings.lending, for_lending, keys(), time(), stop.clone()).await.unwrap();
        let door = Arc::new(Mutex::new(door));
        promise.keep(lending.clone().layer(from_fn_with_state(Arc::clone(&door), pass)));
        let catalog = catalog::start(settings.catalog, way, keys(), time(), stop.clone()).await.unwrap();

        Self { hand, door, identity, catalog, lending, passports, clock, _promise: promise, _stop: stop.drop_guard() }
    }

    /// Opens or shuts the door.
    pub fn door(&self, door: Door) {
        *self.door.lock().unwrap() = door;
    }

    fn way(&self, service: &Router, audience: &'static str, caller: Caller) -> Channel {
        Channel::local(service.clone(), audience, caller, Arc::clone(&self.passports), self.clock.clone())
    }

    pub fn catalog_as(&self, caller: Caller) -> CatalogServiceClient<Channel> {
        CatalogServiceClient::new(self.way(&self.catalog, catalog::AUDIENCE, caller))
    }

    pub fn identity_as(&self, caller: Caller) -> IdentityServiceClient<Channel> {
        IdentityServiceClient::new(self.way(&self.identity, identity::AUDIENCE, caller))
    }

    /// Past the door.
    pub fn lending_as(&self, caller: Caller) -> LendingServiceClient<Channel> {
        LendingServiceClient::new(self.way(&self.lending, lending::AUDIENCE, caller))
    }

    /// Somebody who may borrow: the account's id.
    pub async fn person(&self, name: &str) -> String {
        let request = people::RegisterAccountRequest {
            name: name.to_owned(),
            email: format!("{name}@example.org"),
            password: PASSWORD.to_owned(),
            ..people::RegisterAccountRequest::default()
        };
        let made = self.identity_as(Caller::service("gateway")).register_account(request).await.unwrap();
        made.into_inner().account.unwrap().id
    }

    /// Makes a book known to lending, as catalog does.
    pub async fn stock(&self, book_id: &str, copies: i32) {
        let addition = loans::add_copies_request::Addition { book_id: book_id.to_owned(), copies };
        let request = loans::AddCopiesRequest { request_id: book_id.to_owned(), additions: vec![addition] };
        self.lending_as(Caller::service("catalog")).add_copies(request).await.unwrap();
    }

    /// Copies and available copies of a book, as lending has them; `None` when it does not know the book.
    pub async fn lent(&self, book_id: &str) -> Option<(i32, i32)> {
        let request = loans::BatchGetAvailabilityRequest { book_ids: vec![book_id.to_owned()] };
        let found = self.lending_as(Caller::operator()).batch_get_availability(request).await.unwrap().into_inner();
        found.availabilities.first().map(|of| (of.copies, of.available_copies))
    }

    /// Tries to borrow a book for somebody, at the desk; the loan's id.
    pub async fn try_borrow(&self, patron_id: &str, book_id: &str) -> Result<String, Status> {
        let request = loans::BorrowBookRequest {
            patron_id: patron_id.to_owned(),
            item: Some(borrow_book_request::Item::BookId(book_id.to_owned())),
            ..loans::BorrowBookRequest::default()
        };
        let lent = self.lending_as(Caller::operator()).borrow_book(request).await?;
        Ok(lent.into_inner().loan.unwrap().id)
    }

    pub async fn borrow(&self, patron_id: &str, book_id: &str) -> String {
        self.try_borrow(patron_id, book_id).await.unwrap()
    }

    pub async fn give_back(&self, loan_id: &str) {
        let item = Some(return_loan_request::Item::LoanId(loan_id.to_owned()));
        let request = loans::ReturnLoanRequest { item, ..loans::ReturnLoanRequest::default() };
        self.lending_as(Caller::operator()).return_loan(request).await.unwrap();
    }

    /// Puts somebody into the queue for a book.
    pub async fn hold(&self, patron_id: &str, book_id: &str) -> loans::Hold {
        let request = loans::PlaceHoldRequest {
            patron_id: patron_id.to_owned(),
            book_id: book_id.to_owned(),
            ..loans::PlaceHoldRequest::default()
        };
        let placed = self.lending_as(client(patron_id)).place_hold(request).await.unwrap();
        placed.into_inner().hold.unwrap()
    }

    /// How a hold stands now.
    pub async fn hold_state(&self, hold: &loans::Hold) -> loans::HoldState {
        let request = loans::GetHoldRequest { hold_id: hold.id.clone() };
        let found = self.lending_as(Caller::operator()).get_hold(request).await.unwrap();
        found.into_inner().hold.unwrap().state()
    }
}

async fn pass(State(door): State<Arc<Mutex<Door>>>, request: Request, next: Next) -> Response {
    let is = *door.lock().unwrap();
    match is {
        Door::Open => return next.run(request).await,
        Door::Shut => (),
        Door::OneWay => drop(next.run(request).await),
    }
    Status::unavailable("on purpose").into_http()
}

/// The code and the reason of a refusal.
pub fn refusal(refused: &Status) -> (tonic::Code, String) {
    (refused.code(), refused.get_details_error_info().map(|info| info.reason).unwrap_or_default())
}

/// Waits until something is so, which it should be soon.
#[track_caller]
pub fn eventually(is_so: impl AsyncFn() -> bool) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        for _ in 0..1000 {
            if is_so().await {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("it never came to be so, at {place}");
    }
}

/// One value out of a role's database.
macro_rules! value {
    ($db:expr, $role:expr, $sql:expr) => {{
        let url = if $role == "identity" { $db.url().into() } else { beside($db.url(), $role) };
        match $db.kind() {
            Kind::Sqlite => {
                let mut tables = SqliteConnection::connect(url.expose_secret()).await.unwrap();
                sqlx::query_scalar(AssertSqlSafe($sql)).fetch_one(&mut tables).await.unwrap()
            }
            Kind::Postgres => {
                let mut tables = PgConnection::connect(url.expose_secret()).await.unwrap();
                sqlx::query_scalar(AssertSqlSafe($sql)).fetch_one(&mut tables).await.unwrap()
            }
        }
    }};
}

/// A number out of a role's database.
pub async fn number(db: &Database, role: &str, sql: &str) -> i64 {
    value!(db, role, sql)
}

async fn text(db: &Database, role: &str, sql: &str) -> String {
    value!(db, role, sql)
}

/// Waits until lending has everything that catalog ordered, and catalog everything that lending said: until then a book may for a
/// moment have the numbers from before an order.
pub async fn settled(db: &Database) {
    eventually(async || number(db, "catalog", "SELECT COUNT(*) FROM copies_order").await == 0).await;
    let last = number(db, "lending", "SELECT COALESCE(MAX(changed), 0) FROM stock").await;
    eventually(async || {
        let token = text(db, "catalog", "SELECT COALESCE(MAX(token), '') FROM feed").await;
        Position::parse(&token).is_ok_and(|position| position.changed >= last)
    })
    .await;
}

/// Does something to a role's tables by hand.
pub async fn by_hand(db: &Database, role: &str, sql: &str) {
    let url = beside(db.url(), role);
    match db.kind() {
        Kind::Sqlite => {
            let mut tables = SqliteConnection::connect(url.expose_secret()).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut tables).await.unwrap();
        }
        Kind::Postgres => {
            let mut tables = PgConnection::connect(url.expose_secret()).await.unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut tables).await.unwrap();
        }
    }
}
