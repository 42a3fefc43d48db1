//! The kinds of database that figures are taken on.

use anyhow::Context as _;
use clap::ValueEnum;
use testing::Cluster;

/// A kind of database.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// Files.
    Sqlite,
    /// A private cluster.
    Postgres,
}

impl Database {
    /// Both, or the one that is asked for.
    pub fn all(only: Option<Self>) -> impl Iterator<Item = Self> {
        [Self::Sqlite, Self::Postgres].into_iter().filter(move |database| only.is_none_or(|only| only == *database))
    }

    /// The cluster that it needs, if it needs one.
    ///
    /// # Errors
    /// When PostgreSQL is not installed.
    pub async fn cluster(self) -> anyhow::Result<Option<Cluster>> {
        match self {
            Self::Sqlite => Ok(None),
            Self::Postgres => Ok(Some(Cluster::start().await.context("PostgreSQL is not installed")?)),
        }
    }
}
