//! Whether what is kept fits together, and what of it others have to know.

use shared::on;

use super::{Result, Store};

/// What `bibliotique check` compares with what others have.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// A sentence for each thing that does not fit.
    pub misfits: Vec<String>,
    /// All accounts, by their ids.
    pub accounts: Vec<String>,
    /// Those that are about to go.
    pub leaving: Vec<String>,
}

/// A sentence on what would be wrong, and a query for the names of what breaks it.
const INVARIANTS: [(&str, &str); 3] = [
    ("an account without a password: account", {
        "SELECT a.id FROM account a LEFT JOIN credential c ON c.account_id = a.id WHERE c.account_id IS NULL"
    }),
    ("the accounts of a role are not as many as is kept: role", {
        "SELECT k.role FROM (SELECT role, SUM(accounts) AS kept, SUM(counted) AS counted FROM
            (SELECT role, accounts, 0 AS counted FROM tally UNION ALL
             SELECT role, 0, 1 FROM account WHERE realm = 'school' AND role <> 'admin') b
         GROUP BY role) k WHERE k.kept <> k.counted"
    }),
    ("a request was remembered without its answer: request", "SELECT id FROM request WHERE LENGTH(answer) = 0"),
];

impl Store {
    /// See [`Findings`].
    pub async fn check(&self) -> Result<Findings> {
        let mut findings = Findings { misfits: self.db.broken(&INVARIANTS).await?, ..Findings::default() };
        on!(&self.db, |db| {
            findings.leaving =
                sqlx::query_scalar("SELECT id FROM account WHERE leaving_at IS NOT NULL").fetch_all(db).await?;
            findings.accounts = sqlx::query_scalar("SELECT id FROM account").fetch_all(db).await?;
            Ok(findings)
        })
    }
}
