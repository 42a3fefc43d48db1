//! What a book and a category are, and what they are found by: plain types and methods, without SQL, transport, clock or
//! randomness of their own.

pub mod book;
pub mod category;
pub mod fold;
pub mod import;
pub mod isbn;
pub mod order;
pub mod refusal;
pub mod text;
pub mod words;

pub use refusal::Refusal;

shared::ids! {
    /// Of a book.
    BookId,
    /// Of a category.
    CategoryId,
}
