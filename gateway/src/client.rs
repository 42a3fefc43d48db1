//! Whom a request comes from: the other end of the connection, or whom a trusted proxy names there.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName},
};
use shared::server::Peer;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address, as a request extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    address: IpAddr,
    /// It is this machine itself, and not because a header says so.
    pub is_here: bool,
}

impl Client {
    /// Who sent a request. `X-Forwarded-For` is read from its end, where proxies append, for as long as it was written by one
    /// of `proxies`: what is in front of that is the client's own invention.
    pub fn of(request: &Request, proxies: &[Network]) -> Self {
        let peer = request.extensions().get::<Peer>().map_or(IpAddr::from([0; 4]), |peer| peer.0.ip());
        let peer = peer.to_canonical();
        let address = named(peer, request.headers(), proxies);
        Self { address, is_here: peer.is_loopback() && address == peer }
    }

    /// Somebody at an address that is not this machine's.
    #[cfg(test)]
    pub const fn elsewhere(address: IpAddr) -> Self {
        Self { address, is_here: false }
    }

    /// What is counted as one: a subscriber has a whole /64 of IPv6 addresses.
    pub fn network(self) -> IpAddr {
        match self.address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
            v4 => v4,
        }
    }
}

fn named(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
    let mut client = peer;
    for line in headers.get_all(FORWARDED_FOR).iter().rev() {
        // A client may have written anything in front of what the proxy appended.
        let line = String::from_utf8_lossy(line.as_bytes());
        for entry in line.rsplit(',') {
            match parse(entry.trim()) {
                Some(address) if is_trusted(client) => client = address,
                _ => return client,
            }
        }
    }
    client
}

/// An address, possibly with a port, as some proxies write it.
fn parse(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    let address = bare.parse().or_else(|_| entry.parse().map(|socket: SocketAddr| socket.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

/// Addresses with the same beginning (RFC 4632; IPv4 ones as IPv6 writes them).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    bits: u128,
    /// How many of them are not looked at.
    free: u32,
}

impl Network {
    fn contains(self, address: IpAddr) -> bool {
        (bits(address) ^ self.bits).checked_shr(self.free).is_none_or(|differs| differs == 0)
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || format!("{text:?} is not an address or a network like 10.0.0.0/8");
        let (address, prefix) = text.trim().split_once('/').map_or((text.trim(), None), |(at, of)| (at, Some(of)));
        let address: IpAddr = address.parse().map_err(|_| malformed())?;
        let most: u32 = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(most), str::parse).map_err(|_| malformed())?;
        match most.checked_sub(prefix) {
            None => Err(malformed()),
            Some(_) if prefix == 0 => Err(format!("{text:?} would have everybody believed")),
            Some(free) => Ok(Self { bits: bits(address), free }),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Who is counted when `peer` sends these lines and 10.0.0.0/8 and 2001:db8::5 are trusted.
    fn seen(peer: &str, lines: &[&str]) -> String {
        let proxies = ["10.0.0.0/8", "2001:db8::5"].map(|network| network.parse().unwrap());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        named(at(peer), &headers, &proxies).to_string()
    }

    #[test]
    fn only_what_a_trusted_proxy_appended_counts() {
        for (peer, lines, client) in [
            ("10.0.0.1", &["203.0.113.7"][..], "203.0.113.7"),
            ("10.0.0.1", &["1.2.3.4, 203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", &["1.2.3.4", "203.0.113.7,10.9.9.9"], "203.0.113.7"),
            ("10.0.0.1", &["é, 203.0.113.7 "], "203.0.113.7"),
            ("2001:db8::5", &["[2001:db8:1::1]:4711"], "2001:db8:1::1"),
            ("10.0.0.1", &["203.0.113.7:4711"], "203.0.113.7"),
            ("10.0.0.1", &["::ffff:203.0.113.7"], "203.0.113.7"),
            // Nobody else is believed.
            ("203.0.113.9", &["1.2.3.4"], "203.0.113.9"),
            ("2001:db8::6", &["1.2.3.4"], "2001:db8::6"),
            // What cannot be read ends it, and proxies alone are whoever was there first.
            ("10.0.0.1", &["unknown"], "10.0.0.1"),
            ("10.0.0.1", &["1.2.3.4, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &[""], "10.0.0.1"),
        ] {
            assert_eq!(seen(peer, lines), client, "{peer} {lines:?}");
        }
    }

    #[test]
    fn nobody_is_here_because_a_header_says_so() {
        let is_here = |peer: &str, header: Option<&str>| {
            let mut request = Request::default();
            request.extensions_mut().insert(Peer(SocketAddr::new(at(peer), 1)));
            if let Some(header) = header {
                request.headers_mut().insert(FORWARDED_FOR, HeaderValue::from_str(header).unwrap());
            }
            Client::of(&request, &["10.0.0.0/8".parse().unwrap(), "127.0.0.1".parse().unwrap()]).is_here
        };

        assert!(is_here("127.0.0.1", None) && is_here("::1", Some("203.0.113.7")));
        assert!(!is_here("10.0.0.1", Some("127.0.0.1, 10.1.1.1")) && !is_here("127.0.0.1", Some("203.0.113.7")));
    }

    #[test]
    fn a_network_is_an_address_with_or_without_a_length() {
        for (network, inside, outside) in [
            ("10.1.2.3/8", "10.255.0.1", "11.0.0.1"),
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("::1", "::1", "127.0.0.1"),
        ] {
            let network: Network = network.parse().unwrap();
            assert!(network.contains(at(inside)) && !network.contains(at(outside)), "{network:?}");
        }
        for malformed in
            ["", "10.0.0.0/33", "::/129", "10.0.0.0/x", "proxy.example.org", "10.0.0.0/", "0.0.0.0/0", "::/0"]
        {
            assert!(malformed.parse::<Network>().is_err(), "{malformed}");
        }
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_counted_together() {
        let network = |text: &str| Client::elsewhere(at(text)).network();

        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:127.0.0.1"), at("127.0.0.1"));
    }
}
