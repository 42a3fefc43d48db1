//! What an operator can set.

use clap::Args;
use shared::secret::{Secret, SecretParser};

use crate::domain::policy::{Days, Limit, Policy};

/// Settings of the role lending.
#[derive(Args, Clone, Debug)]
pub struct LendingArgs {
    /// Where lending's copies and loans are: sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE.
    /// Embedded, by default a file in the data directory.
    #[arg(long, env = "BIBLIOTIQUE_LENDING_DATABASE_URL", hide_env_values = true, value_parser = SecretParser::ANY)]
    pub lending_database_url: Option<Secret>,

    /// Open loans of a patron at once, where no admin set another limit.
    #[arg(long, env = "BIBLIOTIQUE_LOAN_LIMIT", default_value = "5")]
    pub loan_limit: Limit,

    /// Days of a loan and of a renewal, where no admin set others.
    #[arg(long, env = "BIBLIOTIQUE_LOAN_DAYS", default_value = "14")]
    pub loan_days: Days,

    /// How often a loan can be renewed, where no admin set another limit.
    #[arg(long, env = "BIBLIOTIQUE_RENEWAL_LIMIT", default_value = "2")]
    pub renewal_limit: Limit,

    /// Open holds of a patron at once, where no admin set another limit.
    #[arg(long, env = "BIBLIOTIQUE_HOLD_LIMIT", default_value = "10")]
    pub hold_limit: Limit,

    /// Days for which a copy is set aside, where no admin set others.
    #[arg(long, env = "BIBLIOTIQUE_HOLD_DAYS", default_value = "7")]
    pub hold_days: Days,

    /// Whether somebody with an overdue loan may borrow, where no admin said so.
    #[arg(long, env = "BIBLIOTIQUE_BORROW_WHILE_OVERDUE")]
    pub borrow_while_overdue: bool,

    /// Days after the return of a loan when it becomes nobody's; by default never.
    #[arg(long, env = "BIBLIOTIQUE_HISTORY_DAYS")]
    pub history_days: Option<Days>,
}

/// What lending needs to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sqlite:` or `postgres:`.
    pub database_url: Secret,
    /// What holds where no admin said otherwise.
    pub policy: Policy,
    /// After how long a returned loan becomes nobody's.
    pub history_days: Option<Days>,
    /// Whether to tell what rpcs there are to whoever asks.
    pub reflection: bool,
}

impl LendingArgs {
    /// Settings with these, where the database's URL is known.
    pub fn settings(&self, database_url: Secret, reflection: bool) -> Settings {
        let policy = Policy {
            loan_limit: self.loan_limit,
            loan_days: self.loan_days,
            renewal_limit: self.renewal_limit,
            hold_limit: self.hold_limit,
            hold_days: self.hold_days,
            borrow_while_overdue: self.borrow_while_overdue,
        };
        Settings { database_url, policy, history_days: self.history_days, reflection }
    }
}
