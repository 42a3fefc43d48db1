//! `bibliotique import books`: a file is read in a thread, sent to catalog in batches, and what became of it is written down.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use aws_lc_rs::digest::{SHA256, digest};
use indicatif::{ProgressBar, ProgressStyle};
use prost::Message as _;
use proto::catalog::v1::{self as pb, catalog_service_client::CatalogServiceClient};
use records::{Flaw, Format, Reader, Record};
use shared::{channel::Channel, rpc::MESSAGE_BYTES};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::report::{Item, Report};
use crate::{
    cli::{FileFormat, ImportBooksArgs, MatchedBook},
    operator::{as_one_request, reach_catalog, refused_by},
};

/// The most records in a message; catalog keeps them in one transaction. The more there are, the fewer times the same words are
/// written; but whoever else writes waits for so long.
const RECORDS: usize = 4000;

/// The most bytes of text in a message, well below what a message may have.
const BYTES: usize = MESSAGE_BYTES / 2;

/// How much of a file is looked at to see what it is.
const BEGINNING: usize = 64 * 1024;

/// What the records of one message are of, in the order of the file.
type Batch = Vec<Item>;

/// `bibliotique import books …`.
///
/// # Errors
/// A sentence on what is in the way. What went in until then stays, and the report says what it was.
pub async fn import(args: ImportBooksArgs) -> anyhow::Result<()> {
    let report = args.report.clone().unwrap_or_else(|| by_default(&args.file));
    if is_same(&report, &args.file) {
        bail!("the report cannot be written into the file that it is about: {}", report.display());
    }
    let (progress, batches, reading) = read(&args)?;
    let channel = reach_catalog(&args.operator.common, &args.operator.catalog).await?;
    let mut written = Report::new(&report, &args.file)?;

    let imported = send(channel, &args, batches, &mut written, &progress).await;
    progress.finish_and_clear();
    let sum = written.finish()?;

    let file = args.file.display();
    println!("{file}: {sum}{}.", if args.dry_run { ", if this were no dry run" } else { "" });
    println!("What became of each stands in {}.", report.display());
    imported?;
    reading.await?.with_context(|| format!("{file} was not read to its end"))
}

/// Beside where the command was given: the file's own directory may not be ours to write into.
fn by_default(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or(file.as_os_str()).to_owned();
    name.push(".report.csv");
    name.into()
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Opens the file, and has a thread read it into batches, no faster than they are taken.
#[expect(clippy::type_complexity, reason = "said once")]
fn read(
    args: &ImportBooksArgs,
) -> anyhow::Result<(ProgressBar, mpsc::Receiver<Batch>, JoinHandle<Result<(), records::Error>>)> {
    let name = args.file.display();
    let file = File::open(&args.file).with_context(|| format!("{name} cannot be opened"))?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        bail!("{name} is a directory");
    }
    let progress = ProgressBar::new(metadata.len()).with_style(style());
    let mut input = BufReader::with_capacity(BEGINNING, progress.wrap_read(file));
    let beginning = input.fill_buf().with_context(|| format!("{name} cannot be read"))?;
    let format = match args.format {
        Some(format) => format.into(),
        None => records::detect(beginning).with_context(|| format!("{name} {}", what_it_is(beginning)))?,
    };
    let reader = Reader::new(input, format, &args.map).with_context(|| format!("{name} cannot be imported"))?;
    let (give, batches) = mpsc::channel(1);
    let reading = tokio::task::spawn_blocking(move || into_batches(reader, &give));
    Ok((progress, batches, reading))
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{bar:30} {percent}%  {msg}  {elapsed}, {eta} to go");
    style.unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// What to tell about a file that is none of ours.
fn what_it_is(beginning: &[u8]) -> &'static str {
    if beginning.is_empty() {
        "is empty"
    } else if beginning.starts_with(b"PK") {
        "is neither CSV nor MARC; if it is a spreadsheet, save it as CSV in UTF-8"
    } else {
        "is neither CSV nor MARC"
    }
}

/// Reads to the end, or until nobody takes the batches any more.
fn into_batches(reader: Reader<impl std::io::BufRead>, give: &mpsc::Sender<Batch>) -> Result<(), records::Error> {
    let (mut batch, mut bytes) = (Batch::new(), 0);
    for next in reader {
        let item = match next {
            Ok(Ok(record)) => Item::Record(record),
            Ok(Err(flaw)) => Item::Flaw(flaw),
            Err(error) => {
                // What was read before goes in.
                let _ = give.blocking_send(batch);
                return Err(error);
            }
        };
        let item = of_bearable_size(item);
        bytes += size(&item);
        if batch.len() == RECORDS || bytes > BYTES {
            bytes = size(&item);
            if give.blocking_send(std::mem::take(&mut batch)).is_err() {
                return Ok(());
            }
        }
        batch.push(item);
    }
    let _ = give.blocking_send(batch);
    Ok(())
}

