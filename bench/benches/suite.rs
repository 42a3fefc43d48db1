//! `cargo bench -p bench --bench suite`, or `-- --quick`: everything, in one table.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    bench::suite::run().await
}
