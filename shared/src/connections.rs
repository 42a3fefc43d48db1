//! The way to another role at one address, with TLS or without.

use std::time::Duration;

use tonic::transport::Endpoint;

use crate::{channel::MalformedAddress, tls::Tls};

/// The most bytes of an answer's headers, where refusals are: one may name a thousand ids.
const HEADER_BYTES: u32 = 128 * 1024;

/// Where a role is, and how it is known that it is the one.
pub(crate) struct Way {
    endpoint: Endpoint,
    tls: Option<Tls>,
    role: String,
}

impl Way {
    /// To the role of this name at `host:port`.
    pub(crate) fn to(address: &str, tls: Option<&Tls>, role: &str) -> Result<Self, MalformedAddress> {
        let scheme = if tls.is_some() { "https" } else { "http" };
        Ok(Self { endpoint: endpoint(scheme, address)?, tls: tls.cloned(), role: role.to_owned() })
    }

    /// Where it leads.
    pub(crate) fn address(&self) -> String {
        self.endpoint.uri().authority().map(ToString::to_string).unwrap_or_default()
    }

    /// Another number as soon as there are other certificates.
    pub(crate) fn generation(&self) -> u64 {
        self.tls.as_ref().map_or(0, Tls::generation)
    }

    /// To connect with, with what the certificates are now.
    pub(crate) fn endpoint(&self) -> Endpoint {
        let Some(tls) = &self.tls else { return self.endpoint.clone() };
        let secured = self.endpoint.clone().tls_config(tls.current().calling(&self.role));
        // Unsecured, an https endpoint makes no connection.
        secured.unwrap_or_else(|_| self.endpoint.clone())
    }
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
