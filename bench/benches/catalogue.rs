//! `cargo bench -p bench --bench catalogue`, or `-- --rounds 2 --seconds 3 --only sqlite`: one book over HTTP, against the least that anybody would write for it.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    bench::one_book::run().await
}
