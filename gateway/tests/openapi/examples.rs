//! The examples: those that the five documents print are there, and all of them are what their schemas say.

use serde_json::{Value, json};
use testing::TestSuite;

use crate::{
    document,
    fits::{misfit, resolved},
};

/// What a document prints: the operation, the status (`None` for the request), and the text.
type Printed = (&'static str, &'static str, Option<u16>, &'static str);

const PRINTED: [Printed; 18] = [
    (
        "put",
        "/api/clients/password",
        None,
        r#"{
  "oldPassword": "j7QzxtXoTXrJSMR",
  "newPassword": "_gpmsDWfAAoAdOt43",
  "confirmPassword": "_gpmsDWfAAoAdOt43"
}"#,
    ),
    (
        "put",
        "/api/clients/password",
        Some(200),
        r#"{
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
}"#,
    ),
    (
        "put",
        "/v1/users/{user_id}/password",
        None,
        r#"{
"old_password": "old_password_here",
"new_password": "new_password_here"
}"#,
    ),
    (
        "put",
        "/v1/users/{user_id}/password",
        Some(400),
        r#"{ "code": 400, "message": "Required fields were not provided...", "description": "old_password, new_password are required!" }"#,
    ),
    (
        "put",
        "/v1/users/{user_id}/password",
        Some(400),
        r#"{ "code": 400, "message": "One or more request fields are invalid...", "description": "old_password must have at least one character!" }"#,
    ),
    (
        "put",
        "/v1/users/{user_id}/password",
        Some(400),
        r#"{ "code": 400, "message": "One or more request fields are invalid...", "description": "old_password must be a string!" }"#,
    ),
    (
        "put",
        "/v1/users/{user_id}/password",
        Some(400),
        r#"{ "code": 400, "message": "Password does not match!", "description": "The old password parameter does not match with the actual user password." }"#,
    ),
    (
        "put",
        "/api/v1/users/reset-password",
        None,
        r#"{
  "newPassword": "p8&Q4f7B",
  "oldPassword": "p8&Q4f7B1",
  "confirmPassword": "p8&Q4f7B"
}"#,
    ),
    (
        "put",
        "/api/v1/users/reset-password",
        Some(200),
        r#"{
  "code": 200,
  "message": {
    "RESPONSE_TEXT": "Le mot de passe a été modifié avec succès",
    "RESPONSE_CODE": "PASSWORD_CHANGED_SUCCESS_MESSAGE"
  }
}"#,
    ),
    (
        "put",
        "/api/v1/users/reset-password",
        Some(401),
        r#"{
  "code": 401,
  "message": {
    "RESPONSE_TEXT": "Oups! Il semblerait que vos identifiants soient incorrect",
    "RESPONSE_CODE": "BAD_AUTH_COMBINATION_MESSAGE"
  }
}"#,
    ),
    (
        "post",
        "/v1/auth/register/update-password",
        None,
        r#"{
    "password": "string",
    "newPassword": "string"
}"#,
    ),
    (
        "post",
        "/v1/auth/register/update-password",
        Some(200),
        r#"{
    "status": true,
    "data": {
        "done": true,
        "message": "string"
    }
}"#,
    ),
    (
        "post",
        "/v1/auth/register/update-password",
        Some(400),
        r#"{
    "status": false,
    "error": {
        "code": 5057,
        "message": "Insufficient Password Complexity"
    }
}"#,
    ),
    (
        "post",
        "/v1/auth/register/update-password",
        Some(401),
        r#"{
    "status": false,
    "error": {
        "code": 4002,
        "message": "No auth token"
    }
}"#,
    ),
    (
        "post",
        "/v1/auth/register/update-password",
        Some(403),
        r#"{
    "status": false,
    "error": {
        "code": 4006,
        "message": "Invalid Credentials"
    }
}"#,
    ),
    (
        "patch",
        "/api/user/password",
        None,
        r#"{
    "oldPassword": "currentPassword123",
    "newPassword": "newSecurePassword456"
  }"#,
    ),
    (
        "patch",
        "/api/user/password",
        Some(200),
        r#"{
  "success": true,
  "message": "Password updated successfully"
}"#,
    ),
    (
        "patch",
        "/api/user/password",
        Some(400),
        r#"{
  "success": false,
  "message": "New password cannot be the same as the old password"
}"#,
    ),
];

/// The body of a request or of an answer in JSON, if there is one.
fn body<'a>(document: &'a Value, operation: &'a Value, status: Option<u16>) -> Option<&'a Value> {
    let body = match status {
        None => &operation["requestBody"],
        Some(status) => resolved(document, &operation["responses"][status.to_string()]),
    };
    body["content"].as_object()?.iter().find(|(media_type, _)| media_type.ends_with("json")).map(|(_, body)| body)
}

fn examples(body: &Value) -> Vec<&Value> {
    body["examples"].as_object().into_iter().flatten().map(|(_, example)| &example["value"]).collect()
}

#[tokio::test]
async fn what_the_five_documents_print_is_there() {
    let database = testing::sqlite().await;
    let suite = TestSuite::start(&database).await;
    let document = document(&suite).await;
    for (method, path, status, text) in PRINTED {
        let printed: Value = serde_json::from_str(text).unwrap();
        let body = body(&document, &document["paths"][path][method], status).unwrap();

        assert!(examples(body).contains(&&printed), "{method} {path} {status:?}: {text}");
    }
}

#[tokio::test]
async fn an_example_is_what_its_schema_says() {
    let database = testing::sqlite().await;
    let suite = TestSuite::start(&database).await;
    let document = document(&suite).await;
    let (mut seen, mut misfits) = (0, Vec::new());
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let statuses = operation["responses"].as_object().unwrap().keys().map(|status| status.parse().ok());
            for status in statuses.chain([None]) {
                let Some(body) = body(&document, operation, status) else { continue };
                for example in examples(body) {
                    seen += 1;
                    misfits.extend(
                        misfit(&document, &body["schema"], example)
                            .map(|why| format!("{method} {path} {status:?}: {why}")),
                    );
                }
            }
        }
    }
    assert!(seen > 500, "{seen}");
    // The generator of document 003 printed a new password that the document itself calls too short.
    let too_short = "post /v1/auth/register/update-password None: newPassword: minLength 8 is not so of \"string\"";
    assert_eq!(misfits, [too_short]);
    assert!(misfit(&document, &json!({"$ref": "#/components/schemas/Id"}), &json!(1)).is_some());
}
