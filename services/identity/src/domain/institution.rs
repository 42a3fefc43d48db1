//! Institutions: schools and other places that members belong to.

use shared::Timestamp;

use super::{InstitutionId, label::Label};

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