/// A record that no message could carry is one that catalog would refuse: its longest text is far beyond what any may have.
fn of_bearable_size(item: Item) -> Item {
    match item {
        Item::Record(record) if texts(&record).into_iter().map(|(_, text)| text.len()).sum::<usize>() > BYTES => {
            let longest = texts(&record).into_iter().max_by_key(|(_, text)| text.len());
            let field = longest.map_or_else(String::new, |(field, _)| field.to_owned());
            Item::Flaw(Flaw { line: record.line, field, reason: "is too long".to_owned(), raw: String::new() })
        }
        item => item,
    }
}

fn size(item: &Item) -> usize {
    match item {
        Item::Flaw(_) => 0,
        Item::Record(record) => texts(record).into_iter().map(|(_, text)| text.len()).sum(),
    }
}

fn texts(record: &Record) -> [(&'static str, &String); 7] {
    [
        ("isbn", &record.isbn),
        ("title", &record.title),
        ("author", &record.author),
        ("publisher", &record.publisher),
        ("language", &record.language),
        ("description", &record.description),
        ("category", &record.category),
    ]
}

/// Sends all batches, while the answers to earlier ones are written down.
async fn send(
    channel: Channel,
    args: &ImportBooksArgs,
    mut batches: mpsc::Receiver<Batch>,
    report: &mut Report,
    progress: &ProgressBar,
) -> anyhow::Result<()> {
    let (give_request, requests) = mpsc::channel(1);
    let (give_sent, mut sent) = mpsc::channel::<Batch>(4);
    let how = args.clone();
    tokio::spawn(async move {
        while let Some(batch) = batches.recv().await {
            if give_request.send(request(&batch, &how)).await.is_err() || give_sent.send(batch).await.is_err() {
                return;
            }
        }
    });
    let mut catalog = CatalogServiceClient::new(channel).max_encoding_message_size(MESSAGE_BYTES);
    let answers =
        as_one_request(catalog.import_books(ReceiverStream::new(requests))).await.map_err(refused_by("catalog"))?;
    let mut answers: Streaming<pb::ImportBooksResponse> = answers.into_inner();

    let mut done = 0;
    while let Some(answer) = answers.message().await.map_err(refused_by("catalog"))? {
        let batch = sent.recv().await.context("catalog answers what it was not asked")?;
        for line in report.add(&batch, answer.outcomes)? {
            progress.suspend(|| eprintln!("{line}"));
        }
        done += batch.len();
        progress.set_message(format!("{done} records"));
    }
    match sent.recv().await {
        None => Ok(()),
        Some(_) => bail!("catalog went away: run the same command again"),
    }
}

fn request(batch: &Batch, args: &ImportBooksArgs) -> pb::ImportBooksRequest {
    let on_match = match args.on_match {
        MatchedBook::Skip => pb::OnMatch::Skip,
        MatchedBook::Update => pb::OnMatch::Update,
        MatchedBook::Add => pb::OnMatch::Add,
    };
    let records = batch.iter().filter_map(|item| match item {
        Item::Record(record) => Some(draft(record)),
        Item::Flaw(_) => None,
    });
    let mut request = pb::ImportBooksRequest {
        request_id: String::new(),
        on_match: on_match.into(),
        validate_only: false,
        default_copies: args.copies.into(),
        drafts: records.collect(),
    };
    // The same records at the same places of a file are the same batch, however often it is sent, tried or not.
    request.request_id = hex::encode(digest(&SHA256, &request.encode_to_vec()));
    request.validate_only = args.dry_run;
    request
}

fn draft(record: &Record) -> pb::Draft {
    let book = pb::Book {
        isbn: record.isbn.clone(),
        title: record.title.clone(),
        author: record.author.clone(),
        publication_year: record.publication_year,
        publisher: record.publisher.clone(),
        language: record.language.clone(),
        description: record.description.clone(),
        ..pb::Book::default()
    };
    pb::Draft {
        line: i64::try_from(record.line).unwrap_or(i64::MAX),
        book: Some(book),
        category: record.category.clone(),
        copies: record.copies.map(|copies| i32::try_from(copies).unwrap_or(i32::MAX)),
    }
}

impl From<FileFormat> for Format {
    fn from(format: FileFormat) -> Self {
        match format {
            FileFormat::Csv => Self::Csv,
            FileFormat::Marc => Self::Marc,
            FileFormat::Marcxml => Self::MarcXml,
        }
    }
}
