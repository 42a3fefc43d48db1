//! The binary in processes of its own: on free ports, with its output in files, and gone with the test.

pub mod door;
pub mod http2;
pub mod library;
pub mod load;
pub mod roles;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use proto::identity::v1::identity_service_client::IdentityServiceClient;
use shared::{
    Clock,
    channel::Channel,
    passport::{Caller, Passports},
    secret::Secret,
};
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use tempfile::TempDir;
use testing::suite;
use tokio::{
    net::TcpSocket,
    time::{Instant, sleep},
};

use door::Door;

/// What the roles of a story share.
pub const INTERNAL_KEY: &str = "an internal key for tests, 32 bytes";

/// What the passwords of a story are mixed with.
pub const PEPPER: &str = "a pepper for tests, of at least 32 bytes";

/// The password of everybody, unless a story says otherwise.
pub const PASSWORD: &str = "Lis-7-livres!";

/// How long anything may take that is only waited for: the machine may be busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is started when the machine does not let it, or somebody else has its port.
const TRIES: u32 = 8;

/// A process to be started.
#[derive(Clone)]
pub struct Setup {
    arguments: Vec<String>,
    limits: Option<String>,
    log: Option<PathBuf>,
    variables: BTreeMap<String, String>,
    directory: PathBuf,
    /// What keeps its ports free for it, also while it is away.
    ports: Vec<Arc<TcpSocket>>,
}

/// A process that runs. It is killed when dropped.
pub struct Process {
    /// Where its HTTP port is, if it has one.
    pub http: String,
    /// Where its gRPC port is, if it has one; for a gateway, where identity is.
    pub grpc: String,
    /// Where its port for catalog is, if it has one.
    pub catalog: String,
    /// Where its port for lending is, if it has one.
    pub lending: String,
    setup: Setup,
    child: Child,
    output: TempDir,
}

/// A process that has ended.
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// Its standard output.
    pub said: String,
    /// Its standard error.
    pub logged: String,
}

impl Setup {
    /// `bibliotique <arguments>` in a directory.
    pub fn new(directory: &TempDir, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let directory = directory.path().to_owned();
        Self { arguments, limits: None, log: None, variables: BTreeMap::new(), directory, ports: Vec::new() }
    }

    /// The whole suite in one process, on its embedded database.
    pub fn suite(directory: &TempDir) -> Self {
        Self::new(directory, &["serve"])
    }

    /// Identity alone.
    pub fn identity(directory: &TempDir, database_url: &str) -> Self {
        Self::new(directory, &["serve", "identity"])
            .with("INTERNAL_KEY", INTERNAL_KEY)
            .with("PEPPER", PEPPER)
            .with("IDENTITY_DATABASE_URL", database_url)
    }

    /// Catalog alone, beside the lending at `lending`.
    pub fn catalog(directory: &TempDir, database_url: &str, lending: &str) -> Self {
        Self::new(directory, &["serve", "catalog"])
            .with("INTERNAL_KEY", INTERNAL_KEY)
            .with("CATALOG_DATABASE_URL", database_url)
            .with("LENDING_ADDR", lending)
    }

    /// Lending alone, beside the identity at `identity`.
    pub fn lending(directory: &TempDir, database_url: &str, identity: &str) -> Self {
        Self::new(directory, &["serve", "lending"])
            .with("INTERNAL_KEY", INTERNAL_KEY)
            .with("LENDING_DATABASE_URL", database_url)
            .with("IDENTITY_ADDR", identity)
    }

    /// The gateway alone, in front of the identities at `addresses`.
    pub fn gateway(directory: &TempDir, addresses: &str) -> Self {
        Self::new(directory, &["serve", "gateway"]).with("INTERNAL_KEY", INTERNAL_KEY).with("IDENTITY_ADDR", addresses)
    }

