//! Everything, in one table.
//!
//! `cargo bench -p bench --bench suite`, or for trying `cargo bench --profile dev -p bench --bench suite -- --quick --no-growth`

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    bench::suite::run().await
}
