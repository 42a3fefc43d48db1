//! Lists of children in schools of two sizes: what a hundred times as many children cost whoever looks at a page of them.

use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use proto::identity::v1::{self as pb, create_member_request::Credential, member::Details};
use testing::Cluster;
use tokio::time::Instant;

use crate::{Data, Database, Goal, Latencies, Random, Ratio, Served, Several, Table, process::machine, serve_if_asked};

/// The sizes take turns, so that a noisy minute is everybody's.
const ROUNDS: usize = 20;

/// Requests in a round, of each list, to each size.
const REQUESTS: usize = 10;

/// Children of an institution.
const CLASS: usize = 30;

/// Somebody's bcrypt hash: nobody signs in with it.
const HASH: &str = "$2b$04$......................e1nSCpcvfBKU3wBVZB9oSbqzSPkeBIu";

/// Lists that are asked for. `{institution}` is one of the institutions, `{name}` the name of a child.
const LISTS: [&str; 10] = [
    "limit=100",
    "limit=100&page=5",
    "limit=100&sort=username",
    "limit=100&sort=-age,username",
    "limit=100&sort=gender",
    "limit=100&sort=age_calc_date",
    "limit=100&institution_id={institution}",
    "limit=100&institution_id={institution}&sort=username&gender=male",
    "username={name}",
    "username={name}*",
];

