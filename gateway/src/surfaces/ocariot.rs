//! Document 001: the API of schools. What an operation asks for is declared in [`declared`]; who reads that first needs little
//! of the rest.

mod days;
pub mod declared;
mod documented;
mod envelope;
mod families;
mod flaw;
mod groups;
mod guard;
mod institutions;
mod kind;
mod lists;
mod members;
mod school;
mod shown;
mod times;
mod users;
mod values;
mod written;

use axum::{
    http::Method,
    routing::{MethodFilter, MethodRouter, on},
};

pub use documented::schemas;
pub use envelope::refuse;
pub use guard::guard;

use crate::{Shared, openapi::Endpoint};
use declared::{OPERATIONS, Operation};

/// What the document's menu begins with.
pub const ROOTS: [&str; 7] = [
    "/v1/users",
    "/v1/institutions",
    "/v1/children",
    "/v1/educators",
    "/v1/healthprofessionals",
    "/v1/families",
    "/v1/applications",
];

/// What is below it belongs to others.
pub const SIGN_IN: [&str; 2] = ["/v1/auth", "/v1/auth/"];

/// All operations.
pub fn endpoints() -> Vec<Endpoint> {
    OPERATIONS.iter().map(documented::endpoint).collect()
}

fn handler(operation: &Operation) -> MethodRouter<Shared> {
    let method = filter(operation);
    match operation.number {
        1 => on(method, users::log_in),
        2 => on(method, users::change_password),
        3 => on(method, users::reset_password),
        4 => on(method, users::delete),
        5 => on(method, institutions::create),
        6 => on(method, institutions::list),
        7 => on(method, institutions::get),
        8 => on(method, institutions::update),
        9 => on(method, institutions::delete),
        10 | 14 | 18 | 22 | 29 => on(method, members::create),
        11 | 15 | 19 | 23 | 30 => on(method, members::list),
        12 | 16 | 20 | 24 | 31 => on(method, members::get),
        13 | 17 | 21 | 25 | 32 => on(method, members::update),
        26 => on(method, families::children),
        27 => on(method, families::add),
        28 => on(method, families::remove),
        33 | 38 => on(method, groups::create),
        34 | 39 => on(method, groups::list),
        35 | 40 => on(method, groups::get),
        36 | 41 => on(method, groups::update),
        37 | 42 => on(method, groups::delete),
        _ => MethodRouter::new(),
    }
}

fn filter(operation: &Operation) -> MethodFilter {
    MethodFilter::try_from(method(operation)).unwrap_or(MethodFilter::GET)
}

fn method(operation: &Operation) -> Method {
    Method::from_bytes(operation.method.as_bytes()).unwrap_or_default()
}
