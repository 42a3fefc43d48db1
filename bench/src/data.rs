//! Where a suite keeps its data, and where it listens.

use std::{net::TcpListener, path::Path};

use tempfile::TempDir;
use testing::Cluster;

use crate::process::Variables;

/// Where a suite keeps its data. Dropped, it is gone.
pub struct Data {
    directory: TempDir,
    /// The databases of identity, catalog and lending, if they are not files in the directory.
    postgres: Option<[String; 3]>,
}

impl Data {
    /// Nothing yet, in a cluster, or in files where there is none.
    ///
    /// # Errors
    /// When a directory cannot be made.
    pub async fn empty(cluster: Option<&Cluster>) -> anyhow::Result<Self> {
        match cluster {
            Some(cluster) => Self::postgres(cluster).await,
            None => Self::sqlite(),
        }
    }

    /// Files in an empty directory.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn sqlite() -> anyhow::Result<Self> {
        Ok(Self { directory: tempfile::tempdir()?, postgres: None })
    }

    /// Empty databases in a cluster.
    ///
    /// # Errors
    /// When the directory for the secrets cannot be made.
    pub async fn postgres(cluster: &Cluster) -> anyhow::Result<Self> {
        let databases = [cluster.database().await, cluster.database().await, cluster.database().await];
        Ok(Self { directory: tempfile::tempdir()?, postgres: Some(databases) })
    }

    /// The databases of identity, catalog and lending.
    pub fn urls(&self) -> [String; 3] {
        let file = |name| format!("sqlite:{}", self.directory.path().join("data").join(name).display());
        self.postgres.clone().unwrap_or_else(|| ["identity.db", "catalog.db", "lending.db"].map(file))
    }

    /// Whether the databases are files.
    pub const fn is_sqlite(&self) -> bool {
        self.postgres.is_none()
    }

    /// The directory, for files that are to be gone with it.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// For a process that makes an embedded suite of it.
    pub fn embedded(&self) -> Variables {
        let mut variables = vec![("BIBLIOTIQUE_DATA_DIR", self.directory.path().join("data").display().to_string())];
        if self.postgres.is_some() {
            variables.extend(self.databases());
        }
        variables
    }

    /// For a process that serves a role alone.
    pub fn databases(&self) -> Variables {
        let names = [
            "BIBLIOTIQUE_IDENTITY_DATABASE_URL",
            "BIBLIOTIQUE_CATALOG_DATABASE_URL",
            "BIBLIOTIQUE_LENDING_DATABASE_URL",
        ];
        names.into_iter().zip(self.urls()).collect()
    }
}

/// Addresses that are free at this moment.
pub struct Addresses {
    /// Where HTTP is.
    pub http: String,
    /// Where identity's gRPC port is.
    pub identity: String,
    /// Where catalog's is.
    pub catalog: String,
    /// Where lending's is.
    pub lending: String,
}

impl Addresses {
    /// On loopback.
    ///
    /// # Errors
    /// When there are none.
    pub fn free() -> anyhow::Result<Self> {
        let [http, identity, catalog, lending] = [free_address()?, free_address()?, free_address()?, free_address()?];
        Ok(Self { http, identity, catalog, lending })
    }

    /// For a process that listens there, or looks for the others there.
    pub fn variables(&self) -> Variables {
        vec![
            ("BIBLIOTIQUE_HTTP_ADDR", self.http.clone()),
            ("BIBLIOTIQUE_IDENTITY_ADDR", self.identity.clone()),
            ("BIBLIOTIQUE_CATALOG_ADDR", self.catalog.clone()),
            ("BIBLIOTIQUE_LENDING_ADDR", self.lending.clone()),
        ]
    }
}

/// An address of this machine that nobody listens on at this moment.
///
/// # Errors
/// When there is none.
pub fn free_address() -> anyhow::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
