//! What an operator can set.

use clap::Args;
use shared::secret::{Secret, SecretParser};

/// Settings of the role catalog.
#[derive(Args, Clone, Debug)]
pub struct CatalogArgs {
    /// Where the catalog's books are: sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE.
    /// Embedded, by default a file in the data directory.
    #[arg(long, env = "BIBLIOTIQUE_CATALOG_DATABASE_URL", hide_env_values = true, value_parser = SecretParser::ANY)]
    pub catalog_database_url: Option<Secret>,
}

/// What catalog needs to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sqlite:` or `postgres:`.
    pub database_url: Secret,
    /// Whether to tell what rpcs there are to whoever asks.
    pub reflection: bool,
}
