//! A daemon on another machine: its control socket, forwarded by the user's own ssh.
//!
//! ```text
//! owlctl ──socket in a directory of ours──► ssh NAME owlctl proxy ──► control socket there
//! ```
//!
//! Nothing listens on a network, and who may do what is decided there, by the user that ssh logs in.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy};
use tokio::net::{UnixListener, UnixStream};

use crate::error::CommandError;

/// What ssh runs there; in `PATH` of the user there.
const THERE: [&str; 2] = ["owlctl", "proxy"];

/// The near end of the way to another machine.
#[derive(Debug)]
pub(crate) struct Forward {
    /// As ssh knows the machine.
    name: OsString,
    listener: UnixListener,
    /// For us alone, and gone with us.
    dir: TempDir,
}

impl Forward {
    /// Opens the near end; ssh runs once somebody connects.
    pub(crate) fn open(name: &str) -> Result<Self, CommandError> {
        let failed = |source| CommandError::Forward {
            name: name.to_owned(),
            source,
        };
        // ssh would take it for an option.
        if name.starts_with('-') || name.is_empty() {
            return Err(failed(io::Error::other("that is no name of a machine")));
        }
        let dir = tempfile::Builder::new().prefix("owlctl-").tempdir();
        let dir = dir.map_err(failed)?;
        let listener = UnixListener::bind(dir.path().join("s")).map_err(failed)?;
        Ok(Self {
            name: name.into(),
            listener,
            dir,
        })
    }

    /// The socket that leads there.
    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    /// Forwards connections for as long as it is polled.
    pub(crate) async fn serve(&self) {
        let mut connections = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => {
                    if let Ok((stream, _)) = accepted {
                        connections.push(self.carry(stream));
                    }
                }
                // Why one ended shows at its other end; ssh has said its part on standard error.
                Some(_) = connections.next() => {}
            }
        }
    }

    async fn carry(&self, stream: UnixStream) -> io::Result<()> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the user's own ssh, with its keys, its configuration and its questions"
        )]
        let mut ssh = tokio::process::Command::new("ssh");
        ssh.arg("-T").arg(&self.name).arg("--").args(THERE);
        ssh.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut ssh = ssh.kill_on_drop(true).spawn()?;
        let (Some(to), Some(from)) = (ssh.stdin.take(), ssh.stdout.take()) else {
            return Ok(());
        };
        let (ours_in, ours_out) = stream.into_split();
        both_ways(ours_in, to, from, ours_out).await
    }
}

/// The far end: carries between standard input and output and the control socket, until either ends.
pub(crate) async fn proxy(socket: &Path) -> io::Result<()> {
    let (from, to) = UnixStream::connect(socket).await?.into_split();
    let near_in = descriptor(io::stdin().as_fd())?;
    let near_out = descriptor(io::stdout().as_fd())?;
    both_ways(near_in, to, from, near_out).await
}

/// A descriptor that is read or written without holding up anything else.
fn descriptor(fd: BorrowedFd<'_>) -> io::Result<tokio::fs::File> {
    let file = std::fs::File::from(fd.try_clone_to_owned()?);
    Ok(tokio::fs::File::from_std(file))
}

/// Carries `near_in` to `far_in` and `far_out` to `near_out`, until the far side ends.
async fn both_ways(
    mut near_in: impl AsyncRead + Unpin,
    mut far_in: impl AsyncWrite + Unpin,
    mut far_out: impl AsyncRead + Unpin,
    mut near_out: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let there = async {
        copy(&mut near_in, &mut far_in).await?;
        far_in.shutdown().await?;
        std::future::pending::<io::Result<()>>().await
    };
    let back = async {
        // Each piece at once: the other side waits for it.
        let mut piece = vec![0; 64 << 10];
        loop {
            let n_bytes = far_out.read(&mut piece).await?;
            let Some(said) = piece.get(..n_bytes).filter(|said| !said.is_empty()) else {
                return near_out.shutdown().await;
            };
            near_out.write_all(said).await?;
            near_out.flush().await?;
        }
    };
    tokio::select! {
        ended = there => ended,
        ended = back => ended,
    }
}
