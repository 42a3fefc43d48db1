//! `cargo bench -p bench --bench login_flood`: a flood of sign-ins: what it does to everybody else, and how many come through.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    bench::flood::run().await
}
