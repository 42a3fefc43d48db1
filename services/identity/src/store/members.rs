//! Members of the school.

use std::future::Future;

use shared::{Timestamp, on, tx};
use sqlx::{AssertSqlSafe, FromRow};

use super::{
    AccountRow, Result, Store,
    accounts::{insert, taken},
    families::{FAMILY, put_children},
    kept,
    listing::{APPLICATIONS, CHILDREN, Field, MEMBERS, Where, bind, ordered},
    record,
};
use crate::domain::{
    AccountId, InstitutionId, Refusal,
    account::{Account, Role},
    audit::{Event, Origin},
    hash::StoredHash,
    listing::{Query, fold, order, order_of_age},
    member::{Changes, Child, Details, Member},
};

/// What a [`MemberRow`] is made of.
pub(super) const COLUMNS: &str = "id, realm, name, email, address, role, active, created_at, institution_id, \
                                  last_login_at, gender, age, age_calc_date, application_name";

#[derive(FromRow)]
pub(super) struct MemberRow {
    #[sqlx(flatten)]
    account: AccountRow,
    institution_id: Option<String>,
    last_login_at: Option<Timestamp>,
    gender: Option<String>,
    age: Option<String>,
    age_calc_date: Option<String>,
    application_name: Option<String>,
}

/// Without the children of a family and the groups of an owner, which other tables hold.
impl TryFrom<MemberRow> for Member {
    type Error = shared::Error<Refusal>;

    fn try_from(row: MemberRow) -> Result<Self> {
        let account = Account::try_from(row.account)?;
        let present =
            |text: Option<String>| text.ok_or_else(|| shared::Error::internal("a member lacks what his role has"));
        let details = match account.role {
            Role::Child => Details::Child(Child {
                gender: kept(&present(row.gender)?)?,
                age: kept(&present(row.age)?)?,
                age_calc_date: row.age_calc_date.as_deref().map(kept).transpose()?,
            }),
            Role::Application => Details::Application(kept(&present(row.application_name)?)?),
            Role::Family => Details::Children(vec![]),
            Role::Educator | Role::HealthProfessional => Details::Groups(vec![]),
            Role::Client | Role::Admin => return Err(shared::Error::internal("an account is no member")),
        };
        let institution = row.institution_id.map(|id| kept(&id)).transpose()?;
        Ok(Self { account, institution, last_login: row.last_login_at, details })
    }
}

/// The fields of a list of members.
pub const fn fields(role: Role) -> &'static [Field] {
    match role {
        Role::Child => CHILDREN,
        Role::Application => APPLICATIONS,
        _ => MEMBERS,
    }
}

/// Locks a member by updating him.
macro_rules! lock {
    ($tx:expr, $role:expr, $id:expr) => {{
        let locked = sqlx::query("UPDATE account SET version = version + 1 WHERE id = $1 AND role = $2")
            .bind($id.to_string())
            .bind($role.name())
            .execute(&mut *$tx)
            .await?;
        if locked.rows_affected() == 0 {
            return Err(shared::Error::Refused($crate::domain::Refusal::AccountNotFound));
        }
    }};
}
pub(super) use lock;

/// Refuses ids that are no children's, and names them.
macro_rules! must_be_children {
    ($tx:expr, $db:expr, $children:expr) => {{
        let sql = format!("SELECT id FROM account WHERE role = 'child' AND id IN ({})", $db.texts_in_json("$1"));
        let found: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .bind($crate::store::families::json(&$children))
            .fetch_all(&mut *$tx)
            .await?;
        let found: std::collections::HashSet<String> = found.into_iter().collect();
        let missing: Vec<AccountId> = $children.iter().filter(|id| !found.contains(&id.to_string())).copied().collect();
        if !missing.is_empty() {
            return Err(shared::Error::Refused($crate::domain::Refusal::ChildrenNotFound(missing)));
        }
    }};
}
pub(super) use must_be_children;

