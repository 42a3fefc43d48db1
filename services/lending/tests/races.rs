//! Many at once: one copy is lent once, a limit holds, a return happens once, and whatever happens in whatever order everything
//! fits together.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part")]
mod desk;

use std::collections::BTreeMap;

use desk::{
    ask_to_borrow, borrow, give_back, hold, open, open_with, put, refusal, told, try_borrow, try_give_back, try_hold,
};
use lending::domain::policy::{Limit, Policy};
use proto::lending::v1 as pb;
use testing::Database;
use tokio::task::JoinSet;
use tonic::Code;

/// Runs all of them at once; their outcomes.
async fn at_once<T: Send + 'static>(
    work: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let set: JoinSet<T> = work.into_iter().collect();
    set.join_all().await
}

fn lenient(settings: &mut bibliotique::SuiteSettings) {
    settings.lending.policy = Policy { loan_limit: Limit::try_from(10_000).unwrap(), ..Policy::default() };
}

testing::on_both! {
    async fn of_k_copies_k_are_lent_however_many_want_one(database: Database) {
        let desk = open(database).await;
        let mut patrons = Vec::new();
        for number in 0..40 {
            patrons.push(desk.patron(&format!("reader-{number}")).await);
        }
        for copies in [1, 1, 1, 7] {
            let book = desk.book(copies).await;
            let wants = patrons.iter().map(|patron| {
                let (lending, patron, book) = (desk.of(patron), patron.id.clone(), book.clone());
                async move { try_borrow(&lending, &patron, &book).await }
            });

            let (lent, refused): (Vec<_>, Vec<_>) = at_once(wants).await.into_iter().partition(Result::is_ok);

            assert_eq!(lent.len() as i32, copies);
            for outcome in refused {
                assert_eq!(refusal(outcome), told(Code::FailedPrecondition, "BOOK_NOT_AVAILABLE"));
            }
            for loan in lent {
                give_back(&desk.admin, &loan.unwrap().id).await;
            }
            assert_eq!(desk.availability(&book).await, Some((copies, copies)));
        }
        desk.must_be_in_order().await;
    }

    async fn the_limit_of_open_loans_holds_under_fifty_borrows_at_once(database: Database) {
        let desk = open(database).await;
        let patron = desk.patron("elodie").await;
        let mut books = Vec::new();
        for _ in 0..50 {
            books.push(desk.book(1).await);
        }
        let wants = books.iter().map(|book| {
            let (lending, patron, book) = (desk.of(&patron), patron.id.clone(), book.clone());
            async move { try_borrow(&lending, &patron, &book).await }
        });

        let (lent, refused): (Vec<_>, Vec<_>) = at_once(wants).await.into_iter().partition(Result::is_ok);

        assert_eq!(lent.len(), 5);
        for outcome in refused {
            assert_eq!(refusal(outcome), told(Code::FailedPrecondition, "LOAN_LIMIT_REACHED"));
        }
        desk.must_be_in_order().await;
    }

    async fn a_loan_is_returned_once_by_fifty_at_once(database: Database) {
        let desk = open(database).await;
        let (patron, book) = (desk.patron("elodie").await, desk.book(3).await);
        let loan = borrow(&desk.admin, &patron.id, &book).await;
        let returns = (0..50).map(|_| {
            let (lending, loan) = (desk.admin.clone(), loan.id.clone());
            async move { try_give_back(&lending, &loan).await }
        });

        let (ended, refused): (Vec<_>, Vec<_>) = at_once(returns).await.into_iter().partition(Result::is_ok);

        assert_eq!(ended.len(), 1);
        for outcome in refused {
            assert_eq!(refusal(outcome), told(Code::FailedPrecondition, "LOAN_RETURNED"));
        }
        assert_eq!(desk.availability(&book).await, Some((3, 3)));
        desk.must_be_in_order().await;
    }

    async fn a_request_sent_fifty_times_at_once_has_one_effect_and_one_answer(database: Database) {
        let desk = open(database).await;
        let (patron, book) = (desk.patron("elodie").await, desk.book(3).await);
        let borrows = (0..50).map(|_| {
            let (lending, patron, book) = (desk.of(&patron), patron.id.clone(), book.clone());
            async move { ask_to_borrow(&lending, &patron, &book, "once").await.unwrap() }
        });

        let mut loans = at_once(borrows).await;

        loans.push(ask_to_borrow(&desk.of(&patron), &patron.id, &book, "once").await.unwrap());
        assert!(loans.iter().all(|loan| *loan == loans[0]), "one answer");
        assert_eq!(desk.availability(&book).await, Some((3, 2)), "one effect");
        let other = desk.book(1).await;
        let reused = ask_to_borrow(&desk.of(&patron), &patron.id, &other, "once").await;
        assert_eq!(refusal(reused), told(Code::FailedPrecondition, "REQUEST_ID_REUSED"));
        let of_somebody_else = ask_to_borrow(&desk.admin, &patron.id, &other, "once").await.unwrap();
        assert_ne!(of_somebody_else.id, loans[0].id, "an id is its caller's");
        desk.suite.hand.advance(std::time::Duration::from_secs(24 * 3600 + 1));
        let a_day_later = ask_to_borrow(&desk.of(&patron), &patron.id, &book, "once").await.unwrap();
        assert_ne!(a_day_later.id, loans[0].id, "it is remembered for a day");
        desk.must_be_in_order().await;
    }

    async fn a_return_at_the_desk_sent_fifty_times_at_once_has_one_effect_and_one_answer(database: Database) {
        let desk = open(database).await;
        let (patron, book) = (desk.patron("elodie").await, desk.book(0).await);
        desk::try_copy(&desk.admin, &book, "B-1").await.unwrap();
        borrow(&desk.admin, &patron.id, &book).await;
        let request = pb::ReturnLoanRequest {
            request_id: "once".to_owned(),
            item: Some(pb::return_loan_request::Item::Barcode("B-1".to_owned())),
        };
        let returns = (0..50).map(|_| {
            let (lending, request) = (desk.admin.clone(), request.clone());
            async move { lending.clone().return_loan(request).await.unwrap().into_inner() }
        });

        let answers = at_once(returns).await;

        assert!(answers.iter().all(|answer| *answer == answers[0]), "one answer");
        assert_eq!(desk.availability(&book).await, Some((1, 1)));
        desk.must_be_in_order().await;
    }

    async fn an_answer_outlives_its_loan(database: Database) {
        let desk = open(database).await;
        let (patron, book) = (desk.patron("elodie").await, desk.book(1).await);
        let loan = ask_to_borrow(&desk.of(&patron), &patron.id, &book, "borrow").await.unwrap();
        let renew = async || {
            let request = pb::RenewLoanRequest { request_id: "renew".to_owned(), loan_id: loan.id.clone() };
            desk.of(&patron).renew_loan(request).await.map(tonic::Response::into_inner)
        };
        let renewed = renew().await.unwrap();
        desk.admin.clone().delete_loan(pb::DeleteLoanRequest { loan_id: loan.id.clone() }).await.unwrap();

        assert_eq!(ask_to_borrow(&desk.of(&patron), &patron.id, &book, "borrow").await.unwrap(), loan);
        assert_eq!(renew().await.unwrap(), renewed);
        assert_eq!(desk.availability(&book).await, Some((1, 1)));
    }

    async fn a_book_that_is_withdrawn_and_a_patron_who_is_closed_meanwhile_have_no_loan(database: Database) {
        let desk = open(database).await;
        for round in 0..10 {
            let (book, patron) = (desk.book(1).await, desk.patron(&format!("reader-{round}")).await);
            let identity = desk.suite.lending_as(shared::passport::Caller::service("identity"));
            let request = pb::WithdrawBookRequest { book_id: book.clone() };
            let close = pb::ClosePatronRequest { patron_id: patron.id.clone() };
            let (mut catalog, mut identity) = (desk.catalog.clone(), identity.clone());
            let his = desk.of(&patron);

            let (lent, withdrawn, closed) = tokio::join!(
                try_borrow(&his, &patron.id, &book),
                catalog.withdraw_book(request),
                identity.close_patron(close)
            );

            match lent {
                Ok(_) => {
                    assert_eq!(refusal(withdrawn), told(Code::FailedPrecondition, "BOOK_ON_LOAN"));
                    assert_eq!(refusal(closed), told(Code::FailedPrecondition, "PATRON_HAS_LOANS"));
                }
                Err(refused) => assert_eq!(refused.code(), Code::NotFound, "{refused}"),
            }
            desk.must_be_in_order().await;
        }
    }

    async fn a_clock_that_is_ten_minutes_off_lends_nothing_twice(database: Database) {
        let desk = open_with(database, lenient).await;
        let (ahead, hand) = desk.beside(lenient).await;
        hand.advance(std::time::Duration::from_secs(600));
        let (patron, book) = (desk.patron("elodie").await, desk.book(3).await);
        let borrows = (0..40).map(|number| {
            let lending = if number % 2 == 0 { desk.admin.clone() } else { ahead.clone() };
            let (patron, book) = (patron.id.clone(), book.clone());
            async move { try_borrow(&lending, &patron, &book).await }
        });

        let lent: Vec<_> = at_once(borrows).await.into_iter().flatten().collect();

        assert_eq!(lent.len(), 3);
        for (number, loan) in lent.iter().enumerate() {
            give_back(if number % 2 == 0 { &ahead } else { &desk.admin }, &loan.id).await;
        }
        assert_eq!(desk.availability(&book).await, Some((3, 3)));
        desk.must_be_in_order().await;
    }

    async fn a_refused_request_is_not_remembered(database: Database) {
        let desk = open(database).await;
        let (patron, book) = (desk.patron("elodie").await, desk.book(0).await);
        let his = desk.of(&patron);

        let refused = ask_to_borrow(&his, &patron.id, &book, "again").await;
        assert_eq!(refusal(refused), told(Code::FailedPrecondition, "BOOK_NOT_AVAILABLE"));
        desk.add(&book, 1).await;

        ask_to_borrow(&his, &patron.id, &book, "again").await.unwrap();
        desk.must_be_in_order().await;
    }

    async fn whatever_many_do_at_once_everything_fits_together(database: Database) {
        let desk = open_with(database, lenient).await;
        let mut patrons = Vec::new();
        for number in 0..6 {
            patrons.push(desk.patron(&format!("reader-{number}")).await);
        }
        let mut books = Vec::new();
        for copies in 0..4 {
            books.push(desk.book(copies).await);
        }
        let seed: u64 = u64::from_le_bytes(shared::random::bytes());
        eprintln!("seed {seed}");
        let actors = (0..8_u64).map(|actor| {
            let (admin, catalog, books) = (desk.admin.clone(), desk.catalog.clone(), books.clone());
            let patrons: Vec<String> = patrons.iter().map(|patron| patron.id.clone()).collect();
            Actor { admin, catalog, books, patrons, dice: seed ^ (actor << 32), done: BTreeMap::new() }.act(60)
        });

        let done = at_once(actors).await;

        let mut all: BTreeMap<&str, u32> = BTreeMap::new();
        for (what, times) in done.iter().flatten() {
            *all.entry(what).or_default() += times;
        }
        assert!(all.len() >= 8, "hardly anything was done: {all:?}");
        desk.must_be_in_order().await;
    }
}

