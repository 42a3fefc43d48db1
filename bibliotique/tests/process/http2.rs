//! HTTP/2 by hand (RFC 9113), for what no client library does.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const GOAWAY: u8 = 7;

pub const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

pub const MAX_CONCURRENT_STREAMS: u16 = 3;
pub const INITIAL_WINDOW_SIZE: u16 = 4;

/// The error code of RST_STREAM for a stream that was not looked at.
pub const REFUSED_STREAM: u32 = 7;

/// A connection that answers nothing by itself: no PING, no SETTINGS, no GOAWAY.
pub struct Connection {
    stream: TcpStream,
}

/// One frame, as it came.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Connection {
    /// Connects and sends the preface.
    pub async fn open(address: &str, settings: &[(u16, u32)]) -> Self {
        let mut connection = Self { stream: TcpStream::connect(address).await.unwrap() };
        connection.stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let mut payload = Vec::new();
        for (name, value) in settings {
            payload.extend(name.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        connection.send(SETTINGS, 0, 0, &payload).await;
        connection
    }

    /// Sends a frame.
    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = Vec::from(length);
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.stream.write_all(&frame).await.unwrap();
    }

    /// Begins a request: HPACK (RFC 7541) with literals alone, after the static table's POST or GET and http.
    pub async fn request(&mut self, stream: u32, method: &str, path: &str, fields: &[(&str, &str)], flags: u8) {
        let mut block = vec![if method == "POST" { 0x83 } else { 0x82 }, 0x86, 0x04];
        literal(&mut block, path);
        block.push(0x01);
        literal(&mut block, "127.0.0.1");
        for (name, value) in fields {
            block.push(0x00);
            literal(&mut block, name);
            literal(&mut block, value);
        }
        self.send(HEADERS, flags | END_HEADERS, stream, &block).await;
    }

    /// The next frame; nothing when the connection has ended.
    pub async fn receive(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await.ok()?;
        let [l0, l1, l2, kind, _flags, s0, s1, s2, s3] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, l0, l1, l2]) as usize];
        self.stream.read_exact(&mut payload).await.ok()?;
        Some(Frame { kind, stream: u32::from_be_bytes([s0, s1, s2, s3]), payload })
    }
}

impl Frame {
    /// The settings in it.
    pub fn settings(&self) -> Vec<(u16, u32)> {
        let setting = |bytes: &[u8]| {
            let [n0, n1, v0, v1, v2, v3] = bytes.try_into().unwrap();
            (u16::from_be_bytes([n0, n1]), u32::from_be_bytes([v0, v1, v2, v3]))
        };
        self.payload.chunks(6).map(setting).collect()
    }

    /// The error code of a RST_STREAM.
    pub fn error_code(&self) -> u32 {
        u32::from_be_bytes(self.payload.as_slice().try_into().unwrap())
    }
}

/// A string literal without Huffman coding (RFC 7541, 5.2), its length in front (5.1).
fn literal(block: &mut Vec<u8>, text: &str) {
    match text.len() {
        length @ 0..127 => block.push(u8::try_from(length).unwrap()),
        length => {
            let mut rest = length - 127;
            block.push(127);
            while rest > 127 {
                block.push(u8::try_from(rest % 128).unwrap() | 128);
                rest /= 128;
            }
            block.push(u8::try_from(rest).unwrap());
        }
    }
    block.extend(text.as_bytes());
}
