//! One story, told on both kinds of database.

/// Turns each `async fn name(db: Database) { … }` into two tests, `name::sqlite` and `name::postgres`.
///
/// Attributes and doc comments of the function go to both tests. The crate that uses it depends on `tokio`.
///
/// ```
/// use testing::{Database, on_both};
///
/// on_both! {
///     /// A database has a URL.
///     async fn a_database_can_be_reached(db: Database) {
///         assert!(db.url().contains("://"));
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! on_both {
    ($($(#[$attribute:meta])* async fn $name:ident($db:ident: $database:ty) $story:block)+) => {$(
        mod $name {
            use super::*;

            async fn story($db: $database) $story

            $(#[$attribute])*
            #[::tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                story($crate::sqlite().await).await;
            }

            $(#[$attribute])*
            #[::tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                if let Some(db) = $crate::postgres().await {
                    story(db).await;
                }
            }
        }
    )+};
}
