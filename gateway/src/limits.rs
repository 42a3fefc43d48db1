//! How much one client address may ask: of everything, and of what hashes a password.

use std::{
    collections::HashMap,
    net::IpAddr,
    str::FromStr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use clap::Args;
use tokio::time::Instant;

use crate::{
    Shared,
    client::{Client, Network},
    fault::Fault,
    probes,
};

/// Addresses that are remembered at most, in each of the two tables. Beyond that those are forgotten who could ask as much as
/// they like anyway, and then all: accounts have a budget of their own.
const ADDRESSES: usize = 100_000;

/// What the paths end with whose requests hash a password: signing in, registering, and all changes of a password.
const COSTLY: [&str; 6] = ["auth", "login", "password", "register", "reset-password", "update-password"];

/// Settings of what clients may ask.
#[derive(Args, Clone, Debug)]
pub struct LimitArgs {
    /// Proxies in front of the gateway: addresses, or networks such as 10.0.0.0/8, with commas. Whom they name in X-Forwarded-For is
    /// the client. Without it nobody is believed, and the clients of a proxy count as one.
    #[arg(long, env = "BIBLIOTIQUE_TRUSTED_PROXIES", value_delimiter = ',')]
    pub trusted_proxies: Vec<Network>,

    /// Requests a second of one client address (of IPv6, of a /64) and how many of them may come at once, as 200/1000; or off.
    /// Clients on the gateway's own machine are not counted, nor is whoever asks /healthz and /readyz.
    #[arg(long, env = "BIBLIOTIQUE_RATE_LIMIT", default_value = "200/1000")]
    pub rate_limit: Rate,

    /// The same for signing in, registering and changing passwords.
    #[arg(long, env = "BIBLIOTIQUE_PASSWORD_RATE_LIMIT", default_value = "5/100")]
    pub password_rate_limit: Rate,
}

impl Default for LimitArgs {
    /// Nobody is trusted, and nothing is limited.
    fn default() -> Self {
        Self { trusted_proxies: Vec::new(), rate_limit: Rate(None), password_rate_limit: Rate(None) }
    }
}

/// So many requests a second, and so many at once; or any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(Option<(u32, u32)>);

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        let number = |text: &str| text.parse().ok().filter(|number| (1..=1_000_000).contains(number));
        let read = text.split_once('/').and_then(|(every, most)| Some((number(every)?, number(most)?)));
        read.map(|rate| Self(Some(rate)))
            .ok_or_else(|| format!("{text:?} is neither requests a second and at once, like 200/1000, nor off"))
    }
}

/// What all clients have asked lately.
pub struct Limits {
    everything: Table,
    costly: Table,
}

impl Limits {
    /// Nobody has asked yet.
    pub fn new(args: &LimitArgs) -> Self {
        Self { everything: Table::of(args.rate_limit), costly: Table::of(args.password_rate_limit) }
    }

    /// Counts a request; answers with when to come again when it is one too many.
    fn count(&self, client: Client, method: &Method, path: &str, now: Instant) -> Result<(), Duration> {
        // What comes from this machine is a proxy that stands for everybody, or the operator. And a flood from the address from
        // which a balancer asks too must not make it take the gateway out.
        if client.is_here || probes::PATHS.contains(&path) {
            return Ok(());
        }
        self.everything.count(client.network(), now)?;
        if is_costly(method, path) { self.costly.count(client.network(), now) } else { Ok(()) }
    }
}

fn is_costly(method: &Method, path: &str) -> bool {
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    !method.is_safe() && COSTLY.contains(&last)
}

/// For each address, when its last request would have come had it come no sooner than it may (GCRA).
struct Table {
    rate: Rate,
    due: Mutex<HashMap<IpAddr, Instant>>,
}

impl Table {
    fn of(rate: Rate) -> Self {
        Self { rate, due: Mutex::default() }
    }

