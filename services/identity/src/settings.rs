//! What an operator can set.

use std::time::Duration;

use clap::{Args, ValueEnum};
use shared::secret::{KeyParser, Secret};

use crate::{
    domain::password::{LibraryPolicy, Policy},
    hasher::Admission,
};

/// Settings of the role identity.
#[derive(Args, Clone, Debug)]
pub struct IdentityArgs {
    /// Where identity's accounts are: sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE.
    /// Embedded, by default a file in the data directory.
    #[arg(long, env = "BIBLIOTIQUE_IDENTITY_DATABASE_URL", hide_env_values = true)]
    pub identity_database_url: Option<Secret>,

    /// Secret that passwords are mixed with before they are hashed; at least 32 bytes. Without it no password can be
    /// checked any more. Embedded, made once and kept in the data directory.
    #[arg(long, env = "BIBLIOTIQUE_PEPPER", hide_env_values = true, value_parser = KeyParser)]
    pub pepper: Option<Secret>,

    /// bcrypt's cost: one more doubles the time of a sign-in (10 takes about 0.1 s).
    #[arg(long, env = "BIBLIOTIQUE_BCRYPT_COST", default_value_t = 10, value_parser = clap::value_parser!(u32).range(10..=15))]
    pub bcrypt_cost: u32,

    /// What a new password of the library must be like.
    #[arg(long, env = "BIBLIOTIQUE_PASSWORD_POLICY", default_value = "composition")]
    pub password_policy: PasswordPolicy,

    /// E-mail address of the first admin, made at a start with no admin in the database.
    #[arg(long, env = "BIBLIOTIQUE_ADMIN_EMAIL", requires = "admin_password")]
    pub admin_email: Option<String>,

    /// Password of the first admin.
    #[arg(long, env = "BIBLIOTIQUE_ADMIN_PASSWORD", hide_env_values = true, requires = "admin_email")]
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
    /// The first admin's e-mail address and password.
    pub first_admin: Option<(String, Secret)>,
}

impl IdentityArgs {
    /// Settings with these, where the database's URL and the pepper are known.
    pub fn settings(&self, database_url: Secret, pepper: Secret, session: Duration, reflection: bool) -> Settings {
        let library = match self.password_policy {
            PasswordPolicy::Composition => LibraryPolicy::Composition,
            PasswordPolicy::Nist => LibraryPolicy::Nist,
        };
        Settings {
            database_url,
            pepper,
            bcrypt_cost: self.bcrypt_cost,
            policy: Policy { library },
            session,
            admission: Admission::default(),
            reflection,
            first_admin: self.admin_email.clone().zip(self.admin_password.clone()),
        }
    }
}
