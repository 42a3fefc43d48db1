//! Search in catalogues of three sizes.
//!
//! `cargo bench -p bench --bench search`, or with sizes and databases of one's own: `-- 10000 50000 --only sqlite`

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    bench::search::run().await
}
