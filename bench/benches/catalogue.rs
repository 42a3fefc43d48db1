//! One book over HTTP: how many a second, against the least that anybody would write for it.
//!
//! `cargo bench -p bench --bench catalogue`, or `-- --rounds 2 --seconds 3 --only sqlite`

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    bench::one_book::run().await
}
