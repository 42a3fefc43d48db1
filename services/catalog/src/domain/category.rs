//! Categories: where books of a kind stand.

use shared::Timestamp;

use super::{
    CategoryId, Refusal,
    fold::case_key,
    text::{Name, Remark},
};

/// Where books of a kind stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// Never changes.
    pub id: CategoryId,
    /// Unique whatever its case.
    pub name: Name,
    /// See [`Remark`].
    pub description: Remark,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// Grows with every change.
    pub version: i64,
}

/// What is to change; `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of Category")]
pub struct Changes {
    pub name: Option<Name>,
    pub description: Option<Remark>,
}

impl Category {
    /// A new one.
    pub const fn new(id: CategoryId, name: Name, description: Remark, now: Timestamp) -> Self {
        Self { id, name, description, created: now, updated: now, version: 1 }
    }

    /// The category with `changes`.
    #[must_use]
    pub fn change(&self, changes: Changes, now: Timestamp) -> Self {
        Self {
            name: changes.name.unwrap_or_else(|| self.name.clone()),
            description: changes.description.unwrap_or_else(|| self.description.clone()),
            updated: now,
            ..self.clone()
        }
    }

    /// Names this state of the category (AIP-154).
    pub fn etag(&self) -> String {
        self.version.to_string()
    }

    /// Whether this still is the state that `etag` names; an empty one names any.
    ///
    /// # Errors
    /// [`Refusal::StaleEtag`]
    pub fn must_be(&self, etag: &str) -> Result<(), Refusal> {
        if etag.is_empty() || etag == self.etag() { Ok(()) } else { Err(Refusal::StaleEtag) }
    }
}

/// What a category's name is unique by.
pub fn name_key(name: &Name) -> String {
    case_key(name.as_str().trim())
}
