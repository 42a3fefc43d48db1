//! Surface `ocariot`: document 001, its 42 operations for schools, byte by byte.
#![expect(clippy::unwrap_used, reason = "a test")]

mod alone;
mod applications;
mod bugs;
mod children;
mod dead_tokens;
mod endpoints;
mod families;
mod fields;
mod groups;
mod institutions;
mod lists;
mod matrix;
mod names;
mod order;
mod password;
mod professionals;
mod races;
mod school;
mod sent_back;
mod sign_in;
mod strings;
mod users;

use std::time::Duration;

use serde_json::{Value, json};
use testing::suite::Answer;

/// The id that the refusals print; nobody has it.
const NOBODY: &str = "507f191e810c19729de860ea";

/// When a test begins, as a sign-in of then is shown.
const SIGNED_IN: &str = r#""last_login":"2026-03-02T09:00:00.000Z","#;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

const NO_TOKEN: &str = "Authentication failed for lack of authentication credentials.";
const BAD_TOKEN: &str = "Authentication failed due to access token issues.";
const EXPIRED: &str = "Authentication failed because access token is expired.";
const REVOKED: &str = "The token user is not properly registered as a consumer at the gateway.";

const METHOD: &str =
    r#"{"code":405,"message":"METHOD NOT ALLOWED","description":"This method is not supported for the resource."}"#;
const TOO_LARGE: &str =
    r#"{"code":413,"message":"PAYLOAD TOO LARGE","description":"The request body is larger than allowed."}"#;
const MEDIA_TYPE: &str = r#"{"code":415,"message":"UNSUPPORTED MEDIA TYPE","description":"The request body must be sent as application/json."}"#;
const TOO_MANY: &str =
    r#"{"code":429,"message":"TOO MANY REQUESTS","description":"Too many attempts. Please try again later."}"#;
const NO_SIGN_IN: &str = r#"{"code":401,"message":"Invalid username or password!"}"#;

const NOT_ARRAY: &str = "children must be an array!";
const BAD_ITEM: &str = "Children field contains invalid IDs. It is expected that each item in the array is a 24-byte hex string like this: 507f191e810c19729de860ea";
const GENDERS: &str = "The names of the allowed genders are: male, female.";

fn says(code: u16, message: &str, description: &str) -> String {
    format!(r#"{{"code":{code},"message":"{message}","description":"{description}"}}"#)
}

/// A refusal without a description.
fn tells(code: u16, message: &str) -> String {
    format!(r#"{{"code":{code},"message":"{message}"}}"#)
}

fn invalid(description: &str) -> String {
    says(400, "One or more request fields are invalid...", description)
}

fn missing(names: &str) -> String {
    says(400, "Required fields were not provided...", &format!("{names} are required!"))
}

fn empty(name: &str) -> String {
    invalid(&format!("{name} must have at least one character!"))
}

fn not_string(name: &str) -> String {
    invalid(&format!("{name} must be a string!"))
}

fn unknown(names: &str) -> String {
    invalid(&format!("{names} are not allowed!"))
}

/// The school realm's rule.
fn weak(name: &str) -> String {
    invalid(&format!("{name} must have between 8 and 128 characters!"))
}

fn unauthorized(description: &str) -> String {
    format!(r#"{{"code":401,"message":"UNAUTHORIZED","description":"{description}","redirect_link":"/auth"}}"#)
}

fn forbidden() -> String {
    says(403, "FORBIDDEN", "Authorization failed due to insufficient permissions.")
}

fn bad_id(name: &str) -> String {
    let description = "A 24-byte hex ID similar to this: 507f191e810c19729de860ea is expected.";
    says(400, &format!("Parameter {{{name}}} is not in valid format!"), description)
}

fn bad_json() -> String {
    let description = "Please verify that the JSON provided in the request body has a valid format and try again.";
    says(400, "Unable to process request body!", description)
}

fn no_institution() -> String {
    let description = "It is necessary that the institution be registered before trying again.";
    says(400, "The institution provided does not have a registration.", description)
}

fn no_children(ids: &str) -> String {
    let description = format!("The following IDs were verified without registration: {ids}");
    says(400, "It is necessary for children to be registered before proceeding.", &description)
}

fn bad_items(ids: &str) -> String {
    invalid(&format!("The following IDs from children attribute are not in valid format: {ids}"))
}

fn password_route(id: &str) -> String {
    let description = format!(
        "A specific route to update user password already exists.Access: PATCH /users/{id}/password to update your password."
    );
    says(400, "This parameter could not be updated.", &description)
}

/// The texts of not-found, which one operation says with 400.
fn not_there(code: u16, what: &str) -> String {
    let description =
        format!("{what} not found or already removed. A new operation for the same resource is not required.");
    says(code, &format!("{what} not found!"), &description)
}

fn not_found(what: &str) -> String {
    not_there(404, what)
}

fn taken(what: &str) -> String {
    tells(409, &format!("{what} is already registered..."))
}

fn no_endpoint(path: &str) -> String {
    tells(404, &format!("Endpoint {path} does not found!"))
}

/// A date of another form.
fn no_date(value: &str) -> String {
    let message = format!("Date: {value}, is not in valid ISO 8601 format.");
    says(400, &message, "Date must be in the format: yyyy-MM-dd")
}

/// `body` with some fields set.
fn with(body: &Value, changes: &Value) -> Value {
    let mut fields = body.as_object().unwrap().clone();
    fields.extend(changes.as_object().unwrap().clone());
    fields.into()
}

/// `body` with a field less.
fn without(body: &Value, name: &str) -> Value {
    let mut fields = body.as_object().unwrap().clone();
    fields.remove(name);
    fields.into()
}

/// The id of what was made.
#[track_caller]
fn made(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// What a list shows of one field, in the list's order.
#[track_caller]
fn column(answer: &Answer, name: &str) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let list = answer.json();
    list.as_array().unwrap().iter().map(|shown| shown[name].as_str().unwrap_or_default().to_owned()).collect()
}

/// An institution with every field.
fn institution(name: &str) -> Value {
    json!({
        "name": name, "type": "Institute of Scientific Research", "address": "221B Baker Street, St.",
        "latitude": "-7.2100766", "longitude": "-35.9178756",
    })
}
