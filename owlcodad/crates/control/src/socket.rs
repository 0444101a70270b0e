//! The socket of the control plane: where it may be, and the connections that come in.

#[cfg(test)]
mod tests;

use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::unfold;
use futures_util::{Stream, StreamExt as _};
use owlcoda_telemetry::metric;
use owlcoda_types::ErrorCode;
use rustix::process::{Gid, getuid};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tracing::{debug, trace, warn};

use crate::access::Tier;
use crate::connection::ControlConnection;
use crate::peer::{Access, Peer, Stranger};

/// Most connections at a time of those who may do everything, and most that have not begun.
const MAX_ADMINS: (usize, usize) = (48, 256);

/// The same for those who may look: they cannot keep the others out.
const MAX_OBSERVERS: (usize, usize) = (16, 32);

/// Between two lines about those who may not connect: they decide how often they try.
const NOTICE: Duration = Duration::from_secs(1);

/// Why the control socket cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// The directory is not ours alone.
    #[error(
        "the directory of the control socket, `{}`, {why}: anybody who can write there could take \
         the daemon's place; make it yours with mode 0700, or pass --socket PATH", dir.display()
    )]
    UnsafeDirectory {
        /// The directory.
        dir: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Another daemon listens there.
    #[error("another daemon listens on `{}`; pass another --socket PATH", path.display())]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something that is not a socket is there.
    #[error("`{}` is in the way of the control socket and is not a socket; move it", path.display())]
    NotASocket {
        /// What is in the way.
        path: PathBuf,
    },
    /// The system refused.
    #[error("could not open the control socket `{}`", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl SocketError {
    /// The code that decides everything else.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::InUse { .. } => ErrorCode::Busy,
            _ => ErrorCode::InvalidConfig,
        }
    }
}

/// The bound socket. Dropping it removes the file, if we made it and it is still ours.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
    access: Access,
    /// Removes the socket's file when the connections end. None where somebody else made it.
    _file: Option<SocketFile>,
}

