//! Operations 1 to 4: signing in, passwords, the end of accounts.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use proto::identity::v1 as pb;
use serde::Serialize;
use shared::passport::Caller;

use super::written::Written;
use crate::{
    Shared,
    fault::{Answer, Fault, Reason, of_ones_own},
    surfaces::json::json,
};

#[derive(Serialize)]
struct Token {
    access_token: String,
}

/// Operation 1.
pub async fn log_in(State(gateway): State<Shared>, written: Written) -> Answer {
    let request = pb::LogInRequest { login: written.text("username"), password: written.text("password") };

    let pb::LogInResponse { access_token, .. } = gateway.identity().log_in(request).await?.into_inner();

    Ok(json(StatusCode::OK, &Token { access_token }))
}

/// Operation 2, which the document prints.
pub async fn change_password(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    written: Written,
) -> Answer {
    let change = pb::ChangePasswordRequest {
        account_id: caller.subject.clone(),
        old_password: written.text("old_password"),
        new_password: written.text("new_password"),
        confirmation: None,
        must_differ: false,
    };

    gateway.identity_for(&caller).change_password(change).await.map_err(of_ones_own)?;

    Ok(nothing())
}

/// Operation 3.
pub async fn reset_password(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    Path(account_id): Path<String>,
    written: Written,
) -> Answer {
    let reset = pb::ResetPasswordRequest { account_id, new_password: written.text("new_password") };

    gateway.identity_for(&caller).reset_password(reset).await?;

    Ok(nothing())
}

/// Operation 4.
pub async fn delete(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    Path(account_id): Path<String>,
) -> Answer {
    let request = pb::DeleteAccountRequest { account_id };

    match gateway.identity_for(&caller).delete_account(request).await.map_err(Fault::from) {
        Ok(_) | Err(Fault::Refused(Reason::AccountNotFound)) => Ok(nothing()),
        Err(fault) => Err(fault.into()),
    }
}

/// 204.
pub fn nothing() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
