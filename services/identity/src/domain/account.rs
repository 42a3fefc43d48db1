//! Accounts: what they are, what a name and an address may be, and what may change.

use std::str::FromStr;

use shared::Timestamp;

use super::{
    AccountId, Refusal,
    login::{Email, Login},
};

/// Why a text is not what it should be.
pub type Misfit = &'static str;

/// What an account is, and by that what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Uses the library.
    Client,
    /// Runs the place.
    Admin,
    /// Goes to school.
    Child,
    /// Teaches, and has groups of children.
    Educator,
    /// Looks after health, and has groups of children.
    HealthProfessional,
    /// Looks after its own children.
    Family,
    /// A program.
    Application,
}

impl Role {
    /// All there are.
    pub const ALL: [Self; 7] = [
        Self::Client,
        Self::Admin,
        Self::Child,
        Self::Educator,
        Self::HealthProfessional,
        Self::Family,
        Self::Application,
    ];
}

impl Role {
    /// Whether he may choose a password himself, on whatever surface: document 001 leaves that of children and programs to an admin.
    ///
    /// # Errors
    /// [`Refusal::NotYours`]
    pub const fn may_change_password(self) -> Result<(), Refusal> {
        match self {
            Self::Child | Self::Application => Err(Refusal::NotYours),
            _ => Ok(()),
        }
    }
}

/// Where an account comes from; decides what counts as a weak password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Realm {
    /// Accounts with an e-mail address.
    Library,
    /// Accounts with a user name.
    School,
}

/// A person or program that may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Never changes.
    pub id: AccountId,
    /// Its kind never changes.
    pub login: Login,
    /// See [`Name`]. Accounts of the school have none but their user name.
    pub name: Option<Name>,
    /// See [`Address`].
    pub address: Address,
    /// See [`Role`].
    pub role: Role,
    /// Whether it may sign in.
    pub active: bool,
    /// When it was made.
    pub created: Timestamp,
}

/// What is to change; `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of Account")]
pub struct Changes {
    pub name: Option<Name>,
    pub email: Option<Email>,
    pub address: Option<Address>,
    pub role: Option<Role>,
    pub active: Option<bool>,
}

impl Changes {
    /// Whether only an admin may ask for this.
    pub const fn need_admin(&self) -> bool {
        self.role.is_some() || self.active.is_some()
    }

    const fn need_library(&self) -> bool {
        self.name.is_some() || self.email.is_some() || self.address.is_some() || self.role.is_some()
    }
}

impl Account {
    /// Where it comes from.
    pub const fn realm(&self) -> Realm {
        match self.login {
            Login::Email(_) => Realm::Library,
            Login::Username(_) => Realm::School,
        }
    }

    /// What its holder is called.
    pub fn display_name(&self) -> &str {
        match (&self.name, &self.login) {
            (Some(name), _) => name.as_str(),
            (None, Login::Username(username)) => username.as_str(),
            (None, Login::Email(email)) => email.as_str(),
        }
    }

    /// Its e-mail address; empty when it has none.
    pub fn email(&self) -> &str {
        match &self.login {
            Login::Email(email) => email.as_str(),
            Login::Username(_) => "",
        }
    }

    /// The account with `changes`. `other_admins`: how many other active admins there are.
    ///
    /// # Errors
    /// [`Refusal::LastAdmin`]; [`Refusal::WrongRealm`] for what accounts of the school do not have, or have there alone.
    pub fn change(&self, changes: Changes, other_admins: i64) -> Result<Self, Refusal> {
        if self.realm() != Realm::Library && changes.need_library() {
            return Err(Refusal::WrongRealm);
        }
        let changed = Self {
            name: changes.name.or_else(|| self.name.clone()),
            login: changes.email.map_or_else(|| self.login.clone(), Login::Email),
            address: changes.address.unwrap_or_else(|| self.address.clone()),
            role: changes.role.unwrap_or(self.role),
            active: changes.active.unwrap_or(self.active),
            ..self.clone()
        };
        if self.runs_the_place() && !changed.runs_the_place() {
            self.may_leave(other_admins)?;
        }
        Ok(changed)
    }

    /// Whether this account may stop running the place. `other_admins`: how many other active admins there are.
    ///
    /// # Errors
    /// [`Refusal::LastAdmin`]
    pub fn may_leave(&self, other_admins: i64) -> Result<(), Refusal> {
        if self.runs_the_place() && other_admins == 0 { Err(Refusal::LastAdmin) } else { Ok(()) }
    }

