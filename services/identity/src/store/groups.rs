//! Groups of children.

use std::collections::HashMap;

use shared::{Timestamp, on, tx};
use sqlx::{AssertSqlSafe, FromRow};

use super::{
    Result, Store,
    families::{GROUP, json, put_children},
    kept,
    listing::{GROUPS, Where, bind, ordered},
    members::must_be_children,
    record,
};
use crate::domain::{
    AccountId, GroupId, Refusal,
    audit::{Event, Origin},
    group::{Changes, Group, can_be_shown},
    label::Label,
    listing::{Query, fold, order},
};

const COLUMNS: &str = "id, owner_id, name, school_class, created_at";

#[derive(FromRow)]
struct GroupRow {
    id: String,
    owner_id: String,
    name: String,
    school_class: Option<String>,
    created_at: Timestamp,
}

/// Without its children, which another table holds.
impl TryFrom<GroupRow> for Group {
    type Error = shared::Error<Refusal>;

    fn try_from(row: GroupRow) -> Result<Self> {
        Ok(Self {
            id: kept(&row.id)?,
            owner: kept(&row.owner_id)?,
            name: kept(&row.name)?,
            school_class: row.school_class.as_deref().map(kept).transpose()?,
            children: vec![],
            created: row.created_at,
        })
    }
}

/// Refuses a name that another group of the owner has, and children that are none.
macro_rules! must_fit {
    ($tx:expr, $db:expr, $owner:expr, $group:expr, $changes:expr) => {{
        let changes: &Changes = $changes;
        if let Some(name) = &changes.name {
            let other: Option<String> =
                sqlx::query_scalar("SELECT id FROM children_group WHERE owner_id = $1 AND name = $2 AND id <> $3")
                    .bind($owner.to_string())
                    .bind(name.as_str())
                    .bind($group.to_string())
                    .fetch_optional(&mut *$tx)
                    .await?;
            if other.is_some() {
                return Err(shared::Error::Refused(Refusal::GroupTaken));
            }
        }
        if let Some(children) = &changes.children {
            must_be_children!($tx, $db, children);
        }
    }};
}

/// Locks whoever may have groups, so that they are counted one after the other.
macro_rules! lock_owner {
    ($tx:expr, $owner:expr) => {{
        let locked = sqlx::query(
            "UPDATE account SET version = version + 1 WHERE id = $1 AND role IN ('educator', 'healthprofessional')",
        )
        .bind($owner.to_string())
        .execute(&mut *$tx)
        .await?;
        if locked.rows_affected() == 0 {
            return Err(shared::Error::Refused(Refusal::NotYours));
        }
    }};
}

/// Refuses more than can be shown.
macro_rules! must_not_be_too_many {
    ($tx:expr, $owner:expr) => {{
        let (groups, children): (i64, i64) = sqlx::query_as(
            "SELECT COUNT(DISTINCT g.id), COUNT(c.child_id) FROM children_group g
             LEFT JOIN group_child c ON c.group_id = g.id WHERE g.owner_id = $1",
        )
        .bind($owner.to_string())
        .fetch_one(&mut *$tx)
        .await?;
        can_be_shown(groups, children)?;
    }};
}

impl Store {
    /// Keeps a new group.
    ///
    /// # Errors
    /// [`Refusal::GroupTaken`], [`Refusal::ChildrenNotFound`]; [`Refusal::NotYours`] when the owner is gone.
    pub async fn create_group(&self, group: &Group, children: &[AccountId], by: &Origin) -> Result<()> {
        let has = Changes { name: Some(group.name.clone()), children: Some(children.to_vec()), school_class: None };
        let class = group.school_class.as_ref().map(Label::as_str);
        let created = self.again_when_lost(async || {
            tx!(&self.db, |tx| {
                lock_owner!(tx, group.owner);
                must_fit!(tx, &self.db, group.owner, group.id, &has);
                sqlx::query(
                    "INSERT INTO children_group (id, owner_id, name, name_fold, name_order, school_class,
                         school_class_fold, school_class_order, created_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                )
                .bind(group.id.to_string())
                .bind(group.owner.to_string())
                .bind(group.name.as_str())
                .bind(fold(group.name.as_str()))
                .bind(order(group.name.as_str()))
                .bind(class.map(str::to_owned))
                .bind(class.map(fold).unwrap_or_default())
                .bind(class.map(order).unwrap_or_default())
                .bind(group.created)
                .execute(&mut *tx)
                .await?;
                let added = put_children!(tx, &self.db, GROUP, group.id, children);
                must_not_be_too_many!(tx, group.owner);
                record!(tx, by, Event::SensitiveCreate, Some(group.owner), format!("group={}{added}", group.id));
            })
        });
        created.await.map_err(taken)
    }

    /// One group of an owner.
    pub async fn group(&self, owner: AccountId, id: GroupId) -> Result<Option<Group>> {
        let sql = format!("SELECT {COLUMNS} FROM children_group WHERE id = $1 AND owner_id = $2");
        let row: Option<GroupRow> = on!(&self.db, |db| {
            sqlx::query_as(AssertSqlSafe(sql)).bind(id.to_string()).bind(owner.to_string()).fetch_optional(db).await
        })?;
        let Some(row) = row else { return Ok(None) };
        Ok(self.with_children(vec![row.try_into()?]).await?.pop())
    }

