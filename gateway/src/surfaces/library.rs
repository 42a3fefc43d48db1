//! Document 000: the library's API, `/api/clients` and its neighbours.

mod api_keys;
mod auth;
mod availability;
mod books;
mod categories;
mod clients;
mod dates;
mod declared;
mod emprunt_lists;
mod emprunts;
mod envelope;
mod exemplaires;
mod idempotency;
mod ids;
mod pages;
mod patron;
mod precondition;
mod profile;
mod query;
mod reservations;

pub use availability::Moved;
pub use declared::{endpoints, parameters, schemas};
pub use envelope::refuse;
pub use idempotency::Running;

/// What the surface's paths begin with.
pub const ROOTS: [&str; 6] =
    ["/api/clients", "/api/livres", "/api/emprunts", "/api/reservations", "/api/categories", "/api/admin"];
