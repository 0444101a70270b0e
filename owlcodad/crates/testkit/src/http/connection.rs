//! One client connection in the hands of a test.

use std::io;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::Response;
use crate::guard::guarded;
use crate::http1::{Framing, Head, Headers, Incoming};

/// A socket to a server. Dropping it closes it.
#[derive(Debug)]
pub struct Connection {
    incoming: Incoming,
}

impl Connection {
    /// Connects to `authority` (`HOST:PORT`).
    pub async fn open(authority: &str) -> Self {
        let connecting = Self::try_connect(authority);
        guarded(|| format!("a connection to {authority}"), connecting)
            .await
            .unwrap_or_else(|error| panic!("connect {authority}: {error}"))
    }

    pub(super) async fn try_connect(authority: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(authority).await?;
        stream.set_nodelay(true)?;
        let incoming = Incoming::new(stream);
        Ok(Self { incoming })
    }

    /// Sends bytes; panics where the server has left.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes.as_ref())
            .await
            .expect("the server reads");
    }

    /// Sends bytes, and tells where the server has left or takes no more.
    pub async fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sent = self.incoming.stream.write_all(bytes);
        guarded(|| "the server to take our bytes".to_owned(), sent).await
    }

    /// Closes our sending side and keeps reading.
    pub async fn half_close(&mut self) {
        let closed = self.incoming.stream.shutdown();
        closed.await.expect("the connection stands");
    }

    /// Reads one whole answer and leaves the connection ready for the next request.
    pub async fn response(&mut self) -> Response {
        self.try_response().await.expect("an answer comes")
    }

    /// As [`Self::response`]; a server that closes without an answer is an `UnexpectedEof`.
    pub async fn try_response(&mut self) -> io::Result<Response> {
        let answer = async {
            let (status, headers, framing) = self.head().await?;
            let body = self.incoming.body(framing).await?;
            Ok(Response {
                status,
                headers,
                body,
            })
        };
        guarded(|| "an answer".to_owned(), answer).await
    }

    /// Reads the head of an answer, and leaves the body to be read as it comes.
    pub async fn streaming(mut self) -> Streaming {
        let head = guarded(|| "the head of an answer".to_owned(), self.head()).await;
        let (status, headers, framing) = head.expect("an answer starts");
        Streaming {
            status,
            headers,
            connection: self,
            framing,
        }
    }

    /// Every byte up to the close of the connection; `ConnectionReset` where it was reset.
    pub async fn read_to_close(&mut self) -> io::Result<Vec<u8>> {
        let all = self.incoming.body(Framing::UntilClose);
        guarded(|| "the server to close".to_owned(), all).await
    }

    /// Resets the connection: the server reads `ECONNRESET`.
    pub fn rst(self) {
        let stream = self.incoming.stream;
        stream.set_zero_linger().expect("the socket takes options");
    }

    async fn head(&mut self) -> io::Result<(u16, Headers, Framing)> {
        loop {
            let head = self.incoming.head().await?;
            let head = head.ok_or(io::ErrorKind::UnexpectedEof)?;
            let status = status(&head)?;
            match status {
                // Interim answers such as 100 Continue have no body and say nothing to a test.
                100..=199 => {}
                204 | 304 => return Ok((status, head.headers, Framing::Ended)),
                _ => {
                    let framing = head.framing(Framing::UntilClose)?;
                    return Ok((status, head.headers, framing));
                }
            }
        }
    }
}

fn status(head: &Head) -> io::Result<u16> {
    let status = head.first.strip_prefix("HTTP/1.1 ");
    let status = status.and_then(|rest| rest.get(..3)?.parse().ok());
    let problem = || io::Error::new(io::ErrorKind::InvalidData, head.first.clone());
    status.ok_or_else(problem)
}

/// An answer whose body is still coming. Dropping it closes the socket.
#[derive(Debug)]
pub struct Streaming {
    pub status: u16,
    /// Names in lower case.
    pub headers: Headers,
    connection: Connection,
    framing: Framing,
}

impl Streaming {
    /// The next bytes of the body as they come, without chunk framing; `None` at its proper end.
    ///
    /// A body that is cut short is an `UnexpectedEof`, a reset a `ConnectionReset`. Cancel-safe.
    pub async fn next_chunk(&mut self) -> io::Result<Option<Bytes>> {
        let Self {
            connection,
            framing,
            ..
        } = self;
        let piece = connection.incoming.piece(framing);
        guarded(|| "more of a stream".to_owned(), piece).await
    }

    /// Reads until what came since the call holds `text`, and returns all of it.
    ///
    /// Panics where the body ends first. What came after `text` in the same chunk is included.
    pub async fn until(&mut self, text: &str) -> Vec<u8> {
        let mut seen = Vec::new();
        loop {
            let shown = String::from_utf8_lossy(&seen);
            if shown.contains(text) {
                return seen;
            }
            match self.next_chunk().await {
                Ok(Some(chunk)) => seen.extend_from_slice(&chunk),
                Ok(None) => panic!("the body ended before {text:?}; seen: {shown}"),
                Err(error) => panic!("{error} before {text:?}; seen: {shown}"),
            }
        }
    }

    /// Reads to the end; the error is that of [`Self::next_chunk`].
    pub async fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(chunk) = self.next_chunk().await? {
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The first value of a field; `name` is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// Closes our sending side and keeps reading.
    pub async fn half_close(&mut self) {
        self.connection.half_close().await;
    }

    /// Resets the connection: the server reads `ECONNRESET`.
    pub fn rst(self) {
        self.connection.rst();
    }
}