    fn count(&self, who: IpAddr, now: Instant) -> Result<(), Duration> {
        let Rate(Some((every_second, at_once))) = self.rate else { return Ok(()) };
        let (interval, mut due) =
            (Duration::from_secs(1) / every_second, self.due.lock().unwrap_or_else(PoisonError::into_inner));
        if due.len() >= ADDRESSES && !due.contains_key(&who) {
            due.retain(|_, due| *due > now);
            if due.len() >= ADDRESSES {
                due.clear();
            }
        }
        let mine = due.entry(who).or_insert(now);
        let next = (*mine).max(now) + interval;
        match next.saturating_duration_since(now).checked_sub(interval * at_once) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => {
                *mine = next;
                Ok(())
            }
        }
    }
}

/// Turns away who asks too much. Inside of what tells web pages that they may read the answer.
pub async fn limit(State(gateway): State<Shared>, request: Request, next: Next) -> Response {
    let counted = match request.extensions().get() {
        Some(client) => gateway.limits.count(*client, request.method(), request.uri().path(), Instant::now()),
        None => Ok(()),
    };
    match counted {
        Ok(()) => next.run(request).await,
        Err(wait) => Fault::TooMany { retry_after: Some(wait) }.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: u32) -> IpAddr {
        IpAddr::from((0x2000_u128 << 112 | u128::from(number) << 64).to_be_bytes())
    }

    #[test]
    fn so_many_come_at_once_and_then_so_many_a_second() {
        let (table, now) = (Table::of("10/3".parse().unwrap()), Instant::now());

        assert_eq!([0; 3].map(|_| table.count(at(1), now)), [Ok(()); 3]);
        assert_eq!(table.count(at(1), now), Err(Duration::from_millis(100)));
        assert_eq!(table.count(at(2), now), Ok(()), "somebody else");
        let later = now + Duration::from_millis(100);
        assert_eq!((table.count(at(1), later), table.count(at(1), later).is_err()), (Ok(()), true));
        // Who was quiet has no more than that, however long it was.
        let much_later = now + Duration::from_secs(3600);
        assert_eq!([0; 3].map(|_| table.count(at(1), much_later)), [Ok(()); 3]);
        assert!(table.count(at(1), much_later).is_err());
    }

    #[test]
    fn what_is_remembered_of_a_flood_of_addresses_is_bounded() {
        let (table, now) = (Table::of("1/1".parse().unwrap()), Instant::now());
        for number in 0..150_000 {
            assert_eq!(table.count(at(number), now), Ok(()));
        }

        assert!(table.due.lock().unwrap().len() <= ADDRESSES);
        assert!(table.count(at(149_999), now).is_err());
    }

    #[test]
    fn what_hashes_a_password_is_costly() {
        for path in [
            "/api/clients/login",
            "/api/clients/register",
            "/api/clients/password",
            "/v1/auth",
            "/v1/auth/",
            "/v1/users/5a62be07de34500146d9c544/password",
            "/v1/users/5a62be07de34500146d9c544/reset-password",
            crate::surfaces::swift::PATH,
            "/v1/auth/register/update-password",
            "/api/user/password",
        ] {
            assert!(is_costly(&Method::POST, path), "{path}");
        }
        assert!(
            !is_costly(&Method::GET, "/api/livres")
                && !is_costly(&Method::POST, "/api/emprunts/5a62be07de34500146d9c544")
        );
    }

    /// They are slow on purpose, and would hide what is slow by mistake.
    #[test]
    fn the_alert_on_slow_answers_leaves_out_what_is_costly() {
        let alerts = include_str!("../../deploy/prometheus/alerts.yml");

        assert!(alerts.contains(&format!("route!~\".*/({})/?\"", COSTLY.join("|"))), "{alerts}");
    }

    #[test]
    fn a_rate_is_two_numbers_or_off() {
        assert_eq!("200/1000".parse(), Ok(Rate(Some((200, 1000)))));
        assert_eq!("off".parse(), Ok(Rate(None)));
        for malformed in ["", "200", "0/5", "5/0", "-1/5", "5/5/5", "1000001/5", "none"] {
            assert!(malformed.parse::<Rate>().is_err(), "{malformed}");
        }
    }
}
