//! Operations 1 to 6 and 8 to 11, and API keys.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{misfit, says};
use crate::{
    fault::Reason,
    openapi::{
        Access, Answer, Endpoint, delete, get, post, put,
        schema::{any_text, id, lines, list, named, object, object_with, of, one_of, or_null, patterned, time},
    },
    surfaces::{
        library::{
            api_keys,
            auth::{self, ALL_FIELDS},
            clients,
            envelope::bad,
            profile::{self, ALL_PASSWORDS},
        },
        printed,
    },
};

pub fn endpoints() -> Vec<Endpoint> {
    [own(), accounts(), keys()].into_iter().flatten().collect()
}

/// What everybody does with his own account.
fn own() -> Vec<Endpoint> {
    let signed_in = || [("client", of("Client")), ("token", of("AccessToken"))];
    vec![
        post("/api/clients/register", "registerClient", auth::register)
            .does("Register")
            .reads(object_with(
                [
                    ("nom", name()),
                    ("email", email()),
                    ("password", new_password()),
                    ("confirmPassword", any_text(1, 128)),
                    ("adresse", or_null(lines(500))),
                ],
                &["nom", "email", "password", "confirmPassword"],
            ))
            .for_example("registration", json!({
                "nom": "Élodie Dupré-N'Diaye", "email": "elodie@example.org", "password": "Lis-1-livre", "confirmPassword": "Lis-1-livre",
            }))
            .once()
            .answers(
                says(StatusCode::CREATED, "Registration successful!", signed_in())
                    .leads_to("getClient", "id", "/data/client/_id")
                    .leads_to("updateClient", "id", "/data/client/_id")
                    .leads_to("deleteClient", "id", "/data/client/_id"),
            )
            .refuses(bad(ALL_FIELDS))
            .refuses(bad("Invalid fields: role"))
            .refuses(misfit("name"))
            .refuses(misfit("email"))
            .refuses(misfit("address"))
            .refuses(Reason::ConfirmationMismatch)
            .refuses(Reason::WeakPassword)
            .refuses(Reason::ShortPassword)
            .refuses(Reason::CommonPassword)
            .refuses(bad("Invalid Email address!")),
        post("/api/clients/login", "logIn", auth::login)
            .does("Log in")
            .notes("Whatever is missing or wrong, and whoever is locked out or blocked: 401, the same bytes.")
            .reads(object([("email", any_text(0, 254)), ("password", any_text(0, 128))]))
            .for_example("login", json!({"email": "elodie@example.org", "password": "Lis-1-livre"}))
            .answers(says(StatusCode::OK, "Login successful!", signed_in()))
            .refuses(bad("Invalid fields: role"))
            .refuses(Reason::InvalidCredentials),
        post("/api/clients/logout", "logOut", auth::logout)
            .access(Access::SignedIn)
            .does("Log out")
            .answers(Answer::json(
                StatusCode::OK,
                "Logged out successfully",
                super::envelope(json!({"const": "Logged out successfully"}), json!({"type": "null"})),
            )),
        put("/api/clients/profile", "updateProfile", profile::update)
            .access(Access::SignedIn)
            .does("Change one's own name and addresses")
            .may_read(object_with([("nom", name()), ("email", email()), ("adresse", lines(500))], &[]))
            .answers(says(StatusCode::OK, "Profile updated successfully!", [("client", of("Client"))]))
            .changes_account(),
        put("/api/clients/password", "changePassword", profile::change_password)
            .access(Access::SignedIn)
            .does("Change one's own password")
            .notes("Ends the account's other sessions.")
            .reads(object([
                ("oldPassword", any_text(1, 128)),
                ("newPassword", any_text(8, 128)),
                ("confirmPassword", any_text(1, 128)),
            ]))
            .for_example("printed", printed::library_request())
            .answers(
                says(StatusCode::OK, "Password updated successfully!", [("client", of("Client"))])
                    .for_example("printed", printed::library_answer()),
            )
            .refuses(bad(ALL_PASSWORDS))
            .refuses(Reason::WrongPassword)
            .refuses(Reason::ConfirmationMismatch)
            .changes_password()
            .refuses(Reason::NotYours),
        get("/api/clients/me", "getMe", profile::me)
            .access(Access::SignedIn)
            .does("Who is signed in")
            .answers(says(StatusCode::OK, "Client details fetched successfully!", [("client", of("Client"))])),
    ]
}

