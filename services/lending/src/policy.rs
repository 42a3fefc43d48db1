//! Who may call which rpc. What is not here is denied; whose object it is, the handlers look at.

use shared::{
    passport::Role::{Admin, Client, Service},
    rpc::{
        Access::{self, Roles},
        Rule,
    },
};

/// Whoever the suite lets in: the public catalogue is read by the gateway on its own account.
const ANYBODY: Access = Roles(&[Client, Admin, Service]);
const SIGNED_IN: Access = Roles(&[Client, Admin]);
const ADMIN: Access = Roles(&[Admin]);
const SERVICE: Access = Roles(&[Service]);

/// A row for every rpc of `lending.proto`.
pub const POLICY: [Rule; 26] = [
    ("/bibliotique.lending.v1.LendingService/BatchGetAvailability", ANYBODY),
    ("/bibliotique.lending.v1.LendingService/WatchAvailability", SERVICE),
    ("/bibliotique.lending.v1.LendingService/AddCopies", SERVICE),
    ("/bibliotique.lending.v1.LendingService/SetAvailableCopies", SERVICE),
    ("/bibliotique.lending.v1.LendingService/WithdrawBook", SERVICE),
    ("/bibliotique.lending.v1.LendingService/CreateCopy", ADMIN),
    ("/bibliotique.lending.v1.LendingService/GetCopy", ADMIN),
    ("/bibliotique.lending.v1.LendingService/ListCopies", ADMIN),
    ("/bibliotique.lending.v1.LendingService/UpdateCopy", ADMIN),
    ("/bibliotique.lending.v1.LendingService/WithdrawCopy", ADMIN),
    ("/bibliotique.lending.v1.LendingService/BorrowBook", SIGNED_IN),
    ("/bibliotique.lending.v1.LendingService/ReturnLoan", SIGNED_IN),
    ("/bibliotique.lending.v1.LendingService/RenewLoan", SIGNED_IN),
    ("/bibliotique.lending.v1.LendingService/UpdateLoan", ADMIN),
    ("/bibliotique.lending.v1.LendingService/DeleteLoan", ADMIN),
    ("/bibliotique.lending.v1.LendingService/GetLoan", SIGNED_IN),
    ("/bibliotique.lending.v1.LendingService/ListLoans", SIGNED_IN),
    ("/bibliotique.lending.v1.LendingService/PlaceHold", SIGNED_IN),
    ("/bibliotique.lending.v1.LendingService/CancelHold", SIGNED_IN),
    ("/bibliotique.lending.v1.LendingService/GetHold", SIGNED_IN),
    ("/bibliotique.lending.v1.LendingService/ListHolds", SIGNED_IN),
    ("/bibliotique.lending.v1.LendingService/GetPatron", SIGNED_IN),
    ("/bibliotique.lending.v1.LendingService/ClosePatron", SERVICE),
    ("/bibliotique.lending.v1.LendingService/ListPolicies", SIGNED_IN),
    ("/bibliotique.lending.v1.LendingService/UpdatePolicy", ADMIN),
    ("/bibliotique.lending.v1.LendingService/ListAuditEvents", ADMIN),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rpc_has_a_row_and_every_row_an_rpc() {
        let rows: BTreeSet<String> = POLICY.iter().map(|(path, _)| (*path).to_owned()).collect();

        assert_eq!(rows, shared::rpc::paths(proto::DESCRIPTORS, "bibliotique.lending.v1"));
        assert!(POLICY.iter().all(|(_, access)| matches!(access, Roles(_))), "no rpc of ours is open");
    }
}
