//! Institutions: schools and other places that members belong to.

use shared::{
    Timestamp,
    passport::{Caller, Role as Standing},
};

use super::{InstitutionId, Refusal, account::Role, label::Label};

/// An institution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Institution {
    /// Never changes.
    pub id: InstitutionId,
    /// Unique to the character.
    pub name: Label,
    /// What kind of place it is.
    pub kind: Label,
    /// Where it is.
    pub address: Option<Label>,
    /// As it was given.
    pub latitude: Option<Label>,
    /// As it was given.
    pub longitude: Option<Label>,
    /// When it was made.
    pub created: Timestamp,
}

/// What is to change; `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of Institution")]
pub struct Changes {
    pub name: Option<Label>,
    pub kind: Option<Label>,
    pub address: Option<Label>,
    pub latitude: Option<Label>,
    pub longitude: Option<Label>,
}

impl Institution {
    /// The institution with `changes`.
    #[must_use]
    pub fn change(self, changes: Changes) -> Self {
        Self {
            name: changes.name.unwrap_or(self.name),
            kind: changes.kind.unwrap_or(self.kind),
            address: changes.address.or(self.address),
            latitude: changes.latitude.or(self.latitude),
            longitude: changes.longitude.or(self.longitude),
            ..self
        }
    }
}

/// Whether a caller sees institutions that are not his own: all do but children and families.
pub fn sees_any(caller: &Caller) -> bool {
    let others = [Role::Application.name(), Role::Educator.name(), Role::HealthProfessional.name()];
    changes_any(caller) || others.contains(&caller.sub_type.as_str())
}

/// Whether a caller changes institutions that are not his own.
pub fn changes_any(caller: &Caller) -> bool {
    caller.role == Standing::Admin
}

/// Whether an institution is a caller's own.
///
/// # Errors
/// [`Refusal::NotYours`]
pub fn reach(institution: InstitutionId, own: Option<InstitutionId>) -> Result<(), Refusal> {
    if own == Some(institution) { Ok(()) } else { Err(Refusal::NotYours) }
}
