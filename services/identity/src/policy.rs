//! Who may call which rpc. What is not here is denied; whose object it is, the handlers look at.

use shared::{
    passport::Role::{self, Admin, Client, Service},
    rpc::{
        Access::{self, Roles, Scopes},
        Rule,
    },
};

const SERVICE: Access = Roles(&[Service]);
const ADMIN: Access = Roles(&[Admin]);
const SIGNED_IN: Access = Roles(&[Client, Admin] as &[Role]);

/// A row for every rpc of `identity.proto` and `school.proto`. Where there are several scopes, the handler looks which one the
/// request's role needs.
pub const POLICY: [Rule; 39] = [
    ("/bibliotique.identity.v1.IdentityService/RegisterAccount", SERVICE),
    ("/bibliotique.identity.v1.IdentityService/CreateAccount", ADMIN),
    ("/bibliotique.identity.v1.IdentityService/LogIn", SERVICE),
    ("/bibliotique.identity.v1.IdentityService/LogOut", SIGNED_IN),
    ("/bibliotique.identity.v1.IdentityService/GetAccount", SIGNED_IN),
    ("/bibliotique.identity.v1.IdentityService/GetStanding", SERVICE),
    ("/bibliotique.identity.v1.IdentityService/ListAccounts", ADMIN),
    ("/bibliotique.identity.v1.IdentityService/UpdateAccount", SIGNED_IN),
    ("/bibliotique.identity.v1.IdentityService/DeleteAccount", ADMIN),
    ("/bibliotique.identity.v1.IdentityService/ChangePassword", SIGNED_IN),
    ("/bibliotique.identity.v1.IdentityService/ResetPassword", ADMIN),
    ("/bibliotique.identity.v1.IdentityService/ListSessions", SIGNED_IN),
    ("/bibliotique.identity.v1.IdentityService/EndSession", SIGNED_IN),
    ("/bibliotique.identity.v1.IdentityService/CheckSession", SERVICE),
    ("/bibliotique.identity.v1.IdentityService/ListSigningKeys", SERVICE),
    ("/bibliotique.identity.v1.IdentityService/RotateSigningKeys", ADMIN),
    ("/bibliotique.identity.v1.IdentityService/CreateApiKey", ADMIN),
    ("/bibliotique.identity.v1.IdentityService/ListApiKeys", ADMIN),
    ("/bibliotique.identity.v1.IdentityService/RevokeApiKey", ADMIN),
    ("/bibliotique.identity.v1.IdentityService/VerifyApiKey", SERVICE),
    ("/bibliotique.identity.v1.IdentityService/ListAuditEvents", ADMIN),
    ("/bibliotique.identity.v1.SchoolService/CreateInstitution", Scopes(&["institutions:create"])),
    ("/bibliotique.identity.v1.SchoolService/GetInstitution", Scopes(&["institutions:read"])),
    ("/bibliotique.identity.v1.SchoolService/ListInstitutions", Scopes(&["institutions:readAll"])),
    ("/bibliotique.identity.v1.SchoolService/UpdateInstitution", Scopes(&["institutions:update"])),
    ("/bibliotique.identity.v1.SchoolService/DeleteInstitution", Scopes(&["institutions:delete"])),
    ("/bibliotique.identity.v1.SchoolService/CreateMember", Scopes(&MEMBERS_CREATE)),
    ("/bibliotique.identity.v1.SchoolService/GetMember", Scopes(&MEMBERS_READ)),
    ("/bibliotique.identity.v1.SchoolService/ListMembers", Scopes(&MEMBERS_READ_ALL)),
    ("/bibliotique.identity.v1.SchoolService/UpdateMember", Scopes(&MEMBERS_UPDATE)),
    ("/bibliotique.identity.v1.SchoolService/ListFamilyChildren", Scopes(&["families:read"])),
    ("/bibliotique.identity.v1.SchoolService/AddFamilyChild", Scopes(&["families:create"])),
    ("/bibliotique.identity.v1.SchoolService/RemoveFamilyChild", Scopes(&["families:delete"])),
    ("/bibliotique.identity.v1.SchoolService/CheckGuardian", SERVICE),
    ("/bibliotique.identity.v1.SchoolService/CreateChildrenGroup", Scopes(&["childrengroups:create"])),
    ("/bibliotique.identity.v1.SchoolService/GetChildrenGroup", Scopes(&["childrengroups:read"])),
    ("/bibliotique.identity.v1.SchoolService/ListChildrenGroups", Scopes(&["childrengroups:read"])),
    ("/bibliotique.identity.v1.SchoolService/UpdateChildrenGroup", Scopes(&["childrengroups:update"])),
    ("/bibliotique.identity.v1.SchoolService/DeleteChildrenGroup", Scopes(&["childrengroups:delete"])),
];

const MEMBERS_CREATE: [&str; 5] =
    ["children:create", "educators:create", "healthprofessionals:create", "families:create", "applications:create"];
const MEMBERS_READ: [&str; 5] =
    ["children:read", "educators:read", "healthprofessionals:read", "families:read", "applications:read"];
const MEMBERS_READ_ALL: [&str; 5] = [
    "children:readAll",
    "educators:readAll",
    "healthprofessionals:readAll",
    "families:readAll",
    "applications:readAll",
];
const MEMBERS_UPDATE: [&str; 5] =
    ["children:update", "educators:update", "healthprofessionals:update", "families:update", "applications:update"];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rpc_has_a_row_and_every_row_an_rpc() {
        let rows: BTreeSet<String> = POLICY.iter().map(|(path, _)| (*path).to_owned()).collect();

        assert_eq!(rows, shared::rpc::paths(proto::DESCRIPTORS, "bibliotique.identity.v1"));
        assert!(POLICY.iter().all(|(_, access)| matches!(access, Roles(_) | Scopes(_))), "no rpc of ours is open");
    }
}
