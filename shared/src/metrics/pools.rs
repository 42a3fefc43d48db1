//! Connections to databases in figures, looked at when somebody reads them.

use metrics::{Gauge, gauge};
use sqlx::{Database, Pool};

use super::{Figure, are_read, gauge_of, when_read};
use crate::Db;

/// What is said of pools.
pub(super) const FIGURES: [Figure; 2] = [
    gauge_of("bibliotique_database_connections", "Open connections to a role's database, by what they do."),
    gauge_of("bibliotique_database_connections_max", "The most connections to a role's database."),
];

/// Tells from now on how many connections a role has.
pub fn watch_pools(role: &'static str, db: &Db) {
    if !are_read() {
        return;
    }
    match db {
        Db::Sqlite { read, write } => {
            watch(role, "read", read.clone());
            watch(role, "write", write.clone());
        }
        Db::Postgres(pool) => watch(role, "all", pool.clone()),
    }
}

fn watch<D: Database>(role: &'static str, of: &'static str, pool: Pool<D>) {
    let state = |state: &'static str| -> Gauge {
        gauge!("bibliotique_database_connections", "role" => role, "pool" => of, "state" => state)
    };
    let (idle, in_use) = (state("idle"), state("in_use"));
    gauge!("bibliotique_database_connections_max", "role" => role, "pool" => of)
        .set(f64::from(pool.options().get_max_connections()));
    when_read(move || {
        // Both are counted one after the other, so there may seem to be more idle ones than there are.
        let (open, free) = (pool.size(), u32::try_from(pool.num_idle()).unwrap_or(u32::MAX));
        idle.set(f64::from(free.min(open)));
        in_use.set(f64::from(open.saturating_sub(free)));
    });
}
