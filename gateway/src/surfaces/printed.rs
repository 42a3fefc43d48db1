//! The examples that the documents print, as they print them. (The refusals that they print come out of the code itself.)

use serde_json::{Value, json};

/// Document 000, "Body Params".
pub fn library_request() -> Value {
    json!({
        "oldPassword": "j7QzxtXoTXrJSMR",
        "newPassword": "_gpmsDWfAAoAdOt43",
        "confirmPassword": "_gpmsDWfAAoAdOt43"
    })
}

/// Document 000, "Success". Its generator made the id up: ours have another form.
pub fn library_answer() -> Value {
    json!({
        "success": true,
        "message": "Password updated successfully!",
        "data": {
            "client": {
                "_id": "ZtuZEItdoV7Pc33kLjpYJ",
                "nom": "Melanie Marquardt",
                "email": "Royce27@gmail.com",
                "adresse": "8312 Nadia Mills",
                "role": "client"
            }
        }
    })
}

/// Document 001.
pub fn ocariot_request() -> Value {
    json!({"old_password": "old_password_here", "new_password": "new_password_here"})
}

/// Document 002, "Request example".
pub fn swift_request() -> Value {
    json!({"oldPassword": "p8&Q4f7B1", "newPassword": "p8&Q4f7B", "confirmPassword": "p8&Q4f7B"})
}

/// Document 002, "Response examples (200)". The second one, `{}`, is its generator's empty place: it has not 139 bytes.
pub fn swift_answer() -> Value {
    json!({
        "code": 200,
        "message": {
            "RESPONSE_TEXT": "Le mot de passe a été modifié avec succès",
            "RESPONSE_CODE": "PASSWORD_CHANGED_SUCCESS_MESSAGE"
        }
    })
}

/// Document 003. Its generator's new password is shorter than the document allows.
pub fn applivery_request() -> Value {
    json!({"password": "string", "newPassword": "string"})
}

/// Document 003, 200.
pub fn applivery_answer() -> Value {
    json!({"status": true, "data": {"done": true, "message": "string"}})
}

/// Document 004, "Example Request".
pub fn user_request() -> Value {
    json!({"oldPassword": "currentPassword123", "newPassword": "newSecurePassword456"})
}

/// Document 004, the command before it, whose values stand for themselves.
pub fn user_request_of_command() -> Value {
    json!({"oldPassword": "<string>", "newPassword": "<string>"})
}

/// Document 004, "Example Response".
pub fn user_answer() -> Value {
    json!({"success": true, "message": "Password updated successfully"})
}
