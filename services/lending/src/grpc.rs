//! The rpcs: each parses, does one thing, and renders the answer.

mod neighbours;
mod refusal;
mod render;
mod streams;

use proto::lending::v1::{self as pb, lending_service_server::LendingService};
use shared::{
    Clock, Error, Id,
    channel::Channel,
    context::Context,
    feed::Position,
    page::Page,
    passport::{Caller, Role},
    replay::{Message, Replay},
    rpc::caller,
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::{
    domain::{
        BookId, CopyId, HoldId, LoanId, PatronId, Refusal,
        account::Account,
        audit::Origin,
        copy::{Copy, State},
        hold::Hold,
        loan::Loan,
        policy::{Category, Changes},
    },
    figures::{self, Effect},
    store::{Asked, HoldFilter, LoanFilter, Store, Which},
};
use render::{availability, copies, copy_changes, field, loan_changes, loan_state, optional, policy_changes};

type Answer<T> = Result<Response<T>, Status>;

/// The most books that are asked for at once.
const MOST_IDS: usize = 1000;

/// The service.
#[derive(Clone)]
pub struct Lending {
    pub(crate) store: Store,
    pub(crate) identity: Channel,
    pub(crate) clock: Clock,
    pub(crate) stop: CancellationToken,
}

impl Lending {
    /// Who does it, in which request, now.
    fn origin(&self, actor: &Caller) -> Origin {
        Origin { actor: actor.subject.clone(), request_id: Context::current().request_id, at: self.clock.now() }
    }

    /// The request, if it may come again.
    fn replay(
        &self,
        caller: &Caller,
        request_id: &str,
        rpc: &str,
        request: &impl Message,
    ) -> Result<Option<Replay>, Error<Refusal>> {
        Ok(Replay::of(caller, request_id, rpc, request, self.clock.now())?)
    }

    /// The same of a request that has to have an id.
    fn must_replay(
        &self,
        caller: &Caller,
        request_id: &str,
        rpc: &str,
        request: &impl Message,
    ) -> Result<Option<Replay>, Error<Refusal>> {
        match self.replay(caller, request_id, rpc, request)? {
            None => Err(Error::invalid("request_id", "must be given")),
            replay => Ok(replay),
        }
    }
}

/// Oneself, or anybody for an admin; somebody else does not exist.
fn reach(caller: &Caller, patron: PatronId) -> Result<(), Error<Refusal>> {
    let own = caller.subject == patron.to_string();
    if own || caller.role == Role::Admin { Ok(()) } else { Err(Error::Refused(Refusal::PatronNotFound)) }
}

/// Whose a loan or hold has to be: for an admin anybody's. `absent`: what is said when it is somebody else's.
fn owner(caller: &Caller, absent: Refusal) -> Result<Option<PatronId>, Error<Refusal>> {
    match caller.role {
        Role::Admin => Ok(None),
        Role::Client | Role::Service => caller.subject.parse().map(Some).map_err(|_| Error::Refused(absent)),
    }
}

/// Whose loans or holds a list shows: one's own, or for an admin whosever it asks for.
fn listed(caller: &Caller, patron_id: &str) -> Result<Option<PatronId>, Error<Refusal>> {
    let patron = optional("filter.patron_id", patron_id)?;
    match (patron, caller.role) {
        (Some(patron), _) => reach(caller, patron).map(|()| Some(patron)),
        (None, Role::Admin) => Ok(None),
        (None, Role::Client | Role::Service) => Err(Error::invalid("filter.patron_id", "must be given")),
    }
}

/// What only an admin may say: a barcode is read from a copy on the desk.
fn desk(caller: &Caller, absent: Refusal) -> Result<(), Error<Refusal>> {
    if caller.role == Role::Admin { Ok(()) } else { Err(Error::Refused(absent)) }
}

fn page(size: i32, token: &str, skip: i32, default: i64) -> Result<Page, Error<Refusal>> {
    Ok(Page::parse(size, token, skip, default)?)
}

#[tonic::async_trait]
impl LendingService for Lending {
    type WatchAvailabilityStream = ReceiverStream<Result<pb::WatchAvailabilityResponse, Status>>;

    async fn batch_get_availability(
        &self,
        request: Request<pb::BatchGetAvailabilityRequest>,
    ) -> Answer<pb::BatchGetAvailabilityResponse> {
        let ids = request.into_inner().book_ids;
        if ids.len() > MOST_IDS {
            return Err(Error::<Refusal>::invalid("book_ids", "must be at most 1000").into());
        }
        let books: Vec<BookId> = ids.iter().map(|id| field("book_ids", id)).collect::<Result<_, _>>()?;

        let stocks = self.store.stocks(&books).await?;

        let availabilities = stocks.iter().map(availability).collect();
        Ok(Response::new(pb::BatchGetAvailabilityResponse { availabilities }))
    }

    async fn watch_availability(
        &self,
        request: Request<pb::WatchAvailabilityRequest>,
    ) -> Answer<Self::WatchAvailabilityStream> {
        let position: Position = Position::parse(&request.get_ref().resume_token)
            .map_err(|misfit| Error::<Refusal>::invalid("resume_token", misfit))?;

        let position = self.store.checked(position).await?;

        Ok(Response::new(self.watching(position)))
    }

    async fn add_copies(&self, request: Request<pb::AddCopiesRequest>) -> Answer<pb::AddCopiesResponse> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let replay = self.must_replay(&caller, &request.request_id, "AddCopies", &request)?;
        let additions = render::additions(request.additions)?;

        let render = |stocks: &[_]| pb::AddCopiesResponse { availabilities: stocks.iter().map(availability).collect() };
        let answer = self.store.add_copies(&additions, self.clock.now(), replay.as_ref(), render).await?;

        Ok(Response::new(answer))
    }

    async fn set_available_copies(
        &self,
        request: Request<pb::SetAvailableCopiesRequest>,
    ) -> Answer<pb::SetAvailableCopiesResponse> {
        let caller = caller(&request)?;
        let by = self.origin(&caller);
        let request = request.into_inner();
        let replay = self.must_replay(&caller, &request.request_id, "SetAvailableCopies", &request)?;
        let book: BookId = field("book_id", &request.book_id)?;
        let wanted = copies("available_copies", request.available_copies)?;

        let render = |stock: &_| pb::SetAvailableCopiesResponse { availability: Some(availability(&(book, *stock))) };
        let answer = self.store.set_available(book, wanted, &by, replay.as_ref(), render).await?;

        Ok(Response::new(answer))
    }

    async fn withdraw_book(&self, request: Request<pb::WithdrawBookRequest>) -> Answer<pb::WithdrawBookResponse> {
        let by = self.origin(&caller(&request)?);
        let book = field("book_id", &request.get_ref().book_id)?;

        self.store.withdraw_book(book, &by).await?;

        Ok(Response::new(pb::WithdrawBookResponse {}))
    }

    async fn create_copy(&self, request: Request<pb::CreateCopyRequest>) -> Answer<pb::CreateCopyResponse> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let replay = self.replay(&caller, &request.request_id, "CreateCopy", &request)?;
        let wanted = request.copy.unwrap_or_default();
        let now = self.clock.now();
        let copy = Copy {
            id: Id::fresh(now).into(),
            book: field("copy.book_id", &wanted.book_id)?,
            barcode: optional("copy.barcode", &wanted.barcode)?,
            state: State::OnShelf,
            created: now,
        };

        let render = |copy: &Copy| pb::CreateCopyResponse { copy: Some(copy.clone().into()) };
        let answer = self.store.create_copy(&copy, replay.as_ref(), render).await?;

        Ok(Response::new(answer))
    }

    async fn get_copy(&self, request: Request<pb::GetCopyRequest>) -> Answer<pb::GetCopyResponse> {
        let id: CopyId = field("copy_id", &request.get_ref().copy_id)?;

        let copy = self.store.copy(id).await?.ok_or(Error::Refused(Refusal::CopyNotFound))?;

        Ok(Response::new(pb::GetCopyResponse { copy: Some(copy.into()) }))
    }

    async fn list_copies(&self, request: Request<pb::ListCopiesRequest>) -> Answer<pb::ListCopiesResponse> {
        let request = request.into_inner();
        let book = field("book_id", &request.book_id)?;
        let page = page(request.page_size, &request.page_token, request.skip, 1000)?;

        let (mut copies, total_size) = self.store.copies(book, &page).await?;

        let next_page_token = page.close(&mut copies, |copy| copy.id.to_string());
        let copies = copies.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListCopiesResponse { copies, next_page_token, total_size }))
    }

    async fn update_copy(&self, request: Request<pb::UpdateCopyRequest>) -> Answer<pb::UpdateCopyResponse> {
        let by = self.origin(&caller(&request)?);
        let request = request.into_inner();
        let wanted = request.copy.unwrap_or_default();
        let id = field("copy.id", &wanted.id)?;
        let (barcode, state) = copy_changes(&wanted, &request.update_mask.unwrap_or_default().paths)?;

        let copy = self.store.update_copy(id, barcode, state, &by).await?;

        Ok(Response::new(pb::UpdateCopyResponse { copy: Some(copy.into()) }))
    }

    async fn withdraw_copy(&self, request: Request<pb::WithdrawCopyRequest>) -> Answer<pb::WithdrawCopyResponse> {
        let by = self.origin(&caller(&request)?);
        let id = field("copy_id", &request.get_ref().copy_id)?;

        let copy = self.store.withdraw_copy(id, &by).await?;

        Ok(Response::new(pb::WithdrawCopyResponse { copy: Some(copy.into()) }))
    }

    async fn borrow_book(&self, request: Request<pb::BorrowBookRequest>) -> Answer<pb::BorrowBookResponse> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let replay = self.replay(&caller, &request.request_id, "BorrowBook", &request)?;
        let patron: PatronId = field("patron_id", &request.patron_id)?;
        let item = render::item(request.item)?;
        reach(&caller, patron)?;
        if matches!(item, crate::store::Item::Barcode(_)) {
            desk(&caller, Refusal::CopyNotFound)?;
        }
        if let Some(answer) = self.store.answered(replay.as_ref()).await? {
            return Ok(Response::new(answer));
        }
        let standing = self.standing(&caller, patron).await?;
        let now = self.clock.now();

        if request.validate_only {
            let rule = |account: &Account, shelf: &_, policy: &_| account.obstacles(shelf, policy, now);
            let obstacles = self.store.obstacles(patron, standing.as_ref(), &item, rule).await?;
            let obstacles = obstacles.into_iter().map(render::obstacle).collect();
            return Ok(Response::new(pb::BorrowBookResponse { loan: None, obstacles }));
        }
        let asked = Asked { standing: standing.as_ref(), now, replay: replay.as_ref() };
        let loan = Id::fresh(now).into();
        let rule = |account: &Account, book, shelf: &_, policy: &_| account.borrow(book, shelf, loan, policy, now);
        let effect = Effect::default();
        let render = |loan: &Loan| {
            effect.happens();
            pb::BorrowBookResponse { loan: Some(render::loan(loan, now)), obstacles: Vec::new() }
        };
        let answer = self.store.lend(patron, asked, &item, rule, render).await?;
        effect.count(figures::LENT);

        Ok(Response::new(answer))
    }

    async fn return_loan(&self, request: Request<pb::ReturnLoanRequest>) -> Answer<pb::ReturnLoanResponse> {
        use pb::return_loan_request::Item;
        let caller = caller(&request)?;
        let request = request.into_inner();
        let replay = self.replay(&caller, &request.request_id, "ReturnLoan", &request)?;
        let which = match request.item {
            Some(Item::LoanId(id)) => Which::Loan(field("loan_id", &id)?),
            Some(Item::Barcode(barcode)) => {
                desk(&caller, Refusal::CopyNotFound)?;
                Which::Barcode(field("barcode", &barcode)?)
            }
            None => return Err(Error::<Refusal>::invalid("loan_id", "must be given, or a barcode").into()),
        };
        let owner = owner(&caller, Refusal::LoanNotFound)?;

        let now = self.clock.now();
        let effect = Effect::default();
        let render = |returned: &_| {
            effect.happens();
            render::returned(returned, caller.role == Role::Admin, now)
        };
        let answer = self.store.end_loan(&which, owner, now, replay.as_ref(), render).await?;
        effect.count(figures::RETURNED);

        Ok(Response::new(answer))
    }

    async fn renew_loan(&self, request: Request<pb::RenewLoanRequest>) -> Answer<pb::RenewLoanResponse> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let replay = self.replay(&caller, &request.request_id, "RenewLoan", &request)?;
        let id: LoanId = field("loan_id", &request.loan_id)?;
        let owner = owner(&caller, Refusal::LoanNotFound)?;
        if let Some(answer) = self.store.answered(replay.as_ref()).await? {
            return Ok(Response::new(answer));
        }
        let patron = self.visible(id, owner).await?.patron;
        let standing = match patron {
            Some(patron) => self.standing(&caller, patron).await?,
            None => None,
        };

        let now = self.clock.now();
        let asked = Asked { standing: standing.as_ref(), now, replay: replay.as_ref() };
        let rule = |loan: &Loan, policy: &_, is_awaited| loan.renew(standing.as_ref(), policy, is_awaited, now);
        let effect = Effect::default();
        let render = |loan: &Loan| {
            effect.happens();
            pb::RenewLoanResponse { loan: Some(render::loan(loan, now)) }
        };
        let answer = self.store.renew_loan(id, owner, asked, rule, render).await?;
        effect.count(figures::RENEWED);

        Ok(Response::new(answer))
    }

    async fn update_loan(&self, request: Request<pb::UpdateLoanRequest>) -> Answer<pb::UpdateLoanResponse> {
        let by = self.origin(&caller(&request)?);
        let request = request.into_inner();
        let wanted = request.loan.unwrap_or_default();
        let id: LoanId = field("loan.id", &wanted.id)?;
        let changes = loan_changes(&wanted, &request.update_mask.unwrap_or_default().paths)?;

        let loan = self.store.change_loan(id, changes, &by).await?;

        Ok(Response::new(pb::UpdateLoanResponse { loan: Some(render::loan(&loan, by.at)) }))
    }

    async fn delete_loan(&self, request: Request<pb::DeleteLoanRequest>) -> Answer<pb::DeleteLoanResponse> {
        let by = self.origin(&caller(&request)?);
        let id: LoanId = field("loan_id", &request.get_ref().loan_id)?;

        let loan = self.store.delete_loan(id, &by).await?;

        Ok(Response::new(pb::DeleteLoanResponse { loan: Some(render::loan(&loan, by.at)) }))
    }

    async fn get_loan(&self, request: Request<pb::GetLoanRequest>) -> Answer<pb::GetLoanResponse> {
        let caller = caller(&request)?;
        let id: LoanId = field("loan_id", &request.get_ref().loan_id)?;

        let loan = self.visible(id, owner(&caller, Refusal::LoanNotFound)?).await?;

        Ok(Response::new(pb::GetLoanResponse { loan: Some(render::loan(&loan, self.clock.now())) }))
    }

    async fn list_loans(&self, request: Request<pb::ListLoansRequest>) -> Answer<pb::ListLoansResponse> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let page = page(request.page_size, &request.page_token, request.skip, 1000)?;
        let wanted = request.filter.unwrap_or_default();
        let filter = LoanFilter {
            patron: self.listed_loans(&caller, &wanted.patron_id).await?,
            book: optional("filter.book_id", &wanted.book_id)?,
            state: loan_state(wanted.state()),
        };

        let now = self.clock.now();
        let (mut loans, total_size) = self.store.loans(&filter, &page, now).await?;

        let next_page_token = page.close(&mut loans, |loan| loan.id.to_string());
        let loans = loans.iter().map(|loan| render::loan(loan, now)).collect();
        Ok(Response::new(pb::ListLoansResponse { loans, next_page_token, total_size }))
    }

    async fn place_hold(&self, request: Request<pb::PlaceHoldRequest>) -> Answer<pb::PlaceHoldResponse> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let replay = self.replay(&caller, &request.request_id, "PlaceHold", &request)?;
        let patron: PatronId = field("patron_id", &request.patron_id)?;
        let book: BookId = field("book_id", &request.book_id)?;
        reach(&caller, patron)?;
        if let Some(answer) = self.store.answered(replay.as_ref()).await? {
            return Ok(Response::new(answer));
        }
        let standing = self.standing(&caller, patron).await?;

        let now = self.clock.now();
        let asked = Asked { standing: standing.as_ref(), now, replay: replay.as_ref() };
        let id: HoldId = Id::fresh(now).into();
        let rule = |account: &Account, queue, policy: &_| account.hold(book, queue, id, policy, now);
        let effect = Effect::default();
        let render = |hold: &Hold| {
            effect.happens();
            pb::PlaceHoldResponse { hold: Some(hold.clone().into()) }
        };
        let answer = self.store.place_hold(patron, asked, book, rule, render).await?;
        effect.count(figures::RESERVED);

        Ok(Response::new(answer))
    }

    async fn cancel_hold(&self, request: Request<pb::CancelHoldRequest>) -> Answer<pb::CancelHoldResponse> {
        let caller = caller(&request)?;
        let id = field("hold_id", &request.get_ref().hold_id)?;
        let owner = owner(&caller, Refusal::HoldNotFound)?;

        let hold = self.store.cancel_hold(id, owner, self.clock.now()).await?;

        Ok(Response::new(pb::CancelHoldResponse { hold: Some(hold.into()) }))
    }

    async fn get_hold(&self, request: Request<pb::GetHoldRequest>) -> Answer<pb::GetHoldResponse> {
        let caller = caller(&request)?;
        let id = field("hold_id", &request.get_ref().hold_id)?;
        let owner = owner(&caller, Refusal::HoldNotFound)?;

        let hold = self.store.hold(id, self.clock.now()).await?.filter(|hold| owner.is_none() || hold.patron == owner);
        let hold = hold.ok_or(Error::Refused(Refusal::HoldNotFound))?;

        Ok(Response::new(pb::GetHoldResponse { hold: Some(hold.into()) }))
    }

    async fn list_holds(&self, request: Request<pb::ListHoldsRequest>) -> Answer<pb::ListHoldsResponse> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let page = page(request.page_size, &request.page_token, request.skip, 1000)?;
        let wanted = request.filter.unwrap_or_default();
        let filter = HoldFilter {
            patron: listed(&caller, &wanted.patron_id)?,
            book: optional("filter.book_id", &wanted.book_id)?,
            open: wanted.open,
        };

        let (mut holds, total_size) = self.store.holds(&filter, &page, self.clock.now()).await?;

        let next_page_token = page.close(&mut holds, |hold| hold.id.to_string());
        let holds = holds.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListHoldsResponse { holds, next_page_token, total_size }))
    }

    async fn get_patron(&self, request: Request<pb::GetPatronRequest>) -> Answer<pb::GetPatronResponse> {
        let caller = caller(&request)?;
        let patron: PatronId = field("patron_id", &request.get_ref().patron_id)?;
        reach(&caller, patron)?;
        let standing = self.standing(&caller, patron).await?.ok_or(Error::Refused(Refusal::PatronNotFound))?;

        let summary = self.store.summary(patron, Some(&standing), self.clock.now()).await?;

        Ok(Response::new(pb::GetPatronResponse { patron: Some(render::patron(summary)) }))
    }

    async fn close_patron(&self, request: Request<pb::ClosePatronRequest>) -> Answer<pb::ClosePatronResponse> {
        let by = self.origin(&caller(&request)?);
        let patron = field("patron_id", &request.get_ref().patron_id)?;

        self.store.close_patron(patron, &by, Account::may_close).await?;

        Ok(Response::new(pb::ClosePatronResponse {}))
    }

    async fn list_policies(&self, _: Request<pb::ListPoliciesRequest>) -> Answer<pb::ListPoliciesResponse> {
        let policies = self.store.policies().await?;

        let policies = policies.iter().map(|(category, policy)| render::policy(category, *policy)).collect();
        Ok(Response::new(pb::ListPoliciesResponse { policies }))
    }

    async fn update_policy(&self, request: Request<pb::UpdatePolicyRequest>) -> Answer<pb::UpdatePolicyResponse> {
        let by = self.origin(&caller(&request)?);
        let request = request.into_inner();
        let wanted = request.policy.unwrap_or_default();
        let category: Category = field("policy.category", &wanted.category)?;
        let changes = policy_changes(&wanted, &request.update_mask.unwrap_or_default().paths)?;

        let policy = match changes == Changes::default() {
            true => self.store.policy_of(&category).await?,
            false => self.store.update_policy(&category, &changes, &by).await?,
        };

        Ok(Response::new(pb::UpdatePolicyResponse { policy: Some(render::policy(&category, policy)) }))
    }

    async fn list_audit_events(
        &self,
        request: Request<pb::ListAuditEventsRequest>,
    ) -> Answer<pb::ListAuditEventsResponse> {
        let request = request.into_inner();
        let page = page(request.page_size, &request.page_token, 0, 100)?;

        let mut records = self.store.audit_log(&page).await?;

        let next_page_token = page.close(&mut records, |record| record.id.clone());
        let audit_events = records.into_iter().map(Into::into).collect();
        Ok(Response::new(pb::ListAuditEventsResponse { audit_events, next_page_token }))
    }
}
