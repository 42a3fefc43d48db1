//! Protobuf to domain and back.

use proto::identity::v1 as pb;
use shared::Error;

use crate::domain::{
    Refusal,
    account::{Account, Changes, Realm, Role},
    api_key::ApiKey,
    audit::Record,
};
use crate::store::{Session, SigningKey};

/// A field that has a form.
pub fn field<T: std::str::FromStr<Err: std::fmt::Display>>(
    name: &'static str,
    text: &str,
) -> Result<T, Error<Refusal>> {
    text.parse().map_err(|misfit| Error::invalid(name, misfit))
}

/// A role, which has to be given.
pub fn role(role: pb::Role) -> Result<Role, Error<Refusal>> {
    match role {
        pb::Role::Client => Ok(Role::Client),
        pb::Role::Admin => Ok(Role::Admin),
        pb::Role::Unspecified => Err(Error::invalid("role", "must be given")),
        _ => Err(Error::invalid("role", "must be one of the library realm")),
    }
}

/// What the mask names, out of `account`.
pub fn changes(account: &pb::Account, mask: &[String]) -> Result<Changes, Error<Refusal>> {
    let mut changes = Changes::default();
    for path in mask {
        match path.as_str() {
            "name" => changes.name = Some(field("account.name", &account.name)?),
            "email" => changes.email = Some(field("account.email", &account.email)?),
            "address" => changes.address = Some(field("account.address", &account.address)?),
            "role" => changes.role = Some(role(account.role())?),
            "state" => changes.active = Some(active(account.state())?),
            _ => return Err(Error::invalid("update_mask", format!("{path:?} cannot be changed"))),
        }
    }
    Ok(changes)
}

fn active(state: pb::AccountState) -> Result<bool, Error<Refusal>> {
    match state {
        pb::AccountState::Active => Ok(true),
        pb::AccountState::Inactive => Ok(false),
        pb::AccountState::Unspecified => Err(Error::invalid("account.state", "must be given")),
    }
}

impl From<Role> for pb::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Client => Self::Client,
            Role::Admin => Self::Admin,
            Role::Child => Self::Child,
            Role::Educator => Self::Educator,
            Role::HealthProfessional => Self::HealthProfessional,
            Role::Family => Self::Family,
            Role::Application => Self::Application,
        }
    }
}

impl From<Account> for pb::Account {
    fn from(account: Account) -> Self {
        let realm = match account.realm() {
            Realm::Library => pb::Realm::Library,
            Realm::School => pb::Realm::School,
        };
        let state = if account.active { pb::AccountState::Active } else { pb::AccountState::Inactive };
        Self {
            id: account.id.to_string(),
            realm: realm.into(),
            name: account.display_name().to_owned(),
            email: account.email().to_owned(),
            address: account.address.as_str().to_owned(),
            role: pb::Role::from(account.role).into(),
            state: state.into(),
            create_time: Some(account.created.into()),
        }
    }
}

impl From<Session> for pb::Session {
    fn from(session: Session) -> Self {
        Self {
            id: session.id,
            account_id: session.account_id,
            create_time: Some(session.created_at.into()),
            expire_time: Some(session.expires_at.into()),
        }
    }
}

impl From<SigningKey> for pb::SigningKey {
    fn from(key: SigningKey) -> Self {
        Self { id: key.id, public_key: key.public_key, create_time: Some(key.created_at.into()) }
    }
}

impl From<ApiKey> for pb::ApiKey {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.as_str().to_owned(),
            prefix: key.prefix,
            create_time: Some(key.created.into()),
            last_use_time: key.last_used.map(Into::into),
        }
    }
}

impl From<Record> for pb::AuditEvent {
    fn from(record: Record) -> Self {
        Self {
            id: record.id,
            create_time: Some(record.created.into()),
            event: record.event,
            account_id: record.account,
            actor: record.actor,
            request_id: record.request_id,
            detail: record.detail,
        }
    }
}
