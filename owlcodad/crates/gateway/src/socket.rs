//! A caller's socket: given up when nothing of an answer goes out any more, and closed so that the
//! last answer can be read.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Sleep, sleep, timeout};

/// Longest time that a closed connection takes in what the caller still sends.
const LINGER: Duration = Duration::from_secs(1);

/// Most of it. Nothing of it is kept; a large body on its way is mostly over by then.
const LINGER_BYTES: usize = 64 << 20;

const PIECE_BYTES: usize = 16 << 10;

/// A socket whose writes fail when the caller takes nothing for `limit`.
#[derive(Debug)]
pub(crate) struct Patient<S> {
    socket: S,
    limit: Duration,
    /// Runs while the socket takes nothing.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(crate) const fn new(socket: S, limit: Duration) -> Self {
        Self {
            socket,
            limit,
            stuck: None,
        }
    }

    pub(crate) fn into_inner(self) -> S {
        self.socket
    }

    fn poll_in_time<T>(
        &mut self,
        context: &mut Context<'_>,
        write: impl FnOnce(&mut S, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if let Poll::Ready(written) = write(&mut self.socket, context) {
            self.stuck = None;
            return Poll::Ready(written);
        }
        let limit = self.limit;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(stuck.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_in_time(context, |socket, context| {
            Pin::new(socket).poll_write(context, bytes)
        })
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_in_time(context, |socket, context| {
            Pin::new(socket).poll_write_vectored(context, pieces)
        })
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_in_time(context, |socket, context| {
            Pin::new(socket).poll_flush(context)
        })
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

/// Says that nothing more comes, and takes in for a while what the caller still sends.
///
/// A socket that is closed with unread bytes in it is reset by the system, and the reset takes the
/// answer away from a caller who has not read it yet.
pub(crate) async fn linger(mut socket: impl AsyncRead + AsyncWrite + Unpin) {
    // The caller may have left.
    let _ = socket.shutdown().await;
    let mut piece = vec![0; PIECE_BYTES];
    let mut n_bytes = 0;
    let drain = async {
        while n_bytes < LINGER_BYTES {
            match socket.read(&mut piece).await {
                Ok(0) | Err(_) => return,
                Ok(n) => n_bytes += n,
            }
        }
    };
    // A caller who still sends by then has had its time.
    let _ = timeout(LINGER, drain).await;
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_write_that_nobody_takes_fails_after_the_limit_and_not_before() {
        let (ours, mut theirs) = duplex(4);
        let mut ours = Patient::new(ours, Duration::from_mins(1));
        ours.write_all(b"full").await.unwrap();
        let started = Instant::now();
        let (written, ()) = tokio::join!(ours.write_all(b"more"), async {
            sleep(Duration::from_secs(59)).await;
            theirs.read_exact(&mut [0; 2]).await.unwrap();
        });
        let error = written.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(started.elapsed(), Duration::from_secs(59 + 60));
    }

    #[tokio::test(start_paused = true)]
    async fn what_still_comes_is_taken_in_for_a_while() {
        let (ours, mut theirs) = duplex(64);
        let sent = async {
            theirs.write_all(&[b'x'; 10_000]).await.unwrap();
            let mut rest = Vec::new();
            theirs.read_to_end(&mut rest).await.unwrap();
            rest.len()
        };
        let ((), n_bytes) = tokio::join!(linger(ours), sent);
        assert_eq!(n_bytes, 0);

        let (ours, _silent) = duplex(64);
        let started = Instant::now();
        linger(ours).await;
        assert_eq!(started.elapsed(), LINGER);
    }
}
