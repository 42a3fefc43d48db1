//! One server for every role: bounded in connections, streams and time, and ended in time whatever its clients do.

use std::{
    io::ErrorKind::{ConnectionReset, UnexpectedEof},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use http::Request;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service as _;

use crate::tls::{Refusals, Tls};

/// What a server puts up with.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections; more wait in the listener's queue.
    pub connections: usize,
    /// From accepting a connection to its first request's whole head, and for each further head.
    pub head: Duration,
    /// After this long a connection is asked to end when idle, so that load spreads over replicas again.
    pub age: Duration,
    /// What requests in flight get at the end; afterwards their connections are cut.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            head: Duration::from_secs(10),
            age: Duration::from_secs(3600),
            grace: Duration::from_secs(15),
        }
    }
}

/// HTTP/2 requests at once in one connection.
const STREAMS: u32 = 128;

/// The address of the client at the other end of the connection, as a request extension.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Serves `app` on `listener`, HTTP/1.1 and HTTP/2, until `stop` and at most `limits.grace` longer.
pub async fn serve(listener: TcpListener, app: Router, limits: Limits, stop: CancellationToken) {
    serve_to(None, listener, app, limits, stop).await;
}

/// As [`serve`], with TLS if it is given: then only to whoever shows a certificate of the suite's authority.
pub async fn serve_to(tls: Option<Tls>, listener: TcpListener, app: Router, limits: Limits, stop: CancellationToken) {
    let refusals = Arc::new(Refusals::default());
    let places = Arc::new(Semaphore::new(limits.connections));
    let connections = TaskTracker::new();
    let (leave, cut) = (CancellationToken::new(), CancellationToken::new());

    while let Some((stream, peer)) = stop.run_until_cancelled(accept(&listener)).await {
        let Some(Ok(place)) = stop.run_until_cancelled(Arc::clone(&places).acquire_owned()).await else { break };
        let connection = enter(tls.clone(), Arc::clone(&refusals), stream, peer, app.clone(), limits, leave.clone());
        let cut = cut.clone();
        connections.spawn(async move {
            let _place = place;
            cut.run_until_cancelled(connection).await
        });
    }

    // First nobody listens any more: whoever is sent away would come back at once, be let in and be cut off.
    drop(listener);
    leave.cancel();
    connections.close();
    if timeout(limits.grace, connections.wait()).await.is_err() {
        tracing::warn!(open = connections.len(), "cutting connections that did not end");
        cut.cancel();
        connections.wait().await;
    }
}

/// The next connection. Out of file descriptors is a state to sit out, not to die of.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn enter(
    tls: Option<Tls>,
    refusals: Arc<Refusals>,
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    // Answers are small and written whole: waiting to fill a packet only costs time.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else { return connection(stream, peer, app, limits, stop).await };
    match stop.run_until_cancelled(tls.accept(stream)).await {
        Some(Ok(stream)) => connection(stream, peer, app, limits, stop).await,
        // Whoever only looks whether somebody listens, as a load balancer does, is not told of.
        Some(Err(error)) if matches!(error.kind(), UnexpectedEof | ConnectionReset) => (),
        Some(Err(error)) => refusals.add(peer, &error),
        None => (),
    }
}

async fn connection<S>(stream: S, peer: SocketAddr, app: Router, limits: Limits, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let spoken = Arc::new(AtomicBool::new(false));
    let service = hyper::service::service_fn({
        let spoken = Arc::clone(&spoken);
        move |mut request: Request<Incoming>| {
            spoken.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(Peer(peer));
            app.clone().call(request.map(Body::new))
        }
    });

    let builder = builder(limits);
    let mut serving = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut silent = std::pin::pin!(sleep(limits.head));
    let mut old = std::pin::pin!(sleep(limits.age));
    let mut leaving = false;
    loop {
        tokio::select! {
            _ = serving.as_mut() => return,
            // hyper waits for ever for the bytes that tell HTTP/1 from HTTP/2.
            () = silent.as_mut(), if !silent.is_elapsed() => {
                if !spoken.load(Ordering::Relaxed) {
                    return;
                }
            }
            () = old.as_mut(), if !leaving => {
                leaving = true;
                serving.as_mut().graceful_shutdown();
            }
            () = stop.cancelled(), if !leaving => {
                leaving = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}

fn builder(limits: Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(64 * 1024);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(16 * 1024)
        // As many as may be open: a role that gives up all calls of a connection, because time is up, must not lose it with
        // those that it has made since. Whoever does it again and again still does.
        .max_pending_accept_reset_streams(STREAMS as usize)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(10));
    builder
}
