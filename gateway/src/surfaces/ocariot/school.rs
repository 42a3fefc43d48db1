//! Identity's school realm, asked on behalf of the request's caller.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};
use shared::passport::Caller;

use crate::{Shared, fault::Fault};

/// See the module.
pub struct School(pub crate::School);

impl FromRequestParts<Shared> for School {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, gateway: &Shared) -> Result<Self, Fault> {
        let caller = parts.extensions.get::<Arc<Caller>>().ok_or(Fault::NoToken)?;
        Ok(Self(gateway.school_for(caller)))
    }
}
