//! What an operator can set.

use std::net::SocketAddr;

use axum::http::HeaderValue;
use clap::Args;
use jiff::tz::TimeZone;

use crate::{cors::parse_origin, limits::LimitArgs, openapi::DocsArgs};

/// Settings of the role gateway.
#[derive(Args, Clone, Debug)]
pub struct GatewayArgs {
    /// Where the HTTP APIs are served.
    #[arg(long, env = "BIBLIOTIQUE_HTTP_ADDR", default_value = "127.0.0.1:8888")]
    pub http_addr: SocketAddr,

    /// In which PUT /api/v1/users/reset-password prints when its limit is lifted, and the school's API says what day it is (a
    /// name of the IANA time zone database).
    #[arg(long, env = "BIBLIOTIQUE_TIME_ZONE", default_value = "Africa/Tunis", value_parser = time_zone)]
    pub time_zone: TimeZone,

    /// Origins of web pages that may use the APIs, with commas (such as `https://app.example.org`), or * for all. Without it, only
    /// programs that are no web pages can.
    #[arg(long, env = "BIBLIOTIQUE_CORS_ORIGINS", value_delimiter = ',', value_parser = parse_origin)]
    pub cors_origins: Vec<HeaderValue>,

    /// See [`LimitArgs`].
    #[command(flatten)]
    pub limits: LimitArgs,
    /// See [`DocsArgs`].
    #[command(flatten)]
    pub docs: DocsArgs,
}

fn time_zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| format!("{name:?} is not in the IANA time zone database"))
}
