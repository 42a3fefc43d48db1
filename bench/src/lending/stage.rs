//! A suite with its clients and their loans, and the same in a database alone.

use std::{ops::Range, sync::Arc, time::Duration};

use anyhow::ensure;
use shared::{Clock, Db, on};
use testing::Cluster;
use tokio::time::{Instant, sleep};

use super::{
    clients::Suite,
    fill::{self, Filled, Item},
    rounds::Desk,
    yardstick::{self, Bare},
};
use crate::{Books, Data, Served, load, process::Program};

/// Books to choose from, with one copy each.
const BOOKS: u32 = 10_000;

/// The clients with a past and an open loan, who also borrow as fast as they can.
pub const LIGHT: Range<usize> = 0..64;

/// The clients with a thousand of each.
pub const HEAVY: Range<usize> = 64..68;

/// Of a heavy client, past and open.
const MUCH: usize = 1000;

/// Past loans are of so many others.
const OTHERS: usize = 10_000;

/// A suite whose lending database is filled.
pub struct Stage {
    data: Data,
    /// As its clients find it.
    pub served: Served,
    lending: Db,
    items: Vec<Item>,
    others: Vec<String>,
    loans: usize,
}

impl Stage {
    /// With the books and nobody's loans yet; `loans` is how many there will be.
    ///
    /// # Errors
    /// When the suite cannot be served or filled.
    pub async fn new(cluster: Option<&Cluster>, loans: usize) -> anyhow::Result<Self> {
        let data = Data::empty(cluster).await?;
        let served = Served::together(&data).await?;
        load(&served, &Arc::new(Books::default()), 0..BOOKS).await?;
        let [_, _, lending] = data.urls();
        let lending = yardstick::open(&lending).await?;
        until_all_have_copies(&lending).await?;
        let items = fill::items(&lending).await?;
        let now = Clock::system().now().micros();
        let others = (0..OTHERS).map(|number| fill::id(now, number, 0)).collect();
        Ok(Self { data, served, lending, items, others, loans })
    }

    /// Its clients, and everybody's loans.
    ///
    /// # Errors
    /// When they cannot register, or the database fails.
    pub async fn suite(&self) -> anyhow::Result<Suite> {
        let began = Instant::now();
        let suite = Suite::new(&self.served, HEAVY.end, self.items.clone()).await?;
        let [identity, _, _] = self.data.urls();
        fill::accounts(&open_identity(&identity).await?, &suite.clients[0].id, &self.others).await?;
        let ids: Vec<String> = suite.clients.iter().map(|client| client.id.clone()).collect();
        self.fill(&self.lending, &ids).await?;
        eprintln!("{} loans are there after {:.0?}", self.loans, began.elapsed());
        Ok(suite)
    }

    async fn fill(&self, db: &Db, clients: &[String]) -> anyhow::Result<()> {
        let filled = Filled { db, items: &self.items };
        filled.with_patrons(&self.others).await?;
        filled.with_patrons(clients).await?;
        let mut seed = 1;
        for (client, id) in clients.iter().enumerate() {
            let (own, loans) = (std::slice::from_ref(id), if HEAVY.contains(&client) { MUCH } else { 1 });
            filled.with_open_loans(id, loans, seed).await?;
            filled.insert_past_loans(own, loans, seed + 1).await?;
            seed += 2;
        }
        let there = clients.len() - HEAVY.len() + HEAVY.len() * MUCH;
        filled.with_past_loans(&self.others, self.loans.saturating_sub(2 * there), seed).await?;
        Ok(())
    }

    /// The same clients, books and loans in a database of their own.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bare(&self, cluster: Option<&Cluster>, desk: &Desk) -> anyhow::Result<Desk> {
        let Desk::Suite(suite) = desk else { anyhow::bail!("the suite is asked over HTTP") };
        let url = match cluster {
            None => format!("sqlite:{}", self.data.path().join("bare.db").display()),
            Some(cluster) => cluster.database().await,
        };
        let db = yardstick::open(&url).await?;
        Filled { db: &db, items: &self.items }.with_items().await?;
        let patrons: Vec<String> = suite.clients.iter().map(|client| client.id.clone()).collect();
        self.fill(&db, &patrons).await?;
        Ok(Desk::Bare(Bare { db, patrons, items: self.items.clone() }))
    }

    /// Whether `bibliotique check` finds nothing: what was measured was right, too.
    ///
    /// # Errors
    /// When it finds something.
    pub async fn fits(&self) -> anyhow::Result<()> {
        let variables = [self.served.variables(), self.data.embedded()].concat();
        let said = Program::Itself.run(&["check".as_ref()], variables).await?;
        println!("bibliotique check: {}", said.lines().next().unwrap_or_default());
        Ok(())
    }
}

/// Identity's database, which has its schema.
async fn open_identity(url: &str) -> anyhow::Result<Db> {
    use sqlx::{PgPool, SqlitePool};
    Ok(match url.strip_prefix("sqlite:") {
        Some(_) => {
            let pool = SqlitePool::connect(url).await?;
            Db::Sqlite { read: pool.clone(), write: pool }
        }
        None => Db::Postgres(PgPool::connect(url).await?),
    })
}

/// Catalog tells lending of new books, a little later.
async fn until_all_have_copies(lending: &Db) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let there: i64 = on!(lending, |db| sqlx::query_scalar("SELECT COUNT(*) FROM copy").fetch_one(db).await)?;
        if there == i64::from(BOOKS) {
            // And lending tells catalog.
            sleep(Duration::from_secs(2)).await;
            return Ok(());
        }
        ensure!(began.elapsed() < Duration::from_secs(120), "lending has {there} copies");
        sleep(Duration::from_millis(100)).await;
    }
}
