//! The school realm over gRPC, past the gateway: whose things are whose, what races leave behind, what is written down.
#![expect(clippy::unwrap_used, reason = "a test")]

mod lists;
mod lives;
mod races;
mod reach;

use identity::domain::account::Role;
use prost_types::FieldMask;
use proto::identity::v1::{self as pb, create_member_request::Credential, member::Details};
use shared::{
    Db, on,
    passport::{Caller, Role as Standing},
};
use testing::{Database, TestSuite, suite::PASSWORD};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// An id that nothing has.
const NOBODY: &str = "5a62be07de34500146d9c544";

/// A suite with an institution in it.
struct School {
    suite: TestSuite,
    institution: String,
}

impl School {
    async fn open(db: &Database) -> Self {
        let suite = TestSuite::start(db).await;
        let institution = institution(&suite, "Lycée Pasteur").await.unwrap().id;
        Self { suite, institution }
    }

    /// What a new member of a role is made from.
    fn draft(&self, role: Role, username: &str) -> pb::Member {
        pb::Member {
            username: username.to_owned(),
            institution_id: Some(self.institution.clone()),
            details: Some(details(role)),
            ..pb::Member::default()
        }
    }

    /// A new member.
    async fn member(&self, role: Role, username: &str) -> pb::Member {
        create(&self.suite, self.draft(role, username)).await.unwrap()
    }

    /// A new family with these children.
    async fn family(&self, username: &str, children: &[&str]) -> pb::Member {
        let details = Some(Details::Family(pb::Family { children: ids(children) }));
        create(&self.suite, pb::Member { details, ..self.draft(Role::Family, username) }).await.unwrap()
    }

    /// A new group, of an educator.
    async fn group(&self, owner: &str, name: &str, children: &[&str]) -> Result<pb::ChildrenGroup, Status> {
        let group = pb::ChildrenGroup {
            owner_id: owner.to_owned(),
            name: name.to_owned(),
            children: ids(children),
            ..pb::ChildrenGroup::default()
        };
        let request = pb::CreateChildrenGroupRequest { children_group: Some(group) };
        let made = self.suite.school_as(as_member(Role::Educator, owner)).create_children_group(request).await?;
        Ok(made.into_inner().children_group.unwrap())
    }
}

/// Members that are only their ids.
fn ids(ids: &[&str]) -> Vec<pb::Member> {
    ids.iter().map(|id| pb::Member { id: (*id).to_owned(), ..pb::Member::default() }).collect()
}

/// The least that a member of a role has.
fn details(role: Role) -> Details {
    match role {
        Role::Educator => Details::Educator(pb::Educator::default()),
        Role::HealthProfessional => Details::HealthProfessional(pb::HealthProfessional::default()),
        Role::Family => Details::Family(pb::Family::default()),
        Role::Application => Details::Application(pb::Application { application_name: "App".to_owned() }),
        Role::Child | Role::Client | Role::Admin => Details::Child(pb::Child {
            gender: pb::Gender::Female.into(),
            age: "11".to_owned(),
            age_calc_date: Some("2020-01-01".to_owned()),
        }),
    }
}

/// A passport as the gateway makes it out for a member.
fn as_member(role: Role, id: &str) -> Caller {
    Caller {
        subject: id.to_owned(),
        role: Standing::Client,
        sub_type: role.name().to_owned(),
        scope: role.scope(),
        session: None,
    }
}

async fn institution(suite: &TestSuite, name: &str) -> Result<pb::Institution, Status> {
    let institution =
        pb::Institution { name: name.to_owned(), r#type: "school".to_owned(), ..pb::Institution::default() };
    let request = pb::CreateInstitutionRequest { institution: Some(institution) };
    let made = suite.school_as(Caller::operator()).create_institution(request).await?;
    Ok(made.into_inner().institution.unwrap())
}

async fn create(suite: &TestSuite, member: pb::Member) -> Result<pb::Member, Status> {
    let credential = Some(Credential::Password(PASSWORD.to_owned()));
    let request = pb::CreateMemberRequest { member: Some(member), credential, validate_only: false };
    Ok(suite.school_as(Caller::operator()).create_member(request).await?.into_inner().member.unwrap())
}

/// Changes of a member what `paths` name, as somebody.
async fn update(suite: &TestSuite, caller: Caller, member: pb::Member, paths: &[&str]) -> Result<pb::Member, Status> {
    let update_mask = Some(FieldMask { paths: paths.iter().map(ToString::to_string).collect() });
    let request = pb::UpdateMemberRequest { member: Some(member), update_mask };
    Ok(suite.school_as(caller).update_member(request).await?.into_inner().member.unwrap())
}

async fn get(suite: &TestSuite, caller: Caller, role: pb::Role, id: &str) -> Result<pb::Member, Status> {
    let request = pb::GetMemberRequest { member_id: id.to_owned(), role: role.into() };
    Ok(suite.school_as(caller).get_member(request).await?.into_inner().member.unwrap())
}

async fn delete(suite: &TestSuite, id: &str) -> Result<(), Status> {
    let request = pb::DeleteAccountRequest { account_id: id.to_owned() };
    suite.identity_as(Caller::operator()).delete_account(request).await.map(drop)
}

fn refusal(refused: &Status) -> (Code, String) {
    (refused.code(), refused.get_details_error_info().map(|info| info.reason).unwrap_or_default())
}

fn told(code: Code, reason: &str) -> (Code, String) {
    (code, reason.to_owned())
}

/// What `bibliotique check` says of identity's database.
async fn misfits(db: &Database) -> Vec<String> {
    identity::check(&db.url().into()).await.unwrap().misfits
}

/// Does something to the database that no rpc would.
async fn by_hand(db: &Database, sql: &'static str) {
    let tables: Db = db.tables().await;
    match &tables {
        Db::Sqlite { write, .. } => sqlx::query(sql).execute(write).await.map(drop),
        Db::Postgres(pool) => sqlx::query(sql).execute(pool).await.map(drop),
    }
    .unwrap();
}

/// A number out of identity's database.
async fn number(db: &Database, sql: &'static str) -> i64 {
    on!(&db.tables().await, |db| sqlx::query_scalar(sql).fetch_one(db).await).unwrap()
}
