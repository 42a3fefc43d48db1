//! Protobuf to domain and back.

use std::collections::BTreeMap;

use proto::lending::v1 as pb;
use shared::{Error, Timestamp};

use super::refusal::words;
use crate::{
    domain::{
        BookId, Refusal,
        audit::Record,
        copy::{self, Barcode, Copy},
        hold::{Hold, Outcome, Progress},
        loan::{self, Loan},
        policy::{Category, Changes, Policy},
        shelf::Stock,
    },
    store::{Item, Returned, Summary},
};

/// A field that has a form.
pub fn field<T: std::str::FromStr<Err: std::fmt::Display>>(
    name: &'static str,
    text: &str,
) -> Result<T, Error<Refusal>> {
    text.parse().map_err(|misfit| Error::invalid(name, misfit))
}

/// A field that may be empty, which means none.
pub fn optional<T: std::str::FromStr<Err: std::fmt::Display>>(
    name: &'static str,
    text: &str,
) -> Result<Option<T>, Error<Refusal>> {
    if text.is_empty() { Ok(None) } else { field(name, text).map(Some) }
}

/// A number of copies.
pub fn copies(name: &'static str, number: i32) -> Result<i64, Error<Refusal>> {
    let number = Some(i64::from(number)).filter(|number| (0..=copy::MOST).contains(number));
    number.ok_or_else(|| Error::invalid(name, "must be a whole number from 0 to 9999"))
}

/// The most books in one message of additions.
const MOST_ADDITIONS: usize = 5000;

/// The most copies in one message.
const MOST_ADDED: i64 = 100_000;

/// Copies to be added, by their books.
pub fn additions(additions: Vec<pb::add_copies_request::Addition>) -> Result<BTreeMap<BookId, i64>, Error<Refusal>> {
    let many = additions.len();
    if !(1..=MOST_ADDITIONS).contains(&many) {
        return Err(Error::invalid("additions", "must be 1 to 5000"));
    }
    let read = |addition: pb::add_copies_request::Addition| {
        let book = field("additions.book_id", &addition.book_id)?;
        Ok((book, copies("additions.copies", addition.copies)?))
    };
    let by_book: BTreeMap<BookId, i64> = additions.into_iter().map(read).collect::<Result<_, Error<Refusal>>>()?;
    if by_book.values().sum::<i64>() > MOST_ADDED {
        return Err(Error::invalid("additions", "must be at most 100000 copies together"));
    }
    if by_book.len() < many {
        return Err(Error::invalid("additions", "must name each book once"));
    }
    Ok(by_book)
}

/// What somebody wants to borrow.
pub fn item(item: Option<pb::borrow_book_request::Item>) -> Result<Item, Error<Refusal>> {
    use pb::borrow_book_request::Item as Wanted;
    match item {
        Some(Wanted::BookId(id)) => Ok(Item::Book(field("book_id", &id)?)),
        Some(Wanted::Barcode(barcode)) => Ok(Item::Barcode(field("barcode", &barcode)?)),
        None => Err(Error::invalid("book_id", "must be given, or a barcode")),
    }
}

/// How a loan is to stand; UNSPECIFIED for any.
pub const fn loan_state(state: pb::LoanState) -> Option<loan::State> {
    match state {
        pb::LoanState::Unspecified => None,
        pb::LoanState::Open => Some(loan::State::Open),
        pb::LoanState::Overdue => Some(loan::State::Overdue),
        pb::LoanState::Returned => Some(loan::State::Returned),
    }
}

/// What the mask names, out of `loan`.
pub fn loan_changes(loan: &pb::Loan, mask: &[String]) -> Result<loan::Changes, Error<Refusal>> {
    let mut changes = loan::Changes::default();
    for path in mask {
        match path.as_str() {
            "due_time" => {
                let due = loan.due_time.map(Timestamp::from).filter(is_within_reason);
                changes.due = Some(due.ok_or_else(|| {
                    Error::invalid("loan.due_time", "must be a time between the years 1970 and 2200")
                })?);
            }
            "state" => {
                let state = loan_state(loan.state());
                changes.state = Some(state.ok_or_else(|| Error::invalid("loan.state", "must be given"))?);
            }
            _ => return Err(unchangeable(path)),
        }
    }
    Ok(changes)
}

