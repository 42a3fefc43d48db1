//! A flood of sign-ins: what it does to everybody else, and how many come through.
//!
//! `cargo bench -p bench --bench login_flood`

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    bench::flood::run().await
}
