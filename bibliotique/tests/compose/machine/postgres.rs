//! The service that is not ours: a cluster of the machine's own PostgreSQL, made and started as the file says. Its version is what
//! is installed, which need not be the file's.

use std::{fs, process::Command};

use sqlx::{Connection as _, PgConnection};

use super::{Machine, ended};
use crate::{
    file::{self, Services},
    process::Ended,
};

/// Where the entry point of PostgreSQL's image looks for what it runs once.
const ONCE: &str = "/docker-entrypoint-initdb.d/";

/// The service that is not ours.
const POSTGRES: &str = "postgres";

/// What the file wants of a new cluster.
pub(super) fn initdb(services: &Services) -> String {
    services[POSTGRES].environment["POSTGRES_INITDB_ARGS"].clone().unwrap()
}

impl Machine {
    /// As the entry point of PostgreSQL's image does it.
    pub(super) async fn begin_postgres(&mut self, name: &str) {
        let prepared = self.prepare_databases(&[]);
        assert!(prepared.status.success(), "{}", prepared.logged);
        let [program, flags @ ..] = self.services[name].command.as_slice() else { panic!("{name} has no command") };
        assert_eq!(program, "postgres");
        let (address, password, flags) = (self.addresses[name], self.superuser_password(), flags.join(" "));
        self.cluster.listen_on(address.into(), &password, &flags).await;
    }

    /// Runs what PostgreSQL's image runs when it has made its cluster, with some variables of its own.
    pub fn prepare_databases(&self, variables: &[(&str, &str)]) -> Ended {
        let mut scripts = self.services[POSTGRES].mounts().filter(|(_, target)| target.starts_with(ONCE));
        let (script, _) = scripts.next().unwrap();
        assert!(scripts.next().is_none(), "one that knows what comes first");
        let mut command = Command::new("sh");
        command.arg(file::root().join(script)).env_clear().env("PATH", self.path()).envs(self.environment(POSTGRES));
        command.env("PGHOST", self.cluster.socket()).envs(variables.iter().copied());
        ended(&mut command)
    }

    fn superuser_password(&self) -> String {
        let file = &self.environment(POSTGRES)["POSTGRES_PASSWORD_FILE"];
        fs::read_to_string(file).unwrap().trim_end().to_owned()
    }

    /// A connection to PostgreSQL as its superuser.
    pub async fn superuser(&self) -> PgConnection {
        let (password, address) = (self.superuser_password(), self.addresses[POSTGRES]);
        PgConnection::connect(&format!("postgres://postgres:{password}@{address}:5432/postgres")).await.unwrap()
    }

    /// What PostgreSQL has logged.
    pub fn postgres_logged(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.cluster.socket().join("log")).unwrap()).into_owned()
    }

    /// Takes PostgreSQL away, as a crash would.
    pub fn crash_postgres(&mut self) {
        self.cluster.stop();
    }

    /// It comes again, and goes through what it had not yet written to its place.
    pub async fn recover_postgres(&mut self) {
        self.cluster.start_again().await;
        self.is_healthy(POSTGRES).await;
    }
}
