//! `cargo bench -p bench --bench search`, or with sizes and databases of one's own: `-- 10000 50000 --only sqlite`: search in catalogues of three sizes.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    bench::search::run().await
}
