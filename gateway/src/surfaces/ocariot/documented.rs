//! What the document says of the operations of schools: made from their table.

use axum::{http::StatusCode, response::Response};
use serde_json::{Map, Value, json};

use super::{
    declared::{CREATED_AT, Field, Operation, Rule, Who},
    envelope::{bad_id, not_found, taken, tell, weak},
    families::NO_RECORD,
    flaw::Flaw,
    handler,
    kind::Kind,
    method,
};
use crate::{
    fault::{Fault, Reason},
    openapi::{
        Access, Answer, Endpoint,
        schema::{any_text, closed, described, id, line, list, object, object_with, of, one_of, patterned, time},
    },
    surfaces::printed,
};

/// An id that stands for any.
const SOME_ID: &str = "5a62be07de34500146d9c544";

/// `yyyy-MM-dd`, from 1678 to 2261.
const DAY: &str =
    "^(16(7[89]|[89][0-9])|1[7-9][0-9]{2}|2[01][0-9]{2}|22([0-5][0-9]|6[01]))-(0[1-9]|1[0-2])-[0-3][0-9]$";

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
    let others = [
        text("page", "Which page, from 1: its digits, others are passed over; 1 without any"),
        text("limit", "Rows on a page, at most 1000: its digits; 100 without any"),
        text("sort", &format!("By what, with commas, reversed by a leading `-`: `{names}`. Newest first without it")),
        text("start_at", "Made on this day or later: a date, a date-time or `today`"),
        text("end_at", "Made before this"),
        text("period", "Made in the last `7d`, `2w`, `3m`, `1y`"),
        text("fields", "Accepted, without effect"),
    ];
    let filter =
        "Equal; `v*` begins with, `*v` ends with, `*v*` contains; `gte:v`, `gt:v`, `lte:v`, `lt:v`; `a,b` one of them";
    let filters = operation.list.iter().filter(|name| **name != CREATED_AT).map(|name| text(name, filter));
    others.into_iter().chain(filters).collect()
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

/// A body, by the fields of the table.
fn body(operation: &Operation) -> Value {
    let fields = operation.fields.iter().filter(|field| field.rule != Rule::NoPassword);
    let passed_over =
        operation.passed_over().iter().map(|name| ((*name).to_owned(), json!({"description": "Not read"})));
    let properties: Map<String, Value> =
        passed_over.chain(fields.map(|field| (field.name.to_owned(), value(field)))).collect();
    let required = operation.fields.iter().filter(|field| field.required).map(|field| field.name.to_owned()).collect();
    let schema = closed(properties, required);
    match operation.takes(Rule::Age) {
        true => with_ages(schema, operation.fields.iter().any(|field| field.required)),
        false => schema,
    }
}

/// An age in numbers and the day on which it was right need each other.
fn with_ages(mut schema: Value, is_new: bool) -> Value {
    let born = json!({"properties": {"age": {"type": "string", "format": "date"}}, "required": ["age"]});
    let both = json!({"required": ["age", "age_calc_date"]});
    let neither = json!({"properties": {"age": false, "age_calc_date": false}});
    let ways = if is_new { json!([born, both]) } else { json!([born, both, neither]) };
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("anyOf".to_owned(), ways);
    }
    schema
}

fn value(field: &Field) -> Value {
    match field.rule {
        Rule::Username => described(patterned(1, 255, "^\\S(.*\\S)?$"), "Without characters that nobody sees"),
        Rule::Text => line(1, 255),
        Rule::Coordinate => json!({"anyOf": [line(1, 255), {"type": "number"}]}),
        Rule::Institution => id(),
        Rule::Secret if field.name == "new_password" => any_text(8, 128),
        Rule::Secret | Rule::NoPassword => any_text(1, 128),
        Rule::Password => any_text(8, 128),
        Rule::Gender => one_of(&["male", "female"]),
        Rule::Age => json!({"anyOf": [
            {"type": "number", "exclusiveMinimum": 0},
            {"type": "string", "pattern": "^(?=.*[1-9])[0-9]+(\\.[0-9]+)?$", "maxLength": 255},
            day(),
        ]}),
        Rule::Date => described(day(), "Not in the future"),
        Rule::Children => children(field),
    }
}

