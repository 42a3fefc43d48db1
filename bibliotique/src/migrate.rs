//! `bibliotique migrate`: the schemas are brought up to date, and nothing is served.

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use shared::Db;

use crate::{
    cli::{ServeArgs, ServedRole},
    databases::DatabaseArgs,
    secrets::data_dir,
};

/// `bibliotique migrate`.
#[derive(Args, Clone, Debug)]
pub struct MigrateArgs {
    /// The database of one service alone; without it, all three.
    pub service: Option<MigratedService>,

    /// See [`DatabaseArgs`].
    #[command(flatten)]
    pub databases: DatabaseArgs,
}

/// Whether a start migrates.
#[derive(Args, Clone, Debug)]
pub struct StartArgs {
    /// Whether to bring the schemas up to date. If not, a start with another schema than this version's is refused, and
    /// `bibliotique migrate` is for that.
    #[arg(long, env = "BIBLIOTIQUE_MIGRATE", default_value = "on")]
    pub migrate: Migrate,
}

/// See [`StartArgs`].
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrate {
    /// At every start, once, however many there are.
    On,
    /// Never.
    Off,
}

/// A service that has a database.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigratedService {
    /// Who may come in.
    Identity,
    /// What exists.
    Catalog,
    /// What is out.
    Lending,
}

impl MigratedService {
    const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Catalog => "catalog",
            Self::Lending => "lending",
        }
    }
}

/// Migrates under the same lock as a start does, so both may happen at once.
///
/// # Errors
/// A sentence on what is in the way.
pub async fn run(args: &MigrateArgs) -> anyhow::Result<()> {
    let is_meant = |name: &str| args.service.is_none_or(|service| service.name() == name);
    for database in args.databases.all().into_iter().filter(|database| is_meant(database.name)) {
        let name = database.name;
        if database.is_embedded {
            data_dir(&args.databases.common.data_dir)?;
        }
        let migrations = &database.schema.migrations;
        let opened = Db::open(&database.url, migrations).await;
        opened.with_context(|| format!("{name} cannot open its database"))?.close().await;
        let newest = migrations.sqlite.iter().map(|migration| migration.version).max().unwrap_or_default();
        println!("{name}: the schema is up to date (migration {newest})");
    }
    Ok(())
}

/// Looks whether a start may go on that must not migrate.
///
/// # Errors
/// A sentence on the database whose schema is not this version's.
pub async fn before_start(args: &ServeArgs) -> anyhow::Result<()> {
    if args.start.migrate == Migrate::On {
        return Ok(());
    }
    let databases = DatabaseArgs {
        identity_database_url: args.identity.identity_database_url.clone(),
        catalog_database_url: args.catalog.catalog_database_url.clone(),
        lending_database_url: args.lending.lending_database_url.clone(),
        common: args.common.clone(),
    };
    let is_served = |name: &str| match args.role {
        None => true,
        Some(ServedRole::Identity) => name == "identity",
        Some(ServedRole::Catalog) => name == "catalog",
        Some(ServedRole::Lending) => name == "lending",
        Some(ServedRole::Gateway) => false,
    };
    for database in databases.all().into_iter().filter(|database| is_served(database.name)) {
        let opened = Db::look_into(&database.url, &database.schema.migrations).await;
        opened.with_context(|| format!("{} cannot open its database", database.name))?.close().await;
    }
    Ok(())
}
