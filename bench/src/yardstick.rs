//! Yardsticks in processes of their own.

use std::convert::Infallible;

use anyhow::bail;
use axum::{
    body::{Body, Bytes},
    http::{Request, Response, header::CONTENT_TYPE},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::one_book;

/// As long as the answer for one book is.
const BODY: [u8; 500] = [b' '; 500];

/// When the arguments name one, serves until the process is killed.
///
/// # Errors
/// When it cannot listen or reach its database, or when there is no such yardstick.
pub async fn serve_if_named(arguments: &[String]) -> anyhow::Result<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["yardstick", "ceiling", address] => ceiling(address).await,
        ["yardstick", "one-book", one_book @ ..] => one_book::yardstick::serve(one_book).await,
        ["yardstick", ..] => bail!("there is no such yardstick"),
        _ => Ok(()),
    }
}

/// A bare server that answers everything with the same bytes: no server that is asked over these connections by this generator
/// can answer more.
async fn ceiling(address: &str) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await?;
    println!("ready");
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)));
    }
}

async fn answer(_: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let mut answer = Response::new(Body::from(Bytes::from_static(&BODY)));
    answer.headers_mut().insert(CONTENT_TYPE, axum::http::HeaderValue::from_static("application/json"));
    Ok(answer)
}
