//! What the document says of the operations of schools: made from their table.

mod bodies;
mod shown;

use axum::{http::StatusCode, response::Response};
use serde_json::{Value, json};

pub use shown::schemas;

use super::{
    declared::{CREATED_AT, Operation, Rule, Who},
    envelope::{bad_id, not_found, taken, tell, weak},
    families::NO_RECORD,
    handler,
    kind::Kind,
    method,
};
use crate::{
    fault::{Fault, Reason},
    openapi::{
        Access, Answer, Endpoint,
        schema::{list, object, of},
    },
    surfaces::printed,
};
use bodies::{body, flaws};

/// An id that stands for any.
const SOME_ID: &str = "5a62be07de34500146d9c544";

/// The endpoint of an operation.
pub fn endpoint(operation: &'static Operation) -> Endpoint {
    let (id, does) = called(operation.number);
    let endpoint = Endpoint::new(method(operation), operation.path, id, handler(operation))
        .access(Access::School(operation))
        .slash()
        .does(does)
        .notes(notes(operation))
        .parameters(parameters(operation));
    let endpoint = with_body(endpoint, operation).answers(answer(operation));
    let endpoint = bad_ids(operation).into_iter().fold(endpoint, Endpoint::refuses);
    let endpoint = flaws(operation).iter().map(|flaw| flaw.told(SOME_ID)).fold(endpoint, Endpoint::refuses);
    refusals(endpoint, operation).complete()
}

/// By which name programs know an operation, and what it does.
const fn called(number: u8) -> (&'static str, &'static str) {
    match number {
        1 => ("signIn", "Sign in with a user name, or with an e-mail address"),
        2 => ("changeUserPassword", "Change one's own password"),
        3 => ("resetUserPassword", "Give somebody a new password"),
        4 => ("deleteUser", "Delete an account"),
        5 => ("createInstitution", "Make an institution"),
        6 => ("listInstitutions", "Institutions"),
        7 => ("getInstitution", "An institution"),
        8 => ("updateInstitution", "Change an institution"),
        9 => ("deleteInstitution", "Delete an institution that nobody belongs to"),
        10 => ("createChild", "Make an account for a child"),
        11 => ("listChildren", "Children"),
        12 => ("getChild", "A child"),
        13 => ("updateChild", "Change a child's account"),
        14 => ("createEducator", "Make an account for an educator"),
        15 => ("listEducators", "Educators"),
        16 => ("getEducator", "An educator"),
        17 => ("updateEducator", "Change an educator's account"),
        18 => ("createHealthProfessional", "Make an account for a health professional"),
        19 => ("listHealthProfessionals", "Health professionals"),
        20 => ("getHealthProfessional", "A health professional"),
        21 => ("updateHealthProfessional", "Change a health professional's account"),
        22 => ("createFamily", "Make an account for a family"),
        23 => ("listFamilies", "Families"),
        24 => ("getFamily", "A family"),
        25 => ("updateFamily", "Change a family's account"),
        26 => ("listFamilyChildren", "A family's children"),
        27 => ("addFamilyChild", "Add a child to a family"),
        28 => ("removeFamilyChild", "Take a child out of a family"),
        29 => ("createApplication", "Make an account for a program"),
        30 => ("listApplications", "Programs"),
        31 => ("getApplication", "A program"),
        32 => ("updateApplication", "Change a program's account"),
        33 => ("createEducatorGroup", "Make a group of children"),
        34 => ("listEducatorGroups", "An educator's groups"),
        35 => ("getEducatorGroup", "A group"),
        36 => ("updateEducatorGroup", "Change a group"),
        37 => ("deleteEducatorGroup", "Delete a group"),
        38 => ("createHealthProfessionalGroup", "Make a group of children"),
        39 => ("listHealthProfessionalGroups", "A health professional's groups"),
        40 => ("getHealthProfessionalGroup", "A group"),
        41 => ("updateHealthProfessionalGroup", "Change a group"),
        _ => ("deleteHealthProfessionalGroup", "Delete a group"),
    }
}

