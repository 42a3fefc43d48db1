//! Operations 10 to 25 and 29 to 32: accounts of every type are made, listed, shown and changed alike.

use axum::{extract::Path, http::StatusCode};
use proto::identity::v1::{self as pb, create_member_request::Credential, member::Details};

use super::{
    kind::Kind,
    lists::{Wanted, listed},
    school::School,
    shown::{Member, shown},
    written::Written,
};
use crate::{
    fault::{Answer, Fault},
    surfaces::json::json,
};

/// Operations 10, 14, 18, 22, 29.
pub async fn create(School(mut school): School, kind: Kind, written: Written) -> Answer {
    let unknown = written.check_unknown();
    let request = pb::CreateMemberRequest {
        member: Some(member(kind, String::new(), &written)),
        credential: Some(Credential::Password(written.text("password"))),
        // A weak password is told before an unknown field, and only identity knows what is weak.
        validate_only: unknown.is_err(),
    };

    let made = school.create_member(request).await.map_err(|status| kind.refuse(status))?;
    unknown.map_err(|flaw| flaw.told(""))?;

    one(StatusCode::CREATED, made.into_inner().member)
}

/// Operations 11, 15, 19, 23, 30.
pub async fn list(School(mut school): School, kind: Kind, Wanted(query): Wanted) -> Answer {
    let request = pb::ListMembersRequest { role: kind.role().into(), query: Some(query) };

    let found = school.list_members(request).await?.into_inner();

    Ok(listed::<Member>(&shown(found.members), found.total_size))
}

/// Operations 12, 16, 20, 24, 31.
pub async fn get(School(mut school): School, kind: Kind, Path(member_id): Path<String>) -> Answer {
    let request = pb::GetMemberRequest { member_id, role: kind.role().into() };

    let found = school.get_member(request).await.map_err(|status| kind.refuse(status))?;

    one(StatusCode::OK, found.into_inner().member)
}

/// Operations 13, 17, 21, 25, 32.
pub async fn update(School(mut school): School, kind: Kind, Path(id): Path<String>, written: Written) -> Answer {
    let member = Some(member(kind, id, &written));
    let update_mask = written.mask(|name| path(kind, name));

    let changed = school.update_member(pb::UpdateMemberRequest { member, update_mask }).await;
    let changed = changed.map_err(|status| kind.refuse(status))?;

    one(StatusCode::OK, changed.into_inner().member)
}

fn member(kind: Kind, id: String, written: &Written) -> pb::Member {
    let details = match kind {
        Kind::Child => Details::Child(pb::Child {
            gender: written.gender().into(),
            age: written.text("age"),
            age_calc_date: written.optional("age_calc_date"),
        }),
        Kind::Educator => Details::Educator(pb::Educator::default()),
        Kind::HealthProfessional => Details::HealthProfessional(pb::HealthProfessional::default()),
        Kind::Family => Details::Family(pb::Family { children: written.children() }),
        Kind::Application => {
            Details::Application(pb::Application { application_name: written.text("application_name") })
        }
    };
    pb::Member {
        id,
        username: written.text("username"),
        institution_id: written.optional("institution_id"),
        details: Some(details),
        ..pb::Member::default()
    }
}

/// A field as identity names it.
fn path(kind: Kind, name: &str) -> String {
    match name {
        "username" | "institution_id" => name.to_owned(),
        _ => format!("{}.{name}", kind.sub_type()),
    }
}

/// One account.
pub fn one(status: StatusCode, member: Option<pb::Member>) -> Answer {
    let member = member.ok_or(Fault::Internal)?;
    Ok(json(status, &Member::from(member)))
}
