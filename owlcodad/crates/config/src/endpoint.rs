//! The base address of a model server, in one form however it was written.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;
use http::uri::Authority;

/// Where a model server is: `http://host:port/v1`, or `https://host/anthropic`.
///
/// People write the origin, the base or the whole chat address; all three mean the same server. A
/// path of its own, such as `/api/openai/v1` or `/compat`, is kept.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointUrl {
    scheme: Scheme,
    /// Lower case; an IPv6 address keeps its brackets.
    host: String,
    port: u16,
    /// Begins with `/`, does not end with it.
    path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Scheme {
    Http,
    Https,
}

/// Why a text is not the address of a model server. Never repeats the text, which may hold a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is not an absolute `http` or `https` address.
    #[error("must be an absolute address that begins with `http://` or `https://`")]
    NotAbsolute,
    /// It is not an address at all.
    #[error("is not a valid address: expected something like `http://127.0.0.1:11434/v1`")]
    Malformed,
    /// It has `user:password@`.
    #[error("must not hold a user or password: name the variable with the key in `apiKeyEnv`")]
    UserInfo,
    /// It has `?…` or `#…`.
    #[error("must not have a query or a fragment (`?` or `#`)")]
    Query,
}

impl EndpointUrl {
    /// Reads an address as people write it.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        if text.contains(['?', '#']) {
            return Err(EndpointError::Query);
        }
        let Some((scheme, _)) = text.split_once("://") else {
            return Err(EndpointError::NotAbsolute);
        };
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(EndpointError::NotAbsolute),
        };
        let uri: Uri = text.parse().map_err(|_| EndpointError::Malformed)?;
        let authority = uri.authority().ok_or(EndpointError::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(EndpointError::UserInfo);
        }
        Ok(Self {
            scheme,
            host: host_of(authority)?,
            port: port_of(authority)?.unwrap_or(scheme.default_port()),
            path: base_path(uri.path())?,
        })
    }

    /// The server on a port of this machine.
    pub fn on_this_machine(port: u16) -> Self {
        Self {
            scheme: Scheme::Http,
            host: "127.0.0.1".to_owned(),
            port,
            path: "/v1".to_owned(),
        }
    }

    /// Where chat completions are asked for.
    pub fn chat_completions(&self) -> String {
        format!("{self}/chat/completions")
    }

    /// Where messages of the Anthropic API are asked for.
    pub fn messages(&self) -> String {
        let version = if self.path.ends_with("/v1") {
            ""
        } else {
            "/v1"
        };
        format!("{self}{version}/messages")
    }

    /// Whether the address itself says that the server speaks the Anthropic API: it ends in
    /// `/anthropic`, as those of providers that speak both do.
    pub fn names_anthropic(&self) -> bool {
        self.path.ends_with("/anthropic")
    }

    /// Where the server lists its models.
    pub fn models(&self) -> String {
        format!("{self}/models")
    }

    /// Scheme, host and port, without a path.
    pub fn root(&self) -> String {
        let Self {
            scheme, host, port, ..
        } = self;
        if *port == scheme.default_port() {
            format!("{}://{host}", scheme.as_str())
        } else {
            format!("{}://{host}:{port}", scheme.as_str())
        }
    }

    /// A short name, fit for a metrics label: `host:port`, and the path where it is not `/v1`.
    pub fn id(&self) -> String {
        let path = if self.path == "/v1" { "" } else { &self.path };
        format!("{}:{}{path}", self.host, self.port)
    }

    /// In lower case; an IPv6 address has its brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Whether the server is on this machine.
    pub fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        bare == "localhost"
            || bare.ends_with(".localhost")
            || IpAddr::from_str(bare).is_ok_and(|ip| ip.is_loopback())
    }

    /// Whether what is sent is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.scheme == Scheme::Https
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.root(), self.path)
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EndpointUrl {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        Self::parse(text)
    }
}

impl Scheme {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

fn host_of(authority: &Authority) -> Result<String, EndpointError> {
    let host = authority.host();
    let is_bad = match host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        Some(ipv6) => std::net::Ipv6Addr::from_str(ipv6).is_err(),
        None => {
            host.is_empty()
                || !host
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        }
    };
    if is_bad {
        return Err(EndpointError::Malformed);
    }
    Ok(host.to_ascii_lowercase())
}

fn port_of(authority: &Authority) -> Result<Option<u16>, EndpointError> {
    let after_host = authority.as_str().strip_prefix(authority.host());
    match after_host {
        Some("") => Ok(None),
        _ => match authority.port_u16() {
            Some(port) if port > 0 => Ok(Some(port)),
            _ => Err(EndpointError::Malformed),
        },
    }
}

