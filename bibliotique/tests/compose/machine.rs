//! What docker-compose.yml says, as plain processes: the same commands with the same variables, in the same order, asked
//! for their health by the same commands. Only names are others: each service has an address on loopback instead of its name,
//! and a directory instead of each volume.

mod postgres;

use std::{
    collections::BTreeMap,
    env, fs,
    net::{IpAddr, Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use tempfile::TempDir;
use testing::Cluster;
use tokio::sync::{Mutex, MutexGuard};

use crate::{
    file::{self, Condition, Service, Services},
    process::{Ended, PATIENCE, door::Door, eventually},
};

/// The services that run.
pub struct Machine {
    services: Services,
    addresses: BTreeMap<String, Ipv4Addr>,
    directory: TempDir,
    cluster: Cluster,
    running: BTreeMap<String, Child>,
    _turn: MutexGuard<'static, ()>,
}

/// One machine at a time: each is nine processes and a database server that mean it with their promises of time.
static TURN: Mutex<()> = Mutex::const_new(());

impl Machine {
    /// Starts the services of these profiles; `None` where PostgreSQL tests are skipped, or loopback has a single address.
    pub async fn start(profiles: &[&str], environment: Option<&str>) -> Option<Self> {
        let services = file::services(&environment.map(file::variables).unwrap_or_default());
        let addresses = addresses(&services)?;
        let turn = TURN.lock().await;
        let cluster = Cluster::initialised(&postgres::initdb(&services)).await?;
        let directory = tempfile::tempdir().unwrap();
        let outside = services.values().flat_map(Service::mounts).map(|(source, _)| source.to_owned());
        let directories = outside.filter(|source| !file::root().join(source).is_file());
        for volume in file::volumes().into_iter().chain(directories) {
            fs::create_dir_all(directory.path().join("volumes").join(volume)).unwrap();
        }
        let mut machine = Self { services, addresses, directory, cluster, running: BTreeMap::new(), _turn: turn };
        for name in machine.in_order(profiles) {
            machine.begin(&name).await;
        }
        Some(machine)
    }

    /// Who depends on others comes after them.
    fn in_order(&self, profiles: &[&str]) -> Vec<String> {
        let mut order: Vec<String> = Vec::new();
        let wanted: Vec<_> = self.services.iter().filter(|(_, service)| service.is_in(profiles)).collect();
        while order.len() < wanted.len() {
            let is_next = |(name, service): &&(&String, &Service)| {
                !order.contains(name) && service.depends_on.keys().all(|other| order.contains(other))
            };
            let next = wanted.iter().find(is_next).expect("nobody waits for himself");
            order.push(next.0.clone());
        }
        order
    }

    /// Starts a service, and waits until it is what others wait for.
    async fn begin(&mut self, name: &str) {
        let service = self.services[name].clone();
        let is_waited_for = |condition| {
            self.services.values().any(|other| other.depends_on.get(name).is_some_and(|on| on.condition == condition))
        };
        if service.image.starts_with("postgres:") {
            self.begin_postgres(name).await;
        } else if is_waited_for(Condition::ServiceCompletedSuccessfully) {
            let ended = self.run(name, &service.command.iter().map(String::as_str).collect::<Vec<_>>());
            assert!(ended.status.success(), "{name}: {}", ended.logged);
        } else {
            self.spawn(name);
        }
        if service.healthcheck.is_some() {
            self.is_healthy(name).await;
        }
    }

    /// Starts a service again, as Docker does when it has died, and does not wait for it.
    pub fn spawn(&mut self, name: &str) {
        let mut command = self.command(name, &self.services[name].command);
        let log = fs::File::options().create(true).append(true).open(self.log(name)).unwrap();
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let former = self.running.insert(name.to_owned(), command.spawn().unwrap());
        assert!(former.is_none(), "{name} runs already");
    }

    /// Runs a command in the place of a service, to its end: `docker compose run --rm <name> <arguments>`.
    pub fn run(&self, name: &str, arguments: &[&str]) -> Ended {
        self.run_without(name, arguments, &[])
    }

    /// The same, with some variables missing.
    pub fn run_without(&self, name: &str, arguments: &[&str], missing: &[&str]) -> Ended {
        let mut command = self.command(name, arguments);
        for variable in missing {
            command.env_remove(variable);
        }
        ended(&mut command)
    }

    /// The same, with another value of a variable.
    pub fn run_with(&self, name: &str, arguments: &[&str], variables: &[(&str, &Path)]) -> Ended {
        let mut command = self.command(name, arguments);
        command.envs(variables.iter().copied());
        ended(&mut command)
    }

    /// Kills a service, as a power cut would.
    pub fn kill(&mut self, name: &str) {
        let mut child = self.running.remove(name).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks a service for its health once, by its own command.
    pub fn health(&self, name: &str) -> ExitStatus {
        let test = &self.services[name].healthcheck.as_ref().unwrap().test;
        let [how, program, arguments @ ..] = test.as_slice() else { panic!("{test:?}") };
        assert_eq!(how, "CMD");
        let mut command = match program.as_str() {
            "bibliotique" => self.command(name, arguments),
            other => {
                let mut command = Command::new(other);
                command.args(arguments.iter().map(|argument| self.mapped(name, argument))).env("PATH", self.path());
                command
            }
        };
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap()
    }

    /// Waits until a service is healthy.
    pub async fn is_healthy(&self, name: &str) {
        eventually(PATIENCE, &format!("{name} is healthy"), async || self.health(name).success()).await;
    }

    /// The HTTP APIs of a gateway.
    pub fn door(&self, name: &str) -> Door {
        Door::at(&format!("{}:8888", self.addresses[name]))
    }

    /// The services that run.
    pub fn running(&self) -> Vec<String> {
        self.running.keys().cloned().collect()
    }

    /// What Prometheus would read of a service.
    pub async fn figures(&self, name: &str) -> String {
        let url = format!("http://{}:9464/metrics", self.addresses[name]);
        reqwest::get(url).await.unwrap().error_for_status().unwrap().text().await.unwrap()
    }

    /// A file in a volume.
    pub fn volume(&self, volume: &str, file: &str) -> PathBuf {
        self.directory.path().join("volumes").join(volume).join(file)
    }

    /// What a service has logged.
    pub fn logged(&self, name: &str) -> String {
        fs::read_to_string(self.log(name)).unwrap_or_default()
    }

    fn log(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("{name}.log"))
    }

    /// Our binary with a service's variables, and no others. PostgreSQL's programs are where its image has them: in `PATH`.
    fn command(&self, name: &str, arguments: &[impl AsRef<str>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bibliotique"));
        command
            .args(arguments.iter().map(|argument| self.mapped(name, argument.as_ref())))
            .env_clear()
            .env("PATH", self.path())
            .envs(self.environment(name))
            .current_dir(self.directory.path())
            .stdin(Stdio::null());
        command
    }

    fn environment(&self, name: &str) -> BTreeMap<String, String> {
        let variables = self.services[name].variables();
        variables.map(|(variable, value)| (variable.to_owned(), self.mapped(name, value))).collect()
    }

    /// What a service says of paths and hosts, where it is now.
    fn mapped(&self, name: &str, text: &str) -> String {
        for (source, target) in self.services[name].mounts() {
            if let Some(rest) = text.strip_prefix(target) {
                return format!("{}{rest}", self.volume(source, "").display()).replace("//", "/");
            }
        }
        if text == "/secrets" {
            return self.secrets().display().to_string();
        }
        let hosts = text.split(',').map(|part| {
            let (host, rest) = part.split_at(part.find(':').unwrap_or(part.len()));
            match host {
                "0.0.0.0" | "127.0.0.1" => format!("{}{rest}", self.addresses[name]),
                _ if rest.is_empty() => part.to_owned(),
                _ => self.addresses.get(host).map_or_else(|| part.to_owned(), |address| format!("{address}{rest}")),
            }
        });
        hosts.collect::<Vec<_>>().join(",")
    }

    /// A directory in which all volumes of secrets are, as the service that makes them sees them.
    fn secrets(&self) -> PathBuf {
        let directory = self.directory.path().join("secrets");
        if !directory.exists() {
            fs::create_dir(&directory).unwrap();
            for (volume, target) in self.services["secrets"].mounts() {
                let name = target.strip_prefix("/secrets/").unwrap();
                std::os::unix::fs::symlink(self.volume(volume, ""), directory.join(name)).unwrap();
            }
        }
        directory
    }

    fn path(&self) -> String {
        format!("{}:{}", self.cluster.programs().display(), env::var("PATH").unwrap_or_default())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for (name, child) in &mut self.running {
            let _gone_already = child.kill();
            let _status = child.wait();
            if std::thread::panicking() {
                let log = fs::read_to_string(self.directory.path().join(format!("{name}.log"))).unwrap_or_default();
                let lines: Vec<_> = log.lines().collect();
                eprintln!("--- {name} logged at last:\n{}", lines[lines.len().saturating_sub(20)..].join("\n"));
            }
        }
    }
}

fn ended(command: &mut Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { status: output.status, said: text(output.stdout), logged: text(output.stderr) }
}

/// An address of its own for each service, in a part of loopback where nobody else is likely to be; so the ports are those of the
/// file. Only Linux has more than one address there.
fn addresses(services: &Services) -> Option<BTreeMap<String, Ipv4Addr>> {
    let [a, b] = shared::random::bytes::<2>();
    let network = |number: usize| Ipv4Addr::new(127, a | 16, b, u8::try_from(number).unwrap());
    if TcpListener::bind((IpAddr::V4(network(1)), 0)).is_err() {
        eprintln!("skipped: loopback has one address");
        return None;
    }
    Some(services.keys().enumerate().map(|(number, name)| (name.clone(), network(number + 1))).collect())
}
