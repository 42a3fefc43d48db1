//! Document 000: the library's API, `/api/clients` and its neighbours.

mod api_keys;
mod auth;
mod availability;
mod books;
mod categories;
mod clients;
mod dates;
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

use std::sync::Arc;

use axum::{
    Extension, Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{delete, get, post, put},
};

pub use availability::Moved;
pub use envelope::refuse;
pub use idempotency::Running;

use crate::{Shared, body::Limit, tokens};

/// What the surface's paths begin with.
pub const ROOTS: [&str; 6] =
    ["/api/clients", "/api/livres", "/api/emprunts", "/api/reservations", "/api/categories", "/api/admin"];

/// Who may do what, at a glance: each block has the layers that it ends with.
pub fn routes(gateway: &Shared) -> Router<Shared> {
    let signed_in = || from_fn_with_state(Arc::clone(gateway), tokens::signed_in);

    let public = Router::new()
        .route("/api/clients/register", post(auth::register))
        .route("/api/clients/login", post(auth::login))
        .route("/api/livres", get(books::list))
        .route("/api/livres/{id}", get(books::get))
        .route("/api/categories", get(categories::list))
        .route("/api/categories/{id}", get(categories::get));
    let client = Router::new()
        .route("/api/clients/logout", post(auth::logout))
        .route("/api/clients/profile", put(profile::update))
        .route("/api/clients/password", put(profile::change_password))
        .route("/api/clients/me", get(profile::me))
        .route("/api/clients/emprunts", get(emprunt_lists::own))
        .route("/api/emprunts", post(emprunts::create))
        .route("/api/emprunts/{id}", post(emprunts::borrow).get(emprunts::get))
        .route("/api/emprunts/{id}/return", post(emprunts::give_back))
        .route("/api/emprunts/{id}/renouveler", post(emprunts::renew))
        .route("/api/emprunts/client/{id}", get(emprunt_lists::of_client))
        .route("/api/reservations", get(reservations::list).post(reservations::create))
        .route("/api/reservations/{id}", get(reservations::get).delete(reservations::cancel))
        .route_layer(signed_in());
    let books = Router::new()
        .route("/api/livres", post(books::create))
        .route("/api/livres/{id}", put(books::update).delete(books::delete))
        .layer(Extension(Limit(books::BYTES)));
    let admin = Router::new()
        .route("/api/clients", get(clients::list))
        .route("/api/clients/{id}", get(clients::get).put(clients::update).delete(clients::delete))
        .merge(books)
        .route("/api/livres/{id}/exemplaires", get(exemplaires::list).post(exemplaires::create))
        .route(
            "/api/livres/{id}/exemplaires/{exemplaire_id}",
            get(exemplaires::get).patch(exemplaires::update).delete(exemplaires::delete),
        )
        .route("/api/emprunts", get(emprunt_lists::list))
        .route("/api/emprunts/{id}", put(emprunts::update).delete(emprunts::delete))
        .route("/api/categories", post(categories::create))
        .route("/api/categories/{id}", put(categories::update).delete(categories::delete))
        .route("/api/admin/api-keys", post(api_keys::create).get(api_keys::list))
        .route("/api/admin/api-keys/{id}", delete(api_keys::revoke))
        .route_layer(from_fn(tokens::admin))
        .route_layer(signed_in());
    public.merge(client).merge(admin)
}
