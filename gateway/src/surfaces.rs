//! The documented APIs, a folder each.

mod applivery;
pub mod json;
pub mod library;
pub mod ocariot;
mod problem;
pub mod swift;
mod user;

use axum::{Router, response::Response};

use crate::{Shared, fault::Fault};

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

/// The routes of all surfaces.
pub fn routes(gateway: &Shared) -> Router<Shared> {
    library::routes(gateway)
        .merge(ocariot::routes(gateway))
        .merge(swift::routes(gateway))
        .merge(applivery::routes(gateway))
        .merge(user::routes(gateway))
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
