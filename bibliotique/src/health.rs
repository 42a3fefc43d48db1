//! `bibliotique health`: whether a role is ready, for those who start it and watch it.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context as _, bail};
use clap::Args;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::cli::{CommonArgs, ServedRole};

/// How long a gateway is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The first bytes of an answer that says yes (RFC 9112).
const YES: &[u8] = b"HTTP/1.1 200";

/// `bibliotique health`.
#[derive(Args, Clone, Debug)]
pub struct HealthArgs {
    /// Which role: at the address where the settings say that it is, each of several. Without it, the gateway.
    pub role: Option<ServedRole>,

    /// Where the HTTP APIs are served.
    #[arg(long, env = "BIBLIOTIQUE_HTTP_ADDR", default_value = "127.0.0.1:8888")]
    pub http_addr: SocketAddr,

    /// See [`CommonArgs`].
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Says that a role is ready, or an error why it is not.
///
/// # Errors
/// A sentence when it is not, or does not answer.
pub async fn run(args: &HealthArgs) -> anyhow::Result<()> {
    let common = &args.common;
    match args.role {
        None | Some(ServedRole::Gateway) => gateway(args.http_addr).await,
        Some(ServedRole::Identity) => service(common, identity::AUDIENCE, &common.identity_addr).await,
        Some(ServedRole::Catalog) => service(common, catalog::AUDIENCE, &common.catalog_addr).await,
        Some(ServedRole::Lending) => service(common, lending::AUDIENCE, &common.lending_addr).await,
    }
}

async fn service(common: &CommonArgs, role: &str, addresses: &str) -> anyhow::Result<()> {
    let tls = common.tls.load(None)?;
    for address in addresses.split(',').map(str::trim) {
        let serves = shared::health::ask(&reached(address), tls.as_ref(), role).await;
        match serves.map_err(|why| anyhow::anyhow!("{role} at {address} does not answer: {why}"))? {
            true => println!("{role} at {address} is ready"),
            false => bail!("{role} at {address} is not ready"),
        }
    }
    Ok(())
}

async fn gateway(address: SocketAddr) -> anyhow::Result<()> {
    let asked = timeout(PATIENCE, says_yes(here(address))).await;
    let in_time = asked.with_context(|| format!("the gateway at {address} does not answer in time"))?;
    match in_time.with_context(|| format!("the gateway at {address} does not answer"))? {
        true => println!("the gateway at {address} is ready"),
        false => bail!("the gateway at {address} is not ready"),
    }
    Ok(())
}

async fn says_yes(gateway: SocketAddr) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(gateway).await?;
    let question = format!("GET /readyz HTTP/1.1\r\nHost: {gateway}\r\nConnection: close\r\n\r\n");
    stream.write_all(question.as_bytes()).await?;
    let mut answer = [0; YES.len()];
    stream.read_exact(&mut answer).await?;
    Ok(answer == YES)
}

/// The same address for a caller: who listens everywhere is reached on loopback.
fn reached(address: &str) -> String {
    address.parse().map_or_else(|_| address.to_owned(), |address| here(address).to_string())
}

fn here(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(std::net::Ipv6Addr::LOCALHOST.into()),
        _ => (),
    }
    address
}
