//! Which program listens on a port, as far as the system tells: Linux does, in `/proc`.

use std::fmt;
use std::net::SocketAddr;

/// Who listens on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PortHolder {
    /// The user who owns the socket.
    pub(crate) uid: u32,
    /// Name and process id; none for programs that we may not look into.
    pub(crate) program: Option<(String, u32)>,
}

impl PortHolder {
    /// Who listens where `address` would; none where nobody does or the system does not tell.
    pub(crate) fn find(address: SocketAddr) -> Option<Self> {
        system::find(address)
    }
}

impl fmt::Display for PortHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.program {
            Some((name, pid)) => write!(f, "`{name}` (pid {pid})"),
            None => write!(f, "a program of user {}", self.uid),
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::io::Read as _;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
    use std::time::{Duration, Instant};

    use owlcoda_types::{clip, printable};

    use super::PortHolder;

    /// What a socket that listens is called in the tables.
    const LISTENS: &str = "0A";

    /// Most bytes that are read of a table.
    const MAX_TABLE_BYTES: u64 = 16 << 20;

    /// Longest search through the processes of the machine.
    const SEARCH: Duration = Duration::from_secs(1);

    pub(super) fn find(address: SocketAddr) -> Option<PortHolder> {
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
        let (uid, inode) = tables.iter().find_map(|table| {
            let mut text = String::new();
            let file = fs_err::File::open(table).ok()?;
            file.take(MAX_TABLE_BYTES).read_to_string(&mut text).ok()?;
            text.lines().find_map(|line| listener(line, address))
        })?;
        Some(PortHolder {
            uid,
            program: program(inode),
        })
    }

    /// User and inode of a line's socket, where it listens in the way of `wanted`:
    /// `sl local_address rem_address st queues timer retrnsmt uid timeout inode …`
    pub(super) fn listener(line: &str, wanted: SocketAddr) -> Option<(u32, u64)> {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let local = address(fields.next()?)?;
        let state = fields.nth(1)?;
        let uid = fields.nth(3)?.parse().ok()?;
        let inode = fields.nth(1)?.parse().ok()?;
        let is_in_the_way = local.port() == wanted.port()
            && (local.ip() == wanted.ip()
                || local.ip().is_unspecified()
                || wanted.ip().is_unspecified());
        (state == LISTENS && is_in_the_way).then_some((uid, inode))
    }

    /// `0100007F:1F53`: words in the order of this machine.
    fn address(text: &str) -> Option<SocketAddr> {
        let (ip, port) = text.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let mut bytes = Vec::with_capacity(16);
        for word in ip.as_bytes().chunks(8) {
            let word = std::str::from_utf8(word).ok()?;
            bytes.extend(u32::from_str_radix(word, 16).ok()?.to_ne_bytes());
        }
        let ip = match <[u8; 4]>::try_from(bytes.as_slice()) {
            Ok(octets) => IpAddr::V4(Ipv4Addr::from(octets)),
            Err(_) => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?)),
        };
        Some(SocketAddr::new(ip.to_canonical(), port))
    }

    /// The process that has the socket open. Those of other users cannot be looked into.
    fn program(inode: u64) -> Option<(String, u32)> {
        let wanted = format!("socket:[{inode}]");
        let began = Instant::now();
        for process in fs_err::read_dir("/proc").ok()?.flatten() {
            if began.elapsed() > SEARCH {
                return None;
            }
            let Some(pid) = process.file_name().to_str().and_then(|it| it.parse().ok()) else {
                continue;
            };
            let Ok(descriptors) = fs_err::read_dir(process.path().join("fd")) else {
                continue;
            };
            let holds = descriptors.flatten().any(|descriptor| {
                fs_err::read_link(descriptor.path()).is_ok_and(|link| link.as_os_str() == &*wanted)
            });
            if holds {
                let name = fs_err::read_to_string(process.path().join("comm")).ok()?;
                return Some((clip(&printable(name.trim()), 40).into_owned(), pid));
            }
        }
        None
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::net::SocketAddr;

    use super::PortHolder;

    /// This system does not tell.
    pub(super) fn find(_: SocketAddr) -> Option<PortHolder> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_port_that_we_hold_is_held_by_this_process() {
        for host in ["127.0.0.1", "[::1]", "0.0.0.0"] {
            let Ok(listener) = TcpListener::bind(format!("{host}:0")) else {
                // A machine without IPv6.
                continue;
            };
            let address = listener.local_addr().unwrap();
            let holder = PortHolder::find(address).unwrap();
            let (name, pid) = holder.program.clone().unwrap();
            assert_eq!(pid, std::process::id(), "{host}");
            assert_eq!(holder.to_string(), format!("`{name}` (pid {pid})"));
            drop(listener);
            assert_eq!(PortHolder::find(address), None, "{host}");
        }
    }

    #[test]
    fn a_line_of_the_table_is_read_and_a_foreign_program_is_its_user_s() {
        let line = "   0: 0100007F:1F53 00000000:0000 0A 00000000:00000000 00:00000000 00000000  \
                    1000        0 12345 1 0000000000000000 100 0 0 10 0";
        let is_found = |address: &str| system::listener(line, address.parse().unwrap());
        if cfg!(target_endian = "little") {
            assert_eq!(is_found("127.0.0.1:8019"), Some((1000, 12345)));
        }
        assert_eq!(is_found("127.0.0.1:8020"), None);
        assert_eq!(is_found("192.0.2.1:8019"), None);
        for broken in ["", "sl", "0: x:y", "0: 0100007F:1F53 0 0A"] {
            assert_eq!(
                system::listener(broken, "127.0.0.1:8019".parse().unwrap()),
                None
            );
        }
        let holder = PortHolder {
            uid: 33,
            program: None,
        };
        assert_eq!(holder.to_string(), "a program of user 33");
    }
}
