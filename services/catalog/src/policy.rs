//! Who may call which rpc. What is not here is denied.

use shared::{
    passport::Role::{Admin, Client, Service},
    rpc::{
        Access::{self, Roles},
        Rule,
    },
};

/// Whoever the suite lets in: the public catalogue is read by the gateway on its own account.
const ANYBODY: Access = Roles(&[Client, Admin, Service]);
const ADMIN: Access = Roles(&[Admin]);

/// A row for every rpc of `catalog.proto`.
pub const POLICY: [Rule; 14] = [
    ("/bibliotique.catalog.v1.CatalogService/CreateBook", ADMIN),
    ("/bibliotique.catalog.v1.CatalogService/GetBook", ANYBODY),
    ("/bibliotique.catalog.v1.CatalogService/BatchGetBooks", ANYBODY),
    ("/bibliotique.catalog.v1.CatalogService/ListBooks", ANYBODY),
    ("/bibliotique.catalog.v1.CatalogService/CountBooks", ANYBODY),
    ("/bibliotique.catalog.v1.CatalogService/UpdateBook", ADMIN),
    ("/bibliotique.catalog.v1.CatalogService/DeleteBook", ADMIN),
    ("/bibliotique.catalog.v1.CatalogService/ImportBooks", ADMIN),
    ("/bibliotique.catalog.v1.CatalogService/ExportBooks", ADMIN),
    ("/bibliotique.catalog.v1.CatalogService/CreateCategory", ADMIN),
    ("/bibliotique.catalog.v1.CatalogService/GetCategory", ANYBODY),
    ("/bibliotique.catalog.v1.CatalogService/ListCategories", ANYBODY),
    ("/bibliotique.catalog.v1.CatalogService/UpdateCategory", ADMIN),
    ("/bibliotique.catalog.v1.CatalogService/DeleteCategory", ADMIN),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rpc_has_a_row_and_every_row_an_rpc() {
        let rows: BTreeSet<String> = POLICY.iter().map(|(path, _)| (*path).to_owned()).collect();

        assert_eq!(rows, shared::rpc::paths(proto::DESCRIPTORS, "bibliotique.catalog.v1"));
        assert!(POLICY.iter().all(|(_, access)| matches!(access, Roles(_))), "no rpc of ours is open");
    }
}
