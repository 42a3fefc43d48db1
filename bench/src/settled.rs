//! What goes on behind the loading of books, and is over before anything is measured.

use std::time::Duration;

use proto::catalog::v1::ListBooksRequest;
use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};
use tokio::time::sleep;

use crate::{Data, Served};

/// Waits until lending has made the copies that were ordered of it and catalog has followed its feed to the end: both go on behind
/// an import, and would be measured with what comes next.
///
/// # Errors
/// When a database or catalog does not answer.
pub async fn copies_are_there(data: &Data, served: &Served) -> anyhow::Result<()> {
    const UNHEARD: &str = "SELECT COUNT(*) FROM book WHERE stock_revision < 0";
    let [_, catalog, _] = &data.urls();
    loop {
        let unheard: i64 = match data.is_sqlite() {
            true => sqlx::query_scalar(UNHEARD).fetch_one(&mut SqliteConnection::connect(catalog).await?).await?,
            false => sqlx::query_scalar(UNHEARD).fetch_one(&mut PgConnection::connect(catalog).await?).await?,
        };
        let one = ListBooksRequest { page_size: 1, ..ListBooksRequest::default() };
        if unheard == 0 && served.catalog()?.list_books(one).await?.into_inner().copies_are_current {
            return Ok(());
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// What autovacuum would do within minutes, at once: it would be measured with what comes next. SQLite has none.
///
/// # Errors
/// When a database does not answer.
pub async fn settle(data: &Data) -> anyhow::Result<()> {
    if !data.is_sqlite() {
        for url in data.urls() {
            PgConnection::connect(&url).await?.execute("VACUUM ANALYZE").await?;
        }
    }
    Ok(())
}
