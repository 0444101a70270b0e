//! The socket of the control plane: where it may be, and who may connect.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt};
use std::path::{Path, PathBuf};

use futures_util::Stream;
use futures_util::stream::unfold;
use owlcoda_types::ErrorCode;
use rustix::process::getuid;
use tokio::net::{UnixListener, UnixStream};
use tracing::warn;

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

/// The bound socket. Dropping it removes the file, if it is still ours.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    /// Removes the socket's file when the connections end.
    _file: SocketFile,
}

#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl ControlSocket {
    /// Binds the socket with mode 0600 in a directory of mode 0700.
    ///
    /// The caller holds the lock of the home and has a umask of 0077: then a socket that nobody
    /// answers on is a dead daemon's, and no moment exists in which others may connect.
    pub async fn bind(path: &Path) -> Result<Self, SocketError> {
        let io = |source| SocketError::Io {
            path: path.to_path_buf(),
            source,
        };
        let dir = path.parent().unwrap_or(Path::new("/"));
        make_directory(dir).map_err(io)?;
        check_directory(dir)?;
        if let Ok(metadata) = fs_err::symlink_metadata(path) {
            if !metadata.file_type().is_socket() {
                return Err(SocketError::NotASocket {
                    path: path.to_path_buf(),
                });
            }
            if UnixStream::connect(path).await.is_ok() {
                return Err(SocketError::InUse {
                    path: path.to_path_buf(),
                });
            }
            fs_err::remove_file(path).map_err(io)?;
        }
        let listener = UnixListener::bind(path).map_err(io)?;
        fs_err::set_permissions(path, PermissionsExt::from_mode(0o600)).map_err(io)?;
        let metadata = fs_err::symlink_metadata(path).map_err(io)?;
        let identity = (metadata.dev(), metadata.ino());
        Ok(Self {
            listener,
            _file: SocketFile {
                path: path.to_path_buf(),
                identity,
            },
        })
    }

    /// Connections of the daemon's owner and of root. Everybody else is hung up on before a byte
    /// is read.
    pub(crate) fn connections(self) -> impl Stream<Item = io::Result<UnixStream>> {
        unfold(self, |socket| async move {
            loop {
                match socket.listener.accept().await {
                    Ok((stream, _)) if is_allowed(&stream) => return Some((Ok(stream), socket)),
                    Ok(_) => {}
                    Err(error) => {
                        // Out of descriptors, mostly. Trying again at once would spin.
                        warn!(%error, "could not accept a control connection");
                        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                    }
                }
            }
        })
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

/// Makes the directory, for us alone, where it is missing.
fn make_directory(dir: &Path) -> io::Result<()> {
    if fs_err::symlink_metadata(dir).is_ok() {
        return Ok(());
    }
    fs_err::create_dir_all(dir)?;
    fs_err::set_permissions(dir, PermissionsExt::from_mode(0o700))
}

/// Refuses a directory that others can write to.
fn check_directory(dir: &Path) -> Result<(), SocketError> {
    let metadata = fs_err::symlink_metadata(dir).map_err(|source| SocketError::Io {
        path: dir.to_path_buf(),
        source,
    })?;
    let mode = metadata.permissions().mode() & 0o777;
    let why = if !metadata.is_dir() {
        "is not a directory".to_owned()
    } else if metadata.uid() != getuid().as_raw() {
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

/// Whether the kernel says that the peer is our user, or root. No answer is a no.
fn is_allowed(stream: &UnixStream) -> bool {
    let ours = getuid().as_raw();
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == ours || peer.uid() == 0 => true,
        Ok(peer) => {
            warn!(
                uid = peer.uid(),
                pid = peer.pid(),
                "refused a control connection"
            );
            false
        }
        Err(error) => {
            warn!(%error, "refused a control connection without credentials");
            false
        }
    }
}
