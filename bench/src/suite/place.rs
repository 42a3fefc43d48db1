//! A library as an operator fills one: books from a file, people with the hashes of another system, and loans at the desk.

use std::{ffi::OsStr, path::Path, sync::Arc};

use anyhow::{Context as _, ensure};
use proto::identity::v1::{CreateAccountRequest, Role, create_account_request::Credential};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, time::Instant};

use super::{
    report::{Report, Row},
    setup::Setup,
};
use crate::{
    Books, Data, Database, Goal, Random, Served, Several, flood, import,
    process::Program,
    school,
    settled::{copies_are_there, settle},
    wire::{self, encoded},
};

/// From a file.
const BOOKS: u32 = 10_000;

/// Of each book.
const COPIES: &str = "3";

/// Accounts of the library.
const CLIENTS: usize = 1_500;

/// Accounts of the school; together with the clients 2,000 patrons.
const CHILDREN: usize = 500;

/// Open loans of as many clients, each of another book.
const LOANS: usize = 1_000;

/// Patrons who are signed in when the day begins; more than there are connections.
pub const SIGNED_IN: usize = 64;

/// Clients who sign in again and again. Not those above: of an account's hundred sessions the oldest ends.
const SIGNING_IN: usize = 64;

/// Searches to choose from.
const QUESTIONS: usize = 2_000;

const PASSWORD: &str = "Lis-7-livres!";

/// What its visitors know.
pub struct Place {
    /// Ids.
    pub books: Vec<String>,
    /// Ids.
    pub categories: Vec<String>,
    /// What is asked for, ready for a URL.
    pub questions: Vec<String>,
    /// Tokens of clients.
    pub patrons: Vec<String>,
    /// The admin's token.
    pub admin: String,
    /// Requests that sign somebody in.
    pub sign_ins: Arc<[Vec<u8>]>,
    /// So many may sign in at once that nobody is turned away: who waits for a second to be hashed is, by design.
    pub door: Semaphore,
}

/// How many may sign in at once.
pub fn at_the_door() -> usize {
    4 * flood::permits()
}

impl Place {
    /// Fills empty databases; what the import is worth goes into the report.
    ///
    /// # Errors
    /// When something is refused.
    pub async fn fill(setup: Setup, program: &Program, data: &Data, report: &mut Report) -> anyhow::Result<Arc<Self>> {
        let served = Served::start(program, setup.roles, data).await?;
        let began = Instant::now();
        report.add(import(setup, program, &served, data.path()).await?);
        let clients = clients(&served).await?;
        school::fill(&served, CHILDREN).await?;
        copies_are_there(data, &served).await?;

        let (books, admin) = (served.books().await?, served.admin_token().await?);
        ensure!(books.len() == BOOKS as usize, "{} books are listed", books.len());
        lend(&served, &admin, &books, &clients).await?;
        let mut patrons = Vec::new();
        for number in 0..SIGNED_IN {
            patrons.push(sign_in(&served, number).await?);
        }
        // The first time they come, their hashes are made anew.
        for number in signing_in() {
            sign_in(&served, number).await?;
        }
        let categories = served.categories().await?;
        eprintln!("{}: filled in {:.1?}", setup.name, began.elapsed());
        served.end().await?;
        settle(data).await?;
        let sign_ins = signing_in().map(login).collect();
        let door = Semaphore::new(at_the_door());
        Ok(Arc::new(Self { books, categories, questions: questions(), patrons, admin, sign_ins, door }))
    }
}

/// `bibliotique import books`, from the start of the command to its end.
async fn import(setup: Setup, program: &Program, served: &Served, directory: &Path) -> anyhow::Result<Row> {
    let (file, told) = (directory.join("livres.csv"), directory.join("report.csv"));
    import::write(&file, 0..BOOKS)?;
    let arguments = ["import", "books", "--copies", COPIES, "--report"].map(OsStr::new);
    let arguments = [&arguments[..], &[told.as_os_str(), file.as_os_str()]].concat();
    let began = Instant::now();
    program.run(&arguments, served.variables()).await?;
    let rate = f64::from(BOOKS) / began.elapsed().as_secs_f64();
    let goal = Some(Goal::AtLeast(5_000.0)).filter(|_| setup.database == Database::Sqlite);
    let row = Row::told(setup.name, "`bibliotique import books`, 10,000 books", &format!("{rate:.0} books a second"));
    Ok(row.with_goal(goal, rate))
}

fn email(number: usize) -> String {
    format!("client{number}@example.org")
}

/// Accounts of another system, with their hashes: two thousand of ours would take minutes. Their ids, in no order.
async fn clients(served: &Served) -> anyhow::Result<Vec<String>> {
    // Of the lowest cost: it is looked at once.
    let hash = bcrypt::hash(PASSWORD, 4)?.replace("$2y$", "$2b$");
    let mut making = Several::default();
    for number in 0..CLIENTS {
        let mut identity = served.identity()?;
        let request = CreateAccountRequest {
            name: "Élodie Dupré-N'Diaye".to_owned(),
            email: email(number),
            role: Role::Client.into(),
            credential: Some(Credential::PasswordHash(hash.clone())),
            ..CreateAccountRequest::default()
        };
        let making_one = async move {
            let made = identity.create_account(request).await?.into_inner();
            Ok(made.account.context("an account")?.id)
        };
        making.add(making_one).await?;
    }
    making.all().await
}

/// At the desk.
async fn lend(served: &Served, admin: &str, books: &[String], clients: &[String]) -> anyhow::Result<()> {
    let (http, mut lending) = (reqwest::Client::new(), Several::default());
    for (book, client) in books.iter().zip(clients).take(LOANS) {
        let body = json!({"livreId": book, "clientId": client});
        let request = http.post(served.url("/api/emprunts")).bearer_auth(admin).json(&body);
        lending
            .add(async move {
                let answer = request.send().await?;
                let status = answer.status();
                ensure!(status == 201, "a loan at the desk is answered with {status}: {}", answer.text().await?);
                Ok(())
            })
            .await?;
    }
    lending.all().await.map(drop)
}

/// The clients who sign in again and again.
fn signing_in() -> impl Iterator<Item = usize> {
    SIGNED_IN..SIGNED_IN + SIGNING_IN
}

fn credentials(number: usize) -> Value {
    json!({"email": email(number), "password": PASSWORD})
}

fn login(number: usize) -> Vec<u8> {
    wire::post("/api/clients/login", None, None, Some(&credentials(number)))
}

async fn sign_in(served: &Served, number: usize) -> anyhow::Result<String> {
    let request = reqwest::Client::new().post(served.url("/api/clients/login")).json(&credentials(number));
    let answer: Value = request.send().await?.json().await?;
    Ok(answer["data"]["token"].as_str().with_context(|| format!("nobody can sign in: {answer}"))?.to_owned())
}

fn questions() -> Vec<String> {
    let (books, mut random) = (Books::default(), Random::new(5));
    (0..QUESTIONS).map(|_| encoded(&books.question(BOOKS, &mut random).text)).collect()
}
