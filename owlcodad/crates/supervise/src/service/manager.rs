//! Tells the service manager what the daemon is at: one datagram each, as `sd_notify(3)` says.
//!
//! Own code and no crate: it is one datagram, and the crates that send it also change the
//! environment of the process, which no thread of ours may meet.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use owlcoda_types::{clip, printable};
use tracing::debug;

/// Longest wait for a manager that does not take a datagram.
const PATIENCE: Duration = Duration::from_millis(200);

/// Most characters of a status.
const MAX_STATUS_CHARS: usize = 200;

/// The service manager, or none. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct ServiceManager {
    address: Option<Arc<Address>>,
}

#[derive(Debug)]
struct Address {
    socket: UnixDatagram,
    manager: SocketAddr,
}

impl ServiceManager {
    /// The manager that listens at `socket`, the value of `NOTIFY_SOCKET`: a path, or `@` and a name
    /// of Linux's that is in no directory. None where there is none.
    ///
    /// # Errors
    /// Where the value is neither, or the system has no socket for us.
    pub fn at(socket: Option<&OsStr>) -> io::Result<Self> {
        let Some(named) = socket else {
            return Ok(Self::default());
        };
        let manager = match named.as_bytes().split_first() {
            Some((b'@', name)) => abstract_name(name)?,
            Some((b'/', _)) => SocketAddr::from_pathname(Path::new(named))?,
            _ => return Err(io::ErrorKind::Unsupported.into()),
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            address: Some(Arc::new(Address { socket, manager })),
        })
    }

    /// Whether somebody listens.
    pub const fn is_there(&self) -> bool {
        self.address.is_some()
    }

    /// We serve: whoever waits for our start may go on.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\n{}", status_line(status)));
    }

    /// What we are at, for people.
    pub fn status(&self, status: &str) {
        self.send(&status_line(status));
    }

    /// What we are at takes longer: the start, or the end, may take as long as `more` from now on.
    pub fn extend(&self, more: Duration, status: &str) {
        let micros = more.as_micros();
        self.send(&format!(
            "EXTEND_TIMEOUT_USEC={micros}\n{}",
            status_line(status)
        ));
    }

    /// We are about to end.
    pub fn stopping(&self, status: &str) {
        self.send(&format!("STOPPING=1\n{}", status_line(status)));
    }

    /// We are alive. A manager that does not hear it in time kills us and starts another.
    pub fn alive(&self) {
        self.send("WATCHDOG=1\n");
    }

    fn send(&self, words: &str) {
        let Some(address) = &self.address else {
            return;
        };
        let sent = address
            .socket
            .send_to_addr(words.as_bytes(), &address.manager);
        if let Err(error) = sent {
            // It is for the manager to miss us.
            debug!(%error, "the service manager does not listen");
        }
    }
}

/// A line break in it would be an assignment of its own.
fn status_line(status: &str) -> String {
    format!("STATUS={}\n", clip(&printable(status), MAX_STATUS_CHARS))
}

#[cfg(target_os = "linux")]
fn abstract_name(name: &[u8]) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt as _;
    SocketAddr::from_abstract_name(name)
}

/// Only Linux has such names.
#[cfg(not(target_os = "linux"))]
fn abstract_name(_name: &[u8]) -> io::Result<SocketAddr> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(listener: &UnixDatagram) -> String {
        let mut bytes = [0; 1024];
        let n_bytes = listener.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..n_bytes].to_vec()).unwrap()
    }

    #[test]
    fn a_manager_hears_what_we_are_at_and_no_word_of_it_is_an_assignment_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        let manager = ServiceManager::at(Some(path.as_os_str())).unwrap();
        manager.extend(Duration::from_secs(30), "opening the store");
        manager.ready("serving\nWATCHDOG=1");
        manager.alive();
        manager.stopping(&"x".repeat(500));
        assert_eq!(
            said(&listener),
            "EXTEND_TIMEOUT_USEC=30000000\nSTATUS=opening the store\n"
        );
        assert_eq!(said(&listener), "READY=1\nSTATUS=serving WATCHDOG=1\n");
        assert_eq!(said(&listener), "WATCHDOG=1\n");
        let stopping = said(&listener);
        assert!(stopping.starts_with("STOPPING=1\nSTATUS=xxx") && stopping.len() < 300);
        // A manager that has gone is no reason to fail.
        drop(listener);
        manager.alive();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_name_that_is_in_no_directory_is_a_manager_too() {
        let name = format!("owlcoda-test-{}", std::process::id());
        let listener = UnixDatagram::bind_addr(&abstract_name(name.as_bytes()).unwrap()).unwrap();
        let named = format!("@{name}");
        let manager = ServiceManager::at(Some(OsStr::new(&named))).unwrap();
        manager.status("here");
        assert_eq!(said(&listener), "STATUS=here\n");
    }

    #[test]
    fn without_a_manager_nothing_is_said_and_an_odd_name_is_an_error() {
        let nobody = ServiceManager::at(None).unwrap();
        nobody.ready("to nobody");
        assert!(!nobody.is_there());
        for odd in ["vsock:2:1234", "relative/path", ""] {
            assert!(
                ServiceManager::at(Some(OsStr::new(odd))).is_err(),
                "{odd:?}"
            );
        }
    }
}
