//! Where a model server is, as far as its address tells: on this machine, in this house, or far away.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::endpoint::EndpointUrl;

/// Ends of names that only a local network gives, by RFC 6762, RFC 8375, the reservation of
/// `.internal`, and the habit of home routers.
const LOCAL_ENDS: [&str; 5] = [".local", ".lan", ".internal", ".home.arpa", ".localdomain"];

impl EndpointUrl {
    /// Whether the server is on this machine or in its own network: a loopback or private address, a
    /// name without a dot, or one that only a local network gives. Asking it sends nothing out into
    /// the world.
    pub fn is_nearby(&self) -> bool {
        if self.is_loopback() {
            return true;
        }
        match self.address() {
            Some(IpAddr::V4(address)) => is_private_v4(address),
            Some(IpAddr::V6(address)) => is_private_v6(address),
            None => {
                let host = self.host().trim_end_matches('.');
                !host.contains('.') || LOCAL_ENDS.iter().any(|end| host.ends_with(end))
            }
        }
    }

    /// Whether both are the same server: the same address, or this machine by two of its names.
    pub fn is_same_server(&self, other: &Self) -> bool {
        self == other
            || (self.is_loopback()
                && other.is_loopback()
                && self.port() == other.port()
                && self.is_encrypted() == other.is_encrypted()
                && self.id().strip_prefix(self.host()) == other.id().strip_prefix(other.host()))
    }

    /// Whether a server of this machine that listens on `port` is meant.
    pub fn is_local_port(&self, port: u16) -> bool {
        self.is_loopback() && self.port() == port
    }

    fn address(&self) -> Option<IpAddr> {
        let host = self.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare.parse().ok()
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    // 100.64.0.0/10 is what private overlays such as Tailscale give out.
    address.is_private() || address.is_link_local() || (first == 100 && second & 0xc0 == 64)
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return mapped.is_loopback() || is_private_v4(mapped);
    }
    address.is_unique_local() || address.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> EndpointUrl {
        EndpointUrl::parse(text).unwrap()
    }

    #[test]
    fn what_is_nearby_is_told_from_the_world() {
        let cases = [
            ("http://127.0.0.1:11434", true),
            ("http://localhost:1234", true),
            ("http://[::1]:8000", true),
            ("http://192.168.1.7:8000", true),
            ("http://10.0.0.1", true),
            ("http://172.31.255.1", true),
            ("http://172.32.0.1", false),
            ("http://169.254.3.4", true),
            ("http://100.100.1.2", true),
            ("http://100.128.0.1", false),
            ("http://[fd00::1]:8000", true),
            ("http://[fe80::1]:8000", true),
            ("http://[::ffff:192.168.0.1]:8000", true),
            ("http://[2001:db8::1]:8000", false),
            ("http://gpu-box:8000", true),
            ("http://gpu.lan:8000", true),
            ("http://gpu.local", true),
            ("https://api.openai.com", false),
            ("https://gpu.lan.example.com", false),
            ("http://8.8.8.8", false),
        ];
        for (text, expected) in cases {
            assert_eq!(url(text).is_nearby(), expected, "{text}");
        }
    }

    #[test]
    fn this_machine_has_several_names_and_its_ports_are_several_servers() {
        let cases = [
            ("http://127.0.0.1:1", "http://localhost:1/v1", true),
            ("http://127.0.0.1:1", "http://[::1]:1", true),
            ("http://127.0.0.1:1", "http://127.0.0.1:2", false),
            ("http://127.0.0.1:1", "https://localhost:1", false),
            ("http://127.0.0.1:1", "http://localhost:1/other", false),
            ("http://10.0.0.1:1", "http://10.0.0.1:1/v1", true),
            ("http://10.0.0.1:1", "http://10.0.0.2:1", false),
        ];
        for (one, other, expected) in cases {
            assert_eq!(
                url(one).is_same_server(&url(other)),
                expected,
                "{one} {other}"
            );
        }
        assert!(url("http://localhost:8019").is_local_port(8019));
        assert!(!url("http://10.0.0.1:8019").is_local_port(8019));
    }
}
