//! Slows down who tries one token after the other.
//!
//! Each address may be wrong a few times at once, and then once in a while. Only wrong tokens are
//! counted and only they are held up: who has the right one is let in whatever else came from its
//! address. Time is an argument of everything here.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong tokens of one address that are answered at once.
const BURST: u32 = 20;

/// After so long one of them is forgotten.
const FORGET_ONE: Duration = Duration::from_secs(1);

/// Most addresses that are remembered.
const MAX_PEERS: usize = 1024;

/// Wrong tokens by the address they came from.
#[derive(Debug, Default)]
pub(super) struct Guesses {
    peers: Mutex<HashMap<IpAddr, Instant>>,
}

impl Guesses {
    /// Takes note of a wrong token. The error says how long the next one should wait.
    pub(super) fn wrong(&self, from: SocketAddr, now: Instant) -> Result<(), Duration> {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let key = network(from.ip());
        // When the last of them will be forgotten tells how many there are.
        let end = peers.get(&key).copied().unwrap_or(now).max(now) + FORGET_ONE;
        let excess = (end - now).saturating_sub(FORGET_ONE * BURST);
        if excess > Duration::ZERO {
            return Err(excess);
        }
        if peers.len() >= MAX_PEERS && !peers.contains_key(&key) {
            peers.retain(|_, end| *end > now);
        }
        if peers.len() >= MAX_PEERS
            && !peers.contains_key(&key)
            && let Some(soonest) = peers.iter().min_by_key(|(_, end)| **end).map(|(ip, _)| *ip)
        {
            peers.remove(&soonest);
        }
        peers.insert(key, end);
        Ok(())
    }
}

/// What one caller has to itself: of the newer family that is a network.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_burst_is_answered_and_then_one_a_second() {
        let (guesses, start) = (Guesses::default(), Instant::now());
        let peer = at("10.0.0.1:1");
        for _ in 0..BURST {
            assert_eq!(guesses.wrong(peer, start), Ok(()));
        }
        assert_eq!(guesses.wrong(peer, start), Err(FORGET_ONE));
        let half = start + FORGET_ONE / 2;
        assert_eq!(guesses.wrong(peer, half), Err(FORGET_ONE / 2));
        assert_eq!(guesses.wrong(peer, start + FORGET_ONE), Ok(()));
        assert!(guesses.wrong(peer, start + FORGET_ONE).is_err());
    }

    #[test]
    fn another_port_is_the_same_caller_and_another_address_is_not() {
        let (guesses, start) = (Guesses::default(), Instant::now());
        for n in 0..BURST {
            let port = u16::try_from(n).unwrap();
            let peer = SocketAddr::new("fd00::1".parse().unwrap(), port);
            guesses.wrong(peer, start).unwrap();
        }
        assert!(guesses.wrong(at("[fd00::2]:1"), start).is_err());
        assert_eq!(guesses.wrong(at("[fd00:0:0:1::1]:1"), start), Ok(()));
        assert_eq!(guesses.wrong(at("127.0.0.1:1"), start), Ok(()));
    }

    #[test]
    fn no_more_addresses_are_remembered_than_the_limit() {
        let (guesses, start) = (Guesses::default(), Instant::now());
        for n in 0..10_000_u32 {
            let address = IpAddr::from(n.to_be_bytes());
            guesses.wrong(SocketAddr::new(address, 1), start).unwrap();
        }
        let peers = guesses.peers.lock().unwrap();
        assert_eq!(peers.len(), MAX_PEERS);
    }
}
