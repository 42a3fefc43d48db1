//! Operations 5 to 9: institutions.

use axum::{extract::Path, http::StatusCode};
use proto::identity::v1 as pb;

use super::{
    lists::{Wanted, listed},
    school::School,
    shown::{Institution, shown},
    users::nothing,
    written::Written,
};
use crate::{
    fault::{Answer, Fault, Reason},
    surfaces::json::json,
};

/// Operation 5.
pub async fn create(School(mut school): School, written: Written) -> Answer {
    let institution = Some(institution(String::new(), &written));

    let made = school.create_institution(pb::CreateInstitutionRequest { institution }).await?;

    one(StatusCode::CREATED, made.into_inner().institution)
}

/// Operation 6.
pub async fn list(School(mut school): School, Wanted(query): Wanted) -> Answer {
    let found = school.list_institutions(pb::ListInstitutionsRequest { query: Some(query) }).await?.into_inner();

    Ok(listed::<Institution>(&shown(found.institutions), found.total_size))
}

/// Operation 7.
pub async fn get(School(mut school): School, Path(institution_id): Path<String>) -> Answer {
    let found = school.get_institution(pb::GetInstitutionRequest { institution_id }).await?;

    one(StatusCode::OK, found.into_inner().institution)
}

/// Operation 8.
pub async fn update(School(mut school): School, Path(id): Path<String>, written: Written) -> Answer {
    let institution = Some(institution(id, &written));
    let update_mask = written.mask(str::to_owned);

    let changed = school.update_institution(pb::UpdateInstitutionRequest { institution, update_mask }).await?;

    one(StatusCode::OK, changed.into_inner().institution)
}

/// Operation 9.
pub async fn delete(School(mut school): School, Path(institution_id): Path<String>) -> Answer {
    let request = pb::DeleteInstitutionRequest { institution_id };

    match school.delete_institution(request).await.map_err(Fault::from) {
        Ok(_) | Err(Fault::Refused(Reason::InstitutionNotFound)) => Ok(nothing()),
        Err(fault) => Err(fault.into()),
    }
}

fn institution(id: String, written: &Written) -> pb::Institution {
    pb::Institution {
        id,
        name: written.text("name"),
        r#type: written.text("type"),
        address: written.optional("address"),
        latitude: written.optional("latitude"),
        longitude: written.optional("longitude"),
        create_time: None,
    }
}

fn one(status: StatusCode, institution: Option<pb::Institution>) -> Answer {
    let institution = institution.ok_or(Fault::Internal)?;
    Ok(json(status, &Institution::from(institution)))
}
