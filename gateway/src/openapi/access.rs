//! Who may use an endpoint: the layers before its handler, and what the document says of them.

use std::sync::Arc;

use axum::{
    middleware::{from_fn, from_fn_with_state},
    routing::MethodRouter,
};
use serde_json::{Value, json};

use crate::{
    Shared,
    fault::Fault,
    surfaces::{ocariot, user},
    tokens,
};

/// Who may use an endpoint. Its layers, and what the document says of it, follow from that.
#[derive(Clone, Copy)]
pub enum Access {
    /// Everybody.
    Public,
    /// Whoever is signed in.
    SignedIn,
    /// Whoever is signed in, through an application that has a key. The key is looked at first.
    SignedInWithKey,
    /// Admins.
    Admin,
    /// Whom the school's table lets in.
    School(&'static ocariot::declared::Operation),
}

impl Access {
    /// A handler behind its guards.
    pub fn guard(self, handler: MethodRouter<Shared>, gateway: &Shared) -> MethodRouter<Shared> {
        let signed_in = || from_fn_with_state(Arc::clone(gateway), tokens::signed_in);
        match self {
            Self::Public => handler,
            Self::SignedIn => handler.route_layer(signed_in()),
            Self::SignedInWithKey => handler
                .route_layer(signed_in())
                .route_layer(from_fn_with_state(Arc::clone(gateway), user::with_api_key)),
            Self::Admin => handler.route_layer(from_fn(tokens::admin)).route_layer(signed_in()),
            Self::School(operation) => {
                let state = (Arc::clone(gateway), operation);
                handler.route_layer(from_fn_with_state(state, ocariot::guard))
            }
        }
    }

    const fn needs_token(self) -> bool {
        match self {
            Self::Public => false,
            Self::SignedIn | Self::SignedInWithKey | Self::Admin => true,
            Self::School(operation) => !operation.scopes.is_empty(),
        }
    }

    /// What a request has to carry, as the document has it.
    pub fn security(self) -> Value {
        match self {
            Self::SignedInWithKey => json!([{"bearer": [], "apiKey": []}]),
            _ if self.needs_token() => json!([{"bearer": []}]),
            _ => json!([]),
        }
    }

    /// In words.
    pub const fn told(self) -> &'static str {
        match self {
            Self::Public | Self::School(_) => "",
            Self::SignedIn => "Access: whoever is signed in.",
            Self::SignedInWithKey => "Access: whoever is signed in, through an application that has a key.",
            Self::Admin => "Access: admins.",
        }
    }

    /// The scopes of which one is enough.
    pub fn scopes(self) -> Option<Value> {
        match self {
            Self::School(operation) if self.needs_token() => Some(json!(operation.scopes)),
            _ => None,
        }
    }

    /// What is said to whoever may not use it.
    pub fn faults(self) -> Vec<Fault> {
        let tokens = [Fault::NoToken, Fault::BadToken, Fault::ExpiredToken, Fault::RevokedToken];
        let forbidden = match self {
            Self::Admin | Self::School(_) => Some(Fault::Forbidden),
            Self::Public | Self::SignedIn | Self::SignedInWithKey => None,
        };
        if self.needs_token() { tokens.into_iter().chain(forbidden).collect() } else { Vec::new() }
    }
}
