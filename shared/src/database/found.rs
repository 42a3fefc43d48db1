//! What is in a database before anything is done to it: whose tables, and how new.

use sqlx::migrate::Migrator;

use super::OpenError;

/// The tables that are there, and the migrations that made them.
pub(super) struct Found {
    pub(super) tables: Vec<String>,
    pub(super) applied: Vec<(i64, String)>,
}

/// The names of all tables of a file.
pub(super) const SQLITE_TABLES: &str =
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";

/// The names of all tables where ours are made.
pub(super) const POSTGRES_TABLES: &str =
    "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename";

/// Looks into a database; `$tables` is one of the statements above.
macro_rules! found {
    ($connection:expr, $tables:expr) => {{
        let tables: Vec<String> = sqlx::query_scalar($tables).fetch_all(&mut *$connection).await?;
        let applied: Vec<(i64, String)> = if tables.iter().any(|table| table == "_sqlx_migrations") {
            sqlx::query_as("SELECT version, description FROM _sqlx_migrations WHERE success ORDER BY version")
                .fetch_all(&mut *$connection)
                .await?
        } else {
            Vec::new()
        };
        $crate::database::found::Found { tables, applied }
    }};
}
pub(super) use found;

impl Found {
    /// Whether the tables are those of these migrations, or there are none.
    pub(super) fn is_ours(&self, migrations: &Migrator) -> Result<(), OpenError> {
        if let Some(strange) = self.tables.first()
            && !self.tables.iter().any(|table| table == "_sqlx_migrations")
        {
            return Err(OpenError::SomethingElse(strange.clone()));
        }
        if let (Some((_, whose)), Some(ours)) = (self.applied.first(), migrations.iter().next())
            && *whose != *ours.description
        {
            return Err(OpenError::AnotherService(whose.clone()));
        }
        match self.applied.iter().find(|(version, _)| !migrations.version_exists(*version)) {
            Some((newer, _)) => Err(OpenError::NewerSchema(*newer)),
            None => Ok(()),
        }
    }

    /// Whether all of the migrations made them.
    pub(super) fn is_up_to_date(&self, migrations: &Migrator) -> Result<(), OpenError> {
        self.is_ours(migrations)?;
        let all =
            migrations.iter().all(|migration| self.applied.iter().any(|(version, _)| *version == migration.version));
        if all { Ok(()) } else { Err(OpenError::OlderSchema) }
    }

    /// The numbers of the migrations that made them.
    pub(super) fn versions(&self) -> Vec<i64> {
        self.applied.iter().map(|(version, _)| *version).collect()
    }
}
