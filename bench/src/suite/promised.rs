//! The ratios that were promised, each against its yardstick in this run.

use std::sync::Arc;

use super::{Measure, report::Report, setup::Setup};
use crate::{Books, Database, flood, lending, one_book, school, search};

/// Measures those that this kind of database promises.
///
/// # Errors
/// When a suite cannot be served or filled.
pub async fn measure(setup: Setup, measure: Measure, report: &mut Report) -> anyhow::Result<()> {
    let (database, name) = (setup.database, kind(setup.database));
    if database == Database::Sqlite {
        let flood = flood::measure(measure.lasting).await?;
        report.add_ratios(name, flood.ratios(), flood.failed());
    }
    let systems = one_book::measure(database, measure.rounds, measure.lasting / 2).await?;
    report.add_ratios(name, one_book::ratios(&systems), 0);

    let growth = measure.growth;
    let args = lending::Args {
        rounds: measure.rounds,
        lasting: measure.lasting / 2,
        pairs: if growth.is_some() { measure.pairs } else { 0 },
        loans: growth.map_or(0, |growth| growth.loans),
    };
    report.add_ratios(name, lending::measure(database, args).await?.ratios(), 0);
    if let Some(growth) = growth {
        let books = Arc::new(Books::default());
        let catalogues = search::measure(&books, database, &[10_000, growth.books], 10).await?;
        report.add_ratios(name, search::ratios(&catalogues), search::failed(&catalogues));
        let schools = school::measure(database, &[1_000, growth.children], 10).await?;
        report.add_ratios(name, school::ratios(&schools), school::failed(&schools));
    }
    Ok(())
}

/// Ratios are of suites in one process on either database, unless they say otherwise.
const fn kind(database: Database) -> &'static str {
    match database {
        Database::Sqlite => "SQLite",
        Database::Postgres => "PostgreSQL",
    }
}
