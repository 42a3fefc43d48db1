//! `bibliotique import books`: how many books a second, and whether memory grows with the file.

use std::{ffi::OsStr, fs::File, ops::Range, path::Path, time::Duration};

use anyhow::Context as _;
use clap::Parser;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::{
    Addresses, Books, Data, Served, Table,
    process::{Program, Variables, machine, peak_mib},
    serve_if_asked,
};

#[derive(Parser)]
struct Args {
    /// Books in the large file; the small one, which shows that memory is not a matter of their number, has a tenth.
    #[arg(long, default_value_t = 200_000)]
    books: u32,
    /// How often everything is done.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// What cargo says.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What was seen of an import.
struct Import {
    books: u32,
    took: Duration,
    /// The most memory of the importing process, in MiB.
    peak: f64,
}

/// The benchmark of its own.
///
/// # Errors
/// When an import fails.
pub async fn run() -> anyhow::Result<()> {
    serve_if_asked().await?;
    let args = Args::parse();
    println!("SQLite; before: {}", machine());
    let directory = tempfile::tempdir()?;
    let (small, large) = (directory.path().join("small.csv"), directory.path().join("large.csv"));
    let few = args.books / 10;
    write(&small, 0..few)?;
    write(&large, few..few + args.books)?;

    let mut table = Table::new(&[
        "import",
        "books",
        "took",
        "books a second (goal: at least 5000)",
        "peak memory of the import",
        "peak memory of the suite",
    ]);
    for _ in 0..args.runs {
        for (file, books) in [(&small, few), (&large, args.books)] {
            let data = Data::sqlite()?;
            let variables = [data.embedded(), Addresses::free()?.variables()].concat();
            let import = import(&directory, file, books, variables).await?;
            row(&mut table, "no suite runs", &import, None);
        }
        let data = Data::sqlite()?;
        let served = Served::together(&data).await?;
        for (file, books) in [(&small, few), (&large, args.books)] {
            let import = import(&directory, file, books, served.variables()).await?;
            let peak: Vec<f64> = served.ids().iter().flat_map(|id| peak_mib(&id.to_string())).collect();
            row(&mut table, "into a suite that runs", &import, Some(peak.iter().sum()));
        }
    }
    println!("{table}\nafter: {}", machine());
    Ok(())
}

fn row(table: &mut Table, how: &str, import: &Import, suite: Option<f64>) {
    let (books, took) = (import.books, import.took.as_secs_f64());
    let mib = |peak: f64| format!("{peak:.0} MiB");
    table.row(&[
        how.to_owned(),
        books.to_string(),
        format!("{took:.1} s"),
        format!("{:.0}", f64::from(books) / took),
        mib(import.peak),
        suite.map(mib).unwrap_or_default(),
    ]);
}

/// Writes a CSV file of books, as a spreadsheet would.
///
/// # Errors
/// When the file cannot be written.
pub fn write(file: &Path, numbers: Range<u32>) -> anyhow::Result<()> {
    let (books, mut csv) = (Books::default(), csv::Writer::from_writer(File::create(file)?));
    csv.write_record(["isbn", "title", "author", "year", "publisher", "language", "description", "category"])?;
    for book in numbers.map(|number| books.book(number)) {
        let year = book.year.to_string();
        csv.write_record([
            &book.isbn,
            &book.title,
            &book.author,
            &year,
            &book.publisher,
            book.language,
            &book.description,
            book.category,
        ])?;
    }
    Ok(csv.flush()?)
}

/// From the start of the process to its end.
async fn import(directory: &TempDir, file: &Path, books: u32, variables: Variables) -> anyhow::Result<Import> {
    let report = directory.path().join("report.csv");
    let arguments = ["import".as_ref(), "books".as_ref(), file.as_os_str(), OsStr::new("--report"), report.as_os_str()];
    let began = Instant::now();
    let said = Program::Itself.run(&arguments, variables).await?;
    let took = began.elapsed();
    let last = said.lines().last().unwrap_or_default();
    let peak = last.parse().with_context(|| format!("the import said {said}"))?;
    eprintln!("{said}");
    Ok(Import { books, took, peak })
}
