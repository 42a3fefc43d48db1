//! What an operator can set.

use std::net::SocketAddr;

use clap::Args;
use jiff::tz::TimeZone;

/// Settings of the role gateway.
#[derive(Args, Clone, Debug)]
pub struct GatewayArgs {
    /// Where the HTTP APIs are served.
    #[arg(long, env = "BIBLIOTIQUE_HTTP_ADDR", default_value = "127.0.0.1:8888")]
    pub http_addr: SocketAddr,

    /// In which PUT /api/v1/users/reset-password prints when its limit is lifted (a name of the IANA time zone database).
    #[arg(long, env = "BIBLIOTIQUE_TIME_ZONE", default_value = "Africa/Tunis", value_parser = time_zone)]
    pub time_zone: TimeZone,
}

fn time_zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("{name:?} is not in the IANA time zone database"))
}
