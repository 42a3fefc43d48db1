//! Document 002: `PUT /api/v1/users/reset-password`, with the headers of the system that clients know.

mod headers;
mod window;

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::{HeaderValue, StatusCode, header::ETAG},
    response::{IntoResponse as _, Response},
};
use proto::identity::v1 as pb;
use serde::Serialize;
use serde_json::{Value, json};
use shared::passport::Caller;

use super::printed;
use crate::{
    Shared,
    body::Fields,
    fault::{Answer, Fault, Reason, not_of_a_change, of_ones_own},
    openapi::{
        self, Access, Endpoint, put,
        schema::{any_text, object},
    },
};
pub use headers::dress;
pub use window::Windows;

pub const PATH: &str = "/api/v1/users/reset-password";

const MISSING: &str = "MISSING_FIELDS_MESSAGE";
const UNKNOWN: &str = "UNKNOWN_FIELDS_MESSAGE";

const FIELDS: [&str; 3] = ["oldPassword", "newPassword", "confirmPassword"];

const DONE: &str = "Le mot de passe a été modifié avec succès";

/// The one operation.
pub fn endpoints() -> Vec<Endpoint> {
    let code = "PASSWORD_CHANGED_SUCCESS_MESSAGE";
    let message = object([("RESPONSE_TEXT", json!({"const": DONE})), ("RESPONSE_CODE", json!({"const": code}))]);
    let done = object([("code", json!({"const": 200})), ("message", message)]);
    let change = put(PATH, "resetPassword", change_password)
        .access(Access::SignedIn)
        .does("Change one's own password")
        .notes("100 requests in 600 seconds from each address; the headers of every answer say how many are left.")
        .always_with(headers::told())
        .reads(object(FIELDS.map(|name| (name, any_text(if name == "newPassword" { 8 } else { 1 }, 128)))))
        .for_example("printed", printed::swift_request())
        .answers(openapi::Answer::json(StatusCode::OK, DONE, done).for_example("printed", printed::swift_answer()))
        .refuses(say(StatusCode::BAD_REQUEST, MISSING, "Champs obligatoires manquants : newPassword"))
        .refuses(say(StatusCode::BAD_REQUEST, UNKNOWN, "Champs inconnus : role"))
        .refuses(Reason::WrongPassword)
        .refuses(Reason::ConfirmationMismatch)
        .changes_password()
        .refuses(Reason::NotYours);
    vec![change.complete()]
}

/// How the surface refuses.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let message = object([
        ("RESPONSE_TEXT", json!({"type": "string"})),
        ("RESPONSE_CODE", json!({"type": "string", "pattern": "^[A-Z_]+_MESSAGE$"})),
    ]);
    vec![("SwiftRefusal", object([("code", json!({"type": "integer"})), ("message", message)]))]
}

async fn change_password(
    State(gateway): State<Shared>,
    Extension(caller): Extension<Arc<Caller>>,
    fields: Fields,
) -> Answer {
    if let Some(unknown) = fields.unknown(&FIELDS) {
        let text = format!("Champs inconnus : {unknown}");
        return Err(say(StatusCode::BAD_REQUEST, UNKNOWN, &text).into());
    }
    let missing: Vec<&str> = FIELDS.into_iter().filter(|name| !fields.is_filled(name)).collect();
    if !missing.is_empty() {
        let text = format!("Champs obligatoires manquants : {}", missing.join(", "));
        return Err(say(StatusCode::BAD_REQUEST, MISSING, &text).into());
    }
    let change = pb::ChangePasswordRequest {
        account_id: caller.subject.clone(),
        old_password: fields.text("oldPassword"),
        new_password: fields.text("newPassword"),
        confirmation: Some(fields.text("confirmPassword")),
        must_differ: false,
    };

    gateway.identity_for(&caller).change_password(change).await.map_err(of_ones_own)?;

    Ok(say(StatusCode::OK, "PASSWORD_CHANGED_SUCCESS_MESSAGE", DONE))
}

#[derive(Serialize)]
struct Envelope<'a> {
    code: u16,
    message: Message<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct Message<'a> {
    response_text: &'a str,
    response_code: &'a str,
}

