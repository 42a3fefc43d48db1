//! The processes that serve a role elsewhere: calls go to them in turn, and past those that do not answer.
//!
//! A process that is gone refuses connections, and that is known at once. One that is stopped, or cut off, takes a call and says
//! nothing: so a call that waits for long is reason to ask for a sign of life (grpc.health.v1). Where there is none nobody is sent
//! until there is one, and whoever waits there and may ask again elsewhere does. Who is merely slow answers that question.

use std::{
    error::Error as _,
    iter::successors,
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Request, Response};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tonic::{
    body::Body,
    transport::{Channel as Connection, Error},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tower::ServiceExt as _;

use crate::{channel::MalformedAddress, connections::Way, tls::Tls};

/// HTTP/2 connections to each: one alone is served by one core of the other side.
const CONNECTIONS: usize = 4;

/// A call that has waited for so long is reason to ask.
const SUSPICIOUS: Duration = Duration::from_millis(250);

/// How long a sign of life may take, on a busy machine.
const SIGN_OF_LIFE: Duration = Duration::from_secs(2);

/// From one question to the next.
const PAUSE: Duration = Duration::from_millis(250);

/// All processes of a role.
pub struct Replicas {
    all: Vec<Arc<Replica>>,
    turn: AtomicUsize,
}

/// One of them.
pub struct Replica {
    way: Way,
    connections: Mutex<Connections>,
    turn: AtomicUsize,
    /// It gives no sign of life.
    is_silent: watch::Sender<bool>,
    /// Somebody is asking it for one.
    is_asked: AtomicBool,
    /// How many calls it has answered: each is a sign of life, where a machine is so busy that the one asked for is late.
    answered: AtomicUsize,
}

/// As long as the certificates stay what they are.
struct Connections {
    generation: u64,
    all: Vec<Connection>,
}

/// Why there is no answer.
pub enum Failure {
    /// The connection.
    Connection(Error),
    /// The call was sent, and the replica does not answer any more.
    Silence,
}

impl Replicas {
    /// Those of the role of this name at `addresses`, `host:port` with commas between them. Connects when first used, and again
    /// after a loss.
    pub fn at(addresses: &str, tls: Option<&Tls>, role: &str) -> Result<Self, MalformedAddress> {
        let ways = addresses.split(',').map(|address| Way::to(address.trim(), tls, role));
        let all = ways.map(|way| Ok(Arc::new(Replica::at(way?)))).collect::<Result<_, _>>()?;
        Ok(Self { all, turn: AtomicUsize::new(0) })
    }

    /// How many there are.
    pub fn number(&self) -> usize {
        self.all.len()
    }

    /// Those that answer as far as is known, from the one whose turn it is on, again and again: all connections to a role that has
    /// just been there may be of its life before.
    pub fn in_turn(&self) -> impl Iterator<Item = &Arc<Replica>> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.all.len().max(1);
        let in_turn = self.all.iter().cycle().skip(turn).take(self.all.len() * (CONNECTIONS + 1));
        in_turn.filter(|replica| !*replica.is_silent.borrow())
    }
}

impl Replica {
    fn at(way: Way) -> Self {
        let connections = Mutex::new(Connections::over(&way, way.generation()));
        let (turn, answered, is_asked) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
        Self { way, connections, turn, is_silent: watch::Sender::new(false), is_asked, answered }
    }

    /// The connection whose turn it is. There is always one. Over those of other certificates only what is underway goes on.
    pub fn connection(&self) -> Option<Connection> {
        let (turn, generation) = (self.turn.fetch_add(1, Ordering::Relaxed) % CONNECTIONS, self.way.generation());
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if connections.generation != generation {
            *connections = Connections::over(&self.way, generation);
        }
        connections.all.get(turn).cloned()
    }

    /// Calls it. `may_be_left`: the call is given up when it falls silent, because it may be made again.
    pub async fn call(self: &Arc<Self>, request: Request<Body>, may_be_left: bool) -> Result<Response<Body>, Failure> {
        let Some(connection) = self.connection() else { return Err(Failure::Silence) };
        let call = async {
            let answer = connection.oneshot(request).await;
            self.answered.fetch_add(usize::from(answer.is_ok()), Ordering::Relaxed);
            answer
        };
        let mut call = pin!(call);
        if let Ok(answer) = timeout(SUSPICIOUS, &mut call).await {
            return answer.map_err(Failure::Connection);
        }
        let mut silence = self.is_silent.subscribe();
        loop {
            self.suspect();
            tokio::select! {
                answer = &mut call => return answer.map_err(Failure::Connection),
                _ = silence.wait_for(|is_silent| *is_silent), if may_be_left => return Err(Failure::Silence),
                // It may stop only now.
                () = sleep(SIGN_OF_LIFE) => (),
            }
        }
    }

    /// Has it asked for a sign of life, unless somebody does so already.
    fn suspect(self: &Arc<Self>) {
        if !self.is_asked.swap(true, Ordering::Relaxed) {
            tokio::spawn(ask(Arc::downgrade(self)));
        }
    }

    /// Whether it gives a sign of life; nothing when that stays unknown. Where nobody listens that is said at once, and to whoever
    /// calls too; and a connection may just end. What takes long is a machine that is away.
    async fn lives(&self) -> Option<bool> {
        let connection = self.connection()?;
        let (began, before) = (Instant::now(), self.answered.load(Ordering::Relaxed));
        let asked = async { HealthClient::new(connection).check(HealthCheckRequest::default()).await };
        match timeout(SIGN_OF_LIFE, asked).await {
            Ok(Ok(_)) => Some(true),
            // What the other side itself has said, whatever it is.
            Ok(Err(status)) if status.source().is_none() => Some(true),
            _ if self.answered.load(Ordering::Relaxed) != before => Some(true),
            Ok(Err(_)) if began.elapsed() < SIGN_OF_LIFE / 2 => None,
            Ok(Err(_)) | Err(_) => Some(false),
        }
    }

    fn keep(&self, is_silent: bool) {
        if self.is_silent.send_replace(is_silent) != is_silent {
            let address = self.way.address();
            match is_silent {
                true => tracing::warn!(address, "it does not answer: nobody is sent there until it does"),
                false => tracing::info!(address, "it answers again"),
            }
        }
    }
}

impl Connections {
    fn over(way: &Way, generation: u64) -> Self {
        let endpoint = way.endpoint();
        Self { generation, all: (0..CONNECTIONS).map(|_| endpoint.connect_lazy()).collect() }
    }
}

/// Asks until there is a sign of life, or nobody needs one any more.
async fn ask(replica: Weak<Replica>) {
    while let Some(replica) = replica.upgrade() {
        let lives = replica.lives().await.unwrap_or(!*replica.is_silent.borrow());
        replica.keep(!lives);
        if lives {
            replica.is_asked.store(false, Ordering::Relaxed);
            return;
        }
        drop(replica);
        sleep(PAUSE).await;
    }
}

/// Whether the other side has not looked at the call, so that it may be made elsewhere whatever it does: nobody listened, the
/// connection ended before it was written, or the other side has said that it does not look at it (RFC 9113, 6.8 and 8.7).
pub fn was_never_seen(error: &Error) -> bool {
    successors(error.source(), |cause| (*cause).source()).any(|cause| {
        let was_unwritten = cause.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled);
        was_unwritten || cause.is::<tonic::ConnectError>() || cause.downcast_ref::<h2::Error>().is_some_and(is_refusal)
    })
}

fn is_refusal(error: &h2::Error) -> bool {
    let leaves = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
    let is_full = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    error.is_remote() && (leaves || is_full)
}
