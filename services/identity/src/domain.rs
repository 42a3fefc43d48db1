//! The rules of who may come in: plain types and methods, without SQL, transport, clock or randomness of their own.

pub mod account;
pub mod api_key;
pub mod audit;
pub mod budget;
pub mod group;
pub mod hash;
pub mod institution;
pub mod label;
pub mod listing;
pub mod login;
pub mod member;
pub mod password;
pub mod refusal;
pub mod scope;

pub use refusal::Refusal;

shared::ids! {
    /// Of an account.
    AccountId,
    /// Of a session.
    SessionId,
    /// Of an API key.
    ApiKeyId,
    /// Of an institution.
    InstitutionId,
    /// Of a group of children.
    GroupId,
}
