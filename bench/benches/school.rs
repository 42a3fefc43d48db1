//! Lists of children in schools of two sizes.
//!
//! `cargo bench -p bench --bench school`, or with sizes and databases of one's own: `-- 1000 10000 --only sqlite`

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    bench::school::run().await
}
