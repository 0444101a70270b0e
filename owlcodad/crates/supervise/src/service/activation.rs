//! Sockets that the service manager has opened for us, as `sd_listen_fds(3)` says.
//!
//! They are ours from descriptor 3 on, each with the name that its unit gives it. What is passed is
//! not believed: each must be open, listen, and be of the kind that its name says.

use std::os::fd::OwnedFd;

use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};
use rustix::net::sockopt::socket_type;
use rustix::net::{AddressFamily, SocketType, getsockname};

use crate::service::activation::inherited::take;

/// Name of the socket of the HTTP API.
const HTTP: &str = "http";

/// Name of the control socket.
const CONTROL: &str = "control";

/// Why a socket that was passed to us cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActivationError {
    /// The variables make no sense.
    #[error("LISTEN_FDS is `{0}`, which is no number of sockets; start the daemon from its unit")]
    BadNumber(String),
    /// A socket without a name of ours.
    #[error(
        "the service manager passes a socket with the name `{name}`; name it `{HTTP}` or `{CONTROL}` \
         in its unit (FileDescriptorName=)"
    )]
    UnknownName {
        /// What it is called.
        name: String,
    },
    /// Two of one name.
    #[error(
        "the service manager passes more than one socket with the name `{name}`; give its unit one \
         ListenStream="
    )]
    Twice {
        /// What both are called.
        name: &'static str,
    },
    /// It is not what its name says.
    #[error(
        "the socket `{name}` of the service manager is no {wanted}; correct ListenStream= in its unit"
    )]
    WrongKind {
        /// What it is called.
        name: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// There is no such descriptor.
    #[error("the service manager says that descriptor {0} is a socket, and it is not open")]
    NotOpen(i32),
}

/// The sockets that were passed to us.
#[derive(Debug, Default)]
pub struct Activation {
    /// A TCP socket that listens.
    pub http: Option<OwnedFd>,
    /// A Unix socket that listens.
    pub control: Option<OwnedFd>,
}

/// What the variables of the process say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// `LISTEN_PID`: for which process the sockets are.
    pub pid: Option<String>,
    /// `LISTEN_FDS`: how many.
    pub n_sockets: Option<String>,
    /// `LISTEN_FDNAMES`: their names, with `:` between them.
    pub names: Option<String>,
}

impl Activation {
    /// Takes the sockets that are for this process. Call it once, before anything else opens a file.
    ///
    /// # Errors
    /// Where one of them is not what its name says. Nothing is served then.
    pub fn take(passed: &Passed) -> Result<Self, ActivationError> {
        let mut activation = Self::default();
        for (number, name) in numbered(passed)? {
            let socket = take(number).ok_or(ActivationError::NotOpen(number))?;
            activation.add(&name, socket)?;
        }
        Ok(activation)
    }

    fn add(&mut self, name: &str, socket: OwnedFd) -> Result<(), ActivationError> {
        let (place, name, is_right, wanted): (_, _, fn(AddressFamily) -> bool, _) = match name {
            HTTP => (
                &mut self.http,
                HTTP,
                |family| family == AddressFamily::INET || family == AddressFamily::INET6,
                "TCP socket that listens",
            ),
            CONTROL => (
                &mut self.control,
                CONTROL,
                |family| family == AddressFamily::UNIX,
                "Unix stream socket that listens",
            ),
            other => {
                let name = owlcoda_types::printable(other).into_owned();
                return Err(ActivationError::UnknownName { name });
            }
        };
        let is_stream = socket_type(&socket) == Ok(SocketType::STREAM);
        let listens = is_stream && listens(&socket);
        let family = getsockname(&socket).map(|address| address.address_family());
        if !listens || !family.is_ok_and(is_right) {
            return Err(ActivationError::WrongKind { name, wanted });
        }
        if place.replace(socket).is_some() {
            return Err(ActivationError::Twice { name });
        }
        Ok(())
    }
}

#[cfg(target_os = "linux")]
fn listens(socket: &OwnedFd) -> bool {
    rustix::net::sockopt::socket_acceptconn(socket) == Ok(true)
}

/// Not every system tells, and those that do not have no manager that passes sockets in this way.
#[cfg(not(target_os = "linux"))]
fn listens(_socket: &OwnedFd) -> bool {
    false
}

