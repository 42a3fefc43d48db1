//! Operations 24 to 28: categories.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::Response,
};
use prost_types::FieldMask;
use proto::catalog::v1 as pb;
use serde::Serialize;
use shared::passport::Caller;
use tonic::Status;

use super::{
    envelope::{bad, only, say, tagged, unfit},
    idempotency::Once,
    ids::{RawId, id_of},
    pages::{Extent, Page},
    precondition,
};
use crate::{
    Shared,
    body::{Field, Fields},
    fault::{Answer, Ending, Fault},
};

/// The fields of a category that may be set: their names here and in the protobuf message.
const FIELDS: [(&str, &str); 2] = [("nom", "name"), ("description", "description")];

/// What is said of a category that lacks something.
pub const MISSING: &str = "Nom and description are required!";

/// A category as the contract prints it.
#[derive(Serialize)]
struct Categorie {
    #[serde(rename = "_id")]
    id: String,
    nom: String,
    description: String,
}

#[derive(Serialize)]
struct One {
    categorie: Categorie,
}

#[derive(Serialize)]
struct All {
    categories: Vec<Categorie>,
}

impl From<pb::Category> for Categorie {
    fn from(category: pb::Category) -> Self {
        Self { id: category.id, nom: category.name, description: category.description }
    }
}

/// Operation 24.
pub async fn list(State(gateway): State<Shared>, uri: Uri) -> Answer {
    let page = Page::of(&uri)?;
    let wanted = pb::ListCategoriesRequest { page_size: page.limit(), page_token: page.after(), skip: page.skip() };

    let found = gateway.catalog().list_categories(wanted).await?.into_inner();

    let categories = found.categories.into_iter().map(Categorie::from).collect();
    let answer = say(StatusCode::OK, "All categories fetched successfully!", All { categories });
    Ok(page.describe(answer, &uri, &Extent::counted(found.total_size, found.next_page_token)))
}

/// Operation 25.
pub async fn get(State(gateway): State<Shared>, id: RawId) -> Answer {
    let category_id = id_of(id, "category")?;

    let found = gateway.catalog().get_category(pb::GetCategoryRequest { category_id }).await?;

    Ok(shown(StatusCode::OK, "Category fetched successfully!", found.into_inner().category))
}

/// Operation 26.
pub async fn create(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    once: Once,
    fields: Fields,
) -> Answer {
    let (category, paths) = read(&fields)?;
    if paths.len() < FIELDS.len() {
        return Err(missing().into());
    }

    let request = pb::CreateCategoryRequest { category: Some(category), request_id: once.request_id };
    let made = gateway.catalog_for(&caller).create_category(request).await.map_err(judged)?;

    Ok(shown(StatusCode::CREATED, "Category created successfully!", made.into_inner().category))
}

/// Operation 27.
pub async fn update(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    id: RawId,
    headers: HeaderMap,
    fields: Fields,
) -> Answer {
    let id = id_of(id, "category")?;
    let (category, paths) = read(&fields)?;
    let etag = precondition::wanted(&headers, etag(&gateway, &id)).await?;
    let request = pb::UpdateCategoryRequest {
        category: Some(pb::Category { id, etag, ..category }),
        update_mask: Some(FieldMask { paths }),
    };

    let changed = gateway.catalog_for(&caller).update_category(request).await.map_err(judged)?;

    Ok(shown(StatusCode::OK, "Category updated successfully!", changed.into_inner().category))
}

/// Operation 28.
pub async fn delete(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    id: RawId,
    headers: HeaderMap,
) -> Answer {
    let category_id = id_of(id, "category")?;
    let etag = precondition::wanted(&headers, etag(&gateway, &category_id)).await?;

    let request = pb::DeleteCategoryRequest { category_id, etag };
    let deleted = gateway.catalog_for(&caller).delete_category(request).await?;

    let categorie = deleted.into_inner().category.unwrap_or_default().into();
    Ok(say(StatusCode::OK, "Category deleted successfully!", One { categorie }))
}

async fn etag(gateway: &Shared, category_id: &str) -> Result<String, Ending> {
    let request = pb::GetCategoryRequest { category_id: category_id.to_owned() };
    Ok(gateway.catalog().get_category(request).await?.into_inner().category.unwrap_or_default().etag)
}

fn shown(status: StatusCode, message: &str, category: Option<pb::Category>) -> Response {
    let category = category.unwrap_or_default();
    let etag = category.etag.clone();
    tagged(say(status, message, One { categorie: category.into() }), &etag)
}

fn missing() -> Response {
    bad(MISSING)
}

/// A body as a category, and the names of the fields that it sets. A category cannot lose its name or description.
fn read(fields: &Fields) -> Result<(pb::Category, Vec<String>), Ending> {
    only(fields, &FIELDS.map(|(name, _)| name))?;
    let mut paths = Vec::new();
    for (name, path) in FIELDS {
        match fields.get(name) {
            Field::Absent => (),
            Field::Other(_) => return Err(bad(&format!("{name} must be a string!")).into()),
            Field::Text(text) if !text.trim().is_empty() => paths.push(path.to_owned()),
            Field::Null | Field::Text(_) => return Err(missing().into()),
        }
    }
    let category =
        pb::Category { name: fields.text("nom"), description: fields.text("description"), ..pb::Category::default() };
    Ok((category, paths))
}

/// What catalog says of a field, with the field's name here.
fn judged(status: Status) -> Ending {
    match Fault::from(status) {
        Fault::Invalid(misfits) => {
            let here = |path: &str| {
                FIELDS
                    .iter()
                    .find(|(_, known)| *known == path.trim_start_matches("category."))
                    .map_or("categorie", |(name, _)| name)
            };
            let misfits: Vec<_> =
                misfits.iter().map(|misfit| (here(&misfit.field), misfit.description.clone())).collect();
            unfit(&misfits).into()
        }
        fault => fault.into(),
    }
}