/// The part of the path that all requests share.
fn base_path(path: &str) -> Result<String, EndpointError> {
    let path = path.trim_end_matches('/');
    let path = ["/chat/completions", "/messages"]
        .iter()
        .find_map(|end| path.strip_suffix(end))
        .unwrap_or(path)
        .trim_end_matches('/');
    let path = match path.strip_suffix("/v1") {
        Some(base) if base.ends_with("/anthropic") => base,
        _ => path,
    };
    if path.is_empty() {
        return Ok("/v1".to_owned());
    }
    let has_odd_segment = path
        .split('/')
        .skip(1)
        .any(|segment| matches!(segment, "" | "." | ".."));
    if has_odd_segment {
        return Err(EndpointError::Malformed);
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_an_address_leads_to_one_base() {
        let cases = [
            ("http://h:1234", "http://h:1234/v1", "h:1234"),
            ("http://h:1234/", "http://h:1234/v1", "h:1234"),
            ("http://h:1234/v1", "http://h:1234/v1", "h:1234"),
            ("http://h:1234/v1/", "http://h:1234/v1", "h:1234"),
            ("http://h:1234/v1//", "http://h:1234/v1", "h:1234"),
            (
                "http://h:1234/v1/chat/completions",
                "http://h:1234/v1",
                "h:1234",
            ),
            (
                "http://h:1234/chat/completions",
                "http://h:1234/v1",
                "h:1234",
            ),
            ("HTTP://H:1234/v1", "http://h:1234/v1", "h:1234"),
            ("https://h", "https://h/v1", "h:443"),
            ("https://h:443/v1", "https://h/v1", "h:443"),
            ("http://h:443", "http://h:443/v1", "h:443"),
            ("http://[::1]:8080", "http://[::1]:8080/v1", "[::1]:8080"),
            (
                "https://h/api/openai/v1",
                "https://h/api/openai/v1",
                "h:443/api/openai/v1",
            ),
            (
                "https://h/compat/chat/completions/",
                "https://h/compat",
                "h:443/compat",
            ),
        ];
        for (text, base, id) in cases {
            let endpoint = EndpointUrl::parse(text).unwrap();
            assert_eq!(endpoint.to_string(), base, "{text}");
            assert_eq!(endpoint.id(), id, "{text}");
            assert_eq!(EndpointUrl::parse(base), Ok(endpoint), "{text}: stable");
        }
    }

    #[test]
    fn addresses_of_requests_follow_from_the_base() {
        let endpoint = EndpointUrl::parse("http://h:1/compat").unwrap();
        assert_eq!(
            endpoint.chat_completions(),
            "http://h:1/compat/chat/completions"
        );
        assert_eq!(endpoint.models(), "http://h:1/compat/models");
        assert_eq!(endpoint.root(), "http://h:1");
    }

    #[test]
    fn what_is_not_the_address_of_a_model_server_is_refused_with_the_reason() {
        use EndpointError::{Malformed, NotAbsolute, Query, UserInfo};
        let cases = [
            ("", NotAbsolute),
            ("h:1234", NotAbsolute),
            ("localhost:11434/v1", NotAbsolute),
            ("/v1", NotAbsolute),
            ("ftp://h/v1", NotAbsolute),
            ("unix:///run/x.sock", NotAbsolute),
            ("http://", Malformed),
            ("http:///v1", Malformed),
            ("http://h:0/v1", Malformed),
            ("http://h:99999/v1", Malformed),
            ("http://h:/v1", Malformed),
            ("http://h:12x/v1", Malformed),
            ("http://h o/v1", Malformed),
            ("http://[::g]:1/v1", Malformed),
            ("http://h/v1/../admin", Malformed),
            ("http://h//v1", Malformed),
            ("http://h\r\nx: y/v1", Malformed),
            ("http://user:pass@h/v1", UserInfo),
            ("http://key@h/v1", UserInfo),
            ("http://h/v1?key=1", Query),
            ("http://h/v1#top", Query),
        ];
        for (text, error) in cases {
            assert_eq!(EndpointUrl::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn every_way_to_write_an_anthropic_address_leads_to_its_messages() {
        let cases = [
            (
                "https://h/anthropic",
                "https://h/anthropic/v1/messages",
                true,
            ),
            (
                "https://h/anthropic/",
                "https://h/anthropic/v1/messages",
                true,
            ),
            (
                "https://h/anthropic/v1",
                "https://h/anthropic/v1/messages",
                true,
            ),
            (
                "https://h/anthropic/v1/messages",
                "https://h/anthropic/v1/messages",
                true,
            ),
            ("https://h/v1/messages", "https://h/v1/messages", false),
            ("https://h", "https://h/v1/messages", false),
        ];
        for (text, messages, names_it) in cases {
            let url = EndpointUrl::parse(text).unwrap();
            assert_eq!(
                (url.messages().as_str(), url.names_anthropic()),
                (messages, names_it),
                "{text}"
            );
        }
    }

    #[test]
    fn loopback_is_told_from_the_network() {
        let cases = [
            ("http://127.0.0.1:1", true),
            ("http://127.1.2.3:1", true),
            ("http://localhost", true),
            ("http://[::1]:1", true),
            ("http://192.168.1.2:1", false),
            ("http://localhost.example.com", false),
            ("http://127.0.0.1.example.com", false),
        ];
        for (text, expected) in cases {
            assert_eq!(
                EndpointUrl::parse(text).unwrap().is_loopback(),
                expected,
                "{text}"
            );
        }
    }
}
