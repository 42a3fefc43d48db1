//! HTTP/1.1 by hand, for requests that no client library sends.

use std::{net::SocketAddr, time::Duration};

use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream},
    net::TcpStream,
    time::timeout,
};

use crate::suite::Answer;

/// The longest that a test waits for bytes which should be there at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection of a test's own.
pub struct Wire(BufStream<TcpStream>);

impl Wire {
    /// Connects.
    pub async fn to(address: SocketAddr) -> Self {
        Self(BufStream::new(TcpStream::connect(address).await.expect("a connection")))
    }

    /// Writes bytes, whatever they are.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.expect("the server reads");
        self.0.flush().await.expect("the server reads");
    }

    /// Writes nothing more: the server reads the end of the stream.
    pub async fn finish(&mut self) {
        self.0.shutdown().await.expect("the server reads");
    }

    /// The next answer, an interim one (1xx) too; `None` when the server has closed the connection.
    pub async fn answer(&mut self) -> Option<Answer> {
        timeout(PATIENCE, self.read()).await.expect("an answer in time")
    }

    async fn read(&mut self) -> Option<Answer> {
        let status = self.line().await?.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
        let mut headers = HeaderMap::new();
        while let Some(line) = self.line().await.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ").expect("a header");
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
            headers.append(name, HeaderValue::from_str(value).expect("a header's value"));
        }
        let length = headers.get(CONTENT_LENGTH).map(|length| length.to_str().expect("a length"));
        let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a length"))];
        self.0.read_exact(&mut body).await.expect("a whole body");
        Some(Answer { status, headers, text: String::from_utf8(body).expect("a body in UTF-8") })
    }

    /// A line of a head; `None` at the end of the stream, however it came to its end.
    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.0.read_line(&mut line).await.unwrap_or(0);
        (read > 0).then(|| line.trim_end_matches("\r\n").to_owned())
    }
}