fn notes(operation: &Operation) -> String {
    let who = match operation.who {
        Who::Anyone => "",
        Who::Own => "Only with one's own id.",
        Who::NotOwn => "Not with one's own id.",
        Who::AdminOrSelf => "Admins, and whose id it is.",
        Who::Owner => "Only whose id it is; no admin either.",
        Who::OwnInstitution => "Admins, and who belongs to the institution.",
        Who::Related => "Children and families only what is their own.",
    };
    let scopes = match operation.scopes {
        [] => String::new(),
        scopes => format!("Scope, one is enough: `{}`.", scopes.join("`, `")),
    };
    let institution = "`institution` is another name for `institution_id`, and wins over it.";
    let institution = if operation.takes(Rule::Institution) { institution } else { "" };
    [scopes.as_str(), who, institution].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// Nothing in an address is an error here, only less to find: all of them take any text.
fn parameters(operation: &Operation) -> Vec<Value> {
    if operation.list.is_empty() {
        return Vec::new();
    }
    let text = |name: &str, description: &str| json!({"name": name, "in": "query", "description": description, "schema": {"type": "string"}});
    let names = operation.list.join("`, `");
    let without = if operation.number == 26 { "In the order in which the family has them" } else { "Newest first" };
    let others = [
        text("page", "Which page, from 1: its digits, others are passed over; 1 without any"),
        text("limit", "Rows on a page, at most 1000: its digits; 100 without any"),
        text("sort", &format!("By what, with commas, reversed by a leading `-`: `{names}`. {without} without it")),
        text("start_at", "Made on this day or later: a date, a date-time or `today`"),
        text("end_at", "Made before this"),
        text("period", "Made in the last `7d`, `2w`, `3m`, `1y`"),
        text("fields", "Accepted, without effect"),
    ];
    let filter =
        "Equal; `v*` begins with, `*v` ends with, `*v*` contains; `gte:v`, `gt:v`, `lte:v`, `lt:v`; `a,b` one of them";
    let filters = operation.list.iter().filter(|name| **name != CREATED_AT).map(|name| text(name, filter));
    let has_institution = operation.list.contains(&"institution_id");
    let institution =
        has_institution.then(|| text("institution", "Another name for `institution_id`: both have to fit"));
    others.into_iter().chain(filters).chain(institution).collect()
}

fn with_body(endpoint: Endpoint, operation: &'static Operation) -> Endpoint {
    let endpoint = match operation.fields {
        [] => return endpoint,
        fields if fields.iter().any(|field| field.required) => endpoint.reads(body(operation)),
        _ => endpoint.may_read(body(operation)),
    };
    match operation.number {
        2 => endpoint.for_example("printed", printed::ocariot_request()),
        _ => endpoint,
    }
}

/// What an operation is about, as the surface shows it.
fn shape(operation: &Operation) -> &'static str {
    match (Kind::of(operation), operation.number) {
        (_, 33..) => "ChildrenGroup",
        (_, 26) => "Child",
        (None, _) => "Institution",
        (Some(Kind::Child), _) => "Child",
        (Some(Kind::Educator), _) => "Educator",
        (Some(Kind::HealthProfessional), _) => "HealthProfessional",
        (Some(Kind::Family), _) => "Family",
        (Some(Kind::Application), _) => "Application",
    }
}

fn answer(operation: &Operation) -> Answer {
    let shape = shape(operation);
    match (operation.number, operation.method) {
        (1, _) => Answer::json(StatusCode::OK, "A token for every API", object([("access_token", of("AccessToken"))])),
        (2 | 3, _) => Answer::empty(StatusCode::NO_CONTENT, "The password has been changed"),
        (_, "DELETE") => Answer::empty(StatusCode::NO_CONTENT, "It is not there, or not there any more"),
        (_, "GET") if !operation.list.is_empty() => {
            Answer::json(StatusCode::OK, "A page of the list", list(of(shape))).with(["X-Total-Count"])
        }
        (27, _) => Answer::json(StatusCode::OK, "The family", of(shape)),
        (_, "POST") => links(Answer::json(StatusCode::CREATED, "What was made", of(shape)), operation),
        _ => Answer::json(StatusCode::OK, "As it is now", of(shape)),
    }
}

/// What was made can be read again.
fn links(answer: Answer, operation: &Operation) -> Answer {
    match operation.number {
        5 => answer.leads_to("getInstitution", "institution_id", "/id").leads_to(
            "deleteInstitution",
            "institution_id",
            "/id",
        ),
        10 => answer.leads_to("getChild", "child_id", "/id").leads_to("deleteUser", "user_id", "/id"),
        14 => answer.leads_to("getEducator", "educator_id", "/id"),
        18 => answer.leads_to("getHealthProfessional", "healthprofessional_id", "/id"),
        22 => answer.leads_to("getFamily", "family_id", "/id").leads_to("listFamilyChildren", "family_id", "/id"),
        29 => answer.leads_to("getApplication", "application_id", "/id"),
        _ => answer,
    }
}

fn bad_ids(operation: &Operation) -> Vec<Response> {
    let names = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    names.map(bad_id).collect()
}

/// What the rules refuse.
fn refusals(endpoint: Endpoint, operation: &Operation) -> Endpoint {
    let noun = Kind::of(operation).map(Kind::noun).unwrap_or_default();
    let missing = |what| not_found(StatusCode::NOT_FOUND, what);
    let references = |endpoint: Endpoint| match operation.takes(Rule::Children) {
        true => endpoint.refuses(Fault::ChildrenNotFound(SOME_ID.to_owned())),
        false => endpoint,
    };
    match operation.number {
        1 => endpoint.refuses(Reason::InvalidCredentials),
        2 => endpoint.refuses(Reason::WrongPassword).changes_password(),
        3 => endpoint.refuses(Reason::AccountNotFound).changes_password(),
        4 => endpoint.refuses(Reason::PatronHasLoans),
        5 => endpoint.refuses(Reason::InstitutionTaken),
        7 => endpoint.refuses(Reason::InstitutionNotFound),
        8 => endpoint.refuses(Reason::InstitutionNotFound).refuses(Reason::InstitutionTaken),
        9 => endpoint.refuses(Reason::InstitutionInUse),
        10 | 14 | 18 | 22 | 29 => references(
            endpoint.refuses(weak("password", "8", "128")).refuses(taken(noun)).refuses(Reason::InstitutionUnknown),
        ),
        12 | 16 | 20 | 24 | 26 | 28 | 31 => endpoint.refuses(missing(noun)),
        13 | 17 | 21 | 25 | 32 => {
            references(endpoint.refuses(missing(noun)).refuses(taken(noun)).refuses(Reason::InstitutionUnknown))
        }
        27 => {
            endpoint.refuses(not_found(StatusCode::BAD_REQUEST, noun)).refuses(tell(StatusCode::BAD_REQUEST, NO_RECORD))
        }
        33 | 38 => references(endpoint.refuses(Reason::GroupTaken)),
        35 | 40 => endpoint.refuses(Reason::GroupNotFound),
        36 | 41 => references(endpoint.refuses(Reason::GroupNotFound).refuses(Reason::GroupTaken)),
        _ => endpoint,
    }
}
