//! PostgreSQL goes away and comes back, or would lose what it has acknowledged.
#![expect(clippy::unwrap_used, reason = "a test")]

#[expect(dead_code, reason = "each story uses its part of the harness")]
mod process;

use std::time::Duration;

use process::{PASSWORD, Process, Setup, eventually};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::tempdir;
use testing::{Cluster, suite::ADMIN};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
    sync::{Mutex, watch},
    task::{JoinHandle, JoinSet},
    time::Instant,
};
use tonic::transport::Endpoint;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

/// How soon a change of the database shows.
const SOON: Duration = Duration::from_secs(5);

/// How soon a request is told: the pool's patience is 2 s, not twice that, and the rest is for a busy machine.
const TOLD: Duration = Duration::from_millis(3900);

/// How a database goes away.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Its server is killed, and what stands in front of it takes connections only to end them.
    Gone,
    /// Its machine answers, and nobody listens there.
    Refused,
    /// Nothing comes back any more, as from a machine behind a broken cable.
    Silent,
}

/// A database that can be taken away and brought back.
struct Place {
    cluster: Cluster,
    url: String,
    wire: Wire,
}

impl Place {
    async fn new() -> Option<Self> {
        let cluster = Cluster::start().await?;
        let socket_url = cluster.database().await;
        let (rest, directory) = socket_url.split_once("?host=").unwrap();
        let wire = Wire::to(format!("{}/.s.PGSQL.5432", directory.replace("%2F", "/")));
        wire.mend().await;
        let url = rest.replace("localhost:5432", &wire.address);
        Some(Self { cluster, url, wire })
    }

    async fn away(&mut self, way: Way) {
        match way {
            Way::Gone => self.cluster.stop(),
            Way::Refused => self.wire.cut().await,
            Way::Silent => self.wire.hush(true),
        }
    }

    async fn back(&mut self, way: Way) {
        match way {
            Way::Gone => self.cluster.start_again().await,
            Way::Refused => self.wire.mend().await,
            Way::Silent => self.wire.hush(false),
        }
    }
}

/// A TCP port in front of the server's socket.
struct Wire {
    address: String,
    socket: String,
    hushed: watch::Sender<bool>,
    carrying: Mutex<Option<JoinHandle<()>>>,
}

impl Wire {
    fn to(socket: String) -> Self {
        let (address, hushed) = (process::free_address(), watch::Sender::new(false));
        Self { address, socket, hushed, carrying: Mutex::new(None) }
    }

    /// Carries, from now on.
    async fn mend(&self) {
        let listener = TcpListener::bind(&self.address).await.unwrap();
        let (socket, hushed) = (self.socket.clone(), self.hushed.subscribe());
        let carrying = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                connections.spawn(carry(client, socket.clone(), hushed.clone()));
            }
        });
        *self.carrying.lock().await = Some(carrying);
    }

    /// Ends what it carries, and refuses more.
    async fn cut(&self) {
        let carrying = self.carrying.lock().await.take().unwrap();
        carrying.abort();
        assert!(carrying.await.unwrap_err().is_cancelled());
    }

    /// Takes everything and carries nothing.
    fn hush(&self, hushed: bool) {
        self.hushed.send_replace(hushed);
    }
}

async fn carry(client: TcpStream, socket: String, hushed: watch::Receiver<bool>) {
    let Ok(server) = UnixStream::connect(socket).await else { return };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::join!(pass_on(from_client, to_server, hushed.clone()), pass_on(from_server, to_client, hushed));
}

async fn pass_on(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut hushed: watch::Receiver<bool>) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        let carries = hushed.wait_for(|hushed| !hushed).await.is_ok();
        if !carries || to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

/// What identity's gRPC health says.
async fn health(process: &Process) -> ServingStatus {
    health_of(&process.grpc, identity::SERVICE).await
}

/// What a service's gRPC health says.
async fn health_of(address: &str, service: &str) -> ServingStatus {
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    let service = service.to_owned();
    HealthClient::new(channel).check(HealthCheckRequest { service }).await.unwrap().into_inner().status()
}

