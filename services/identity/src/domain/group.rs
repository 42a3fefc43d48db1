//! Groups of children, which belong to an educator or a health professional.

use shared::{Timestamp, passport::Caller};

use super::{AccountId, GroupId, Refusal, label::Label, member::Member};

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Never changes.
    pub id: GroupId,
    /// Never changes.
    pub owner: AccountId,
    /// Unique, to the character, among those of the owner.
    pub name: Label,
    /// Whose class it is.
    pub school_class: Option<Label>,
    /// As they were given.
    pub children: Vec<Member>,
    /// When it was made.
    pub created: Timestamp,
}

/// What is to be kept; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of Group")]
pub struct Changes {
    pub name: Option<Label>,
    pub school_class: Option<Label>,
    pub children: Option<Vec<AccountId>>,
}

impl Changes {
    /// The names of what changes, with blanks.
    pub fn names(&self) -> String {
        let fields = [
            ("name", self.name.is_some()),
            ("school_class", self.school_class.is_some()),
            ("children", self.children.is_some()),
        ];
        fields.into_iter().filter_map(|(name, changes)| changes.then_some(name)).collect::<Vec<_>>().join(" ")
    }
}

/// The most groups of an owner.
const MOST_GROUPS: i64 = 1000;

/// The most children of an owner's groups in all.
const MOST_CHILDREN: i64 = 5000;

/// Whether an owner's groups can be shown: whoever sees him sees all of them, with whole children.
///
/// # Errors
/// The field that is too long, and why.
pub const fn can_be_shown(groups: i64, children: i64) -> Result<(), (&'static str, &'static str)> {
    if groups > MOST_GROUPS || children > MOST_CHILDREN {
        return Err((
            "children_group.children",
            "of all groups of an owner must be at most 5000, in at most 1000 groups",
        ));
    }
    Ok(())
}

/// Groups are their owner's alone: not even an admin reaches them.
///
/// # Errors
/// [`Refusal::NotYours`]
pub fn reach(caller: &Caller, owner: AccountId) -> Result<(), Refusal> {
    if caller.subject == owner.to_string() { Ok(()) } else { Err(Refusal::NotYours) }
}
