//! The audit log, to be read. Its rows are written by whoever does what they record.

use shared::{Timestamp, on, page::Page};
use sqlx::FromRow;

use super::{Result, Store};
use crate::domain::{AccountId, audit::Record};

#[derive(FromRow)]
struct RecordRow {
    id: String,
    created_at: Timestamp,
    event: String,
    account_id: String,
    actor: String,
    request_id: String,
    detail: String,
}

impl Store {
    /// A page of the log, newest first, with one row more than the page holds if there is one.
    pub async fn audit_log(&self, account: Option<AccountId>, page: &Page) -> Result<Vec<Record>> {
        let rows: Vec<RecordRow> = on!(&self.db, |db| {
            sqlx::query_as(
                "SELECT id, created_at, event, account_id, actor, request_id, detail FROM audit_event
                 WHERE ($1 = '' OR account_id = $1) AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3",
            )
            .bind(account.map(|id| id.to_string()).unwrap_or_default())
            .bind(&page.after)
            .bind(page.probe())
            .fetch_all(db)
            .await
        })?;
        Ok(rows.into_iter().map(Record::from).collect())
    }
}

impl From<RecordRow> for Record {
    fn from(row: RecordRow) -> Self {
        let RecordRow { id, created_at, event, account_id, actor, request_id, detail } = row;
        Self { id, created: created_at, event, account: account_id, actor, request_id, detail }
    }
}
