//! Members: accounts of the school realm with what the school keeps of them.

use std::{collections::HashSet, str::FromStr, time::Duration};

use jiff::civil::Date;
use shared::{Timestamp, passport::Caller, passport::Role as Standing};

use super::{
    AccountId, InstitutionId, Refusal,
    account::{Account, Misfit, Role},
    group::Group,
    label::Label,
    login::Username,
};

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who signs in.
    pub account: Account,
    /// Where he belongs; only an application may belong nowhere.
    pub institution: Option<InstitutionId>,
    /// When he last signed in.
    pub last_login: Option<Timestamp>,
    /// What members of his role have.
    pub details: Details,
}

/// What members have, by their role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Details {
    /// A child.
    Child(Child),
    /// An educator's or health professional's groups, in order of creation.
    Groups(Vec<Group>),
    /// A family's children, as they were given.
    Children(Vec<Member>),
    /// An application's name.
    Application(Label),
}

/// A child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// See [`Gender`].
    pub gender: Gender,
    /// See [`Age`].
    pub age: Age,
    /// The day on which the age was right, or a date of birth.
    pub age_calc_date: Option<Day>,
}

/// What is to be kept; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of Member and of its details")]
pub struct Changes {
    pub username: Option<Username>,
    pub institution: Option<InstitutionId>,
    pub gender: Option<Gender>,
    pub age: Option<Age>,
    pub age_calc_date: Option<Day>,
    pub children: Option<Vec<AccountId>>,
    pub application_name: Option<Label>,
}

impl Changes {
    /// Whether an age in numbers comes with the day on which it is right, and the day with an age.
    ///
    /// # Errors
    /// The field that is missing.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        match (&self.age, &self.age_calc_date) {
            (Some(age), None) if age.day().is_none() => {
                Err(("member.child.age_calc_date", "must be given with an age"))
            }
            (None, Some(_)) => Err(("member.child.age", "must be given with its day")),
            _ => Ok(()),
        }
    }

    /// The names of what changes, with blanks.
    pub fn names(&self) -> String {
        let fields = [
            ("username", self.username.is_some()),
            ("institution_id", self.institution.is_some()),
            ("gender", self.gender.is_some()),
            ("age", self.age.is_some()),
            ("age_calc_date", self.age_calc_date.is_some()),
            ("children", self.children.is_some()),
            ("application_name", self.application_name.is_some()),
        ];
        fields.into_iter().filter_map(|(name, changes)| changes.then_some(name)).collect::<Vec<_>>().join(" ")
    }
}

/// The most children of a family, and of a group.
const MOST_CHILDREN: usize = 1000;

/// Children as they are to be kept: each once, in the order in which they first come.
///
/// # Errors
/// When there are too many.
pub fn each_once(children: Vec<AccountId>) -> Result<Vec<AccountId>, Misfit> {
    let mut seen = HashSet::new();
    let children: Vec<AccountId> = children.into_iter().filter(|id| seen.insert(*id)).collect();
    if children.len() > MOST_CHILDREN { Err("must be at most 1000") } else { Ok(children) }
}

/// Of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Gender {
    Male,
    Female,
}

impl Gender {
    /// What the database keeps.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Male => "male",
            Self::Female => "female",
        }
    }
}

impl FromStr for Gender {
    type Err = Misfit;

    fn from_str(text: &str) -> Result<Self, Misfit> {
        match text {
            "male" => Ok(Self::Male),
            "female" => Ok(Self::Female),
            _ => Err("must be male or female"),
        }
    }
}

/// A decimal number of years above zero, or a date of birth, as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Age(String);

impl Age {
    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The date of birth, if it is one.
    pub fn day(&self) -> Option<Day> {
        self.0.parse().ok()
    }
}

impl FromStr for Age {
    type Err = Misfit;

    fn from_str(text: &str) -> Result<Self, Misfit> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let above_zero = text.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
        let is_number = text.len() <= 255 && digits(whole) && digits(fraction) && above_zero;
        if is_number || text.parse::<Day>().is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be a number above zero or a date")
        }
    }
}

/// A day of the years 1678 to 2261, `yyyy-MM-dd` (ISO 8601).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Day(Date);

