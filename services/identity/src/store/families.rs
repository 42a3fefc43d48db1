//! Families' children.

use std::collections::HashMap;

use shared::{on, tx};
use sqlx::{AssertSqlSafe, FromRow};

use super::{
    Result, Store,
    listing::{FAMILY_CHILDREN, Where, bind, ordered},
    members::{COLUMNS, MemberRow, must_be_children},
    record,
};
use crate::domain::{
    AccountId,
    account::Role,
    audit::{Event, Origin},
    listing::Query,
    member::Member,
};

/// Whose children a table holds, in which order.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    table: &'static str,
    owner: &'static str,
}

/// A family's.
pub const FAMILY: Link = Link { table: "family_child", owner: "family_id" };

/// A group's.
pub const GROUP: Link = Link { table: "group_child", owner: "group_id" };

impl Link {
    /// Takes all children away.
    pub fn clear(self) -> String {
        format!("DELETE FROM {} WHERE {} = $1", self.table, self.owner)
    }

    /// Adds children behind each other: owner, positions and ids are bound in turns.
    pub fn insert(self, many: usize) -> String {
        let rows = (0..many).map(|row| format!("(${}, ${}, ${})", row * 3 + 1, row * 3 + 2, row * 3 + 3));
        format!(
            "INSERT INTO {} ({}, position, child_id) VALUES {}",
            self.table,
            self.owner,
            rows.collect::<Vec<_>>().join(", ")
        )
    }

    fn select(self, many: usize) -> String {
        let places = (1..=many).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ");
        format!(
            "SELECT l.{0} AS owner, {COLUMNS} FROM {1} l JOIN account ON account.id = l.child_id
             WHERE l.{0} IN ({places}) ORDER BY l.{0}, l.position",
            self.owner, self.table
        )
    }
}

/// So many rows are written, or looked up, by one statement.
const TOGETHER: usize = 1000;

/// Replaces the children of an owner, who is new or locked.
macro_rules! put_children {
    ($tx:expr, $link:expr, $owner:expr, $children:expr) => {{
        let (link, owner): ($crate::store::families::Link, String) = ($link, $owner.to_string());
        sqlx::query(sqlx::AssertSqlSafe(link.clear())).bind(owner.clone()).execute(&mut *$tx).await?;
        let numbered: Vec<(i64, String)> = (0_i64..).zip($children.iter().map(ToString::to_string)).collect();
        for chunk in numbered.chunks(1000) {
            let mut query = sqlx::query(sqlx::AssertSqlSafe(link.insert(chunk.len())));
            for (position, child) in chunk {
                query = query.bind(owner.clone()).bind(*position).bind(child.clone());
            }
            query.execute(&mut *$tx).await?;
        }
    }};
}
pub(super) use put_children;

#[derive(FromRow)]
struct OwnedRow {
    owner: String,
    #[sqlx(flatten)]
    child: MemberRow,
}

impl Store {
    /// The children of each of these owners.
    pub(super) async fn children_of(&self, link: Link, owners: &[String]) -> Result<HashMap<String, Vec<Member>>> {
        let mut children: HashMap<String, Vec<Member>> = HashMap::new();
        for chunk in owners.chunks(TOGETHER) {
            let sql = link.select(chunk.len());
            let rows: Vec<OwnedRow> =
                on!(&self.db, |db| bind!(sqlx::query_as(AssertSqlSafe(sql)), chunk).fetch_all(db).await)?;
            for row in rows {
                children.entry(row.owner).or_default().push(row.child.try_into()?);
            }
        }
        Ok(children)
    }

    /// A part of the list of a family's children, and how long the whole of it is.
    ///
    /// # Errors
    /// [`Refusal::AccountNotFound`](crate::domain::Refusal::AccountNotFound)
    pub async fn family_children(&self, family: AccountId, query: &Query) -> Result<(Vec<Member>, i64)> {
        self.must_be(Role::Family, family).await?;
        let scope = "family_id = ?";
        let found = Where::of(scope, &[family.to_string()], FAMILY_CHILDREN, query);
        let from = "FROM family_child JOIN account ON account.id = child_id";
        let count = format!("SELECT COUNT(*) {from}{}", found.clause());
        let order = ordered(FAMILY_CHILDREN, &query.order, "position ASC");
        let list = format!("SELECT {COLUMNS} {from}{}{order}{}", found.clause(), found.page());
        let (rows, total): (Vec<MemberRow>, i64) = on!(&self.db, |db| {
            let rows = bind!(sqlx::query_as(AssertSqlSafe(list)), &found.values).bind(query.size).bind(query.skip);
            let rows = rows.fetch_all(db).await?;
            (rows, bind!(sqlx::query_scalar(AssertSqlSafe(count)), &found.values).fetch_one(db).await?)
        });
        let children: Result<Vec<Member>> = rows.into_iter().map(Member::try_from).collect();
        Ok((children?, total))
    }

    /// Makes a child one of a family's, behind the others. Nothing changes when it is one already.
    ///
    /// # Errors
    /// [`Refusal::AccountNotFound`](crate::domain::Refusal::AccountNotFound),
    /// [`Refusal::ChildrenNotFound`](crate::domain::Refusal::ChildrenNotFound)
    pub async fn add_family_child(&self, family: AccountId, child: AccountId, by: &Origin) -> Result<()> {
        self.again_when_lost(async || {
            tx!(&self.db, |tx| {
                super::members::lock!(tx, Role::Family, family);
                must_be_children!(tx, [child]);
                let added = sqlx::query(
                    "INSERT INTO family_child (family_id, position, child_id)
                     SELECT $1, COALESCE(MAX(position), -1) + 1, $2 FROM family_child WHERE family_id = $1
                     ON CONFLICT (family_id, child_id) DO NOTHING",
                )
                .bind(family.to_string())
                .bind(child.to_string())
                .execute(&mut *tx)
                .await?;
                if added.rows_affected() > 0 {
                    record!(tx, by, Event::UserUpdated, Some(family), format!("child={child} added"));
                }
            })
        })
        .await
    }

    /// Makes a child none of a family's. Nothing changes when it is none.
    ///
    /// # Errors
    /// [`Refusal::AccountNotFound`](crate::domain::Refusal::AccountNotFound)
    pub async fn remove_family_child(&self, family: AccountId, child: AccountId, by: &Origin) -> Result<()> {
        tx!(&self.db, |tx| {
            super::members::lock!(tx, Role::Family, family);
            let removed = sqlx::query("DELETE FROM family_child WHERE family_id = $1 AND child_id = $2")
                .bind(family.to_string())
                .bind(child.to_string())
                .execute(&mut *tx)
                .await?;
            if removed.rows_affected() > 0 {
                record!(tx, by, Event::UserUpdated, Some(family), format!("child={child} removed"));
            }
        })
    }

    /// Whether a child is one of a family's.
    pub async fn is_child_of(&self, child: AccountId, family: AccountId) -> Result<bool> {
        let found: Option<String> = on!(&self.db, |db| {
            sqlx::query_scalar("SELECT child_id FROM family_child WHERE family_id = $1 AND child_id = $2")
                .bind(family.to_string())
                .bind(child.to_string())
                .fetch_optional(db)
                .await
        })?;
        Ok(found.is_some())
    }
}