#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl ControlSocket {
    /// Binds the socket for whom `access` lets in: with mode 0600 in a directory of mode 0700 for our
    /// own user, with mode 0660 for a group.
    ///
    /// The caller holds the lock of the home and has a umask of 0077: then a socket that nobody
    /// answers on is a dead daemon's, and no moment exists in which others may connect.
    pub async fn bind(path: &Path, access: Access) -> Result<Self, SocketError> {
        let io = |source| SocketError::Io {
            path: path.to_path_buf(),
            source,
        };
        let dir = path.parent().unwrap_or(Path::new("/"));
        make_directory(dir, access).map_err(io)?;
        check_directory(dir, access)?;
        if let Ok(metadata) = fs_err::symlink_metadata(path) {
            if !metadata.file_type().is_socket() {
                return Err(SocketError::NotASocket {
                    path: path.to_path_buf(),
                });
            }
            // One that is too busy to accept, or that we may not ask, is no dead one.
            match UnixStream::connect(path).await {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                _ => {
                    return Err(SocketError::InUse {
                        path: path.to_path_buf(),
                    });
                }
            }
            fs_err::remove_file(path).map_err(io)?;
        }
        let listener = UnixListener::bind(path).map_err(io)?;
        if let Some(group) = access.socket_group() {
            let group = Some(Gid::from_raw(group));
            rustix::fs::chown(path, None, group).map_err(|errno| io(errno.into()))?;
        }
        let mode = if access.is_shared() { 0o660 } else { 0o600 };
        fs_err::set_permissions(path, PermissionsExt::from_mode(mode)).map_err(io)?;
        let metadata = fs_err::symlink_metadata(path).map_err(io)?;
        let identity = (metadata.dev(), metadata.ino());
        Ok(Self {
            listener,
            path: path.to_path_buf(),
            access,
            _file: Some(SocketFile {
                path: path.to_path_buf(),
                identity,
            }),
        })
    }

    /// Takes a socket that listens already, such as one of the service manager's. Its file stays.
    pub fn adopt(
        listener: std::os::unix::net::UnixListener,
        access: Access,
    ) -> Result<Self, SocketError> {
        let address = listener.local_addr();
        let path = address
            .ok()
            .and_then(|it| it.as_pathname().map(Path::to_path_buf))
            .unwrap_or_default();
        let io = |source| SocketError::Io {
            path: path.clone(),
            source,
        };
        listener.set_nonblocking(true).map_err(io)?;
        let listener = UnixListener::from_std(listener).map_err(io)?;
        Ok(Self {
            listener,
            path,
            access,
            _file: None,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Connections of those who may connect, once they have begun as gRPC does. Everybody else is hung
    /// up on before a byte is read.
    pub(crate) fn connections(self) -> impl Stream<Item = io::Result<ControlConnection>> {
        let admins = Places::new(MAX_ADMINS);
        let observers = Places::new(MAX_OBSERVERS);
        // One more than may begin, so that the next is always looked at.
        let n_beginning = MAX_ADMINS.1 + MAX_OBSERVERS.1 + 1;
        let accepted = unfold(
            (self, Strangers::default()),
            async |(socket, mut strangers)| {
                let accepted = socket.accept(&mut strangers).await;
                Some((accepted, (socket, strangers)))
            },
        );
        let beginning = accepted.map(move |(stream, peer)| {
            let places = match peer.tier {
                Tier::Admin => &admins,
                Tier::Observer => &observers,
            };
            let begins = Arc::clone(&places.beginning).try_acquire_owned();
            let open = Arc::clone(&places.open);
            async move {
                let Ok(_begins) = begins else {
                    debug!(
                        uid = peer.uid,
                        "closed a control connection: too many begin"
                    );
                    return None;
                };
                ControlConnection::begin(stream, peer, open).await
            }
        });
        beginning
            .buffer_unordered(n_beginning)
            .filter_map(async |begun| begun.map(Ok))
    }

    /// The next connection of somebody who may connect.
    async fn accept(&self, strangers: &mut Strangers) -> (UnixStream, Peer) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => match self.access.admit(&stream) {
                    Ok(peer) => {
                        trace!(uid = peer.uid, tier = ?peer.tier, "a control connection");
                        return (stream, peer);
                    }
                    Err(stranger) => strangers.note(stranger),
                },
                Err(error) => {
                    // Out of descriptors, mostly. Trying again at once would spin.
                    warn!(%error, "could not accept a control connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

/// How many connections there may be.
struct Places {
    open: Arc<Semaphore>,
    beginning: Arc<Semaphore>,
}

impl Places {
    fn new((n_open, n_beginning): (usize, usize)) -> Self {
        Self {
            open: Arc::new(Semaphore::new(n_open)),
            beginning: Arc::new(Semaphore::new(n_beginning)),
        }
    }
}

/// Those who may not connect: each is counted, and the log has a line a second at most.
#[derive(Debug, Default)]
struct Strangers {
    n_unsaid: u64,
    said_at: Option<Instant>,
}

impl Strangers {
    fn note(&mut self, stranger: Stranger) {
        metric::GRPC_REQUESTS.add(["connect", "PermissionDenied"], 1);
        self.n_unsaid += 1;
        if self.said_at.is_some_and(|at| at.elapsed() < NOTICE) {
            return;
        }
        let (uid, pid) = (stranger.uid, stranger.pid);
        let n_connections = self.n_unsaid;
        warn!(
            uid,
            pid, n_connections, "refused a control connection of {stranger}"
        );
        self.said_at = Some(Instant::now());
        self.n_unsaid = 0;
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = fs_err::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.identity);
        if is_ours {
            // A leftover is harmless: the next start removes it.
            let _ = fs_err::remove_file(&self.path);
        }
    }
}

/// Makes the directory where it is missing: for us alone, or with a way in for others.
fn make_directory(dir: &Path, access: Access) -> io::Result<()> {
    if fs_err::symlink_metadata(dir).is_ok() {
        return Ok(());
    }
    fs_err::create_dir_all(dir)?;
    let mode = if access.is_shared() { 0o755 } else { 0o700 };
    fs_err::set_permissions(dir, PermissionsExt::from_mode(mode))
}

/// Refuses a directory that others can write to.
fn check_directory(dir: &Path, access: Access) -> Result<(), SocketError> {
    let metadata = fs_err::symlink_metadata(dir).map_err(|source| SocketError::Io {
        path: dir.to_path_buf(),
        source,
    })?;
    let mode = metadata.permissions().mode() & 0o777;
    let is_ours = metadata.uid() == getuid().as_raw();
    let why = if metadata.is_symlink() {
        "is a symbolic link".to_owned()
    } else if !metadata.is_dir() {
        "is not a directory".to_owned()
    } else if !(is_ours || access.is_shared() && metadata.uid() == 0) {
        format!("belongs to user {}", metadata.uid())
    } else if mode & 0o022 != 0 {
        format!("has mode {mode:04o}")
    } else {
        return Ok(());
    };
    Err(SocketError::UnsafeDirectory {
        dir: dir.to_path_buf(),
        why,
    })
}
