//! `bibliotique check`: whether the databases of a suite, stopped or running, fit together.

use std::{collections::BTreeSet, time::Duration};

use shared::secret::Secret;

use crate::databases::DatabaseArgs;

/// What is underway in a running suite is done by then.
const PAUSE: Duration = Duration::from_secs(3);

/// Says what does not fit, a line each; an error if there is anything.
///
/// # Errors
/// A sentence when something does not fit, or a database cannot be read.
pub async fn run(args: &DatabaseArgs) -> anyhow::Result<()> {
    let [identity, catalog, lending] = args.all_there()?.map(|database| database.url);
    let databases = Databases { identity, catalog, lending };
    let mut misfits = databases.misfits().await?;
    if !misfits.is_empty() {
        // The databases are read one after the other: what a running suite did between is no misfit, and does not stay.
        tokio::time::sleep(PAUSE).await;
        let still: BTreeSet<String> = databases.misfits().await?.into_iter().collect();
        misfits.retain(|misfit| still.contains(misfit));
    }

    for misfit in &misfits {
        println!("{misfit}");
    }
    match misfits.len() {
        0 => {
            println!("Everything fits together.");
            Ok(())
        }
        many => anyhow::bail!("{many} misfits"),
    }
}

struct Databases {
    identity: Secret,
    catalog: Secret,
    lending: Secret,
}

impl Databases {
    async fn misfits(&self) -> anyhow::Result<Vec<String>> {
        let lending = lending::check(&self.lending).await?;
        let catalog = catalog::check(&self.catalog).await?;
        let identity = identity::check(&self.identity).await?;

        let (books, underway) = (set(&catalog.books), set(&catalog.underway));
        let (accounts, leaving) = (set(&identity.accounts), set(&identity.leaving));
        let (lent, withdrawn) = (set(&lending.books), set(&lending.withdrawn));
        let unheard = books.difference(&lent).filter(|book| !underway.contains(**book) && !withdrawn.contains(**book));
        let unknown = lent.difference(&books);
        let still_there = withdrawn.intersection(&books).filter(|book| !underway.contains(**book));
        let patrons = set(&lending.patrons);
        let strangers = patrons.difference(&accounts);
        let closed = set(&lending.closed);
        let undead = closed.intersection(&accounts).filter(|account| !leaving.contains(**account));

        let mut misfits = [lending.misfits.clone(), catalog.misfits.clone(), identity.misfits.clone()].concat();
        misfits.extend(unheard.map(|book| format!("lending never heard of a book that catalog has: book {book}")));
        misfits.extend(unknown.map(|book| format!("lending has a book that catalog does not know: book {book}")));
        misfits.extend(still_there.map(|book| format!("catalog has a book that lending has withdrawn: book {book}")));
        misfits.extend(strangers.map(|patron| format!("lending has a patron whom identity does not know: {patron}")));
        misfits.extend(undead.map(|patron| format!("identity has an account that lending has closed: {patron}")));
        Ok(misfits)
    }
}

fn set(ids: &[String]) -> BTreeSet<&str> {
    ids.iter().map(String::as_str).collect()
}