    /// With the variable `BIBLIOTIQUE_<name>`.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(format!("BIBLIOTIQUE_{name}"), value.to_owned());
        self
    }

    /// Whether it is this role alone.
    pub fn serves(&self, role: &str) -> bool {
        self.arguments.get(1).is_some_and(|argument| argument == role)
    }

    /// With a variable of another name: not all are ours.
    #[must_use]
    pub fn with_foreign(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// With an admin to be made at the start.
    #[must_use]
    pub fn with_admin(self) -> Self {
        self.with("ADMIN_EMAIL", suite::ADMIN).with("ADMIN_PASSWORD", PASSWORD)
    }

    /// Within limits of the operating system, which a shell command sets.
    #[must_use]
    pub fn within(self, limits: &str) -> Self {
        Self { limits: Some(limits.to_owned()), ..self }
    }

    /// With its log elsewhere.
    #[must_use]
    pub fn logging_to(self, file: &str) -> Self {
        Self { log: Some(file.into()), ..self }
    }

    /// On the addresses of another process.
    #[must_use]
    pub fn beside(self, other: &Process) -> Self {
        self.with("HTTP_ADDR", &other.http)
            .with("IDENTITY_ADDR", &other.grpc)
            .with("CATALOG_ADDR", &other.catalog)
            .with("LENDING_ADDR", &other.lending)
    }

    /// On addresses that nobody else has, unless the story names some.
    fn on_free_ports(mut self) -> Self {
        for name in ["HTTP_ADDR", "IDENTITY_ADDR", "CATALOG_ADDR", "LENDING_ADDR"] {
            self.variables.entry(format!("BIBLIOTIQUE_{name}")).or_insert_with(|| {
                let (address, port) = kept_address();
                self.ports.extend(port.map(Arc::new));
                address
            });
        }
        self
    }

    /// Nothing of the developer's own settings gets in.
    fn command(&self, output: &Path) -> Command {
        let file = |name| fs::File::create(output.join(name)).unwrap();
        let binary = env!("CARGO_BIN_EXE_bibliotique");
        let mut command = Command::new(if self.limits.is_some() { "sh" } else { binary });
        if let Some(limits) = &self.limits {
            // The shell becomes the binary, so it is still our child.
            command.args(["-c", &format!("{limits}; exec \"$0\" \"$@\""), binary]);
        }
        let log =
            self.log.as_ref().map_or_else(|| file("stderr"), |log| fs::File::options().write(true).open(log).unwrap());
        command
            .args(&self.arguments)
            .current_dir(&self.directory)
            .env_clear()
            .envs(env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(&self.variables)
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(log);
        command
    }

    /// Starts it, and does not wait for anything.
    pub fn spawn(&self) -> Process {
        let setup = self.clone().on_free_ports();
        let output = tempfile::tempdir().unwrap();
        let child = setup.command(output.path()).spawn().unwrap();
        let address = |name: &str| setup.variables[name].clone();
        let (http, grpc) = (address("BIBLIOTIQUE_HTTP_ADDR"), address("BIBLIOTIQUE_IDENTITY_ADDR"));
        let (catalog, lending) = (address("BIBLIOTIQUE_CATALOG_ADDR"), address("BIBLIOTIQUE_LENDING_ADDR"));
        Process { http, grpc, catalog, lending, setup, child, output }
    }

    /// Starts it. When this answers, it says that it is ready.
    pub async fn start(&self) -> Process {
        for _ in 0..TRIES {
            let mut process = self.spawn();
            match process.get_ready().await {
                Ok(()) => return process,
                // Somebody else has the port, or the machine is so busy that the database does not answer in time.
                Err(ended) if ["cannot listen on", "pool timed out"].iter().any(|why| ended.logged.contains(why)) => {
                    sleep(Duration::from_millis(200)).await;
                }
                Err(ended) => panic!("it does not start: {}{}", ended.said, ended.logged),
            }
        }
        panic!("it did not start, {TRIES} times");
    }

    /// Runs it to its end.
    pub async fn run(&self) -> Ended {
        let mut ended = self.spawn().ends(PATIENCE).await;
        for _ in 1..TRIES {
            if !ended.logged.contains("cannot listen on") || self.names_an_address() {
                break;
            }
            ended = self.spawn().ends(PATIENCE).await;
        }
        ended
    }

    /// Whether the story says where it is to listen, and so may want a port that is taken.
    fn names_an_address(&self) -> bool {
        self.variables.keys().any(|name| name.ends_with("_ADDR"))
    }
}

impl Process {
    async fn get_ready(&mut self) -> Result<(), Ended> {
        let began = Instant::now();
        while !self.said().contains("is ready") {
            if self.child.try_wait().unwrap().is_some() {
                return Err(self.ends(PATIENCE).await);
            }
            assert!(began.elapsed() < PATIENCE, "it is not ready after {PATIENCE:?}");
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    /// What it has written to its standard output.
    pub fn said(&self) -> String {
        read(&self.output.path().join("stdout"))
    }

    /// What it has written to its standard error.
    pub fn logged(&self) -> String {
        read(&self.output.path().join("stderr"))
    }

    /// The number under which the system knows it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it `TERM`, `INT`, `STOP` or `CONT`. The shell's own `kill` is everywhere.
    pub fn signal(&self, name: &str) {
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -s \"$0\" \"$1\"", name, &self.id().to_string()]);
        assert!(kill.status().unwrap().success());
    }

    /// Ends it in order and starts it again.
    pub async fn restart(&mut self, within: Duration) {
        self.signal("TERM");
        let ended = self.ends(within).await;
        assert_eq!(ended.status.code(), Some(0), "{}", ended.logged);
        *self = self.again().start().await;
    }

    /// Kills it, as a power cut would.
    pub fn kill(&mut self) {
        let _gone_already = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Waits for its end.
    pub async fn ends(&mut self, within: Duration) -> Ended {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Ended { status, said: self.said(), logged: self.logged() };
            }
            assert!(began.elapsed() < within, "it still runs after {within:?}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// How to start it again, on the same addresses.
    pub fn again(&self) -> &Setup {
        &self.setup
    }

    /// Its HTTP port.
    pub fn door(&self) -> Door {
        Door::at(&self.http)
    }

    /// Its gRPC port, called with passports that its internal key signs.
    pub fn identity_as(&self, caller: Caller) -> IdentityServiceClient<Channel> {
        let passports = Arc::new(Passports::new(&Secret::from(INTERNAL_KEY)));
        let (descriptors, clock) = (proto::DESCRIPTORS, Clock::system());
        let channel = Channel::remote(&self.grpc, descriptors, identity::AUDIENCE, caller, passports, clock).unwrap();
        IdentityServiceClient::new(channel)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.logged();
            let tail = log.lines().rev().take(40).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n");
            eprintln!("--- {:?} said:\n{}--- and logged at last:\n{tail}\n---", self.setup.arguments, self.said());
        }
    }
}

/// An address of this machine that nobody listens on, and that nobody else gets for as long as this process lives.
pub fn free_address() -> String {
    static PORTS: Mutex<Vec<TcpSocket>> = Mutex::new(Vec::new());
    let (address, port) = kept_address();
    PORTS.lock().unwrap().extend(port);
    address
}

/// An address that nobody listens on, and what keeps it. Linux lets a process listen where another one is merely bound, if both
/// say so (SO_REUSEADDR), and gives the port to nobody who asks for any; elsewhere it is only free at this moment.
fn kept_address() -> (String, Option<TcpSocket>) {
    let port = TcpSocket::new_v4().unwrap();
    port.set_reuseaddr(true).unwrap();
    port.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = port.local_addr().unwrap().to_string();
    (address, Some(port).filter(|_| cfg!(target_os = "linux")))
}

fn read(file: &Path) -> String {
    String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned()
}

/// Asks again and again until the answer is yes; answers with how long that took.
pub async fn eventually(within: Duration, what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < within, "not within {within:?}: {what}");
        sleep(Duration::from_millis(10)).await;
    }
    began.elapsed()
}

/// A number out of a database.
pub async fn count(database_url: &str, sql: &'static str) -> i64 {
    if database_url.starts_with("sqlite:") {
        sqlx::query_scalar(sql).fetch_one(&mut SqliteConnection::connect(database_url).await.unwrap()).await.unwrap()
    } else {
        sqlx::query_scalar(sql).fetch_one(&mut PgConnection::connect(database_url).await.unwrap()).await.unwrap()
    }
}

/// A column of texts out of a database.
pub async fn column(database_url: &str, sql: &'static str) -> BTreeSet<String> {
    let texts: Vec<String> = if database_url.starts_with("sqlite:") {
        sqlx::query_scalar(sql).fetch_all(&mut SqliteConnection::connect(database_url).await.unwrap()).await.unwrap()
    } else {
        sqlx::query_scalar(sql).fetch_all(&mut PgConnection::connect(database_url).await.unwrap()).await.unwrap()
    };
    texts.into_iter().collect()
}
