//! What an account may do in the school realm's API, as its access token's `sub_type` and `scope` say it (document 001).

use super::account::Role;

const ALL: &str = "create read readAll update delete";

/// In the order in which existing clients get them.
const ADMIN: [(&str, &str); 10] = [
    ("users", "delete resetPassword"),
    ("educators", ALL),
    ("families", ALL),
    ("children", ALL),
    ("healthprofessionals", ALL),
    ("applications", ALL),
    ("institutions", ALL),
    ("physicalactivities", "read"),
    ("measurements", "read"),
    ("environment", "read"),
];

impl Role {
    /// The token's `role`, and what the database keeps.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Admin => "admin",
        }
    }

    /// The token's `scope`: names separated by blanks. A client of the library has none.
    pub fn scope(self) -> String {
        let granted: &[(&str, &str)] = match self {
            Self::Client => &[],
            Self::Admin => &ADMIN,
        };
        let names = granted.iter().flat_map(|(on, verbs)| verbs.split(' ').map(move |verb| format!("{on}:{verb}")));
        names.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_has_the_scopes_of_the_contract_and_a_client_has_none() {
        let scope = Role::Admin.scope();

        assert!(
            scope.starts_with("users:delete users:resetPassword educators:create educators:read educators:readAll ")
        );
        assert!(scope.ends_with(" institutions:delete physicalactivities:read measurements:read environment:read"));
        assert_eq!(scope.split(' ').count(), 35);
        assert_eq!(Role::Client.scope(), "");
    }
}