#[derive(Parser)]
struct Args {
    /// How many children.
    #[arg(default_values_t = [1_000, 100_000])]
    sizes: Vec<usize>,
    /// One database alone.
    #[arg(long)]
    only: Option<Database>,
    /// What cargo says.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A school of a size, and how long each list took.
pub struct School {
    size: usize,
    loaded: Duration,
    token: String,
    institutions: Vec<String>,
    random: Random,
    took: [Vec<Option<Duration>>; LISTS.len()],
    served: Served,
    _data: Data,
}

/// The benchmark of its own.
///
/// # Errors
/// When a suite cannot be served or filled.
pub async fn run() -> anyhow::Result<()> {
    serve_if_asked().await?;
    let args = Args::parse();
    for database in Database::all(args.only) {
        println!("{database:?}; before: {}", machine());
        let schools = measure(database, &args.sizes, ROUNDS).await?;
        println!("{}\nafter: {}\n", table(&schools), machine());
    }
    Ok(())
}

/// Asks schools of these sizes in turns.
///
/// # Errors
/// When a suite cannot be served or filled.
pub async fn measure(database: Database, sizes: &[usize], rounds: usize) -> anyhow::Result<Vec<School>> {
    let cluster = database.cluster().await?;
    let http = reqwest::Client::new();
    let mut schools = Vec::new();
    for size in sizes {
        schools.push(School::load(cluster.as_ref(), *size).await?);
    }
    for round in 0..=rounds {
        for school in &mut schools {
            school.ask(&http).await;
            // The first round is for warming up.
            if round == 0 {
                school.took = Default::default();
            }
        }
    }
    Ok(schools)
}

/// The last school to the first, each list: a hundred times the children, and at most half as long again.
pub fn ratios(schools: &[School]) -> Vec<Ratio> {
    let [first, .., last] = schools else { return Vec::new() };
    let ratio = |(number, list): (usize, &&str)| {
        let [p95, first_p95] = [last, first].map(|school| school.latencies(number).millis(95));
        Ratio {
            of: format!("p95 of `/v1/children?{list}`, {} children / {}", last.size, first.size),
            value: p95 / first_p95,
            goal: Goal::AtMost(1.5),
            told: format!("{p95:.2} / {first_p95:.2} ms"),
        }
    };
    LISTS.iter().enumerate().map(ratio).collect()
}

/// Lists that did not come.
pub fn failed(schools: &[School]) -> usize {
    let of = |school: &School| (0..LISTS.len()).map(|list| school.latencies(list).failed()).sum::<usize>();
    schools.iter().map(of).sum()
}

fn table(schools: &[School]) -> Table {
    let mut heads = vec!["list".to_owned()];
    heads.extend(
        schools.iter().map(|school| {
            format!("{} children (loaded in {:.0} s): p50 / p95", school.size, school.loaded.as_secs_f64())
        }),
    );
    heads.extend(["p50 ratio", "p95 ratio (goal: at most 1.5)", "failed"].map(str::to_owned));
    let mut table = Table::new(&heads.iter().map(String::as_str).collect::<Vec<_>>());
    for (number, list) in LISTS.iter().enumerate() {
        let latencies: Vec<Latencies> = schools.iter().map(|school| school.latencies(number)).collect();
        let mut row = vec![format!("`{list}`")];
        row.extend(latencies.iter().map(|of| format!("{:.2} / {:.2} ms", of.millis(50), of.millis(95))));
        for percent in [50, 95] {
            let first = latencies.first().map(|of| of.millis(percent)).unwrap_or_default();
            let last = latencies.last().map(|of| of.millis(percent)).unwrap_or_default();
            row.push(format!("{:.2}", last / first));
        }
        row.push(latencies.iter().map(Latencies::failed).sum::<usize>().to_string());
        table.row(&row);
    }
    table
}

/// The name of a child by its number.
fn name(number: usize) -> String {
    const FIRST: [&str; 8] = ["Zoé", "Adam", "Élodie", "Noah", "Inès", "Liam", "Chloé", "Yanis"];
    format!("{} {number:06}", FIRST[number % FIRST.len()])
}

fn child(number: usize, institution: &str) -> pb::CreateMemberRequest {
    // Of an institution as well one of three is.
    let gender = if (number / 7).is_multiple_of(3) { pb::Gender::Male } else { pb::Gender::Female };
    let child = pb::Child {
        gender: gender.into(),
        age: (6 + number % 12).to_string(),
        age_calc_date: Some(format!("2025-{:02}-{:02}", 1 + number % 12, 1 + number % 28)),
    };
    let member = pb::Member {
        username: name(number),
        institution_id: Some(institution.to_owned()),
        details: Some(Details::Child(child)),
        ..pb::Member::default()
    };
    pb::CreateMemberRequest {
        member: Some(member),
        credential: Some(Credential::PasswordHash(HASH.to_owned())),
        validate_only: false,
    }
}

/// Makes so many children, and an institution for every 30 of them; answers with the institutions.
///
/// # Errors
/// When one is refused.
pub async fn fill(served: &Served, size: usize) -> anyhow::Result<Vec<String>> {
    let mut institutions = Vec::new();
    for number in 0..size.div_ceil(CLASS) {
        let (name, r#type) = (format!("School {number}"), "school".to_owned());
        let institution = Some(pb::Institution { name, r#type, ..pb::Institution::default() });
        let made = served.school()?.create_institution(pb::CreateInstitutionRequest { institution }).await?;
        institutions.push(made.into_inner().institution.context("an institution")?.id);
    }
    let mut making = Several::default();
    for number in 0..size {
        let mut school = served.school()?;
        let request = child(number, &institutions[number % institutions.len()]);
        making.add(async move { Ok(school.create_member(request).await.map(drop)?) }).await?;
    }
    making.all().await?;
    Ok(institutions)
}

impl School {
    async fn load(cluster: Option<&Cluster>, size: usize) -> anyhow::Result<Self> {
        let data = Data::empty(cluster).await?;
        let served = Served::together(&data).await?;
        let began = Instant::now();
        let institutions = fill(&served, size).await?;
        let loaded = began.elapsed();
        let token = served.admin_token().await?;
        let took = Default::default();
        Ok(Self { size, loaded, token, institutions, random: Random::new(7), took, served, _data: data })
    }

    fn latencies(&self, list: usize) -> Latencies {
        Latencies::of(self.took.get(list).into_iter().flatten().copied())
    }

    /// Asks for each list some times.
    async fn ask(&mut self, http: &reqwest::Client) {
        for (number, list) in LISTS.iter().enumerate() {
            for _ in 0..REQUESTS {
                let institution = &self.institutions[self.random.below(self.institutions.len())];
                let child = name(self.random.below(self.size));
                let list = list.replace("{institution}", institution).replace("{name}", &child);
                let request = http.get(self.served.url(&format!("/v1/children?{list}"))).bearer_auth(&self.token);
                let began = Instant::now();
                let came = page(request).await;
                self.took[number].push(came.then(|| began.elapsed()));
            }
        }
    }
}

/// Whether a list came, with at least one child on it.
async fn page(request: reqwest::RequestBuilder) -> bool {
    let Ok(answer) = request.send().await else { return false };
    let total = answer.headers().get("x-total-count").and_then(|total| total.to_str().ok()?.parse::<usize>().ok());
    let came = answer.status().is_success() && total.is_some_and(|total| total > 0);
    answer.bytes().await.is_ok_and(|body| came && body.len() > 2)
}
