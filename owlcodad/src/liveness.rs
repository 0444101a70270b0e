//! Whether the daemon is alive: what has to be true for the service manager to leave it alone.
//!
//! A model server that is down is no reason, nor is a full disk: another start would mend neither.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use owlcoda_gateway::Door;
use owlcoda_store::Store;
use owlcoda_supervise::{Heartbeat, Phase, Shutdown};

/// Oldest beat of a runtime that runs.
const HEART: Duration = Duration::from_secs(2);

/// Longest piece of work of the thread that writes. A slow disk takes seconds for one commit.
const COMMIT: Duration = Duration::from_secs(30);

/// Longest time without an answer of our own `/health`.
const ANSWER: Duration = Duration::from_secs(20);

/// Longest wait for one.
const ASK: Duration = Duration::from_secs(2);

/// Most of an answer that is read.
const MAX_ANSWER_BYTES: usize = 256;

/// Everything that is looked at.
#[derive(Debug)]
pub(crate) struct Liveness {
    pub(crate) heart: Heartbeat,
    pub(crate) store: Store,
    pub(crate) door: Door,
    /// Where we listen.
    pub(crate) address: SocketAddr,
    pub(crate) shutdown: Shutdown,
    pub(crate) answered_at: Instant,
}

impl Liveness {
    /// Why we are not alive, if so. Blocking, for up to two seconds.
    pub(crate) fn check(&mut self) -> Result<(), String> {
        if self.shutdown.phase() == Phase::Stopping {
            // Every wait has a limit from here on.
            return Ok(());
        }
        let age = self.heart.age();
        if age >= HEART {
            return Err(format!("no task has run for {} s", age.as_secs()));
        }
        let labour = self.store.writer_labour();
        if labour >= COMMIT {
            return Err(format!(
                "the store is at one write for {} s",
                labour.as_secs()
            ));
        }
        if self.shutdown.phase() == Phase::Running {
            self.check_answer()?;
        }
        Ok(())
    }

    fn check_answer(&mut self) -> Result<(), String> {
        // Who comes while the door is full waits, and so would we.
        let is_answered =
            self.door.is_full() || asked(self.address).unwrap_or_else(|error| is_our_lack(&error));
        if is_answered {
            self.answered_at = Instant::now();
        }
        let silence = self.answered_at.elapsed();
        if silence < ANSWER {
            return Ok(());
        }
        Err(format!(
            "/health has not answered for {} s",
            silence.as_secs()
        ))
    }
}

/// Whether nothing can be said because we have no descriptor left to ask with.
fn is_our_lack(error: &io::Error) -> bool {
    let lack = [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE];
    lack.iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Asks our own `/health` as any caller does. Whether it says that all is well.
pub(crate) fn asked(address: SocketAddr) -> io::Result<bool> {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let port = address.port();
    let mut socket = TcpStream::connect_timeout(&SocketAddr::new(ip, port), ASK)?;
    socket.set_read_timeout(Some(ASK))?;
    socket.set_write_timeout(Some(ASK))?;
    let request =
        format!("GET /health HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes())?;
    let mut answer = [0; MAX_ANSWER_BYTES];
    let mut n_bytes = 0;
    while n_bytes < answer.len() && !answer.contains(&b'\n') {
        let free = answer.get_mut(n_bytes..).unwrap_or_default();
        match socket.read(free)? {
            0 => break,
            n => n_bytes += n,
        }
    }
    Ok(answer.starts_with(b"HTTP/1.1 200 "))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn only_a_200_is_an_answer() {
        for (said, expected) in [
            ("HTTP/1.1 200 OK\r\n\r\n", true),
            ("HTTP/1.1 503 Service Unavailable\r\n\r\n", false),
            ("", false),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let serving = std::thread::spawn(move || {
                let (mut socket, _) = listener.accept().unwrap();
                let n_bytes = socket.read(&mut [0; 512]).unwrap();
                socket.write_all(said.as_bytes()).unwrap();
                n_bytes
            });
            assert_eq!(asked(address).unwrap(), expected, "{said:?}");
            assert!(serving.join().unwrap() > 0);
        }
    }

    #[test]
    fn a_lack_of_descriptors_is_no_death_and_a_refusal_is_no_answer() {
        let of = |errno: rustix::io::Errno| io::Error::from_raw_os_error(errno.raw_os_error());
        assert!(is_our_lack(&of(rustix::io::Errno::MFILE)));
        assert!(!is_our_lack(&of(rustix::io::Errno::CONNREFUSED)));
    }

    #[tokio::test]
    async fn what_hangs_is_told_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(
            &dir.path().join("store"),
            owlcoda_store::StoreOptions::default(),
        );
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = owlcoda_gateway::Server::bind(address, 8).await.unwrap();
        let shutdown = Shutdown::new();
        let mut liveness = Liveness {
            heart: Heartbeat::default(),
            store: store.unwrap(),
            door: server.door(),
            address: server.local_addr().unwrap(),
            shutdown: shutdown.clone(),
            answered_at: Instant::now(),
        };
        // Nobody listens at that port any more, which is borne for a while.
        drop(server);
        let mut check = move |answered_at: Option<Instant>| {
            liveness.answered_at = answered_at.unwrap_or(liveness.answered_at);
            liveness.check()
        };
        assert_eq!(check(None), Ok(()));
        let why = check(Instant::now().checked_sub(ANSWER)).unwrap_err();
        assert!(why.contains("/health"), "{why}");
        // A daemon that drains has closed its port.
        shutdown.begin_drain();
        assert_eq!(check(None), Ok(()));
    }
}
