//! Who may call the HTTP API: how callers prove who they are, and the names and origins that may
//! stand in their requests.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest name of a host, as DNS has it.
const MAX_NAME_BYTES: usize = 253;

/// Who may use each class of endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuthConfig {
    /// Model calls and the list of models.
    pub inference: AuthMode,
    /// What the daemon keeps: conversations, records.
    pub data: AuthMode,
}

/// How callers of a class prove who they are. A valid token is enough in every mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMode {
    /// The kernel says that the caller's socket belongs to the daemon's user, or to root.
    SameUid,
    /// By the token and by nothing else.
    Token,
    /// Not at all.
    None,
}

impl Default for AuthMode {
    /// Only Linux tells the owner of a connection's other end.
    fn default() -> Self {
        if Self::KNOWS_PEERS {
            Self::SameUid
        } else {
            Self::Token
        }
    }
}

impl AuthMode {
    /// Whether this system can tell who owns the other end of a connection.
    pub const KNOWS_PEERS: bool = cfg!(target_os = "linux");

    /// As it is written in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SameUid => "same-uid",
            Self::Token => "token",
            Self::None => "none",
        }
    }

    /// The mode that is written so.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "same-uid" => Some(Self::SameUid),
            "token" => Some(Self::Token),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

/// A host and perhaps a port, as in a `Host` header: parsed whole, so that no prefix and no suffix
/// of a foreign name passes for one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    /// The name or address.
    pub host: Host<'a>,
    /// What stands behind the colon. None: no port is named.
    pub port: Option<u16>,
}

/// A name or an address.
#[derive(Clone, Copy, Debug)]
pub enum Host<'a> {
    /// As it was written, in any case of letters.
    Name(&'a str),
    /// A dotted quad, or an IPv6 address that was in brackets.
    Address(IpAddr),
}

impl PartialEq for Host<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(one), Self::Name(other)) => one.eq_ignore_ascii_case(other),
            (Self::Address(one), Self::Address(other)) => one == other,
            (Self::Name(_), Self::Address(_)) | (Self::Address(_), Self::Name(_)) => false,
        }
    }
}

impl Eq for Host<'_> {}

impl<'a> Authority<'a> {
    /// None where the text is no `host[:port]`: a user, a path, a blank or anything else in it.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (address, rest) = rest.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            (Host::Address(address.into()), rest)
        } else {
            let end = text.find(':').unwrap_or(text.len());
            let (name, rest) = text.split_at_checked(end)?;
            (named(name)?, rest)
        };
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => None,
            None => return None,
            // Nothing behind the colon is as good as no colon.
            Some("") => None,
            Some(digits) => Some(parse_port(digits)?),
        };
        Some(Self { host, port })
    }
}

fn named(name: &str) -> Option<Host<'_>> {
    if let Ok(address) = name.parse::<Ipv4Addr>() {
        return Some(Host::Address(address.into()));
    }
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let is_name = (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_good);
    is_name.then_some(Host::Name(name))
}

fn parse_port(digits: &str) -> Option<u16> {
    let is_number = digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(&name.to_ascii_lowercase()),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// A further name by which callers may call the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost {
    text: String,
    port: Option<u16>,
}

impl AllowedHost {
    /// None where the text is no `host[:port]`, or ends in a dot.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let Authority { host, port } = Authority::parse(text)?;
        let text = host.to_string();
        (!text.ends_with('.')).then_some(Self { text, port })
    }

    /// Whether `authority` names this host; `own_port` is the port where this names none. An
    /// authority without a port means 80, as HTTP has it.
    pub fn is(&self, authority: Authority<'_>, own_port: u16) -> bool {
        let host = Authority::parse(&self.text).map(|own| own.host);
        host == Some(authority.host)
            && authority.port.unwrap_or(80) == self.port.unwrap_or(own_port)
    }
}

