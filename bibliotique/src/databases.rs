//! The three databases of a suite: those that the settings name, and otherwise the embedded ones.

use anyhow::Context as _;
use clap::Args;
use shared::{
    database::Schema,
    secret::{Secret, SecretParser},
};

use crate::{cli::CommonArgs, secrets::embedded_url};

/// Where the databases are.
#[derive(Args, Clone, Debug)]
pub struct DatabaseArgs {
    /// Identity's database; by default the embedded one.
    #[arg(long, env = "BIBLIOTIQUE_IDENTITY_DATABASE_URL", hide_env_values = true, value_parser = SecretParser::ANY)]
    pub identity_database_url: Option<Secret>,

    /// Catalog's database; by default the embedded one.
    #[arg(long, env = "BIBLIOTIQUE_CATALOG_DATABASE_URL", hide_env_values = true, value_parser = SecretParser::ANY)]
    pub catalog_database_url: Option<Secret>,

    /// Lending's database; by default the embedded one.
    #[arg(long, env = "BIBLIOTIQUE_LENDING_DATABASE_URL", hide_env_values = true, value_parser = SecretParser::ANY)]
    pub lending_database_url: Option<Secret>,

    /// See [`CommonArgs`].
    #[command(flatten)]
    pub common: CommonArgs,
}

/// A service's database.
pub struct ServiceDatabase {
    /// The service's name.
    pub name: &'static str,
    /// Where it is.
    pub url: Secret,
    /// Its tables.
    pub schema: Schema,
    /// Whether it is a file in the data directory.
    pub is_embedded: bool,
}

impl DatabaseArgs {
    /// All of them, whether they are there or not.
    pub fn all(&self) -> [ServiceDatabase; 3] {
        let database = |name, given: Option<&Secret>, schema| ServiceDatabase {
            name,
            url: given.cloned().unwrap_or_else(|| embedded_url(&self.common.data_dir, &file_of(name))),
            schema,
            is_embedded: given.is_none(),
        };
        [
            database("identity", self.identity_database_url.as_ref(), identity::schema()),
            database("catalog", self.catalog_database_url.as_ref(), catalog::schema()),
            database("lending", self.lending_database_url.as_ref(), lending::schema()),
        ]
    }

    /// All of them. Embedded ones have to be there: opening would make them.
    ///
    /// # Errors
    /// A sentence on the file that is not there.
    pub fn all_there(&self) -> anyhow::Result<[ServiceDatabase; 3]> {
        let all = self.all();
        for embedded in all.iter().filter(|database| database.is_embedded) {
            let path = self.common.data_dir.join(file_of(embedded.name));
            path.metadata().with_context(|| format!("there is no {}", path.display()))?;
        }
        Ok(all)
    }
}

fn file_of(name: &str) -> String {
    format!("{name}.db")
}