/// Descriptors with their names; none where they are for another process.
fn numbered(passed: &Passed) -> Result<Vec<(i32, String)>, ActivationError> {
    let ours = std::process::id().to_string();
    let (Some(pid), Some(n_sockets)) = (&passed.pid, &passed.n_sockets) else {
        return Ok(Vec::new());
    };
    // A shell between the manager and us leaves the variables behind.
    if *pid != ours {
        return Ok(Vec::new());
    }
    let n = n_sockets.parse::<u8>();
    let n = n.map_err(|_| {
        let shown = owlcoda_types::printable(n_sockets);
        ActivationError::BadNumber(owlcoda_types::clip(&shown, 20).into_owned())
    })?;
    let names = passed.names.as_deref().unwrap_or_default();
    let mut names = names.split(':');
    let numbers = FIRST..FIRST + i32::from(n);
    Ok(numbers
        .map(|number| {
            let name = names.next().filter(|name| !name.is_empty());
            (number, name.unwrap_or("unknown").to_owned())
        })
        .collect())
}

/// Descriptor of the first socket, `SD_LISTEN_FDS_START`.
const FIRST: i32 = 3;

mod inherited {
    //! The one place that makes a descriptor of a number.

    use std::os::fd::{AsFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

    use super::{FdFlags, fcntl_getfd, fcntl_setfd};

    /// The descriptor `number`, which children no longer get; none where it is not open.
    #[expect(
        unsafe_code,
        reason = "a descriptor that was inherited has nothing but its number"
    )]
    pub(super) fn take(number: i32) -> Option<OwnedFd> {
        // SAFETY: `number` is at least 3 and lives only for the question whether it is open.
        let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
        let flags = fcntl_getfd(borrowed).ok()?;
        // SAFETY: it is open, as was just seen, and the protocol of the service manager gives it to
        // this process: nothing else here knows it, because this runs before any file is opened.
        let owned = unsafe { OwnedFd::from_raw_fd(number) };
        fcntl_setfd(owned.as_fd(), flags | FdFlags::CLOEXEC).ok()?;
        Some(owned)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};
    use std::os::unix::net::{UnixDatagram, UnixListener};

    use super::*;

    fn passed(pid: u32, n_sockets: &str, names: &str) -> Passed {
        Passed {
            pid: Some(pid.to_string()),
            n_sockets: Some(n_sockets.to_owned()),
            names: Some(names.to_owned()),
        }
    }

    #[test]
    fn sockets_are_numbered_from_three_and_only_for_their_own_process() {
        let us = std::process::id();
        let both = numbered(&passed(us, "2", "http:control")).unwrap();
        assert_eq!(both, [(3, "http".to_owned()), (4, "control".to_owned())]);
        let unnamed = numbered(&Passed {
            names: None,
            ..passed(us, "1", "")
        });
        assert_eq!(unnamed.unwrap(), [(3, "unknown".to_owned())]);
        for other in [passed(us + 1, "2", "http"), Passed::default()] {
            assert_eq!(numbered(&other), Ok(Vec::new()));
        }
        for odd in ["-1", "many", "1000"] {
            let refused = numbered(&passed(us, odd, "http")).unwrap_err();
            assert!(matches!(refused, ActivationError::BadNumber(_)), "{odd}");
        }
    }

    #[test]
    fn what_is_passed_must_be_what_its_name_says() {
        let dir = tempfile::tempdir().unwrap();
        let tcp = || OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap());
        let unix = |name: &str| OwnedFd::from(UnixListener::bind(dir.path().join(name)).unwrap());
        let mut both = Activation::default();
        both.add("http", tcp()).unwrap();
        both.add("control", unix("a")).unwrap();
        assert!(both.http.is_some() && both.control.is_some());

        let connected = || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            OwnedFd::from(std::net::TcpStream::connect(address).unwrap())
        };
        let wrong = [
            ("http", unix("b")),
            ("control", tcp()),
            ("http", connected()),
            ("http", UdpSocket::bind("127.0.0.1:0").unwrap().into()),
            ("control", UnixDatagram::unbound().unwrap().into()),
            (
                "http",
                fs_err::File::open("/dev/null")
                    .unwrap()
                    .into_parts()
                    .0
                    .into(),
            ),
        ];
        for (name, socket) in wrong {
            let refused = Activation::default().add(name, socket).unwrap_err();
            assert!(
                matches!(refused, ActivationError::WrongKind { name: told, .. } if told == name),
                "{refused}"
            );
        }
        let refused = both.add("http", tcp()).unwrap_err();
        assert_eq!(refused, ActivationError::Twice { name: "http" });
        let refused = both.add("owlcodad.socket", tcp()).unwrap_err();
        assert!(
            refused.to_string().contains("FileDescriptorName="),
            "{refused}"
        );
    }
}