    /// The names of the fields in which `changed` is another.
    pub fn differences(&self, changed: &Self) -> Vec<&'static str> {
        let fields = [
            ("name", self.name != changed.name),
            ("email", self.login != changed.login),
            ("address", self.address != changed.address),
            ("role", self.role != changed.role),
            ("active", self.active != changed.active),
        ];
        fields.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
    }

    /// Whether the tokens that were made out for `self` say too much or too little about `changed`.
    pub fn outdates_sessions(&self, changed: &Self) -> bool {
        self.role != changed.role || !changed.active
    }

    fn runs_the_place(&self) -> bool {
        self.active && self.role == Role::Admin
    }
}

/// A name: 1 to 100 characters of any script, at least one letter, no control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Misfit;

    fn from_str(text: &str) -> Result<Self, Misfit> {
        let fits = (1..=100).contains(&text.chars().count());
        if fits && text.chars().any(char::is_alphabetic) && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must have 1 to 100 characters, at least one letter and no control characters")
        }
    }
}

/// A postal address: at most 500 characters, possibly none, in one or several lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Address {
    type Err = Misfit;

    fn from_str(text: &str) -> Result<Self, Misfit> {
        let printable = |character: char| !character.is_control() || matches!(character, '\n' | '\r' | '\t');
        if text.chars().count() <= 500 && text.chars().all(printable) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must have at most 500 characters and no control characters")
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::Id;

    use super::*;

    fn admin() -> Account {
        Account {
            id: Id::new(Timestamp::from_micros(0), [0; 5]).into(),
            login: Login::Email("elodie@example.org".parse().unwrap()),
            name: "Élodie Dupré-N'Diaye".parse().ok(),
            address: Address::default(),
            role: Role::Admin,
            active: true,
            created: Timestamp::from_micros(0),
        }
    }

    #[test]
    fn the_last_admin_stays_one() {
        let less = Changes { role: Some(Role::Client), ..Changes::default() };
        let off = Changes { active: Some(false), ..Changes::default() };

        assert_eq!(admin().change(less.clone(), 0), Err(Refusal::LastAdmin));
        assert_eq!(admin().change(off, 0), Err(Refusal::LastAdmin));
        assert_eq!(admin().may_leave(0), Err(Refusal::LastAdmin));
        assert!(admin().change(less, 1).is_ok());
    }

    #[test]
    fn a_new_role_or_a_block_outdates_sessions_and_a_new_name_does_not() {
        let with = |changes| admin().outdates_sessions(&admin().change(changes, 1).unwrap());

        assert!(with(Changes { role: Some(Role::Client), ..Changes::default() }));
        assert!(with(Changes { active: Some(false), ..Changes::default() }));
        assert!(!with(Changes { name: "Elo".parse().ok(), ..Changes::default() }));
    }

    #[test]
    fn an_account_of_the_school_is_let_in_or_blocked_here_and_changed_elsewhere() {
        let child =
            Account { login: Login::Username("BR0001".parse().unwrap()), name: None, role: Role::Child, ..admin() };
        let with = |changes| child.change(changes, 1);

        assert!(with(Changes { active: Some(false), ..Changes::default() }).is_ok());
        for changes in [
            Changes { name: "Elo".parse().ok(), ..Changes::default() },
            Changes { email: "elo@example.org".parse().ok(), ..Changes::default() },
            Changes { role: Some(Role::Admin), ..Changes::default() },
        ] {
            assert_eq!(with(changes), Err(Refusal::WrongRealm));
        }
    }

    #[test]
    fn names_are_of_any_script_and_have_a_letter() {
        for name in ["Élodie Dupré-N'Diaye", "李", "O", "محمد", "Ольга 2"] {
            assert_eq!(name.parse::<Name>().unwrap().as_str(), name);
        }
        for name in ["", " ", "123", "a\0b", "a\nb", &"x".repeat(101)] {
            assert!(name.parse::<Name>().is_err(), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_reads_back(text: String) {
            if let Ok(name) = text.parse::<Name>() {
                prop_assert_eq!(name.as_str(), text.as_str());
                prop_assert!(!text.contains('\0'));
            }
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.as_str(), text.as_str());
                prop_assert!(!text.contains('\0'));
            }
        }
    }
}
