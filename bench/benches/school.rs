//! `cargo bench -p bench --bench school`, or with sizes and databases of one's own: `-- 1000 10000 --only sqlite`: lists of children in schools of two sizes.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    bench::school::run().await
}