/// Ids of children, or children as GET shows them.
fn children(field: &Field) -> Value {
    let child = json!({"type": "object", "properties": {"id": id()}, "required": ["id"]});
    let least = if field.required { 1 } else { 0 };
    json!({"type": "array", "items": {"anyOf": [id(), child]}, "minItems": least, "maxItems": 1000})
}

fn day() -> Value {
    json!({"type": "string", "format": "date", "pattern": DAY})
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

/// What can be wrong with a body, in the order in which it is looked at.
fn flaws(operation: &Operation) -> Vec<Flaw> {
    let mut flaws: Vec<Flaw> = operation.fields.iter().flat_map(flaws_of).collect();
    let required: Vec<&'static str> =
        operation.fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    match required.as_slice() {
        [] => (),
        [name] if operation.fields.len() == 1 => flaws.push(Flaw::MissingAlone(name)),
        names => flaws.push(Flaw::Missing(names.join(", "))),
    }
    if !operation.fields.is_empty() {
        flaws.push(Flaw::Unknown("colour".to_owned()));
    }
    flaws
}

fn flaws_of(field: &Field) -> Vec<Flaw> {
    let name = field.name;
    match field.rule {
        Rule::Username | Rule::Text | Rule::Coordinate | Rule::Secret | Rule::Password => {
            vec![Flaw::Empty(name), Flaw::NotString(name)]
        }
        Rule::Institution => vec![Flaw::BadInstitution],
        Rule::NoPassword => vec![Flaw::PasswordRoute],
        Rule::Gender => vec![Flaw::NotGender],
        Rule::Age => vec![Flaw::AgeNotPositive, Flaw::NoDate("eleven".to_owned())],
        Rule::Date => vec![Flaw::NoSuchDay("2020-02-30".to_owned()), Flaw::InTheFuture("2200-01-01".to_owned())],
        Rule::Children => vec![Flaw::NotArray, Flaw::BadItem, Flaw::BadItems("x, y".to_owned())],
    }
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

/// What the surface shows, and how it refuses.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let text = || json!({"type": "string"});
    let account = [("id", id()), ("username", text()), ("institution_id", id()), ("last_login", time())];
    let groups = || list(of("ChildrenGroup"));
    let member = |more: Vec<(&str, Value)>, required: &[&str]| {
        let properties = account.clone().into_iter().chain(more).map(|(name, schema)| (name.to_owned(), schema));
        let required = ["id", "username"].iter().chain(required).map(|name| (*name).to_owned()).collect();
        closed(properties.collect(), required)
    };
    let child = vec![
        ("gender", one_of(&["male", "female"])),
        ("age", text()),
        ("age_calc_date", text()),
        ("fitbit_status", json!({"const": "none"})),
    ];
    let belongs = |required: &'static str| ["institution_id", required];
    vec![
        (
            "SchoolRefusal",
            object_with(
                [
                    ("code", json!({"type": "integer"})),
                    ("message", text()),
                    ("description", text()),
                    ("redirect_link", json!({"const": "/auth"})),
                ],
                &["code", "message"],
            ),
        ),
        (
            "Institution",
            object_with(
                [
                    ("id", id()),
                    ("type", text()),
                    ("name", text()),
                    ("address", text()),
                    ("latitude", text()),
                    ("longitude", text()),
                ],
                &["id", "type", "name"],
            ),
        ),
        ("Child", member(child, &["institution_id", "gender", "age", "fitbit_status"])),
        ("Educator", member(vec![("children_groups", groups())], &belongs("children_groups"))),
        ("HealthProfessional", member(vec![("children_groups", groups())], &belongs("children_groups"))),
        ("Family", member(vec![("children", list(of("Child")))], &belongs("children"))),
        ("Application", member(vec![("application_name", text())], &["application_name"])),
        (
            "ChildrenGroup",
            object_with(
                [("id", id()), ("name", text()), ("children", list(of("Child"))), ("school_class", text())],
                &["id", "name", "children"],
            ),
        ),
    ]
}