/// What an admin does with all of them.
fn accounts() -> Vec<Endpoint> {
    let one = |message: &str| says(StatusCode::OK, message, [("client", of("Client"))]);
    vec![
        get("/api/clients", "listClients", clients::list)
            .access(Access::Admin)
            .does("All accounts of the library, in the order of their making")
            .paged(says(StatusCode::OK, "Clients fetched successfully!", [("clients", list(of("Client")))])),
        get("/api/clients/{id}", "getClient", clients::get)
            .access(Access::Admin)
            .does("An account")
            .of_one("client", Reason::AccountNotFound)
            .answers(one("Client fetched successfully!")),
        put("/api/clients/{id}", "updateClient", clients::update)
            .access(Access::Admin)
            .does("Change an account")
            .notes("`active: true` lets somebody in again whom too many wrong passwords have locked out. Of an account of the school only `active` can be changed here.")
            .may_read(object_with(
                [
                    ("nom", name()),
                    ("email", email()),
                    ("adresse", lines(500)),
                    ("role", one_of(&["client", "admin"])),
                    ("active", json!({"type": "boolean"})),
                ],
                &[],
            ))
            .of_one("client", Reason::AccountNotFound)
            .answers(one("Client updated successfully!"))
            .changes_account()
            .refuses(bad(clients::BAD_ROLE))
            .refuses(bad(clients::BAD_ACTIVE))
            .refuses(Reason::WrongRealm)
            .refuses(Reason::LastAdmin),
        delete("/api/clients/{id}", "deleteClient", clients::delete)
            .access(Access::Admin)
            .does("Delete an account")
            .of_one("client", Reason::AccountNotFound)
            .answers(one("Client deleted successfully!"))
            .refuses(Reason::PatronHasLoans)
            .refuses(Reason::LastAdmin),
    ]
}

fn keys() -> Vec<Endpoint> {
    let key = || ("apiKey", of("ApiKey"));
    vec![
        post("/api/admin/api-keys", "createApiKey", api_keys::create)
            .access(Access::Admin)
            .does("Make an API key, which only this answer shows")
            .reads(object([("name", name())]))
            .answers(
                says(
                    StatusCode::CREATED,
                    "API key created successfully!",
                    [key(), ("key", patterned(56, 56, "^bib_[0-9a-f]{8}_[A-Za-z0-9_-]{43}$"))],
                )
                .leads_to("revokeApiKey", "id", "/data/apiKey/_id"),
            )
            .refuses(bad("All fields are required (name)!"))
            .refuses(misfit("name")),
        get("/api/admin/api-keys", "listApiKeys", api_keys::list)
            .access(Access::Admin)
            .does("The keys that are not revoked")
            .answers(says(StatusCode::OK, "API keys fetched successfully!", [("apiKeys", list(of("ApiKey")))])),
        delete("/api/admin/api-keys/{id}", "revokeApiKey", api_keys::revoke)
            .access(Access::Admin)
            .does("Revoke a key at once")
            .of_one("API key", Reason::ApiKeyNotFound)
            .answers(says(StatusCode::OK, "API key revoked successfully!", [key()])),
    ]
}

impl Endpoint {
    /// Refusals of a name, an address, or an e-mail address that somebody else has.
    fn changes_account(self) -> Self {
        self.refuses(bad("Invalid updates!"))
            .refuses(misfit("name"))
            .refuses(misfit("email"))
            .refuses(misfit("address"))
            .refuses(Reason::LoginTaken)
            .refuses(Reason::WrongRealm)
    }
}

fn name() -> Value {
    named(100)
}

fn email() -> Value {
    json!({"type": "string", "format": "email", "maxLength": 254})
}

/// Of the policy that is set by default; it must not be easy to guess either.
fn new_password() -> Value {
    patterned(8, 128, "^(?=[\\s\\S]*[A-Z])(?=[\\s\\S]*[a-z])(?=[\\s\\S]*[0-9])")
}

pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        (
            "Client",
            object([
                ("_id", id()),
                ("nom", json!({"type": "string"})),
                ("email", json!({"type": "string", "description": "Empty for accounts of the school"})),
                ("adresse", json!({"type": "string"})),
                ("role", one_of(&["client", "admin"])),
            ]),
        ),
        (
            "ApiKey",
            object([
                ("_id", id()),
                ("name", json!({"type": "string"})),
                ("prefix", patterned(12, 12, "^bib_[0-9a-f]{8}$")),
                ("createdAt", or_null(time())),
                ("lastUsedAt", or_null(time())),
            ]),
        ),
    ]
}