/// Nobody lends for longer, and both databases can keep it.
fn is_within_reason(time: &Timestamp) -> bool {
    (0..230 * 365 * 24 * 3600).contains(&time.seconds())
}

fn unchangeable(path: &str) -> Error<Refusal> {
    Error::invalid("update_mask", format!("{:?} cannot be changed", path.chars().take(50).collect::<String>()))
}

/// What is to change of a copy: its barcode, its state.
pub type CopyChanges = (Option<Option<Barcode>>, Option<copy::State>);

/// What the mask names, out of `copy`.
pub fn copy_changes(copy: &pb::Copy, mask: &[String]) -> Result<CopyChanges, Error<Refusal>> {
    let (mut barcode, mut state) = (None, None);
    for path in mask {
        match path.as_str() {
            "barcode" => barcode = Some(optional("copy.barcode", &copy.barcode)?),
            "state" => state = Some(copy_state(copy.state())?),
            _ => return Err(unchangeable(path)),
        }
    }
    Ok((barcode, state))
}

fn copy_state(state: pb::CopyState) -> Result<copy::State, Error<Refusal>> {
    match state {
        pb::CopyState::Unspecified => Err(Error::invalid("copy.state", "must be given")),
        pb::CopyState::OnShelf => Ok(copy::State::OnShelf),
        pb::CopyState::OnLoan => Ok(copy::State::OnLoan),
        pb::CopyState::OnHoldShelf => Ok(copy::State::OnHoldShelf),
        pb::CopyState::Lost => Ok(copy::State::Lost),
        pb::CopyState::Withdrawn => Ok(copy::State::Withdrawn),
    }
}

/// What the mask names, out of `policy`.
pub fn policy_changes(policy: &pb::Policy, mask: &[String]) -> Result<Changes, Error<Refusal>> {
    let mut changes = Changes::default();
    let mut misfits = Vec::new();
    for path in mask {
        match path.as_str() {
            "loan_limit" => changes.loan_limit = taken("policy.loan_limit", policy.loan_limit, &mut misfits),
            "loan_days" => changes.loan_days = taken("policy.loan_days", policy.loan_days, &mut misfits),
            "renewal_limit" => {
                changes.renewal_limit = taken("policy.renewal_limit", policy.renewal_limit, &mut misfits);
            }
            "hold_limit" => changes.hold_limit = taken("policy.hold_limit", policy.hold_limit, &mut misfits),
            "hold_days" => changes.hold_days = taken("policy.hold_days", policy.hold_days, &mut misfits),
            "borrow_while_overdue" => changes.borrow_while_overdue = Some(policy.borrow_while_overdue),
            _ => return Err(unchangeable(path)),
        }
    }
    if misfits.is_empty() { Ok(changes) } else { Err(Error::Invalid(misfits)) }
}

fn taken<T: TryFrom<i64, Error = &'static str>>(
    field: &'static str,
    number: i32,
    misfits: &mut Vec<shared::error::Violation>,
) -> Option<T> {
    let read = i64::from(number).try_into();
    read.map_err(|why: &str| misfits.push(shared::error::Violation { field, description: why.to_owned() })).ok()
}

