//! Who may call which rpc. What is not here is denied; whose object it is, the handlers look at.

use shared::{
    passport::Role::{self, Admin, Client, Service},
    rpc::{
        Access::{self, Roles},
        Rule,
    },
};

const SERVICE: Access = Roles(&[Service]);
const ADMIN: Access = Roles(&[Admin]);
const SIGNED_IN: Access = Roles(&[Client, Admin] as &[Role]);

/// A row for every rpc of `identity.proto`.
pub const POLICY: [Rule; 20] = [
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
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rpc_has_a_row_and_every_row_an_rpc() {
        let rows: BTreeSet<String> = POLICY.iter().map(|(path, _)| (*path).to_owned()).collect();

        assert_eq!(rows, shared::rpc::paths(proto::DESCRIPTORS, "bibliotique.identity.v1"));
        assert!(POLICY.iter().all(|(_, access)| matches!(access, Roles(_))), "no rpc of ours is open");
    }
}
