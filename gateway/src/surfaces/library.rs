//! Document 000: the library's API, `/api/clients` and its neighbours.

mod api_keys;
mod auth;
mod clients;
mod envelope;
mod pages;
mod profile;

use std::sync::Arc;

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{delete, get, post, put},
};

pub use envelope::refuse;

use crate::{Shared, tokens};

/// What the surface's paths begin with.
pub const ROOTS: [&str; 5] = ["/api/clients", "/api/livres", "/api/emprunts", "/api/categories", "/api/admin"];

/// Who may do what, at a glance: each block has the layers that it ends with.
pub fn routes(gateway: &Shared) -> Router<Shared> {
    let signed_in = || from_fn_with_state(Arc::clone(gateway), tokens::signed_in);

    let public = Router::new()
        .route("/api/clients/register", post(auth::register))
        .route("/api/clients/login", post(auth::login));
    let client = Router::new()
        .route("/api/clients/logout", post(auth::logout))
        .route("/api/clients/profile", put(profile::update))
        .route("/api/clients/password", put(profile::change_password))
        .route("/api/clients/me", get(profile::me))
        .route_layer(signed_in());
    let admin = Router::new()
        .route("/api/clients", get(clients::list))
        .route("/api/clients/{id}", get(clients::get).put(clients::update).delete(clients::delete))
        .route("/api/admin/api-keys", post(api_keys::create).get(api_keys::list))
        .route("/api/admin/api-keys/{id}", delete(api_keys::revoke))
        .route_layer(from_fn(tokens::admin))
        .route_layer(signed_in());
    public.merge(client).merge(admin)
}
