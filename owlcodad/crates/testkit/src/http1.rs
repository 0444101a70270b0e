//! Reads HTTP/1.1 from either end of a connection: heads, and bodies by their framing.
//!
//! Written for tests and apart from the libraries under test. Every read is cancel-safe: what was
//! read and not yet used stays in the buffer.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// Longest head we read. Unit: bytes.
const MAX_HEAD_BYTES: usize = 256 << 10;

/// Header fields in the order they came, names in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The first value of `name`, which is in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(field, _)| *field == name)
            .map(|(_, value)| value)
    }

    /// Every value of `name`, which is in lower case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter()
            .filter(move |(field, _)| *field == name)
            .map(|(_, value)| value)
    }

    /// Every field in the order it came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether the `connection` field has the option `close`.
    pub(crate) fn asks_to_close(&self) -> bool {
        self.all("connection")
            .flat_map(|value| value.split(','))
            .any(|option| option.trim().eq_ignore_ascii_case("close"))
    }
}

/// The lines before a body.
#[derive(Debug)]
pub(crate) struct Head {
    /// The request line or the status line.
    pub(crate) first: String,
    pub(crate) headers: Headers,
}

impl Head {
    fn parse(bytes: &[u8]) -> io::Result<Self> {
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("a head is not UTF-8"))?;
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap_or_default().to_owned();
        let mut headers = Headers::default();
        for line in lines {
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| malformed(format!("a field without a colon: {line:?}")))?;
            let name = name.to_ascii_lowercase();
            headers.0.push((name, value.trim().to_owned()));
        }
        Ok(Self { first, headers })
    }

    /// How the body is delimited; `otherwise` where no field says it.
    pub(crate) fn framing(&self, otherwise: Framing) -> io::Result<Framing> {
        if self.headers.get("transfer-encoding").is_some() {
            return Ok(Framing::ChunkHead);
        }
        let Some(length) = self.headers.get("content-length") else {
            return Ok(otherwise);
        };
        let left = length
            .parse()
            .map_err(|_| malformed(format!("a content-length of {length:?}")))?;
        Ok(Framing::Length { left })
    }
}

/// Where a body is in its reading.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Framing {
    Length { left: usize },
    ChunkHead,
    ChunkData { left: usize },
    Trailers,
    UntilClose,
    Ended,
}

/// A connection and what was read from it ahead of use.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) stream: TcpStream,
    pub(crate) buffer: BytesMut,
}

impl Incoming {
    pub(crate) fn new(stream: TcpStream) -> Self {
        let buffer = BytesMut::new();
        Self { stream, buffer }
    }

    /// Reads a head; `None` where the peer closed the connection instead of starting one.
    pub(crate) async fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = position(&self.buffer, b"\r\n\r\n") {
                let head = self.buffer.split_to(end + 4);
                return Head::parse(head.strip_suffix(b"\r\n\r\n").unwrap_or(&head)).map(Some);
            }
            if self.buffer.len() > MAX_HEAD_BYTES {
                return Err(malformed("a head without an end"));
            }
            if self.fill().await? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(cut("a head"))
                };
            }
        }
    }

    /// The next bytes of a body as they come, without their framing; `None` at its end.
    ///
    /// A connection that closes before the end is an error of kind `UnexpectedEof`.
    pub(crate) async fn piece(&mut self, framing: &mut Framing) -> io::Result<Option<Bytes>> {
        loop {
            match *framing {
                Framing::Ended => return Ok(None),
                Framing::Length { left: 0 } => *framing = Framing::Ended,
                Framing::Length { left } => {
                    let piece = self.some(left).await?.ok_or_else(|| cut("a body"))?;
                    let left = left - piece.len();
                    *framing = Framing::Length { left };
                    return Ok(Some(piece));
                }
                Framing::UntilClose => match self.some(usize::MAX).await? {
                    Some(piece) => return Ok(Some(piece)),
                    None => *framing = Framing::Ended,
                },
                Framing::ChunkHead => {
                    let line = self.line().await?;
                    let size = line.split(';').next().unwrap_or_default().trim();
                    *framing = match usize::from_str_radix(size, 16) {
                        Ok(0) => Framing::Trailers,
                        Ok(left) => Framing::ChunkData { left },
                        Err(_) => return Err(malformed(format!("a chunk size of {line:?}"))),
                    };
                }
                Framing::ChunkData { left: 0 } => {
                    let line = self.line().await?;
                    if !line.is_empty() {
                        return Err(malformed(format!("{line:?} after a chunk")));
                    }
                    *framing = Framing::ChunkHead;
                }
                Framing::ChunkData { left } => {
                    let piece = self.some(left).await?.ok_or_else(|| cut("a chunk"))?;
                    let left = left - piece.len();
                    *framing = Framing::ChunkData { left };
                    return Ok(Some(piece));
                }
                Framing::Trailers => {
                    if self.line().await?.is_empty() {
                        *framing = Framing::Ended;
                    }
                }
            }
        }
    }

    /// Reads a body to its end.
    pub(crate) async fn body(&mut self, mut framing: Framing) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(piece) = self.piece(&mut framing).await? {
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// Between 1 and `most` bytes; `None` where the peer has closed.
    pub(crate) async fn some(&mut self, most: usize) -> io::Result<Option<Bytes>> {
        if self.buffer.is_empty() && self.fill().await? == 0 {
            return Ok(None);
        }
        let n_bytes = self.buffer.len().min(most);
        Ok(Some(self.buffer.split_to(n_bytes).freeze()))
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = position(&self.buffer, b"\r\n") {
                let line = self.buffer.split_to(end + 2);
                let line = line.strip_suffix(b"\r\n").unwrap_or(&line);
                return Ok(String::from_utf8_lossy(line).into_owned());
            }
            if self.buffer.len() > MAX_HEAD_BYTES {
                return Err(malformed("a line without an end"));
            }
            if self.fill().await? == 0 {
                return Err(cut("a line"));
            }
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.stream.read_buf(&mut self.buffer).await
    }
}

fn position(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
}

fn malformed(problem: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem.into())
}

fn cut(inside: &str) -> io::Error {
    let problem = format!("the connection closed inside {inside}");
    io::Error::new(io::ErrorKind::UnexpectedEof, problem)
}
