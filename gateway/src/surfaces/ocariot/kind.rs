//! The types of account that are made here, by their names in paths, tokens, refusals and identity.

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use proto::identity::v1 as pb;
use shared::passport::Caller;
use tonic::Status;

use super::{
    declared::Operation,
    envelope::{not_found, taken, weak},
};
use crate::{
    Shared,
    fault::{Ending, Fault, Reason},
};

/// A type of account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Child,
    Educator,
    HealthProfessional,
    Family,
    Application,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Child, Self::Educator, Self::HealthProfessional, Self::Family, Self::Application];

    /// Whose paths an operation's is one of.
    pub fn of(operation: &Operation) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.collection() == operation.collection())
    }

    /// What somebody is.
    pub fn of_caller(caller: &Caller) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.sub_type() == caller.sub_type)
    }

    const fn collection(self) -> &'static str {
        match self {
            Self::Child => "children",
            Self::Educator => "educators",
            Self::HealthProfessional => "healthprofessionals",
            Self::Family => "families",
            Self::Application => "applications",
        }
    }

    /// As tokens say it.
    pub const fn sub_type(self) -> &'static str {
        match self {
            Self::Child => "child",
            Self::Educator => "educator",
            Self::HealthProfessional => "healthprofessional",
            Self::Family => "family",
            Self::Application => "application",
        }
    }

    /// As refusals say it: the contract's X.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Child => "Child",
            Self::Educator => "Educator",
            Self::HealthProfessional => "Health Professional",
            Self::Family => "Family",
            Self::Application => "Application",
        }
    }

    /// As identity says it.
    pub const fn role(self) -> pb::Role {
        match self {
            Self::Child => pb::Role::Child,
            Self::Educator => pb::Role::Educator,
            Self::HealthProfessional => pb::Role::HealthProfessional,
            Self::Family => pb::Role::Family,
            Self::Application => pb::Role::Application,
        }
    }

    /// Identity's refusal, in the words for an account of this type.
    pub fn refuse(self, status: Status) -> Ending {
        match Fault::from(status) {
            Fault::Refused(Reason::LoginTaken) => taken(self.noun()).into(),
            Fault::Refused(Reason::AccountNotFound) => not_found(StatusCode::NOT_FOUND, self.noun()).into(),
            Fault::PasswordLength { least, most } => weak("password", &least, &most).into(),
            fault => fault.into(),
        }
    }
}

/// Of the operation that the guard let a request through to.
impl FromRequestParts<Shared> for Kind {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Fault> {
        let operation = parts.extensions.get::<&'static Operation>().ok_or(Fault::Internal)?;
        Self::of(operation).ok_or(Fault::Internal)
    }
}
