//! The connections to another role, which is at one address or at several.

use std::time::Duration;

use tokio::{sync::mpsc::Sender, time::sleep};
use tonic::transport::{Channel as Connections, Endpoint, channel::Change};

use crate::{channel::MalformedAddress, tls::Tls};

/// HTTP/2 connections to each address: one alone is served by one core of the other side.
const CONNECTIONS: usize = 4;

/// The most bytes of an answer's headers, where refusals are: one may name a thousand ids.
const HEADER_BYTES: u32 = 128 * 1024;

/// How often is looked whether there are new certificates.
const LOOKED_AT: Duration = Duration::from_secs(1);

/// To the role of this name at `addresses`, `host:port` with commas between them. Made when they are first used, and again after a
/// loss.
pub(crate) fn connect(addresses: &str, tls: Option<&Tls>, role: &'static str) -> Result<Connections, MalformedAddress> {
    let scheme = if tls.is_some() { "https" } else { "http" };
    let endpoints: Result<Vec<_>, _> = addresses.split(',').map(|address| endpoint(scheme, address.trim())).collect();
    let endpoints = Endpoints { each: endpoints?, tls: tls.cloned(), role };
    let (connections, changes) = Connections::balance_channel(endpoints.each.len() * CONNECTIONS);
    let generation = tls.map(|tls| tls.current().generation);
    for change in endpoints.all() {
        // The queue has room for all of them.
        changes.try_send(change).map_err(|_| MalformedAddress::of(addresses))?;
    }
    if let (Some(tls), Some(generation)) = (tls, generation) {
        tokio::spawn(endpoints.follow(tls.clone(), generation, changes));
    }
    Ok(connections)
}

/// One connection to the role of this name at one address.
pub(crate) fn single(address: &str, tls: Option<&Tls>, role: &str) -> Result<Endpoint, MalformedAddress> {
    let Some(tls) = tls else { return endpoint("http", address) };
    endpoint("https", address)?.tls_config(tls.current().calling(role)).map_err(|_| MalformedAddress::of(address))
}

fn endpoint(scheme: &str, address: &str) -> Result<Endpoint, MalformedAddress> {
    let malformed = || MalformedAddress::of(address);
    let endpoint = Endpoint::from_shared(format!("{scheme}://{address}")).map_err(|_| malformed())?;
    if endpoint.uri().port().is_none() {
        return Err(malformed());
    }
    let endpoint = endpoint
        .connect_timeout(Duration::from_secs(2))
        .http2_keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(10))
        .keep_alive_while_idle(true)
        .http2_max_header_list_size(HEADER_BYTES)
        .tcp_nodelay(true);
    Ok(endpoint)
}

struct Endpoints {
    each: Vec<Endpoint>,
    tls: Option<Tls>,
    role: &'static str,
}

impl Endpoints {
    /// All connections, with what the certificates are now.
    fn all(&self) -> impl Iterator<Item = Change<usize, Endpoint>> {
        let calling = self.tls.as_ref().map(|tls| tls.current().calling(self.role));
        let number = self.each.len() * CONNECTIONS;
        self.each.iter().cycle().take(number).enumerate().map(move |(number, endpoint)| {
            let secured = calling.clone().map(|calling| endpoint.clone().tls_config(calling));
            // Unsecured, an https endpoint makes no connection.
            Change::Insert(number, secured.and_then(Result::ok).unwrap_or_else(|| endpoint.clone()))
        })
    }

    /// Replaces the connections when the certificates have changed, as long as somebody uses them. Calls underway go on.
    async fn follow(self, tls: Tls, mut generation: u64, changes: Sender<Change<usize, Endpoint>>) {
        loop {
            tokio::select! {
                () = changes.closed() => return,
                () = sleep(LOOKED_AT) => (),
            }
            let now = tls.current().generation;
            if now == generation {
                continue;
            }
            generation = now;
            for change in self.all() {
                if changes.send(change).await.is_err() {
                    return;
                }
            }
        }
    }
}