/// Refuses changes that refer to what there is not: first a name that another has, then children, then an institution.
macro_rules! must_fit {
    ($tx:expr, $db:expr, $id:expr, $changes:expr) => {{
        let changes: &Changes = $changes;
        if let Some(username) = &changes.username {
            let other: Option<String> = sqlx::query_scalar("SELECT id FROM account WHERE login_key = $1 AND id <> $2")
                .bind(username.key())
                .bind($id.to_string())
                .fetch_optional(&mut *$tx)
                .await?;
            if other.is_some() {
                return Err(shared::Error::Refused(Refusal::LoginTaken));
            }
        }
        if let Some(children) = &changes.children {
            must_be_children!($tx, $db, children);
        }
        if let Some(institution) = changes.institution {
            let known: Option<String> = sqlx::query_scalar("SELECT id FROM institution WHERE id = $1")
                .bind(institution.to_string())
                .fetch_optional(&mut *$tx)
                .await?;
            known.ok_or(shared::Error::Refused(Refusal::InstitutionUnknown))?;
        }
    }};
}

/// Writes what changes of a member who is new or locked; answers with its children that changed.
macro_rules! put {
    ($tx:expr, $db:expr, $id:expr, $changes:expr) => {{
        let changes: &Changes = $changes;
        let username = changes.username.as_ref().map(|name| name.as_str().to_owned());
        let application = changes.application_name.as_ref().map(|name| name.as_str().to_owned());
        let age = changes.age.as_ref().map(|age| age.as_str().to_owned());
        sqlx::query(
            "UPDATE account SET login_key = COALESCE($2, login_key), name = COALESCE($3, name),
                 name_fold = COALESCE($4, name_fold), name_order = COALESCE($5, name_order),
                 institution_id = COALESCE($6, institution_id), gender = COALESCE($7, gender), age = COALESCE($8, age),
                 age_order = COALESCE($9, age_order), age_calc_date = COALESCE($10, age_calc_date),
                 application_name = COALESCE($11, application_name),
                 application_name_fold = COALESCE($12, application_name_fold),
                 application_name_order = COALESCE($13, application_name_order)
             WHERE id = $1",
        )
        .bind($id.to_string())
        .bind(changes.username.as_ref().map(|name| name.key()))
        .bind(username.clone())
        .bind(username.as_deref().map(fold))
        .bind(username.as_deref().map(order))
        .bind(changes.institution.map(|id| id.to_string()))
        .bind(changes.gender.map(|gender| gender.name()))
        .bind(age.clone())
        .bind(age.as_deref().map(order_of_age))
        .bind(changes.age_calc_date.as_ref().map(ToString::to_string))
        .bind(application.clone())
        .bind(application.as_deref().map(fold))
        .bind(application.as_deref().map(order))
        .execute(&mut *$tx)
        .await?;
        match &changes.children {
            Some(children) => put_children!($tx, $db, FAMILY, $id, children),
            None => String::new(),
        }
    }};
}

/// Counts the accounts of a role anew, by so many more.
macro_rules! tally {
    ($tx:expr, $role:expr, $more:expr) => {
        sqlx::query(
            "INSERT INTO tally (role, accounts) VALUES ($1, $2)
             ON CONFLICT (role) DO UPDATE SET accounts = tally.accounts + excluded.accounts",
        )
        .bind($role.name())
        .bind($more)
        .execute(&mut *$tx)
        .await?
    };
}
pub(super) use tally;

impl Store {
    /// Keeps a new member: an account of the school, its password's hash and what its role has.
    ///
    /// # Errors
    /// [`Refusal::LoginTaken`], [`Refusal::ChildrenNotFound`], [`Refusal::InstitutionUnknown`]
    pub async fn create_member(&self, account: &Account, hash: &StoredHash, has: &Changes, by: &Origin) -> Result<()> {
        let created = self.again_when_lost(async || {
            tx!(&self.db, |tx| {
                must_fit!(tx, &self.db, account.id, has);
                insert!(tx, account, hash, None, by);
                put!(tx, &self.db, account.id, has);
                tally!(tx, account.role, 1_i64);
            })
        });
        created.await.map_err(taken)
    }

    /// One member of a role.
    pub async fn member(&self, role: Role, id: AccountId) -> Result<Option<Member>> {
        let sql = format!("SELECT {COLUMNS} FROM account WHERE id = $1 AND role = $2 AND realm = 'school'");
        let row: Option<MemberRow> = on!(&self.db, |db| {
            sqlx::query_as(AssertSqlSafe(sql)).bind(id.to_string()).bind(role.name()).fetch_optional(db).await
        })?;
        let Some(row) = row else { return Ok(None) };
        Ok(self.whole(role, vec![row.try_into()?]).await?.pop())
    }

