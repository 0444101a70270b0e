//! Where a request comes from, by its own words: the host it calls, and the page that made a
//! browser send it. Pure.
//!
//! A page of a foreign site can make a browser send requests to this machine. Its requests carry an
//! `Origin` or say `Sec-Fetch-Site: cross-site`. A page whose owner lets its name point at this
//! machine passes for one of ours by both, but its `Host` has that name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::header::{HOST, HeaderName, ORIGIN, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Uri};
use owlcoda_config::{AllowedHost, Authority, Host, ServerConfig};
use owlcoda_types::{clip, printable};

use super::Denied;

/// What browsers say of the page that asks, and only they.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A `Host` without a port means this one.
const HTTP_PORT: u16 = 80;

/// Longest piece of a header that is repeated in a message.
const MAX_SHOWN_BYTES: usize = 100;

/// Who the daemon is to callers, and which pages may call.
#[derive(Debug)]
pub(crate) struct Source {
    port: u16,
    /// The addresses that always mean this daemon.
    addresses: [IpAddr; 3],
    hosts: Vec<AllowedHost>,
    /// As browsers write them.
    origins: Vec<String>,
}

impl Source {
    /// `bound` is where the daemon listens, with the real port.
    pub(crate) fn new(server: &ServerConfig, bound: SocketAddr) -> Self {
        let (v4, v6) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
        // Nobody listens on "any address" by that name.
        let address = Some(bound.ip()).filter(|address| !address.is_unspecified());
        let address = address.unwrap_or(v4);
        let port = bound.port();
        let suffix = match port {
            HTTP_PORT => String::new(),
            port => format!(":{port}"),
        };
        let own = [Host::Name("localhost"), Host::Address(address)];
        let own = own.map(|host| format!("http://{host}{suffix}"));
        Self {
            port,
            addresses: [v4, v6, address],
            hosts: server.allowed_hosts.clone(),
            origins: own
                .into_iter()
                .chain(server.allowed_origins.iter().cloned())
                .collect(),
        }
    }

    /// Holds the target and the headers of a request against the rules.
    pub(crate) fn check(&self, target: &Uri, headers: &HeaderMap) -> Result<(), Denied> {
        check_framing(headers)?;
        self.check_host(target, headers)?;
        self.check_page(headers)
    }

    fn check_host(&self, target: &Uri, headers: &HeaderMap) -> Result<(), Denied> {
        let mut hosts = headers.get_all(HOST).iter();
        let given = hosts.next().ok_or(Denied::NoHost)?;
        if hosts.next().is_some() {
            return Err(Denied::TwoHosts);
        }
        let text = given.to_str().ok();
        let host = text.and_then(Authority::parse).ok_or(Denied::BadHost)?;
        if let Some(named) = target.authority() {
            let named = Authority::parse(named.as_str());
            let is_same = named
                .is_some_and(|named| named.host == host.host && port_of(named) == port_of(host));
            let is_http = target.scheme_str().is_none_or(|scheme| scheme == "http");
            if !is_same || !is_http {
                return Err(Denied::TargetDisagrees);
            }
        }
        if self.is_own(host) || self.hosts.iter().any(|own| own.is(host, self.port)) {
            return Ok(());
        }
        Err(Denied::ForeignHost {
            given: shown(given),
            port: self.port,
        })
    }

    fn is_own(&self, authority: Authority<'_>) -> bool {
        let is_us = match authority.host {
            Host::Name(name) => name.eq_ignore_ascii_case("localhost"),
            Host::Address(address) => self.addresses.contains(&address),
        };
        is_us && port_of(authority) == self.port
    }

    fn check_page(&self, headers: &HeaderMap) -> Result<(), Denied> {
        let mut origins = headers.get_all(ORIGIN).iter();
        if let Some(given) = origins.next() {
            let is_allowed = self
                .origins
                .iter()
                .any(|own| own.as_bytes() == given.as_bytes());
            if is_allowed && origins.next().is_none() {
                return Ok(());
            }
            return Err(Denied::ForeignOrigin {
                given: shown(given),
            });
        }
        let is_harmless = |site: &HeaderValue| site == "none" || site == "same-origin";
        if headers.get_all(SEC_FETCH_SITE).iter().all(is_harmless) {
            Ok(())
        } else {
            Err(Denied::OtherSite)
        }
    }
}

/// A list of encodings, or one twice, is read in one way here and in another by the proxy in front.
fn check_framing(headers: &HeaderMap) -> Result<(), Denied> {
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => Ok(()),
        (Some(one), None) if one.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(Denied::BadFraming),
    }
}

fn port_of(authority: Authority<'_>) -> u16 {
    authority.port.unwrap_or(HTTP_PORT)
}

fn shown(value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    clip(&printable(&text), MAX_SHOWN_BYTES).into_owned()
}

#[cfg(test)]
mod tests;
