//! `/api/admin/api-keys`: the keys that applications show on the surface `user`.

use std::sync::Arc;

use axum::{Extension, extract::State, http::StatusCode};
use proto::identity::v1 as pb;
use serde::Serialize;
use shared::passport::Caller;

use super::{
    dates::iso,
    envelope::{bad, only, say},
    ids::{RawId, id_of},
};
use crate::{
    Shared,
    body::{Field, Fields},
    fault::Answer,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiKey {
    #[serde(rename = "_id")]
    id: String,
    name: String,
    prefix: String,
    created_at: Option<String>,
    last_used_at: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct One {
    api_key: ApiKey,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct All {
    api_keys: Vec<ApiKey>,
}

impl From<pb::ApiKey> for ApiKey {
    fn from(key: pb::ApiKey) -> Self {
        let (created_at, last_used_at) = (key.create_time.map(iso), key.last_use_time.map(iso));
        Self { id: key.id, name: key.name, prefix: key.prefix, created_at, last_used_at }
    }
}

/// Makes a key, which only this answer ever shows.
pub async fn create(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    fields: Fields,
) -> Answer {
    only(&fields, &["name"])?;
    let name = match fields.get("name") {
        Field::Absent | Field::Null | Field::Text("") => return Err(bad("All fields are required (name)!").into()),
        Field::Other(_) => return Err(bad("name must be a string!").into()),
        Field::Text(name) => name.to_owned(),
    };

    let made = gateway.identity_for(&caller).create_api_key(pb::CreateApiKeyRequest { name }).await?;

    let pb::CreateApiKeyResponse { api_key, key } = made.into_inner();
    let one = One { api_key: api_key.unwrap_or_default().into(), key: Some(key) };
    Ok(say(StatusCode::CREATED, "API key created successfully!", one))
}

/// The keys that are not revoked.
pub async fn list(State(gateway): State<Shared>, Extension(caller): Extension<Arc<Caller>>) -> Answer {
    let found = gateway.identity_for(&caller).list_api_keys(pb::ListApiKeysRequest {}).await?;

    let api_keys = found.into_inner().api_keys.into_iter().map(ApiKey::from).collect();
    Ok(say(StatusCode::OK, "API keys fetched successfully!", All { api_keys }))
}

/// Revokes a key at once.
pub async fn revoke(State(gateway): State<Shared>, Extension(caller): Extension<Arc<Caller>>, id: RawId) -> Answer {
    let api_key_id = id_of(id, "API key")?;

    let revoked = gateway.identity_for(&caller).revoke_api_key(pb::RevokeApiKeyRequest { api_key_id }).await?;

    let api_key = revoked.into_inner().api_key.unwrap_or_default().into();
    Ok(say(StatusCode::OK, "API key revoked successfully!", One { api_key, key: None }))
}