    /// The institution that an account belongs to.
    pub async fn institution_of(&self, id: AccountId) -> Result<Option<InstitutionId>> {
        let institution: Option<Option<String>> = on!(&self.db, |db| {
            sqlx::query_scalar("SELECT institution_id FROM account WHERE id = $1")
                .bind(id.to_string())
                .fetch_optional(db)
                .await
        })?;
        institution.flatten().map(|id| kept(&id)).transpose()
    }

    /// That there is a member of a role.
    ///
    /// # Errors
    /// [`Refusal::AccountNotFound`]
    pub(super) async fn must_be(&self, role: Role, id: AccountId) -> Result<()> {
        let found: Option<String> = on!(&self.db, |db| {
            sqlx::query_scalar("SELECT id FROM account WHERE id = $1 AND role = $2")
                .bind(id.to_string())
                .bind(role.name())
                .fetch_optional(db)
                .await
        })?;
        found.map(drop).ok_or(shared::Error::Refused(Refusal::AccountNotFound))
    }

    /// A part of the list of a role's members, and how long the whole of it is.
    pub async fn members(&self, role: Role, query: &Query) -> Result<(Vec<Member>, i64)> {
        // Spelt out and not bound: so the database sees that its partial indexes fit.
        let scope = format!("realm = 'school' AND role = '{}'", role.name());
        let found = Where::of(&self.db, &scope, &[], fields(role), query);
        let order = ordered(&self.db, fields(role), query, "id DESC");
        let list = format!("SELECT {COLUMNS} FROM account{}{order}{}", found.clause(), found.page());
        let count = match query.is_of_all() {
            true => format!("SELECT COALESCE(SUM(accounts), 0) FROM tally WHERE role = '{}'", role.name()),
            false => format!("SELECT COUNT(*) FROM account{}", found.clause()),
        };
        // A sum of integers is no integer on PostgreSQL.
        let count = format!("SELECT CAST(({count}) AS BIGINT)");
        let (rows, total): (Vec<MemberRow>, i64) = on!(&self.db, |db| {
            let rows = bind!(sqlx::query_as(AssertSqlSafe(list)), &found.values).bind(query.size).bind(query.skip);
            let rows = rows.fetch_all(db).await?;
            (rows, bind!(sqlx::query_scalar(AssertSqlSafe(count)), &found.values).fetch_one(db).await?)
        });
        let members: Result<Vec<Member>> = rows.into_iter().map(Member::try_from).collect();
        Ok((self.whole(role, members?).await?, total))
    }

    /// Changes a member of a role.
    ///
    /// # Errors
    /// [`Refusal::AccountNotFound`], and what [`Store::create_member`] refuses.
    pub async fn update_member(&self, role: Role, id: AccountId, changes: &Changes, by: &Origin) -> Result<()> {
        let updated = self.again_when_lost(async || {
            tx!(&self.db, |tx| {
                lock!(tx, role, id);
                must_fit!(tx, &self.db, id, changes);
                let children = put!(tx, &self.db, id, changes);
                let moved = changes.institution.map(|institution| format!(" institution={institution}"));
                let detail = format!("{}{}{children}", changes.names(), moved.unwrap_or_default());
                record!(tx, by, Event::UserUpdated, Some(id), detail);
            })
        });
        updated.await.map_err(taken)
    }

    /// Members with what other tables hold of them.
    async fn whole(&self, role: Role, mut members: Vec<Member>) -> Result<Vec<Member>> {
        let ids: Vec<String> = members.iter().map(|member| member.account.id.to_string()).collect();
        match role {
            Role::Family => {
                let mut children = self.children_of(FAMILY, &ids).await?;
                for (id, member) in ids.iter().zip(&mut members) {
                    member.details = Details::Children(children.remove(id).unwrap_or_default());
                }
            }
            Role::Educator | Role::HealthProfessional => {
                let mut groups = self.groups_of(&ids).await?;
                for (id, member) in ids.iter().zip(&mut members) {
                    member.details = Details::Groups(groups.remove(id).unwrap_or_default());
                }
            }
            _ => (),
        }
        Ok(members)
    }

    /// Does something a second time when what it refers to was deleted after it had been looked for: then that is told.
    pub(super) async fn again_when_lost<F: Future<Output = Result<()>>>(&self, work: impl Fn() -> F) -> Result<()> {
        match work().await {
            Err(shared::Error::Database(cause)) if shared::database::violates_reference(&cause) => work().await,
            done => done,
        }
    }
}
