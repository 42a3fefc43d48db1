//! The documented APIs, a folder each.

mod applivery;
pub mod json;
pub mod library;
pub mod ocariot;
mod printed;
mod problem;
pub mod swift;
pub mod user;

use axum::response::Response;
use serde_json::{Map, Value, json};

use crate::{fault::Fault, openapi::Endpoint};

/// Whose words a path is answered in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Surface {
    /// Document 000.
    Library,
    /// Document 001.
    Ocariot,
    /// Document 002.
    Swift,
    /// Document 003.
    Applivery,
    /// Document 004.
    User,
    /// None: problem+json.
    Other,
}

impl Surface {
    /// By path alone, so that what no route knows is answered in the right words too.
    pub fn of(path: &str) -> Self {
        let below = |roots: &[&str]| {
            let rest = roots.iter().find_map(|root| path.strip_prefix(root));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if below(&library::ROOTS) {
            Self::Library
        } else if below(&ocariot::ROOTS) || ocariot::SIGN_IN.contains(&path) {
            Self::Ocariot
        } else if below(&[swift::PATH]) {
            Self::Swift
        } else if below(&[applivery::PATH]) {
            Self::Applivery
        } else if below(&[user::PATH]) {
            Self::User
        } else {
            Self::Other
        }
    }

    /// In figures and log lines.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Library => "library",
            Self::Ocariot => "ocariot",
            Self::Swift => "swift",
            Self::Applivery => "applivery",
            Self::User => "user",
            Self::Other => "other",
        }
    }

    /// All of them, in the order of the document.
    pub const ALL: [Self; 6] = [Self::Library, Self::Ocariot, Self::Swift, Self::Applivery, Self::User, Self::Other];

    /// What the document files its operations under, and what it says of them.
    pub const fn tag(self) -> (&'static str, &'static str) {
        match self {
            Self::Library => ("library", "The library: clients, books, loans, reservations, categories."),
            Self::Ocariot => ("ocariot", "Schools: institutions, their accounts, and groups of children."),
            Self::Swift => ("swift", "A change of password, with the headers of the system that its clients know."),
            Self::Applivery => ("applivery", "A change of password from the profile."),
            Self::User => ("user", "A change of password through an application with a key."),
            Self::Other => ("operation", "For whoever runs the place, and for programs that read this document."),
        }
    }

    /// The schema of its refusals with a status.
    pub fn schema_of_refusals(self, status: u16) -> Value {
        let of = |name: &str| format!("#/components/schemas/{name}");
        match self {
            Self::Library => json!({"$ref": of("LibraryRefusal")}),
            Self::Ocariot => json!({"$ref": of("SchoolRefusal"), "properties": {"code": {"const": status}}}),
            Self::Swift => json!({"$ref": of("SwiftRefusal"), "properties": {"code": {"const": status}}}),
            Self::Applivery => json!({"$ref": of("AppliveryRefusal")}),
            Self::User => json!({"$ref": of("UserRefusal")}),
            Self::Other => json!({"$ref": of("Problem"), "properties": {"status": {"const": status}}}),
        }
    }

    /// What its refusals are by their type.
    pub const fn type_of_refusals(self) -> &'static str {
        match self {
            Self::Other => problem::MEDIA_TYPE,
            _ => "application/json",
        }
    }

    /// A refusal in this surface's words.
    pub fn refuse(self, fault: Fault) -> Response {
        match self {
            Self::Library => library::refuse(fault),
            Self::Ocariot => ocariot::refuse(fault),
            Self::Swift => swift::refuse(&fault),
            Self::Applivery => applivery::refuse(&fault),
            Self::User => user::refuse(&fault),
            Self::Other => problem::refuse(&fault),
        }
    }
}

/// The endpoints of all surfaces.
pub fn endpoints() -> Vec<Endpoint> {
    let all =
        [library::endpoints(), ocariot::endpoints(), swift::endpoints(), applivery::endpoints(), user::endpoints()];
    all.into_iter().flatten().collect()
}

/// The schemas that the endpoints refer to, by their names.
pub fn schemas() -> Vec<(&'static str, Value)> {
    let all = [
        library::schemas(),
        ocariot::schemas(),
        swift::schemas(),
        applivery::schemas(),
        user::schemas(),
        problem::schemas(),
    ];
    all.into_iter().flatten().collect()
}

/// The parameters that several endpoints take, by their names.
pub fn parameters() -> Map<String, Value> {
    library::parameters()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_the_surface_whose_root_it_is_below() {
        for (path, surface) in [
            ("/api/clients", Surface::Library),
            ("/api/clients/me/no/such", Surface::Library),
            ("/api/clientship", Surface::Other),
            ("/api/admin/api-keys", Surface::Library),
            ("/api/reservations/5a62be07de34500146d9c544", Surface::Library),
            ("/v1/users/5a62be07de34500146d9c544/password", Surface::Ocariot),
            ("/v1/healthprofessionals/x/children/groups/y/", Surface::Ocariot),
            ("/v1/auth", Surface::Ocariot),
            ("/v1/auth/", Surface::Ocariot),
            ("/v1/auth/x", Surface::Other),
            ("/auth", Surface::Other),
            ("/api/v1/users/reset-password", Surface::Swift),
            ("/v1/auth/register/update-password", Surface::Applivery),
            ("/v1/auth/register", Surface::Other),
            ("/api/user/password", Surface::User),
            ("/", Surface::Other),
        ] {
            assert_eq!(Surface::of(path), surface, "{path}");
        }
    }
}