/// An answer with the ETag that goes with its body.
fn say(status: StatusCode, response_code: &str, response_text: &str) -> Response {
    let envelope = Envelope { code: status.as_u16(), message: Message { response_text, response_code } };
    // Plain strings always serialise.
    let body = serde_json::to_vec(&envelope).unwrap_or_default();
    let etag = HeaderValue::try_from(headers::etag(&body)).ok();
    let mut response = (status, body).into_response();
    response.headers_mut().extend(etag.map(|etag| (ETAG, etag)));
    response
}

/// The document's words for a refusal, and ours, in French, where it has none.
pub fn refuse(fault: &Fault) -> Response {
    match fault {
        Fault::NoToken
        | Fault::BadToken
        | Fault::ExpiredToken
        | Fault::RevokedToken
        | Fault::Refused(Reason::WrongPassword) => say(
            StatusCode::UNAUTHORIZED,
            "BAD_AUTH_COMBINATION_MESSAGE",
            "Oups! Il semblerait que vos identifiants soient incorrect",
        ),
        Fault::Refused(Reason::ConfirmationMismatch) => {
            say(StatusCode::BAD_REQUEST, "PASSWORD_MISMATCH_MESSAGE", "Les mots de passe ne correspondent pas")
        }
        Fault::Refused(Reason::WeakPassword) => say(
            StatusCode::BAD_REQUEST,
            "WEAK_PASSWORD_MESSAGE",
            "Le mot de passe doit contenir au moins 8 caractères, une majuscule, une minuscule et un chiffre",
        ),
        Fault::Refused(Reason::ShortPassword) => say(
            StatusCode::BAD_REQUEST,
            "WEAK_PASSWORD_MESSAGE",
            "Le mot de passe doit contenir au moins 15 caractères",
        ),
        Fault::Refused(Reason::CommonPassword) => {
            say(StatusCode::BAD_REQUEST, "WEAK_PASSWORD_MESSAGE", "Le mot de passe est trop facile à deviner")
        }
        Fault::PasswordLength { least, most } => {
            let text = format!("Le mot de passe doit contenir entre {least} et {most} caractères");
            say(StatusCode::BAD_REQUEST, "WEAK_PASSWORD_MESSAGE", &text)
        }
        Fault::Malformed(_) => say(
            StatusCode::BAD_REQUEST,
            "MALFORMED_BODY_MESSAGE",
            "Le corps de la requête n'est pas un objet JSON valide",
        ),
        Fault::TooMany { .. } => say(
            StatusCode::TOO_MANY_REQUESTS,
            "TOO_MANY_REQUESTS_MESSAGE",
            "Trop de tentatives, veuillez réessayer plus tard",
        ),
        Fault::Forbidden => say(StatusCode::FORBIDDEN, "FORBIDDEN_MESSAGE", "Accès refusé"),
        Fault::NotFound(_) => say(StatusCode::NOT_FOUND, "NOT_FOUND_MESSAGE", "Ressource introuvable"),
        Fault::MethodNotAllowed => {
            say(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED_MESSAGE", "Méthode non autorisée")
        }
        Fault::TooLarge => {
            say(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE_MESSAGE", "Le corps de la requête est trop grand")
        }
        Fault::TooSlow => {
            say(StatusCode::REQUEST_TIMEOUT, "BODY_TIMEOUT_MESSAGE", "Le corps de la requête n'est pas arrivé à temps")
        }
        Fault::UnsupportedMediaType => say(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED_MEDIA_TYPE_MESSAGE",
            "Le corps de la requête doit être du type application/json",
        ),
        Fault::Unavailable => {
            say(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE_MESSAGE", "Service momentanément indisponible")
        }
        Fault::Internal
        | Fault::Invalid(_)
        | Fault::ChildrenNotFound(_)
        | Fault::Refused(not_of_a_change!() | Reason::InvalidApiKey | Reason::PasswordUnchanged) => {
            say(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR_MESSAGE", "Erreur interne du serveur")
        }
    }
}
