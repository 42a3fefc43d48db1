//! Families' children.

use std::collections::{HashMap, HashSet};

use shared::{Db, on, tx};
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
        format!("DELETE FROM {} WHERE {} = $1 RETURNING child_id", self.table, self.owner)
    }

    /// Gives an owner the children of a list.
    pub fn insert(self, db: &Db) -> String {
        let list = db.numbered_texts_in_json("$2");
        format!(
            "INSERT INTO {} ({}, position, child_id) SELECT $1, n.number, n.text FROM ({list}) n",
            self.table, self.owner
        )
    }

    fn select(self, db: &Db) -> String {
        let owners = db.texts_in_json("$1");
        format!(
            "SELECT l.{0} AS owner, {COLUMNS} FROM {1} l JOIN account ON account.id = l.child_id
             WHERE l.{0} IN ({owners}) ORDER BY l.{0}, l.position",
            self.owner, self.table
        )
    }
}

/// Ids as a JSON array.
pub(super) fn json<T: ToString>(ids: &[T]) -> String {
    let quoted: Vec<String> = ids.iter().map(|id| format!("\"{}\"", id.to_string())).collect();
    format!("[{}]", quoted.join(","))
}

/// Replaces the children of an owner, who is new or locked; answers with what changed, for the audit log.
macro_rules! put_children {
    ($tx:expr, $db:expr, $link:expr, $owner:expr, $children:expr) => {{
        let (link, owner): ($crate::store::families::Link, String) = ($link, $owner.to_string());
        let children: &[$crate::domain::AccountId] = $children;
        let before: Vec<String> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(link.clear())).bind(owner.clone()).fetch_all(&mut *$tx).await?;
        sqlx::query(sqlx::AssertSqlSafe(link.insert($db)))
            .bind(owner)
            .bind($crate::store::families::json(children))
            .execute(&mut *$tx)
            .await?;
        $crate::store::families::difference(&before, children)
    }};
}
pub(super) use put_children;

/// ` added=… removed=…`, of what there is.
pub(super) fn difference(before: &[String], after: &[AccountId]) -> String {
    let after: Vec<String> = after.iter().map(ToString::to_string).collect();
    let (old, new): (HashSet<&String>, HashSet<&String>) = (before.iter().collect(), after.iter().collect());
    let named =
        |name: &str, ids: Vec<&str>| if ids.is_empty() { String::new() } else { format!(" {name}={}", ids.join(",")) };
    let added = after.iter().filter(|id| !old.contains(id)).map(String::as_str).collect();
    let removed = before.iter().filter(|id| !new.contains(id)).map(String::as_str).collect();
    named("added", added) + &named("removed", removed)
}

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
        let sql = link.select(&self.db);
        let rows: Vec<OwnedRow> =
            on!(&self.db, |db| sqlx::query_as(AssertSqlSafe(sql)).bind(json(owners)).fetch_all(db).await)?;
        for row in rows {
            children.entry(row.owner).or_default().push(row.child.try_into()?);
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
        let found = Where::of(&self.db, scope, &[family.to_string()], FAMILY_CHILDREN, query);
        let from = "FROM family_child JOIN account ON account.id = child_id";
        let count = format!("SELECT COUNT(*) {from}{}", found.clause());
        let order = ordered(&self.db, FAMILY_CHILDREN, query, "position ASC");
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
                must_be_children!(tx, &self.db, [child]);
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
