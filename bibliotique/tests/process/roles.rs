//! Four roles in processes of their own, of which a story also wants to see what they write.

use shared::secret::ExposeSecret as _;
use tempfile::TempDir;
use testing::{Database, suite::beside};

use super::{PATIENCE, Process, Setup, door::Door, eventually, free_address};

/// The processes.
pub struct Roles {
    pub identity: Process,
    pub catalog: Process,
    pub lending: Process,
    pub gateway: Process,
    /// The way in.
    pub door: Door,
}

impl Roles {
    /// Starts them on a database. `also`: what a story wants of each.
    pub async fn start(directory: &TempDir, database: &Database, also: impl Fn(Setup) -> Setup) -> Self {
        Self::start_at(directory, database, str::to_owned, also).await
    }

    /// The same, with the databases' URLs as a story writes them.
    pub async fn start_at(
        directory: &TempDir,
        database: &Database,
        written: impl Fn(&str) -> String,
        also: impl Fn(Setup) -> Setup,
    ) -> Self {
        database.make_schema("catalog").await;
        database.make_schema("lending").await;
        let url = |role: &str| written(beside(database.url(), role).expose_secret());
        let [identity_at, catalog_at, lending_at] = [free_address(), free_address(), free_address()];
        let on_these = |setup: Setup| {
            also(setup)
                .with("IDENTITY_ADDR", &identity_at)
                .with("CATALOG_ADDR", &catalog_at)
                .with("LENDING_ADDR", &lending_at)
        };
        let identity = on_these(Setup::identity(directory, &written(database.url())).with_admin()).start().await;
        let lending = on_these(Setup::lending(directory, &url("lending"), &identity_at)).start().await;
        let catalog = on_these(Setup::catalog(directory, &url("catalog"), &lending_at)).start().await;
        let gateway = on_these(Setup::gateway(directory, &identity_at)).start().await;
        let door = gateway.door();
        eventually(PATIENCE, "the gateway is ready", async || door.is_ready().await).await;
        Self { identity, catalog, lending, gateway, door }
    }

    /// All of them.
    pub fn all(&mut self) -> [&mut Process; 4] {
        [&mut self.gateway, &mut self.catalog, &mut self.lending, &mut self.identity]
    }
}