fn small(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// How many copies there are of a book, and can be borrowed.
pub fn availability((book, stock): &(BookId, Stock)) -> pb::Availability {
    pb::Availability {
        book_id: book.to_string(),
        copies: small(stock.copies()),
        available_copies: small(stock.on_shelf),
        revision: stock.revision,
    }
}

/// A loan as it stands at `now`.
pub fn loan(loan: &Loan, now: Timestamp) -> pb::Loan {
    let state = match loan.state(now) {
        loan::State::Open => pb::LoanState::Open,
        loan::State::Overdue => pb::LoanState::Overdue,
        loan::State::Returned => pb::LoanState::Returned,
    };
    pb::Loan {
        id: loan.id.to_string(),
        patron_id: loan.patron.map(|patron| patron.to_string()).unwrap_or_default(),
        book_id: loan.book.to_string(),
        copy_id: loan.copy.to_string(),
        borrow_time: Some(loan.borrowed.into()),
        due_time: Some(loan.due.into()),
        return_time: loan.returned.map(Into::into),
        state: state.into(),
        renewals: i32::try_from(loan.renewals).unwrap_or(i32::MAX),
        lost: loan.lost,
    }
}

/// A loan that ended, and what its copy is for now, if the caller may know whose hold that is.
pub fn returned(returned: &Returned, tells_next: bool, now: Timestamp) -> pb::ReturnLoanResponse {
    pb::ReturnLoanResponse {
        loan: Some(loan(&returned.loan, now)),
        availability: Some(availability(&(returned.loan.book, returned.stock))),
        next_hold: returned.next.clone().filter(|_| tells_next).map(Into::into),
    }
}

/// What is in the way.
pub fn obstacle(refusal: Refusal) -> pb::Obstacle {
    let (_, reason, description) = words(refusal);
    pb::Obstacle { reason: reason.to_owned(), description: description.to_owned() }
}

impl From<Copy> for pb::Copy {
    fn from(copy: Copy) -> Self {
        let state = match copy.state {
            copy::State::OnShelf => pb::CopyState::OnShelf,
            copy::State::OnLoan => pb::CopyState::OnLoan,
            copy::State::OnHoldShelf => pb::CopyState::OnHoldShelf,
            copy::State::Lost => pb::CopyState::Lost,
            copy::State::Withdrawn => pb::CopyState::Withdrawn,
        };
        Self {
            id: copy.id.to_string(),
            book_id: copy.book.to_string(),
            barcode: copy.barcode.map(|barcode| barcode.as_str().to_owned()).unwrap_or_default(),
            state: state.into(),
            create_time: Some(copy.created.into()),
        }
    }
}

impl From<Hold> for pb::Hold {
    fn from(hold: Hold) -> Self {
        let mut rendered = Self {
            id: hold.id.to_string(),
            patron_id: hold.patron.map(|patron| patron.to_string()).unwrap_or_default(),
            book_id: hold.book.to_string(),
            create_time: Some(hold.placed.into()),
            ..Self::default()
        };
        match hold.progress {
            Progress::Waiting { position } => {
                rendered.set_state(pb::HoldState::Waiting);
                rendered.position = i32::try_from(position).unwrap_or(i32::MAX);
            }
            Progress::Ready { copy, expires } => {
                rendered.set_state(pb::HoldState::Ready);
                rendered.copy_id = copy.to_string();
                rendered.expire_time = Some(expires.into());
            }
            Progress::Ended(Outcome::Fulfilled) => rendered.set_state(pb::HoldState::Fulfilled),
            Progress::Ended(Outcome::Cancelled) => rendered.set_state(pb::HoldState::Cancelled),
            Progress::Ended(Outcome::Expired) => rendered.set_state(pb::HoldState::Expired),
        }
        rendered
    }
}

/// A category's policy.
pub fn policy(category: &Category, policy: Policy) -> pb::Policy {
    pb::Policy {
        category: category.as_str().to_owned(),
        loan_limit: small(policy.loan_limit.get().into()),
        loan_days: small(policy.loan_days.get().into()),
        renewal_limit: small(policy.renewal_limit.get().into()),
        hold_limit: small(policy.hold_limit.get().into()),
        hold_days: small(policy.hold_days.get().into()),
        borrow_while_overdue: policy.borrow_while_overdue,
    }
}

/// What a patron has.
pub fn patron(summary: Summary) -> pb::Patron {
    let category = summary.account.standing.map_or_else(Category::everybody, |standing| standing.category);
    pb::Patron {
        id: summary.account.patron.to_string(),
        open_loans: small(summary.account.open_loans),
        overdue_loans: small(summary.overdue_loans),
        open_holds: small(summary.account.open_holds),
        policy: Some(policy(&category, summary.policy)),
    }
}

impl From<Record> for pb::AuditEvent {
    fn from(record: Record) -> Self {
        Self {
            id: record.id,
            create_time: Some(record.created.into()),
            event: record.event,
            subject: record.subject,
            actor: record.actor,
            request_id: record.request_id,
            detail: record.detail,
        }
    }
}
