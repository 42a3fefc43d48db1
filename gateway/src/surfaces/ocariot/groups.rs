//! Operations 33 to 42: the groups of an educator or a health professional.

use axum::{extract::Path, http::StatusCode};
use proto::identity::v1 as pb;

use super::{
    lists::{Wanted, listed},
    school::School,
    shown::{Group, shown},
    users::nothing,
    written::Written,
};
use crate::{
    fault::{Answer, Fault, Reason},
    surfaces::json::json,
};

/// The owner, and which of his groups.
type Ids = Path<(String, String)>;

/// Operations 33, 38.
pub async fn create(School(mut school): School, Path(owner_id): Path<String>, written: Written) -> Answer {
    let children_group = Some(group(owner_id, String::new(), &written));

    let made = school.create_children_group(pb::CreateChildrenGroupRequest { children_group }).await?;

    one(StatusCode::CREATED, made.into_inner().children_group)
}

/// Operations 34, 39.
pub async fn list(School(mut school): School, Path(owner_id): Path<String>, Wanted(query): Wanted) -> Answer {
    let request = pb::ListChildrenGroupsRequest { owner_id, query: Some(query) };

    let found = school.list_children_groups(request).await?.into_inner();

    Ok(listed::<Group>(&shown(found.children_groups), found.total_size))
}

/// Operations 35, 40.
pub async fn get(School(mut school): School, Path((owner_id, children_group_id)): Ids) -> Answer {
    let found = school.get_children_group(pb::GetChildrenGroupRequest { owner_id, children_group_id }).await?;

    one(StatusCode::OK, found.into_inner().children_group)
}

/// Operations 36, 41.
pub async fn update(School(mut school): School, Path((owner_id, id)): Ids, written: Written) -> Answer {
    let children_group = Some(group(owner_id, id, &written));
    let update_mask = written.mask(str::to_owned);

    let changed = school.update_children_group(pb::UpdateChildrenGroupRequest { children_group, update_mask }).await?;

    one(StatusCode::OK, changed.into_inner().children_group)
}

/// Operations 37, 42.
pub async fn delete(School(mut school): School, Path((owner_id, children_group_id)): Ids) -> Answer {
    let request = pb::DeleteChildrenGroupRequest { owner_id, children_group_id };

    match school.delete_children_group(request).await.map_err(Fault::from) {
        Ok(_) | Err(Fault::Refused(Reason::GroupNotFound)) => Ok(nothing()),
        Err(fault) => Err(fault.into()),
    }
}

fn group(owner_id: String, id: String, written: &Written) -> pb::ChildrenGroup {
    pb::ChildrenGroup {
        id,
        owner_id,
        name: written.text("name"),
        school_class: written.optional("school_class"),
        children: written.children(),
        create_time: None,
    }
}

fn one(status: StatusCode, group: Option<pb::ChildrenGroup>) -> Answer {
    let group = group.ok_or(Fault::Internal)?;
    Ok(json(status, &Group::from(group)))
}
