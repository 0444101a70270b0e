//! One control connection: told from what is no gRPC before anything of it is believed, and counted.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tonic::transport::server::Connected;
use tracing::{debug, warn};

use crate::peer::{Peer, shown};

/// How every HTTP/2 connection begins.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long it may take to begin.
const BEGIN: Duration = Duration::from_secs(5);

/// What somebody gets who speaks HTTP/1 to the socket, such as `curl --unix-socket`.
const NOT_HTTP1: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n\
    content-length: 75\r\nconnection: close\r\n\r\n\
    this socket speaks gRPC: use owlctl; the HTTP API is on the port of config\n";

/// Methods of HTTP/1 with the space after them.
const METHODS: [&[u8]; 8] = [
    b"GET ",
    b"HEAD ",
    b"POST ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"PATCH ",
    b"CONNECT ",
];

/// A connection that has begun as HTTP/2 does. It counts as open until it is dropped.
#[derive(Debug)]
pub(crate) struct ControlConnection {
    stream: UnixStream,
    peer: Peer,
    /// How much of the preface, which was read already, is still to be handed over.
    n_left: usize,
    _permit: OwnedSemaphorePermit,
}

impl ControlConnection {
    /// Reads how the connection begins, and takes a place among the `open` ones. None where it does not
    /// begin as HTTP/2 does, or not in time, or where there is no place; it is closed then.
    pub(crate) async fn begin(
        mut stream: UnixStream,
        peer: Peer,
        open: Arc<Semaphore>,
    ) -> Option<Self> {
        let mut bytes = [0; PREFACE.len()];
        let begun = timeout(BEGIN, read_begin(&mut stream, &mut bytes)).await;
        match begun {
            Ok(Ok(Begin::Http2)) => {
                let Ok(permit) = open.try_acquire_owned() else {
                    warn!(
                        uid = peer.uid,
                        "closed a control connection: too many are open"
                    );
                    return None;
                };
                Some(Self {
                    stream,
                    peer,
                    n_left: PREFACE.len(),
                    _permit: permit,
                })
            }
            Ok(Ok(Begin::Other(n_bytes))) => {
                let begin = bytes.get(..n_bytes).unwrap_or_default();
                debug!(
                    uid = peer.uid,
                    begin = shown(begin),
                    "no gRPC on the control socket"
                );
                if METHODS.iter().any(|method| begin.starts_with(method)) {
                    // They may have left; and a caller that does not read has had its time.
                    let _ = timeout(BEGIN, answer(&mut stream)).await;
                }
                None
            }
            Ok(Ok(Begin::Nothing) | Err(_)) | Err(_) => None,
        }
    }
}

/// How a connection begins.
enum Begin {
    Http2,
    /// So many bytes of something else.
    Other(usize),
    /// They left without a word, as whoever only looks whether somebody listens.
    Nothing,
}

/// Reads until it is known what the connection is.
async fn read_begin(stream: &mut UnixStream, bytes: &mut [u8; 24]) -> io::Result<Begin> {
    let mut n_bytes = 0;
    while n_bytes < PREFACE.len() {
        let free = bytes.get_mut(n_bytes..).unwrap_or_default();
        match stream.read(free).await? {
            0 if n_bytes == 0 => return Ok(Begin::Nothing),
            0 => return Ok(Begin::Other(n_bytes)),
            n => n_bytes += n,
        }
        let begin = bytes.get(..n_bytes).unwrap_or_default();
        // The longest method is known by its first eight bytes.
        if !PREFACE.starts_with(begin) && (n_bytes >= 8 || begin.contains(&b' ')) {
            return Ok(Begin::Other(n_bytes));
        }
    }
    Ok(if bytes == PREFACE {
        Begin::Http2
    } else {
        Begin::Other(n_bytes)
    })
}

async fn answer(stream: &mut UnixStream) -> io::Result<()> {
    stream.write_all(NOT_HTTP1).await?;
    stream.shutdown().await?;
    // A socket that is closed with unread bytes in it takes the answer away from a slow reader.
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

impl Connected for ControlConnection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer
    }
}

impl AsyncRead for ControlConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.n_left > 0 {
            let n_bytes = self.n_left.min(buffer.remaining());
            let from = PREFACE.len() - self.n_left;
            buffer.put_slice(PREFACE.get(from..from + n_bytes).unwrap_or_default());
            self.n_left -= n_bytes;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for ControlConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Tier;

