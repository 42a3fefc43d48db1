//! Operations 1 to 3: register, log in, log out.

use std::sync::Arc;

use axum::{Extension, extract::State, http::StatusCode};
use proto::identity::v1 as pb;
use serde::Serialize;
use shared::passport::Caller;

use super::{
    envelope::{Client, bad, only, say, tell},
    idempotency::Once,
};
use crate::{
    Shared,
    body::{Field, Fields},
    fault::{Answer, Ending, Fault, Reason, of_ones_own},
};

/// What is said of a registration that lacks something.
pub const ALL_FIELDS: &str = "Require all fields!";

const REGISTER: [&str; 5] = ["nom", "email", "password", "confirmPassword", "adresse"];

#[derive(Serialize)]
struct SignedIn {
    client: Client,
    token: String,
}

/// Operation 1.
pub async fn register(State(gateway): State<Shared>, once: Once, fields: Fields) -> Answer {
    check_registration(&fields)?;
    let registration = pb::RegisterAccountRequest {
        name: fields.text("nom"),
        email: fields.text("email"),
        address: fields.text("adresse"),
        password: fields.text("password"),
        confirmation: Some(fields.text("confirmPassword")),
        request_id: once.request_id,
    };

    let made = gateway.identity().register_account(registration).await.map_err(|status| match Fault::from(status) {
        Fault::Refused(Reason::LoginTaken) => Ending::from(bad("Invalid Email address!")),
        fault => fault.into(),
    })?;

    let pb::RegisterAccountResponse { account, access_token: token } = made.into_inner();
    let client = account.unwrap_or_default().into();
    Ok(say(StatusCode::CREATED, "Registration successful!", SignedIn { client, token }))
}

fn check_registration(fields: &Fields) -> Result<(), Ending> {
    only(fields, &REGISTER)?;
    for (name, field) in REGISTER.map(|name| (name, fields.get(name))) {
        match field {
            Field::Absent | Field::Null | Field::Text("") if name != "adresse" => {
                return Err(bad(ALL_FIELDS).into());
            }
            Field::Other(_) => return Err(bad(&format!("{name} must be a string!")).into()),
            _ => (),
        }
    }
    Ok(())
}

/// Operation 2. Anything missing is a wrong login too.
pub async fn login(State(gateway): State<Shared>, fields: Fields) -> Answer {
    only(&fields, &["email", "password"])?;
    let (Field::Text(login), Field::Text(password)) = (fields.get("email"), fields.get("password")) else {
        return Err(Fault::Refused(Reason::InvalidCredentials).into());
    };
    let attempt = pb::LogInRequest { login: login.to_owned(), password: password.to_owned() };

    let signed_in = gateway.identity().log_in(attempt).await?;

    let pb::LogInResponse { account, access_token: token } = signed_in.into_inner();
    let client = account.unwrap_or_default().into();
    Ok(say(StatusCode::OK, "Login successful!", SignedIn { client, token }))
}

/// Operation 3.
pub async fn logout(State(gateway): State<Shared>, Extension(caller): Extension<Arc<Caller>>) -> Answer {
    let session_id = caller.session.clone().unwrap_or_default();

    gateway.identity_for(&caller).log_out(pb::LogOutRequest { session_id }).await.map_err(of_ones_own)?;

    Ok(tell(StatusCode::OK, "Logged out successfully"))
}