/// Somebody who does all kinds of things in no order.
struct Actor {
    admin: desk::Lending,
    catalog: desk::Lending,
    books: Vec<String>,
    patrons: Vec<String>,
    dice: u64,
    done: BTreeMap<&'static str, u32>,
}

impl Actor {
    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn throw(&mut self, sides: usize) -> usize {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.dice;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }

    async fn act(mut self, times: usize) -> BTreeMap<&'static str, u32> {
        for _ in 0..times {
            let (book, patron) = (self.throw(self.books.len()), self.throw(self.patrons.len()));
            let (book, patron) = (self.books[book].clone(), self.patrons[patron].clone());
            let what = self.throw(10);
            let outcome = match what {
                0..=2 => try_borrow(&self.admin, &patron, &book).await.map(|_| "borrow"),
                3 | 4 => self.give_one_back().await,
                5 => try_hold(&self.admin, &patron, &book).await.map(|_| "hold"),
                6 => self.cancel_one().await,
                7 => self.set(&book).await,
                8 => self.lose_or_find(&book).await,
                _ => self.forget_one().await,
            };
            match outcome {
                Ok(what) => *self.done.entry(what).or_default() += 1,
                Err(refused) => {
                    let code = refused.code();
                    let is_clean = matches!(code, Code::FailedPrecondition | Code::NotFound | Code::AlreadyExists);
                    assert!(is_clean, "{what}: {refused}");
                }
            }
        }
        self.done
    }

    async fn a_loan(&mut self) -> Result<pb::Loan, tonic::Status> {
        let filter = pb::LoanFilter { state: pb::LoanState::Open.into(), ..pb::LoanFilter::default() };
        let request = pb::ListLoansRequest { filter: Some(filter), ..pb::ListLoansRequest::default() };
        let loans = self.admin.clone().list_loans(request).await?.into_inner().loans;
        if loans.is_empty() {
            return Err(tonic::Status::not_found("no loan"));
        }
        let one = self.throw(loans.len());
        Ok(loans[one].clone())
    }

    async fn give_one_back(&mut self) -> Result<&'static str, tonic::Status> {
        let loan = self.a_loan().await?;
        try_give_back(&self.admin, &loan.id).await.map(|_| "return")
    }

    async fn forget_one(&mut self) -> Result<&'static str, tonic::Status> {
        let loan_id = self.a_loan().await?.id;
        self.admin.clone().delete_loan(pb::DeleteLoanRequest { loan_id }).await.map(|_| "forget")
    }

    async fn cancel_one(&mut self) -> Result<&'static str, tonic::Status> {
        let filter = Some(pb::HoldFilter { open: true, ..pb::HoldFilter::default() });
        let request = pb::ListHoldsRequest { filter, ..pb::ListHoldsRequest::default() };
        let holds = self.admin.clone().list_holds(request).await?.into_inner().holds;
        if holds.is_empty() {
            return Err(tonic::Status::not_found("no hold"));
        }
        let hold_id = holds[self.throw(holds.len())].id.clone();
        self.admin.clone().cancel_hold(pb::CancelHoldRequest { hold_id }).await.map(|_| "cancel")
    }

    async fn set(&mut self, book_id: &str) -> Result<&'static str, tonic::Status> {
        let (request_id, available_copies) = (format!("set-{}", self.dice), self.throw(4) as i32);
        let request = pb::SetAvailableCopiesRequest { request_id, book_id: book_id.to_owned(), available_copies };
        self.catalog.clone().set_available_copies(request).await.map(|_| "set")
    }

    async fn lose_or_find(&mut self, book_id: &str) -> Result<&'static str, tonic::Status> {
        let request = pb::ListCopiesRequest { book_id: book_id.to_owned(), ..pb::ListCopiesRequest::default() };
        let copies = self.admin.clone().list_copies(request).await?.into_inner().copies;
        if copies.is_empty() {
            return Err(tonic::Status::not_found("no copy"));
        }
        let copy = copies[self.throw(copies.len())].clone();
        match copy.state() {
            pb::CopyState::Lost => put(&self.admin, &copy.id, pb::CopyState::OnShelf).await.map(|_| "find"),
            _ => put(&self.admin, &copy.id, pb::CopyState::Lost).await.map(|_| "lose"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_sees_what_is_broken_by_hand() {
    let desk = open(testing::sqlite().await).await;
    let (patron, book) = (desk.patron("elodie").await, desk.book(2).await);
    borrow(&desk.admin, &patron.id, &book).await;
    hold(&desk.admin, &desk.patron("karim").await.id, &book).await;
    let url = testing::suite::beside(desk.database.url(), "lending");
    let tables = shared::secret::ExposeSecret::expose_secret(&url).to_owned();
    let by_hand = [
        ("UPDATE stock SET on_shelf = on_shelf + 1", "UPDATE stock SET on_shelf = on_shelf - 1"),
        (
            "UPDATE copy SET state = 'lost' WHERE state = 'on_loan'",
            "UPDATE copy SET state = 'on_loan' WHERE state = 'lost'",
        ),
        ("UPDATE patron SET open_loans = open_loans + 1", "UPDATE patron SET open_loans = open_loans - 1"),
        ("UPDATE loan SET loan_limit = 0", "UPDATE loan SET loan_limit = 5"),
        ("UPDATE patron SET closed_at = 1", "UPDATE patron SET closed_at = NULL"),
        ("UPDATE stock SET withdrawn_at = 1", "UPDATE stock SET withdrawn_at = NULL"),
        ("UPDATE hold SET ended_at = 1", "UPDATE hold SET ended_at = NULL"),
        ("UPDATE loan SET returned_at = borrowed_at", "UPDATE loan SET returned_at = NULL"),
        ("UPDATE loan SET due_at = borrowed_at - 1", "UPDATE loan SET due_at = borrowed_at + 1"),
        ("UPDATE request SET answer = x''", "UPDATE request SET answer = x'01'"),
    ];
    let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect(&tables).await.unwrap();
    desk.must_be_in_order().await;

    for (broken, mended) in by_hand {
        sqlx::query(broken).execute(&mut connection).await.unwrap();
        assert_ne!(lending::check(&url).await.unwrap().misfits, Vec::<String>::new(), "{broken}");
        sqlx::query(mended).execute(&mut connection).await.unwrap();
        desk.must_be_in_order().await;
    }
}
