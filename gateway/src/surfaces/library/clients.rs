//! Operations 8 to 11: what an admin does with all accounts.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::{StatusCode, Uri},
};
use prost_types::FieldMask;
use proto::identity::v1 as pb;
use serde::Serialize;
use serde_json::Value;
use shared::passport::Caller;

use super::{
    envelope::{Client, bad, one, say},
    ids::{RawId, id_of},
    pages::{Extent, Page},
};
use crate::{
    Shared,
    body::{Field, Fields},
    fault::{Answer, Ending},
};

/// What a client may change of himself.
pub const PROFILE: [&str; 3] = ["nom", "email", "adresse"];

/// What an admin may change of anybody.
const ACCOUNT: [&str; 5] = ["nom", "email", "adresse", "role", "active"];

/// What is said of a role that is none.
pub const BAD_ROLE: &str = "Invalid role! It must be client or admin.";

/// What is said of an `active` that is neither.
pub const BAD_ACTIVE: &str = "Invalid active! It must be true or false.";

#[derive(Serialize)]
struct All {
    clients: Vec<Client>,
}

/// Operation 8.
pub async fn list(State(gateway): State<Shared>, Extension(caller): Extension<Arc<Caller>>, uri: Uri) -> Answer {
    let page = Page::of(&uri)?;
    let wanted = pb::ListAccountsRequest { page_size: page.limit(), page_token: page.after(), skip: page.skip() };

    let found = gateway.identity_for(&caller).list_accounts(wanted).await?.into_inner();

    let clients = found.accounts.into_iter().map(Client::from).collect();
    let answer = say(StatusCode::OK, "Clients fetched successfully!", All { clients });
    Ok(page.describe(answer, &uri, &Extent { total: found.total_size, ..Extent::default() }))
}

/// Operation 9.
pub async fn get(State(gateway): State<Shared>, Extension(caller): Extension<Arc<Caller>>, id: RawId) -> Answer {
    let account_id = id_of(id, "client")?;

    let found = gateway.identity_for(&caller).get_account(pb::GetAccountRequest { account_id }).await?;

    Ok(say(StatusCode::OK, "Client fetched successfully!", one(found.into_inner().account)))
}

/// Operation 10.
pub async fn update(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    id: RawId,
    fields: Fields,
) -> Answer {
    let changes = changes(&id_of(id, "client")?, &fields, &ACCOUNT)?;

    let changed = gateway.identity_for(&caller).update_account(changes).await?;

    Ok(say(StatusCode::OK, "Client updated successfully!", one(changed.into_inner().account)))
}

/// Operation 11.
pub async fn delete(State(gateway): State<Shared>, Extension(caller): Extension<Arc<Caller>>, id: RawId) -> Answer {
    let account_id = id_of(id, "client")?;

    let deleted = gateway.identity_for(&caller).delete_account(pb::DeleteAccountRequest { account_id }).await?;

    Ok(say(StatusCode::OK, "Client deleted successfully!", one(deleted.into_inner().account)))
}

/// A body's fields as changes of an account, if all of them are among `allowed`.
pub fn changes(id: &str, fields: &Fields, allowed: &[&str]) -> Result<pb::UpdateAccountRequest, Ending> {
    if fields.unknown(allowed).is_some() {
        return Err(bad("Invalid updates!").into());
    }
    let mut account = pb::Account { id: id.to_owned(), ..pb::Account::default() };
    let mut mask = FieldMask::default();
    for name in fields.names() {
        mask.paths.push(set(&mut account, name, fields.get(name))?.to_owned());
    }
    Ok(pb::UpdateAccountRequest { account: Some(account), update_mask: Some(mask) })
}

/// Sets a field; answers with its name in the protobuf message.
fn set(account: &mut pb::Account, name: &str, value: Field<'_>) -> Result<&'static str, Ending> {
    let path = match (name, value) {
        ("nom", Field::Text(text)) => {
            account.name = text.to_owned();
            "name"
        }
        ("email", Field::Text(text)) => {
            account.email = text.to_owned();
            "email"
        }
        ("adresse", Field::Text(text)) => {
            account.address = text.to_owned();
            "address"
        }
        ("role", Field::Text("client")) => {
            account.set_role(pb::Role::Client);
            "role"
        }
        ("role", Field::Text("admin")) => {
            account.set_role(pb::Role::Admin);
            "role"
        }
        ("active", Field::Other(Value::Bool(active))) => {
            account.set_state(if *active { pb::AccountState::Active } else { pb::AccountState::Inactive });
            "state"
        }
        ("role", _) => return Err(bad(BAD_ROLE).into()),
        ("active", _) => return Err(bad(BAD_ACTIVE).into()),
        (name, _) => return Err(bad(&format!("{name} must be a string!")).into()),
    };
    Ok(path)
}
