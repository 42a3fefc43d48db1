//! HTTP/1.1 as plain as a load generator needs it: one connection that stays open, one request at a time, and a buffer that
//! is used again.

use std::{io, ops::Range};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A connection.
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Where the body of the last answer is.
    body: Range<usize>,
}

/// What a server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// RFC 9110, 15.
    pub status: u16,
    /// Whole.
    pub body: &'a [u8],
}

/// The first line and the headers of an answer: where they end, and what they say.
struct Head {
    end: usize,
    status: u16,
    length: usize,
}

/// As a query's value (RFC 3986, 2.1).
pub fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

/// A request for a page.
pub fn get(path: &str, token: Option<&str>) -> Vec<u8> {
    request("GET", path, token, "", "")
}

/// A request that does something, once for each key.
pub fn post(path: &str, token: Option<&str>, key: Option<&str>, body: Option<&Value>) -> Vec<u8> {
    let key = key.map(|key| format!("Idempotency-Key: {key}\r\n")).unwrap_or_default();
    let Some(body) = body.map(Value::to_string) else { return request("POST", path, token, &key, "") };
    request("POST", path, token, &format!("{key}Content-Type: application/json\r\n"), &body)
}

fn request(method: &str, path: &str, token: Option<&str>, headers: &str, body: &str) -> Vec<u8> {
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let length = if method == "GET" { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{token}{headers}{length}\r\n{body}").into_bytes()
}

impl Wire {
    /// To an address.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn to(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024), body: 0..0 })
    }

    /// Sends a request and waits for the whole answer, which has to say how long it is.
    ///
    /// # Errors
    /// When the connection ends, or what comes is not understood.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            self.read().await?;
            if let Some(head) = Head::of(&self.buffer)? {
                break head;
            }
        };
        let end = head.end + head.length;
        while self.buffer.len() < end {
            self.read().await?;
        }
        self.body = head.end..end;
        Ok(Answer { status: head.status, body: self.body() })
    }

    /// Of the last answer.
    pub fn body(&self) -> &[u8] {
        &self.buffer[self.body.clone()]
    }

    async fn read(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

impl Head {
    /// As soon as it is there.
    fn of(bytes: &[u8]) -> io::Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let head = str::from_utf8(&bytes[..end]).map_err(io::Error::other)?;
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        match (status, length) {
            (Some(status @ (204 | 304)), _) => Ok(Some(Self { end: end + 4, status, length: 0 })),
            (Some(status), Some(length)) => Ok(Some(Self { end: end + 4, status, length })),
            _ => Err(io::Error::other(format!("an answer without status or length: {head}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn answers_in_pieces_come_whole_and_one_after_the_other() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            for pieces in
                [&["HTTP/1.1 200 OK\r\ncontent-le", "ngth: 4\r\n\r\nab", "cd"][..], &["HTTP/1.1 204 -\r\n\r\n"]]
            {
                let _heard = stream.read(&mut [0; 1000]).await.unwrap();
                for piece in pieces {
                    stream.write_all(piece.as_bytes()).await.unwrap();
                    stream.flush().await.unwrap();
                    tokio::task::yield_now().await;
                }
            }
        });
        let mut wire = Wire::to(&address).await.unwrap();

        assert_eq!(wire.ask(&get("/", None)).await.unwrap(), Answer { status: 200, body: b"abcd" });
        assert_eq!(wire.ask(&get("/", None)).await.unwrap(), Answer { status: 204, body: b"" });
        assert!(wire.ask(&get("/", None)).await.is_err());
    }

    #[test]
    fn a_request_says_who_asks_what_and_how_long_it_is() {
        let body = serde_json::json!({"a": 1});
        let text = String::from_utf8(post("/x", Some("t"), Some("k"), Some(&body))).unwrap();
        assert!(text.starts_with("POST /x HTTP/1.1\r\n"), "{text}");
        assert!(
            text.contains("Bearer t\r\nIdempotency-Key: k\r\n") && text.contains("Content-Length: 7\r\n\r\n{\"a\":1}")
        );
    }
}
