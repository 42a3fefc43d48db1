//! Borrowing and returning: how often, against the same statements straight on a database.
//!
//! `cargo bench -p bench --bench lending`, or `-- --rounds 1 --seconds 2 --pairs 200 --only sqlite`

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    bench::lending::run().await
}
