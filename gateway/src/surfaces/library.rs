//! Document 000: the library's API, `/api/clients` and its neighbours.

mod api_keys;
mod auth;
mod books;
mod categories;
mod clients;
mod envelope;
mod pages;
mod precondition;
mod profile;

use std::sync::Arc;

use axum::{
    Extension, Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{delete, get, post, put},
};

pub use envelope::refuse;

use crate::{Shared, body::Limit, tokens};

/// What the surface's paths begin with.
pub const ROOTS: [&str; 5] = ["/api/clients", "/api/livres", "/api/emprunts", "/api/categories", "/api/admin"];

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
        .route_layer(signed_in());
    let books = Router::new()
        .route("/api/livres", post(books::create))
        .route("/api/livres/{id}", put(books::update).delete(books::delete))
        .layer(Extension(Limit(books::BYTES)));
    let admin = Router::new()
        .route("/api/clients", get(clients::list))
        .route("/api/clients/{id}", get(clients::get).put(clients::update).delete(clients::delete))
        .merge(books)
        .route("/api/categories", post(categories::create))
        .route("/api/categories/{id}", put(categories::update).delete(categories::delete))
        .route("/api/admin/api-keys", post(api_keys::create).get(api_keys::list))
        .route("/api/admin/api-keys/{id}", delete(api_keys::revoke))
        .route_layer(from_fn(tokens::admin))
        .route_layer(signed_in());
    public.merge(client).merge(admin)
}
