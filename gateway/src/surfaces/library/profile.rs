//! Operations 4 to 6: what a client does with his own account.

use std::sync::Arc;

use axum::{Extension, extract::State, http::StatusCode};
use proto::identity::v1 as pb;
use shared::passport::Caller;

use super::{
    clients::{PROFILE, changes},
    envelope::{bad, one, only, say},
};
use crate::{
    Shared,
    body::{Field, Fields},
    fault::{Answer, Ending, of_ones_own},
};

/// What is said of a change of password that lacks something.
pub const ALL_PASSWORDS: &str = "All fields are required (oldPassword, newPassword, confirmPassword)!";

const PASSWORD: [&str; 3] = ["oldPassword", "newPassword", "confirmPassword"];

/// Operation 4.
pub async fn update(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    fields: Fields,
) -> Answer {
    let changes = changes(&caller.subject, &fields, &PROFILE)?;

    let changed = gateway.identity_for(&caller).update_account(changes).await.map_err(of_ones_own)?;

    Ok(say(StatusCode::OK, "Profile updated successfully!", one(changed.into_inner().account)))
}

/// Operation 5, which the document prints.
pub async fn change_password(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    fields: Fields,
) -> Answer {
    check_passwords(&fields)?;
    let change = pb::ChangePasswordRequest {
        account_id: caller.subject.clone(),
        old_password: fields.text("oldPassword"),
        new_password: fields.text("newPassword"),
        confirmation: Some(fields.text("confirmPassword")),
        must_differ: false,
    };

    let changed = gateway.identity_for(&caller).change_password(change).await.map_err(of_ones_own)?;

    Ok(say(StatusCode::OK, "Password updated successfully!", one(changed.into_inner().account)))
}

fn check_passwords(fields: &Fields) -> Result<(), Ending> {
    only(fields, &PASSWORD)?;
    for name in PASSWORD {
        match fields.get(name) {
            Field::Absent | Field::Null | Field::Text("") => {
                return Err(bad(ALL_PASSWORDS).into());
            }
            Field::Other(_) => return Err(bad(&format!("{name} must be a string!")).into()),
            Field::Text(_) => (),
        }
    }
    Ok(())
}

/// Operation 6.
pub async fn me(State(gateway): State<Shared>, Extension(caller): Extension<Arc<Caller>>) -> Answer {
    let account_id = caller.subject.clone();

    let found =
        gateway.identity_for(&caller).get_account(pb::GetAccountRequest { account_id }).await.map_err(of_ones_own)?;

    Ok(say(StatusCode::OK, "Client details fetched successfully!", one(found.into_inner().account)))
}
