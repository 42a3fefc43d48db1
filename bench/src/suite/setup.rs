//! The two installations, from the program to the figures.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use testing::Cluster;
use tokio::{process::Command, time::sleep};

use super::{
    Measure, mix,
    place::Place,
    report::{Report, Row},
    starts,
};
use crate::{
    Data, Database, Goal, Roles, Served,
    process::{Program, memory},
};

/// An installation.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Which kind of database.
    pub database: Database,
    /// Which processes.
    pub roles: Roles,
    /// What it is called in the table.
    pub name: &'static str,
}

/// Builds the program as this one was built, into the same directory; answers with where it is.
///
/// # Errors
/// When it does not build.
pub async fn built() -> anyhow::Result<PathBuf> {
    let this = env::current_exe()?;
    // target/release/deps/suite-…
    let directory = this.parent().and_then(|deps| deps.parent()).context("this program is in a target directory")?;
    let profile = match directory.file_name().and_then(OsStr::to_str) {
        Some("debug") => "dev",
        Some(profile) => profile,
        None => "release",
    };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = directory.parent().context("a target directory")?;
    let mut command = Command::new(cargo);
    command.args(["build", "--package", "bibliotique", "--bin", "bibliotique", "--profile", profile, "--target-dir"]);
    command.arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
    ensure!(command.status().await?.success(), "bibliotique does not build");
    Ok(directory.join("bibliotique"))
}

impl Setup {
    /// As a small library has it, or as a large one.
    pub const fn of(database: Database) -> Self {
        match database {
            Database::Sqlite => Self { database, roles: Roles::Together, name: "SQLite, one process" },
            Database::Postgres => Self { database, roles: Roles::Apart, name: "PostgreSQL, four roles" },
        }
    }

    /// Starts, fills, and asks it; what is seen goes into the report.
    ///
    /// # Errors
    /// When it cannot be started or filled, or when something does not fit together at the end.
    pub async fn measure(self, program: &Path, measure: Measure, report: &mut Report) -> anyhow::Result<()> {
        let program = Program::At(program.to_owned());
        let cluster = self.database.cluster().await?;
        let cluster = cluster.as_ref();
        report.set_cluster(cluster).await?;
        let cold = starts::cold(self, &program, cluster, measure.starts).await?;

        let data = Data::empty(cluster).await?;
        let place = Place::fill(self, &program, &data, report).await?;
        let warm = starts::warm(self, &program, &data, measure.starts).await?;
        report.add(cold.row(self, "ready, on nothing (schema, keys and first admin are made)", None));
        report.add(warm.row(self, "ready, on what is there", Some(Goal::Below(300.0)).filter(|_| self.is_small())));

        let served = Served::start(&program, self.roles, &data).await?;
        sleep(measure.lasting / 2).await;
        self.memory(&served, "idle on what is there", Some(Goal::Below(60.0)), report)?;
        mix::measure(self, &served, place, measure, report).await?;
        self.memory(&served, "after the mixes", None, report)?;

        let said = program.run(&["check".as_ref()], [served.variables(), data.embedded()].concat()).await?;
        report.add(Row::told(self.name, "`bibliotique check` after all this", said.lines().next().unwrap_or_default()));
        served.end().await
    }

    /// Memory and the time until ready have goals for the whole suite in one process.
    fn is_small(self) -> bool {
        self.roles == Roles::Together
    }

    fn memory(self, served: &Served, when: &str, goal: Option<Goal>, report: &mut Report) -> anyhow::Result<()> {
        for (id, role) in served.ids().into_iter().zip(self.roles.names()) {
            let memory = memory(id)?;
            let who = if role.is_empty() { "the suite" } else { role };
            let figure = format!("{:.1} MB ({:.1} MB of it heap and stacks)", memory.resident, memory.anonymous);
            let row = Row::told(self.name, &format!("resident memory of {who}, {when}"), &figure);
            report.add(row.with_goal(goal.filter(|_| self.is_small()), memory.resident));
        }
        Ok(())
    }
}

/// What a PostgreSQL server calls itself.
///
/// # Errors
/// When it does not answer.
pub async fn version(cluster: &Cluster) -> anyhow::Result<String> {
    use sqlx::Connection as _;
    let mut connection = sqlx::PgConnection::connect(&cluster.database().await).await?;
    Ok(sqlx::query_scalar("SHOW server_version").fetch_one(&mut connection).await?)
}