    /// A part of the list of an owner's groups, and how long the whole of it is.
    pub async fn groups(&self, owner: AccountId, query: &Query) -> Result<(Vec<Group>, i64)> {
        let found = Where::of(&self.db, "owner_id = ?", &[owner.to_string()], GROUPS, query);
        let order = ordered(&self.db, GROUPS, query, "id DESC");
        let list = format!("SELECT {COLUMNS} FROM children_group{}{order}{}", found.clause(), found.page());
        let count = format!("SELECT COUNT(*) FROM children_group{}", found.clause());
        let (rows, total): (Vec<GroupRow>, i64) = on!(&self.db, |db| {
            let rows = bind!(sqlx::query_as(AssertSqlSafe(list)), &found.values).bind(query.size).bind(query.skip);
            let rows = rows.fetch_all(db).await?;
            (rows, bind!(sqlx::query_scalar(AssertSqlSafe(count)), &found.values).fetch_one(db).await?)
        });
        let groups: Result<Vec<Group>> = rows.into_iter().map(Group::try_from).collect();
        Ok((self.with_children(groups?).await?, total))
    }

    /// The groups of each of these owners, in order of creation.
    pub(super) async fn groups_of(&self, owners: &[String]) -> Result<HashMap<String, Vec<Group>>> {
        let wanted = self.db.texts_in_json("$1");
        let sql = format!("SELECT {COLUMNS} FROM children_group WHERE owner_id IN ({wanted}) ORDER BY id");
        let rows: Vec<GroupRow> =
            on!(&self.db, |db| sqlx::query_as(AssertSqlSafe(sql)).bind(json(owners)).fetch_all(db).await)?;
        let groups: Result<Vec<Group>> = rows.into_iter().map(Group::try_from).collect();
        let mut by_owner: HashMap<String, Vec<Group>> = HashMap::new();
        for group in self.with_children(groups?).await? {
            by_owner.entry(group.owner.to_string()).or_default().push(group);
        }
        Ok(by_owner)
    }

    async fn with_children(&self, mut groups: Vec<Group>) -> Result<Vec<Group>> {
        let ids: Vec<String> = groups.iter().map(|group| group.id.to_string()).collect();
        let mut children = self.children_of(GROUP, &ids).await?;
        for (id, group) in ids.iter().zip(&mut groups) {
            group.children = children.remove(id).unwrap_or_default();
        }
        Ok(groups)
    }

    /// Changes a group. What does not fit is told before a group that is not there.
    ///
    /// # Errors
    /// [`Refusal::GroupTaken`], [`Refusal::ChildrenNotFound`], [`Refusal::GroupNotFound`]
    pub async fn update_group(&self, owner: AccountId, id: GroupId, changes: &Changes, by: &Origin) -> Result<()> {
        let (name, class) =
            (changes.name.as_ref().map(Label::as_str), changes.school_class.as_ref().map(Label::as_str));
        let updated = self.again_when_lost(async || {
            tx!(&self.db, |tx| {
                lock_owner!(tx, owner);
                must_fit!(tx, &self.db, owner, id, changes);
                let written = sqlx::query(
                    "UPDATE children_group SET name = COALESCE($3, name), name_fold = COALESCE($4, name_fold),
                         name_order = COALESCE($5, name_order), school_class = COALESCE($6, school_class),
                         school_class_fold = COALESCE($7, school_class_fold),
                         school_class_order = COALESCE($8, school_class_order)
                     WHERE id = $1 AND owner_id = $2",
                )
                .bind(id.to_string())
                .bind(owner.to_string())
                .bind(name.map(str::to_owned))
                .bind(name.map(fold))
                .bind(name.map(order))
                .bind(class.map(str::to_owned))
                .bind(class.map(fold))
                .bind(class.map(order))
                .execute(&mut *tx)
                .await?;
                if written.rows_affected() == 0 {
                    return Err(shared::Error::Refused(Refusal::GroupNotFound));
                }
                let mut detail = format!("group={id} {}", changes.names());
                if let Some(children) = &changes.children {
                    detail += &put_children!(tx, &self.db, GROUP, id, children);
                    must_not_be_too_many!(tx, owner);
                }
                record!(tx, by, Event::SensitiveUpdate, Some(owner), detail);
            })
        });
        updated.await.map_err(taken)
    }

    /// Deletes a group of an owner.
    ///
    /// # Errors
    /// [`Refusal::GroupNotFound`]
    pub async fn delete_group(&self, owner: AccountId, id: GroupId, by: &Origin) -> Result<()> {
        tx!(&self.db, |tx| {
            let deleted = sqlx::query("DELETE FROM children_group WHERE id = $1 AND owner_id = $2")
                .bind(id.to_string())
                .bind(owner.to_string())
                .execute(&mut *tx)
                .await?;
            if deleted.rows_affected() == 0 {
                return Err(shared::Error::Refused(Refusal::GroupNotFound));
            }
            record!(tx, by, Event::SensitiveDelete, Some(owner), format!("group={id}"));
        })
    }
}

/// The owner has a group of this name.
fn taken(error: shared::Error<Refusal>) -> shared::Error<Refusal> {
    error.or_taken("children_group_owner_id_name", Refusal::GroupTaken)
}