    /// Begins a connection whose other end sends `pieces`, one after the other.
    async fn begun(pieces: &[&[u8]]) -> (Option<ControlConnection>, UnixStream, Arc<Semaphore>) {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let permits = Arc::new(Semaphore::new(1));
        let peer = Peer {
            pid: None,
            uid: 7,
            tier: Tier::Observer,
        };
        let sending = async {
            for piece in pieces {
                theirs.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            if pieces.is_empty() {
                theirs.shutdown().await.unwrap();
            }
        };
        let (connection, ()) = tokio::join!(
            ControlConnection::begin(ours, peer, Arc::clone(&permits)),
            sending
        );
        (connection, theirs, permits)
    }

    #[tokio::test]
    async fn a_connection_that_begins_as_it_should_is_handed_over_whole() {
        let (first, second) = PREFACE.split_at(3);
        for pieces in [&[&PREFACE[..]][..], &[first, second]] {
            let (connection, mut theirs, permits) = begun(pieces).await;
            let mut connection = connection.unwrap();
            assert_eq!(permits.available_permits(), 0);
            assert_eq!(connection.connect_info().uid, 7);
            theirs.write_all(b"more").await.unwrap();
            let mut read = [0; 28];
            connection.read_exact(&mut read[..5]).await.unwrap();
            connection.read_exact(&mut read[5..]).await.unwrap();
            assert_eq!(read.as_slice(), [&PREFACE[..], b"more"].concat());
            drop(connection);
            assert_eq!(permits.available_permits(), 1);
        }
    }

    #[tokio::test]
    async fn http_1_is_told_what_this_is_and_garbage_is_closed_without_a_word() {
        let tls = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
        let cases: [(&[u8], bool); 6] = [
            (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", true),
            (b"POST /owlcoda HTTP/1.1\r\n\r\n", true),
            (b"PRI * HTTP/1.1\r\n\r\nxxxxxxxx", false),
            (b"SSH-2.0-OpenSSH_9.2\r\n", false),
            (&[0; 24], false),
            (&tls, false),
        ];
        for (sent, is_answered) in cases {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let permits = Arc::new(Semaphore::new(1));
            let peer = Peer {
                pid: None,
                uid: 7,
                tier: Tier::Admin,
            };
            let talking = async {
                theirs.write_all(sent).await.unwrap();
                theirs.shutdown().await.unwrap();
                let mut answer = Vec::new();
                // What was not read resets the connection, which is an end, too.
                let _ = theirs.read_to_end(&mut answer).await;
                answer
            };
            let beginning = ControlConnection::begin(ours, peer, Arc::clone(&permits));
            let (connection, answer) = tokio::join!(beginning, talking);
            assert!(connection.is_none(), "{sent:?}");
            let expected = if is_answered { NOT_HTTP1 } else { b"" };
            assert_eq!(answer, expected, "{sent:?}");
            assert_eq!(permits.available_permits(), 1);
        }
    }

    #[tokio::test]
    async fn the_answer_to_http_1_is_as_long_as_it_says() {
        let text = std::str::from_utf8(NOT_HTTP1).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}\r\n", body.len())),
            "{}",
            body.len()
        );
        assert_eq!(body.lines().count(), 1);
    }

    #[tokio::test]
    async fn who_leaves_without_a_word_is_no_connection() {
        let (connection, _theirs, permits) = begun(&[]).await;
        assert!(connection.is_none());
        assert_eq!(permits.available_permits(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_never_begins_is_given_up() {
        let (ours, _silent) = UnixStream::pair().unwrap();
        let permits = Arc::new(Semaphore::new(1));
        let peer = Peer {
            pid: None,
            uid: 7,
            tier: Tier::Admin,
        };
        let begun = ControlConnection::begin(ours, peer, Arc::clone(&permits)).await;
        assert!(begun.is_none());
        assert_eq!(permits.available_permits(), 1);
    }

    #[tokio::test]
    async fn one_more_than_may_be_open_is_closed() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(PREFACE).await.unwrap();
        let peer = Peer {
            pid: None,
            uid: 7,
            tier: Tier::Admin,
        };
        let none = Arc::new(Semaphore::new(0));
        assert!(ControlConnection::begin(ours, peer, none).await.is_none());
        assert_eq!(theirs.read(&mut [0; 8]).await.unwrap(), 0);
    }
}