/// Requests that need the database say 503 in the surface's words, in time.
async fn are_told(gateway: &Process, token: &str) {
    let (door, began) = (gateway.door(), Instant::now());
    let (me, login, change) = tokio::join!(
        door.get("/api/clients/me", Some(token)),
        door.sign_in(ADMIN, PASSWORD),
        door.change_password(token, PASSWORD, "Zebre-perdu-42"),
    );
    let took = began.elapsed();
    for answer in [me, login, change.unwrap()] {
        assert_eq!((answer.status, answer.json()["success"].as_bool()), (503, Some(false)), "{}", answer.text);
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert!(took < TOLD, "told after {took:?}");
}

/// The database goes and comes, in every way; `front` and `back` may be one process.
async fn goes_and_comes(mut place: Place, front: &Process, back: &Process) {
    let door = front.door();
    let token = door.token(ADMIN, PASSWORD).await;
    for way in [Way::Gone, Way::Refused, Way::Silent] {
        eprintln!("{way:?}");
        assert!(door.is_ready().await);

        place.away(way).await;

        are_told(front, &token).await;
        let not_ready = async || door.get("/readyz", None).await.status == 503;
        eventually(SOON, "it is not ready", not_ready).await;
        eventually(SOON, "its health says so", async || health(back).await == ServingStatus::NotServing).await;
        assert_eq!(door.get("/healthz", None).await.status, 200);
        are_told(front, &token).await;

        place.back(way).await;

        let began = Instant::now();
        eventually(SOON, "it is ready again", async || door.is_ready().await).await;
        eventually(SOON, "its health says so", async || health(back).await == ServingStatus::Serving).await;
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
        assert!(door.knows(&token).await);
        door.token(ADMIN, PASSWORD).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_says_in_time_that_its_database_is_away_and_that_it_is_back() {
    let Some(place) = Place::new().await else { return };
    let directory = tempdir().unwrap();
    let suite = Setup::suite(&directory).with("IDENTITY_DATABASE_URL", &place.url).with_admin().start().await;

    goes_and_comes(place, &suite, &suite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_do_the_roles_apart() {
    let Some(place) = Place::new().await else { return };
    let directory = tempdir().unwrap();
    let identity = Setup::identity(&directory, &place.url).with_admin().start().await;
    let gateway = Setup::gateway(&directory, &identity.grpc).start().await;

    goes_and_comes(place, &gateway, &identity).await;
}

/// All roles apart, each with a database of its own in one server, which is shut down at once, and stopped (SIGSTOP).
#[tokio::test(flavor = "multi_thread")]
async fn each_role_says_it_of_its_own_database() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let directory = tempdir().unwrap();
    let identity = Setup::identity(&directory, &cluster.database().await).with_admin().start().await;
    let lending = Setup::lending(&directory, &cluster.database().await, &identity.grpc).start().await;
    let catalog = Setup::catalog(&directory, &cluster.database().await, &lending.lending).start().await;
    let gateway = Setup::gateway(&directory, &identity.grpc);
    let gateway = gateway.with("CATALOG_ADDR", &catalog.catalog).with("LENDING_ADDR", &lending.lending).start().await;
    let door = gateway.door();
    let services = [
        (&identity.grpc, identity::SERVICE),
        (&catalog.catalog, catalog::SERVICE),
        (&lending.lending, lending::SERVICE),
    ];
    let all_say = async |status: ServingStatus, is_ready: bool| {
        for (address, service) in services {
            if health_of(address, service).await != status {
                return false;
            }
        }
        let ready = door.get("/readyz", None).await.json();
        ["ready", "identity", "catalog", "lending"].iter().all(|of| ready[of] == is_ready)
    };
    eventually(SOON, "all are ready", async || all_say(ServingStatus::Serving, true).await).await;

    for is_stopped in [false, true] {
        if is_stopped {
            cluster.freeze()
        } else {
            cluster.stop()
        }
        let took = eventually(SOON, "all say so", async || all_say(ServingStatus::NotServing, false).await).await;
        eprintln!("away, stopped: {is_stopped}: all say so after {took:?}");
        assert_eq!(door.get("/healthz", None).await.status, 200);

        if is_stopped {
            cluster.thaw()
        } else {
            cluster.start_again().await
        }
        let took = eventually(SOON, "all are back", async || all_say(ServingStatus::Serving, true).await).await;
        eprintln!("back: all say so after {took:?}");
        door.token(ADMIN, PASSWORD).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_would_lose_what_it_acknowledged_is_refused() {
    let Some(database) = testing::postgres().await else { return };
    let directory = tempdir().unwrap();
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    let name: String = sqlx::query_scalar("SELECT current_database()").fetch_one(&mut connection).await.unwrap();
    let alter = format!("ALTER DATABASE {name} SET synchronous_commit = off");
    sqlx::raw_sql(AssertSqlSafe(alter)).execute(&mut connection).await.unwrap();

    let ended = Setup::identity(&directory, database.url()).run().await;

    assert_eq!(ended.status.code(), Some(1));
    assert_eq!((ended.said.as_str(), ended.logged.lines().count()), ("", 1), "{}", ended.logged);
    assert!(ended.logged.contains("synchronous_commit is \"off\""), "{}", ended.logged);
    let tables = process::count(database.url(), "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'").await;
    assert_eq!(tables, 0, "a refused database was changed");
}