/// An origin as browsers write it: lower case, no port where it is the scheme's own, no path.
/// None where the text is no origin; `null` and `*` are none.
pub(crate) fn origin(text: &str) -> Option<String> {
    let (scheme, authority) = text.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let is_scheme = scheme.starts_with(|letter: char| letter.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    let Authority { host, port } = Authority::parse(authority).filter(|_| is_scheme)?;
    let own_port = match scheme.as_str() {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    match port.filter(|port| Some(*port) != own_port) {
        Some(port) => Some(format!("{scheme}://{host}:{port}")),
        None => Some(format!("{scheme}://{host}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_is_read_whole_or_not_at_all() {
        type Read<'a> = Option<(Host<'a>, Option<u16>)>;
        let address = |text: &str| Host::Address(text.parse().unwrap());
        let cases: [(&str, Read<'_>); 34] = [
            ("localhost", Some((Host::Name("localhost"), None))),
            (
                "LocalHost:8019",
                Some((Host::Name("localhost"), Some(8019))),
            ),
            ("localhost:", Some((Host::Name("localhost"), None))),
            ("localhost.", Some((Host::Name("localhost."), None))),
            ("a_b-c.d:1", Some((Host::Name("a_b-c.d"), Some(1)))),
            ("127.0.0.1", Some((address("127.0.0.1"), None))),
            ("127.0.0.1:0", Some((address("127.0.0.1"), Some(0)))),
            ("127.0.0.1:08019", Some((address("127.0.0.1"), Some(8019)))),
            // Spellings that a resolver may take for an address are names to us.
            ("127.0.0.01", Some((Host::Name("127.0.0.01"), None))),
            ("127.1", Some((Host::Name("127.1"), None))),
            ("0x7f000001", Some((Host::Name("0x7f000001"), None))),
            (
                "127.0.0.1.e.com",
                Some((Host::Name("127.0.0.1.e.com"), None)),
            ),
            ("[::1]", Some((address("::1"), None))),
            ("[::1]:8019", Some((address("::1"), Some(8019)))),
            ("[0:0:0:0:0:0:0:1]", Some((address("::1"), None))),
            (
                "[::ffff:127.0.0.1]",
                Some((address("::ffff:127.0.0.1"), None)),
            ),
            ("", None),
            (":8019", None),
            ("::1", None),
            ("[::1", None),
            ("[::1]8019", None),
            ("[::1%25lo]", None),
            ("[localhost]", None),
            ("user@localhost", None),
            ("user:pass@localhost", None),
            ("localhost/", None),
            ("http://localhost", None),
            ("local host", None),
            ("localhost,evil", None),
            ("lo%63alhost", None),
            ("löcalhost", None),
            ("localhost:+8019", None),
            ("localhost:65536", None),
            ("localhost:000080", None),
        ];
        for (text, expected) in cases {
            let found = Authority::parse(text).map(|found| (found.host, found.port));
            assert_eq!(found, expected, "{text}");
        }
        assert_eq!(Authority::parse(&"a".repeat(254)), None);
    }

    #[test]
    fn an_allowed_host_has_its_own_port_or_the_daemons() {
        let cases = [
            ("owl.lan", "OWL.lan:8019", true),
            ("owl.lan", "owl.lan:8020", false),
            ("owl.lan", "owl.lan", false),
            ("owl.lan:80", "owl.lan", true),
            ("owl.lan:80", "owl.lan:80", true),
            ("owl.lan:80", "owl.lan:8019", false),
            ("owl.lan", "owl.lan.:8019", false),
            ("owl.lan", "x.owl.lan:8019", false),
            ("192.0.2.1", "192.0.2.1:8019", true),
            ("[fd00::1]", "[fd00:0::1]:8019", true),
        ];
        for (allowed, asked, expected) in cases {
            let authority = Authority::parse(asked).unwrap();
            let allowed = AllowedHost::parse(allowed).unwrap();
            assert_eq!(allowed.is(authority, 8019), expected, "{allowed:?} {asked}");
        }
        assert_eq!(AllowedHost::parse("owl.lan."), None);
    }

    #[test]
    fn an_origin_is_kept_as_browsers_write_it() {
        let cases = [
            ("http://localhost:3000", Some("http://localhost:3000")),
            (
                "HTTPS://Owl.Example.com:443",
                Some("https://owl.example.com"),
            ),
            ("http://127.0.0.1:80", Some("http://127.0.0.1")),
            ("http://[0::1]:3000", Some("http://[::1]:3000")),
            (
                "chrome-extension://abcdef",
                Some("chrome-extension://abcdef"),
            ),
            ("http://localhost:3000/", None),
            ("http://user@localhost", None),
            ("localhost:3000", None),
            ("://localhost", None),
            ("null", None),
            ("*", None),
            ("http://*.example.com", None),
        ];
        for (text, expected) in cases {
            assert_eq!(origin(text).as_deref(), expected, "{text}");
        }
    }
}
