//! Policies that an admin set.

use shared::{on, tx};
use sqlx::FromRow;

use super::{Result, Store, record};
use crate::domain::{
    audit::{Event, Origin},
    policy::{Category, Changes, Policy},
};

#[derive(Clone, Debug, FromRow)]
pub(super) struct PolicyRow {
    category: String,
    loan_limit: i64,
    loan_days: i64,
    renewal_limit: i64,
    hold_limit: i64,
    hold_days: i64,
    borrow_while_overdue: bool,
}

impl TryFrom<PolicyRow> for Policy {
    type Error = shared::Error<crate::domain::Refusal>;

    fn try_from(row: PolicyRow) -> Result<Self> {
        use shared::Error;
        Ok(Self {
            loan_limit: row.loan_limit.try_into().map_err(Error::internal)?,
            loan_days: row.loan_days.try_into().map_err(Error::internal)?,
            renewal_limit: row.renewal_limit.try_into().map_err(Error::internal)?,
            hold_limit: row.hold_limit.try_into().map_err(Error::internal)?,
            hold_days: row.hold_days.try_into().map_err(Error::internal)?,
            borrow_while_overdue: row.borrow_while_overdue,
        })
    }
}

/// What holds for somebody: his category's policy, or else everybody's, or else what the settings say.
macro_rules! policy {
    ($executor:expr, $store:expr, $standing:expr) => {{
        let standing: Option<&$crate::domain::account::Standing> = $standing;
        let category = standing.map(|standing| standing.category.as_str()).unwrap_or_default();
        let row: Option<$crate::store::policies::PolicyRow> = sqlx::query_as(
            "SELECT category, loan_limit, loan_days, renewal_limit, hold_limit, hold_days, borrow_while_overdue
             FROM policy WHERE category = '' OR category = $1 ORDER BY category DESC LIMIT 1",
        )
        .bind(category)
        .fetch_optional($executor)
        .await?;
        match row {
            Some(row) => $crate::domain::policy::Policy::try_from(row)?,
            None => $store.defaults,
        }
    }};
}
pub(super) use policy;

/// Keeps a category's policy; `$known`: what changes of one that is there already.
macro_rules! keep_policy {
    ($tx:expr, $category:expr, $policy:expr, $known:literal) => {{
        let policy: Policy = $policy;
        sqlx::query(concat!(
            "INSERT INTO policy (category, loan_limit, loan_days, renewal_limit, hold_limit, hold_days, borrow_while_overdue)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (category) DO UPDATE SET ",
            $known
        ))
        .bind($category.as_str())
        .bind(i64::from(policy.loan_limit.get()))
        .bind(i64::from(policy.loan_days.get()))
        .bind(i64::from(policy.renewal_limit.get()))
        .bind(i64::from(policy.hold_limit.get()))
        .bind(i64::from(policy.hold_days.get()))
        .bind(policy.borrow_while_overdue)
        .execute(&mut *$tx)
        .await?;
    }};
}

impl Store {
    /// Everybody's policy, and those of the categories that have one of their own.
    pub async fn policies(&self) -> Result<Vec<(Category, Policy)>> {
        let rows: Vec<PolicyRow> = on!(&self.db, |db| {
            sqlx::query_as(
                "SELECT category, loan_limit, loan_days, renewal_limit, hold_limit, hold_days, borrow_while_overdue
                 FROM policy ORDER BY category",
            )
            .fetch_all(db)
            .await
        })?;
        let mut policies = Vec::with_capacity(rows.len() + 1);
        if rows.first().is_none_or(|row| !row.category.is_empty()) {
            policies.push((Category::everybody(), self.defaults));
        }
        for row in rows {
            policies.push((super::read(&row.category)?, row.try_into()?));
        }
        Ok(policies)
    }

    /// What holds for a category.
    pub async fn policy_of(&self, category: &Category) -> Result<Policy> {
        let standing = crate::domain::account::Standing { active: true, category: category.clone() };
        on!(&self.db, |db| Ok(policy!(db, self, Some(&standing))))
    }

    /// Changes a category's policy, which begins with everybody's.
    pub async fn update_policy(&self, category: &Category, changes: &Changes, by: &Origin) -> Result<Policy> {
        tx!(&self.db, |tx| {
            let standing = crate::domain::account::Standing { active: true, category: category.clone() };
            // The row first, made with what holds now if there is none: of two who change it at once the second sees what the
            // first did.
            keep_policy!(tx, category, policy!(&mut *tx, self, Some(&standing)), "version = policy.version + 1");
            let before = policy!(&mut *tx, self, Some(&standing));
            let after = before.change(changes);
            keep_policy!(
                tx,
                category,
                after,
                "loan_limit = $2, loan_days = $3, renewal_limit = $4, hold_limit = $5, hold_days = $6,
                 borrow_while_overdue = $7"
            );
            record!(tx, by, Event::PolicyUpdated, category.as_str(), differences(before, after));
            after
        })
    }
}

/// What an audit row says of a change.
fn differences(before: Policy, after: Policy) -> String {
    let fields = [
        ("loan_limit", before.loan_limit.get(), after.loan_limit.get()),
        ("loan_days", before.loan_days.get(), after.loan_days.get()),
        ("renewal_limit", before.renewal_limit.get(), after.renewal_limit.get()),
        ("hold_limit", before.hold_limit.get(), after.hold_limit.get()),
        ("hold_days", before.hold_days.get(), after.hold_days.get()),
        ("borrow_while_overdue", before.borrow_while_overdue.into(), after.borrow_while_overdue.into()),
    ];
    let changed = fields.into_iter().filter(|(_, before, after)| before != after);
    changed.map(|(name, before, after)| format!("{name}={before}->{after}")).collect::<Vec<_>>().join(" ")
}
