//! `bibliotique import books`: how many books a second, and whether memory grows with the file.
//!
//! `cargo bench -p bench --bench import`, or `-- --books 20000 --runs 1`

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    bench::import::run().await
}
