//! `cargo bench -p bench --bench import`, or `-- --books 20000 --runs 1`: `bibliotique import books`: books a second, and memory.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    bench::import::run().await
}
