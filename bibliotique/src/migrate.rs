//! `bibliotique migrate`: the schemas are brought up to date, and nothing is served.

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use shared::Db;

use crate::{databases::DatabaseArgs, secrets::data_dir};

/// `bibliotique migrate`.
#[derive(Args, Clone, Debug)]
pub struct MigrateArgs {
    /// The database of one service alone; without it, all three.
    pub service: Option<MigratedService>,

    /// See [`DatabaseArgs`].
    #[command(flatten)]
    pub databases: DatabaseArgs,
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
