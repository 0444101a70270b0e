//! Who owns the other end of a connection on this machine, as the kernel tells it.

use std::net::SocketAddr;
use std::sync::Arc;

use owlcoda_pipeline::Client;
use tokio::sync::OnceCell;

/// The other end of one connection. It is looked up when it is first asked for, once.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    end: Arc<End>,
}

#[derive(Debug)]
struct End {
    theirs: SocketAddr,
    /// None where the system does not say it any more.
    ours: Option<SocketAddr>,
    uid: OnceCell<Option<u32>>,
}

impl Peer {
    pub(crate) fn new(theirs: SocketAddr, ours: Option<SocketAddr>) -> Self {
        let uid = OnceCell::new();
        Self {
            end: Arc::new(End { theirs, ours, uid }),
        }
    }

    /// The other end's address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.end.theirs
    }

    /// The user of the connection, if that is our own or root. No answer is a no.
    pub(crate) async fn our_user(&self) -> Option<Client> {
        let End { theirs, ours, uid } = &*self.end;
        let ours = (*ours)?;
        let theirs = *theirs;
        let look_up = || async move {
            // The tables may be long.
            let owner = tokio::task::spawn_blocking(move || system::owner(theirs, ours));
            owner.await.ok().flatten()
        };
        let uid = (*uid.get_or_init(look_up).await)?;
        let is_ours = uid == 0 || uid == rustix::process::getuid().as_raw();
        is_ours.then_some(Client::User { uid })
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::io::{BufRead as _, BufReader};
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

    /// A connection that stands may be missing in a table once: the kernel writes it in pieces,
    /// and what comes and goes between two of them shifts the rest.
    const N_READS: usize = 3;

    /// Longer than any line of the tables.
    const MAX_LINE_BYTES: u64 = 512;

    /// The user whose socket is bound to `theirs` and connected to `ours`.
    pub(super) fn owner(theirs: SocketAddr, ours: SocketAddr) -> Option<u32> {
        // A socket of the newer family may hold an address of the older one. Our own process is
        // named, because a service may see nothing of `/proc` but processes.
        let tables = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
        (0..N_READS).find_map(|_| {
            tables
                .iter()
                .find_map(|table| in_table(fs_err::File::open(table).ok()?, theirs, ours))
        })
    }

    /// Reads line by line: a machine with many connections has a table of megabytes.
    pub(super) fn in_table(
        table: impl std::io::Read,
        theirs: SocketAddr,
        ours: SocketAddr,
    ) -> Option<u32> {
        use std::io::Read as _;
        let mut table = BufReader::with_capacity(64 << 10, table);
        let mut line = String::new();
        loop {
            line.clear();
            if (&mut table)
                .take(MAX_LINE_BYTES)
                .read_line(&mut line)
                .ok()?
                == 0
            {
                return None;
            }
            if let Some(row) = Row::parse(&line)
                && same(row.local, theirs)
                && same(row.remote, ours)
                && row.has_owner
            {
                return Some(row.uid);
            }
        }
    }

    struct Row {
        local: SocketAddr,
        remote: SocketAddr,
        uid: u32,
        /// A socket that no process holds any more is listed as root's.
        has_owner: bool,
    }

    impl Row {
        /// `sl local_address rem_address st queues timer retrnsmt uid timeout inode …`
        fn parse(line: &str) -> Option<Self> {
            let mut fields = line.split_ascii_whitespace().skip(1);
            let local = parse_end(fields.next()?)?;
            let remote = parse_end(fields.next()?)?;
            let uid = fields.nth(4)?.parse().ok()?;
            let inode: u64 = fields.nth(1)?.parse().ok()?;
            Some(Self {
                local,
                remote,
                uid,
                has_owner: inode != 0,
            })
        }
    }

    /// `0100007F:1F53`: words of four bytes, each as a number of this machine.
    fn parse_end(text: &str) -> Option<SocketAddr> {
        let (address, port) = text.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let word = |at: usize| {
            let digits = address.get(at * 8..at * 8 + 8)?;
            Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
        };
        let address: IpAddr = match address.len() {
            8 => Ipv4Addr::from(word(0)?).into(),
            32 => {
                let words = [word(0)?, word(1)?, word(2)?, word(3)?];
                let bytes: [u8; 16] = words.as_flattened().try_into().ok()?;
                Ipv6Addr::from(bytes).into()
            }
            _ => return None,
        };
        Some(SocketAddr::new(address, port))
    }

    fn same(one: SocketAddr, other: SocketAddr) -> bool {
        one.port() == other.port() && one.ip().to_canonical() == other.ip().to_canonical()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn find(table: &str, theirs: &str, ours: &str) -> Option<u32> {
            in_table(
                table.as_bytes(),
                theirs.parse().unwrap(),
                ours.parse().unwrap(),
            )
        }

        /// As a little-endian machine writes it: a listener, both ends of a connection, one whose
        /// owner has left, one that has ended.
        #[cfg(target_endian = "little")]
        const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F53 00000000:0000 0A 00000000:00000000 00:00000000 00000000     7        0 300229 1 0 100 0 0 10 0
   1: 0100007F:1F53 0100007F:C350 01 00000000:00000000 00:00000000 00000000     7        0 300230 1 0 20 4 30 10 -1
   2: 0100007F:C350 0100007F:1F53 01 00000000:00000000 02:00000000 00000000  1000        0 300231 2 0 20 4 30 10 -1
   3: 0100007F:C351 0100007F:1F53 05 00000000:00000000 02:00000000 00000000     0        0 0 2 0 20 4 30 10 -1
   4: 0100007F:C352 0100007F:1F53 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0
   5: 0100007F:C353 0200007F:1F53 01 00000000:00000000 02:00000000 00000000  1001        0 300235 2 0 20 4 30 10 -1
   6: garbage
";

        #[test]
        #[cfg(target_endian = "little")]
        fn the_owner_is_that_of_the_far_end_of_the_very_connection() {
            let cases = [
                ("127.0.0.1:50000", "127.0.0.1:8019", Some(1000)),
                // The near end is ours and says nothing of the caller.
                ("127.0.0.1:8019", "127.0.0.1:50000", Some(7)),
                ("127.0.0.1:50001", "127.0.0.1:8019", None),
                ("127.0.0.1:50002", "127.0.0.1:8019", None),
                ("127.0.0.1:50003", "127.0.0.1:8019", None),
                ("127.0.0.1:50003", "127.0.0.2:8019", Some(1001)),
                ("127.0.0.1:50004", "127.0.0.1:8019", None),
                (
                    "[::ffff:127.0.0.1]:50000",
                    "[::ffff:127.0.0.1]:8019",
                    Some(1000),
                ),
                ("[::1]:50000", "[::1]:8019", None),
            ];
            for (theirs, ours, expected) in cases {
                assert_eq!(find(TABLE, theirs, ours), expected, "{theirs} to {ours}");
            }
        }

        #[test]
        #[cfg(target_endian = "little")]
        fn addresses_of_the_newer_family_are_read_and_those_of_the_older_within_them() {
            let table = "   0: 00000000000000000000000001000000:C350 00000000000000000000000001000000:1F53 01 \
                 0:0 02:0 0  1000        0 17 2 0
   1: 0000000000000000FFFF00000100007F:C351 0000000000000000FFFF00000100007F:1F53 01 \
                 0:0 02:0 0  1001        0 18 2 0";
            assert_eq!(find(table, "[::1]:50000", "[::1]:8019"), Some(1000));
            assert_eq!(find(table, "127.0.0.1:50001", "127.0.0.1:8019"), Some(1001));
        }

        #[test]
        fn a_connection_of_this_process_belongs_to_its_user() {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let ours = listener.local_addr().unwrap();
            // The second is how runtimes that use only the newer family call the older one.
            for address in ["127.0.0.1", "::ffff:127.0.0.1"] {
                let address: IpAddr = address.parse().unwrap();
                let Ok(caller) = std::net::TcpStream::connect((address, ours.port())) else {
                    assert!(address.is_ipv6(), "no connection to {address}");
                    eprintln!("skipped: this machine has no IPv6");
                    continue;
                };
                let (accepted, theirs) = listener.accept().unwrap();
                let uid = rustix::process::getuid().as_raw();
                assert_eq!(owner(theirs, ours), Some(uid), "{address}");
                // With the caller's socket closed, what is left of it belongs to nobody.
                drop(caller);
                assert_eq!(owner(theirs, ours), None, "{address}");
                drop(accepted);
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::net::SocketAddr;

    /// Not known here; nobody passes for us.
    pub(super) fn owner(_theirs: SocketAddr, _ours: SocketAddr) -> Option<u32> {
        None
    }
}
