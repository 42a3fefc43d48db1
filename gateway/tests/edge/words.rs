//! What each surface says to what can be wrong with any request.

use serde_json::Value;

/// The words of a surface for what can be wrong everywhere.
pub struct Words {
    pub method_not_allowed: String,
    pub not_found: fn(&str) -> String,
    pub too_large: String,
    pub not_json: String,
}

fn library(message: &str) -> String {
    format!(r#"{{"success":false,"message":"{message}","data":null}}"#)
}

fn ocariot(code: u16, message: &str, description: &str) -> String {
    format!(r#"{{"code":{code},"message":"{message}","description":"{description}"}}"#)
}

fn swift(code: u16, response_code: &str, response_text: &str) -> String {
    let text = Value::from(response_text);
    format!(r#"{{"code":{code},"message":{{"RESPONSE_TEXT":{text},"RESPONSE_CODE":"{response_code}"}}}}"#)
}

fn applivery(code: u16, message: &str) -> String {
    format!(r#"{{"status":false,"error":{{"code":{code},"message":"{message}"}}}}"#)
}

fn user(message: &str) -> String {
    format!(r#"{{"success":false,"message":"{message}"}}"#)
}

/// A surface's.
pub fn words(surface: &str) -> Words {
    match surface {
        "library" => Words {
            method_not_allowed: library("Method not allowed!"),
            not_found: |_| library("Not found!"),
            too_large: library("The request body is too large!"),
            not_json: library("The request body must be application/json!"),
        },
        "ocariot" => Words {
            method_not_allowed: ocariot(405, "METHOD NOT ALLOWED", "This method is not supported for the resource."),
            not_found: |path| format!(r#"{{"code":404,"message":"Endpoint {path} does not found!"}}"#),
            too_large: ocariot(413, "PAYLOAD TOO LARGE", "The request body is larger than allowed."),
            not_json: ocariot(415, "UNSUPPORTED MEDIA TYPE", "The request body must be sent as application/json."),
        },
        "swift" => Words {
            method_not_allowed: swift(405, "METHOD_NOT_ALLOWED_MESSAGE", "Méthode non autorisée"),
            not_found: |_| swift(404, "NOT_FOUND_MESSAGE", "Ressource introuvable"),
            too_large: swift(413, "BODY_TOO_LARGE_MESSAGE", "Le corps de la requête est trop grand"),
            not_json: swift(
                415,
                "UNSUPPORTED_MEDIA_TYPE_MESSAGE",
                "Le corps de la requête doit être du type application/json",
            ),
        },
        "applivery" => Words {
            method_not_allowed: applivery(1002, "Method Not Allowed"),
            not_found: |_| applivery(1001, "Not Found"),
            too_large: applivery(1003, "Payload Too Large"),
            not_json: applivery(1005, "Unsupported Media Type"),
        },
        _ => Words {
            method_not_allowed: user("Method not allowed"),
            not_found: |_| user("Not found"),
            too_large: user("The request body is too large"),
            not_json: user("The request body must be application/json"),
        },
    }
}
