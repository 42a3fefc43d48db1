//! What an account may do in the school realm's API, as its access token's `sub_type` and `scope` say it (document 001).

use super::account::Role;

/// What scopes are about, and the verbs that go with it.
type Grants = &'static [(&'static str, &'static str)];

const ALL: &str = "create read readAll update delete";
const WRITE: &str = "create read update delete";
const MEASURE: &str = "create read delete";

// In the order in which existing clients get them.

const ADMIN: Grants = &[
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

const APPLICATION: Grants = &[
    ("applications", "read"),
    ("children", "readAll"),
    ("institutions", "read readAll"),
    ("physicalactivities", WRITE),
    ("measurements", MEASURE),
    ("environment", WRITE),
];

const CHILD: Grants = &[
    ("children", "read"),
    ("institutions", "read"),
    ("physicalactivities", "create read"),
    ("measurements", "create read"),
    ("environment", "read"),
];

const EDUCATOR: Grants = &[
    ("children", "read readAll"),
    ("educators", "read update"),
    ("childrengroups", WRITE),
    ("institutions", "read readAll update"),
    ("physicalactivities", WRITE),
    ("measurements", MEASURE),
    ("environment", "read"),
];

const FAMILY: Grants = &[
    ("children", "read"),
    ("families", "read update"),
    ("institutions", "read"),
    ("physicalactivities", WRITE),
    ("measurements", MEASURE),
    ("environment", "read"),
];

const HEALTH_PROFESSIONAL: Grants = &[
    ("children", "read readAll"),
    ("healthprofessionals", "read update"),
    ("childrengroups", WRITE),
    ("institutions", "read readAll update"),
    ("physicalactivities", "read"),
    ("measurements", "read"),
    ("environment", "read"),
];

impl Role {
    /// The token's `sub_type`, and what the database keeps.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Admin => "admin",
            Self::Child => "child",
            Self::Educator => "educator",
            Self::HealthProfessional => "healthprofessional",
            Self::Family => "family",
            Self::Application => "application",
        }
    }

    /// The token's `role`, as document 000 knows it: who does not run the place is its client.
    pub const fn in_the_library(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            _ => "client",
        }
    }

    /// What scopes about accounts of this role begin with.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Client => "clients",
            Self::Admin => "admins",
            Self::Child => "children",
            Self::Educator => "educators",
            Self::HealthProfessional => "healthprofessionals",
            Self::Family => "families",
            Self::Application => "applications",
        }
    }

    /// The token's `scope`: names separated by blanks. A client of the library has none.
    pub fn scope(self) -> String {
        let names =
            self.grants().iter().flat_map(|(on, verbs)| verbs.split(' ').map(move |verb| format!("{on}:{verb}")));
        names.collect::<Vec<_>>().join(" ")
    }

    const fn grants(self) -> Grants {
        match self {
            Self::Client => &[],
            Self::Admin => ADMIN,
            Self::Child => CHILD,
            Self::Educator => EDUCATOR,
            Self::HealthProfessional => HEALTH_PROFESSIONAL,
            Self::Family => FAMILY,
            Self::Application => APPLICATION,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_the_scopes_of_the_contract() {
        let tracking = "physicalactivities:create physicalactivities:read physicalactivities:update physicalactivities:delete \
                        measurements:create measurements:read measurements:delete environment:read";
        let groups = "childrengroups:create childrengroups:read childrengroups:update childrengroups:delete institutions:read \
             institutions:readAll institutions:update";
        let look = "physicalactivities:read measurements:read environment:read";
        for (role, scope) in [
            (Role::Client, String::new()),
            (
                Role::Child,
                "children:read institutions:read physicalactivities:create physicalactivities:read measurements:create \
                 measurements:read environment:read"
                    .to_owned(),
            ),
            (Role::Family, format!("children:read families:read families:update institutions:read {tracking}")),
            (
                Role::Educator,
                format!("children:read children:readAll educators:read educators:update {groups} {tracking}"),
            ),
            (
                Role::HealthProfessional,
                format!(
                    "children:read children:readAll healthprofessionals:read healthprofessionals:update {groups} {look}"
                ),
            ),
        ] {
            assert_eq!(role.scope(), scope, "{role:?}");
        }
    }

    #[test]
    fn an_admin_has_the_scopes_of_the_contract() {
        let scope = Role::Admin.scope();

        assert!(
            scope.starts_with("users:delete users:resetPassword educators:create educators:read educators:readAll ")
        );
        assert!(scope.ends_with(" institutions:delete physicalactivities:read measurements:read environment:read"));
        assert_eq!(scope.split(' ').count(), 35);
    }
}
