//! What an operator can set.

use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};
use shared::secret::{Secret, SecretParser};

use crate::{
    domain::{
        account::Realm,
        password::{LibraryPolicy, Policy, SchoolPolicy},
    },
    hasher::Admission,
};

/// Settings of the role identity.
#[derive(Args, Clone, Debug)]
#[command(group(ArgGroup::new("admin_login").args(["admin_email", "admin_username"]).multiple(true)))]
pub struct IdentityArgs {
    /// Where identity's accounts are: sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE.
    /// Embedded, by default a file in the data directory.
    #[arg(long, env = "BIBLIOTIQUE_IDENTITY_DATABASE_URL", hide_env_values = true, value_parser = SecretParser::ANY)]
    pub identity_database_url: Option<Secret>,

    /// Secret that passwords are mixed with before they are hashed; at least 32 bytes. Without it no password can be
    /// checked any more. Embedded, made once and kept in the data directory.
    #[arg(long, env = "BIBLIOTIQUE_PEPPER", hide_env_values = true, value_parser = SecretParser::KEY)]
    pub pepper: Option<Secret>,

    /// bcrypt's cost: one more doubles the time of a sign-in (10 takes about 0.1 s).
    #[arg(long, env = "BIBLIOTIQUE_BCRYPT_COST", default_value_t = 10, value_parser = clap::value_parser!(u32).range(10..=15))]
    pub bcrypt_cost: u32,

    /// What a new password of the library must be like.
    #[arg(long, env = "BIBLIOTIQUE_PASSWORD_POLICY", default_value = "composition")]
    pub password_policy: PasswordPolicy,

    /// The fewest characters of a password of the school.
    #[arg(long, env = "BIBLIOTIQUE_SCHOOL_PASSWORD_LEAST", default_value_t = 8, value_parser = clap::value_parser!(u8).range(8..=128))]
    pub school_password_least: u8,

    /// The most characters of a password of the school.
    #[arg(long, env = "BIBLIOTIQUE_SCHOOL_PASSWORD_MOST", default_value_t = 128, value_parser = clap::value_parser!(u8).range(8..=128))]
    pub school_password_most: u8,

    /// E-mail address of the first admin, made at a start with no admin in the database.
    #[arg(long, env = "BIBLIOTIQUE_ADMIN_EMAIL", requires = "admin_password")]
    pub admin_email: Option<String>,

    /// User name of the first admin, where no e-mail address is given: then the admin's account is one of the school.
    #[arg(long, env = "BIBLIOTIQUE_ADMIN_USERNAME", requires = "admin_password")]
    pub admin_username: Option<String>,

    /// Password of the first admin.
    #[arg(long, env = "BIBLIOTIQUE_ADMIN_PASSWORD", hide_env_values = true, value_parser = SecretParser::ANY, requires = "admin_login")]
    pub admin_password: Option<Secret>,
}

/// See [`LibraryPolicy`].
#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum PasswordPolicy {
    /// 8 characters at least, with an upper-case letter, a lower-case letter and a digit.
    Composition,
    /// 15 characters at least, whatever they are (NIST SP 800-63B-4).
    Nist,
}

/// Settings that contradict each other.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("--school-password-least {least} is more than --school-password-most {most}")]
pub struct ContradictorySettings {
    least: u8,
    most: u8,
}

/// What identity needs to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sqlite:` or `postgres:`.
    pub database_url: Secret,
    /// At least 32 bytes.
    pub pepper: Secret,
    /// 4 to 31; an operator may choose 10 to 15.
    pub bcrypt_cost: u32,
    /// What a new password must be like.
    pub policy: Policy,
    /// How long a session and its token live.
    pub session: Duration,
    /// How many passwords are hashed at once.
    pub admission: Admission,
    /// Whether to tell what rpcs there are to whoever asks.
    pub reflection: bool,
    /// See [`FirstAdmin`].
    pub first_admin: Option<FirstAdmin>,
}

/// Who runs the place, where nobody does.
#[derive(Clone, Debug)]
pub struct FirstAdmin {
    /// Whether the login is an e-mail address or a user name.
    pub realm: Realm,
    /// What he signs in with.
    pub login: String,
    /// His password.
    pub password: Secret,
}

impl IdentityArgs {
    /// Settings with these, where the database's URL and the pepper are known.
    ///
    /// # Errors
    /// A sentence on settings that contradict each other.
    pub fn settings(
        &self,
        database_url: Secret,
        pepper: Secret,
        session: Duration,
        reflection: bool,
    ) -> Result<Settings, ContradictorySettings> {
        let library = match self.password_policy {
            PasswordPolicy::Composition => LibraryPolicy::Composition,
            PasswordPolicy::Nist => LibraryPolicy::Nist,
        };
        let (least, most) = (self.school_password_least, self.school_password_most);
        let school = SchoolPolicy::new(least, most).map_err(|_| ContradictorySettings { least, most })?;
        Ok(Settings {
            database_url,
            pepper,
            bcrypt_cost: self.bcrypt_cost,
            policy: Policy { library, school },
            session,
            admission: Admission::default(),
            reflection,
            first_admin: self.first_admin(),
        })
    }

    fn first_admin(&self) -> Option<FirstAdmin> {
        let (realm, login) = match (&self.admin_email, &self.admin_username) {
            (Some(email), _) => (Realm::Library, email),
            (None, Some(username)) => (Realm::School, username),
            (None, None) => return None,
        };
        let password = self.admin_password.clone()?;
        Some(FirstAdmin { realm, login: login.clone(), password })
    }
}