impl Day {
    /// Whether it has not begun anywhere.
    pub fn is_future(&self, now: Timestamp) -> bool {
        // The first clocks of the world are fourteen hours ahead.
        let first = (now + Duration::from_secs(14 * 3600)).iso_millis();
        first.get(..10).is_some_and(|today| self.to_string().as_str() > today)
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Day {
    type Err = Misfit;

    fn from_str(text: &str) -> Result<Self, Misfit> {
        let date = text.parse::<Date>().ok().filter(|date| (1678..=2261).contains(&date.year()));
        // The crate also reads other forms of ISO 8601.
        date.filter(|date| date.to_string() == text).map(Self).ok_or("must be a day, yyyy-MM-dd")
    }
}

/// Whether a caller may do with a member what his scope lets him do with members: an admin with anybody, others with themselves.
///
/// # Errors
/// [`Refusal::NotYours`]
pub fn reach(caller: &Caller, role: Role, member: AccountId) -> Result<(), Refusal> {
    let is_self = caller.sub_type == role.name() && caller.subject == member.to_string();
    if is_self || caller.role == Standing::Admin { Ok(()) } else { Err(Refusal::NotYours) }
}

/// Whether a caller sees a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// He does.
    Yes,
    /// He does not.
    No,
    /// He does if it is his child.
    OfFamily(AccountId),
}

impl Sight {
    /// Of a caller on a member: an admin sees everybody, educators and health professionals see any child, a family its own, and
    /// everybody himself.
    pub fn of(caller: &Caller, role: Role, member: AccountId) -> Self {
        let professionals = [Role::Educator.name(), Role::HealthProfessional.name()];
        let looks_after_children = professionals.contains(&caller.sub_type.as_str());
        match reach(caller, role, member) {
            Ok(()) => Self::Yes,
            Err(_) if role == Role::Child && looks_after_children => Self::Yes,
            Err(_) if role == Role::Child && caller.sub_type == Role::Family.name() => {
                caller.subject.parse().map_or(Self::No, Self::OfFamily)
            }
            Err(_) => Self::No,
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::Id;

    use super::*;

    #[test]
    fn an_age_is_a_number_above_zero_or_a_day() {
        for age in ["11", "1.5", "0.1", "011", "2012-02-29", "1678-01-01", "2261-12-31"] {
            assert_eq!(age.parse::<Age>().unwrap().as_str(), age);
        }
        for age in ["", "0", "0.0", "-1", "+1", "1.", ".5", "1e3", "2011-02-29", "1677-12-31", "2262-01-01", "12-1-1"] {
            assert!(age.parse::<Age>().is_err(), "{age}");
        }
    }

    #[test]
    fn a_child_counts_once_and_a_thousand_are_the_most() {
        let id = |number: u32| AccountId::from(Id::new(Timestamp::from_micros(i64::from(number)), [0; 5]));
        assert_eq!(each_once(vec![id(2), id(1), id(2)]), Ok(vec![id(2), id(1)]));

        let many = |number| each_once((0..number).chain([0]).map(id).collect());
        assert!(many(1000).is_ok() && many(1001).is_err());
    }

    #[test]
    fn tomorrow_is_not_here_yet_unless_it_is_somewhere() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        // 2026-03-02T09:00:00Z
        let now = Timestamp::from_micros(1_772_442_000_000_000);

        assert!(!day("2026-03-02").is_future(now));
        assert!(day("2026-03-03").is_future(now));
        assert!(!day("2026-03-03").is_future(now + Duration::from_secs(3600)));
    }

    #[test]
    fn everybody_sees_himself_and_some_see_children() {
        let id: AccountId = Id::new(Timestamp::from_micros(0), [1; 5]).into();
        let other: AccountId = Id::new(Timestamp::from_micros(0), [2; 5]).into();
        let caller = |sub_type: &str| Caller {
            subject: id.to_string(),
            role: Standing::Client,
            sub_type: sub_type.to_owned(),
            scope: String::new(),
            session: None,
        };

        assert_eq!(Sight::of(&caller("child"), Role::Child, id), Sight::Yes);
        assert_eq!(Sight::of(&caller("child"), Role::Child, other), Sight::No);
        assert_eq!(Sight::of(&caller("educator"), Role::Child, other), Sight::Yes);
        assert_eq!(Sight::of(&caller("educator"), Role::Educator, other), Sight::No);
        // An id of one role under another's name.
        assert_eq!(Sight::of(&caller("healthprofessional"), Role::Educator, id), Sight::No);
        assert_eq!(Sight::of(&caller("family"), Role::Child, other), Sight::OfFamily(id));
        assert_eq!(Sight::of(&Caller::operator(), Role::Family, other), Sight::Yes);
    }
}
