//! `bibliotique export books`.

use std::io::{self, BufWriter, Write};

use anyhow::Context as _;
use proto::catalog::v1::{self as pb, catalog_service_client::CatalogServiceClient, export_books_response::Entry};
use records::{CsvWriter, MarcXmlWriter, Record};
use shared::{file::directory_of, rpc::LIST_BYTES};
use tempfile::NamedTempFile;
use tonic::Streaming;

use crate::{
    cli::{ExportBooksArgs, ExportFormat},
    operator::{as_one_request, reach_catalog, refused_by},
};

type Books = Streaming<pb::ExportBooksResponse>;

/// `bibliotique export books …`.
///
/// # Errors
/// A sentence on what is in the way. A file appears whole or not at all.
pub async fn export(args: ExportBooksArgs) -> anyhow::Result<()> {
    let channel = reach_catalog(&args.operator.common, &args.operator.catalog).await?;
    let mut catalog = CatalogServiceClient::new(channel).max_decoding_message_size(LIST_BYTES);
    let books = as_one_request(catalog.export_books(pb::ExportBooksRequest {}))
        .await
        .map_err(refused_by("catalog"))?
        .into_inner();

    let Some(path) = &args.output else {
        write(books, args.format, io::stdout().lock()).await?;
        return Ok(());
    };
    let cannot = || format!("{} cannot be written", path.display());
    let draft = NamedTempFile::new_in(directory_of(path)).with_context(cannot)?;
    let written = write(books, args.format, &draft).await?;
    draft.as_file().sync_all().with_context(cannot)?;
    draft.persist(path).with_context(cannot)?;
    println!("{written} books are in {}.", path.display());
    Ok(())
}

/// Writes all books; answers with how many they were.
async fn write(mut books: Books, format: ExportFormat, output: impl Write) -> anyhow::Result<usize> {
    let output = BufWriter::new(output);
    let mut written = 0;
    match format {
        ExportFormat::Csv => {
            let mut file = CsvWriter::new(output)?;
            while let Some(answer) = books.message().await.map_err(refused_by("catalog"))? {
                for (_, record) in answer.entries.into_iter().map(record) {
                    file.write(&record)?;
                    written += 1;
                }
            }
            file.finish()?.flush()?;
        }
        ExportFormat::Marcxml => {
            let mut file = MarcXmlWriter::new(output)?;
            while let Some(answer) = books.message().await.map_err(refused_by("catalog"))? {
                for (id, record) in answer.entries.into_iter().map(record) {
                    file.write(&record, Some(&id))?;
                    written += 1;
                }
            }
            file.finish()?.flush()?;
        }
    }
    Ok(written)
}

/// A book as a record, and its id.
fn record(entry: Entry) -> (String, Record) {
    let book = entry.book.unwrap_or_default();
    let record = Record {
        line: 0,
        isbn: book.isbn,
        title: book.title,
        author: book.author,
        publication_year: book.publication_year,
        publisher: book.publisher,
        language: book.language,
        description: book.description,
        category: entry.category,
        copies: u32::try_from(book.copies).ok(),
    };
    (book.id, record)
}
