//! Names and ids that one protocol allows and the other does not.
//!
//! Tool names past 64 characters, or with characters beyond `[a-zA-Z0-9_-]`, get
//! a short name with a hash, and the answer's names are put back. Ids of calls
//! that the Messages API would not allow travel in hex and are put back in the
//! next request, so that nothing has to be remembered between the two.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;

const MAX_NAME_CHARS: usize = 64;
const KEPT_NAME_CHARS: usize = 47;

/// Marks an id of ours that holds the model server's in hex.
const HEX_ID: &str = "toolu_x_";
const MAX_HEX_ID_BYTES: usize = 128;

/// The tools that a request offers, and which short name stands for which.
#[derive(Clone, Debug, Default)]
pub struct ToolNames {
    originals: HashMap<String, String>,
    /// A line each, as the model server is told: a request has many, and few answers need them.
    offered: String,
}

impl ToolNames {
    /// The caller's name for a tool that the model calls by `name`.
    pub fn original<'a>(&'a self, name: &'a str) -> &'a str {
        self.originals.get(name).map_or(name, String::as_str)
    }

    /// Whether every name went through as it is.
    pub fn is_empty(&self) -> bool {
        self.originals.is_empty()
    }

    /// Whether the model was offered a tool that it calls by `name`.
    pub(super) fn is_offered(&self, name: &str) -> bool {
        !name.is_empty() && self.offered.lines().any(|offered| offered == name)
    }

    /// Remembers that a tool is offered and answers the name the model server is told.
    pub(super) fn offer<'a>(&mut self, name: &'a str) -> Cow<'a, str> {
        let short = self.shorten(name);
        self.offered.push_str(&short);
        self.offered.push('\n');
        short
    }

    /// The name the model server is told, remembered if it differs.
    pub(super) fn shorten<'a>(&mut self, name: &'a str) -> Cow<'a, str> {
        let short = short_name(name);
        if let Cow::Owned(short) = &short
            && !self.originals.contains_key(short)
        {
            self.originals.insert(short.clone(), name.to_owned());
        }
        short
    }
}

fn is_plain(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn short_name(name: &str) -> Cow<'_, str> {
    if name.len() <= MAX_NAME_CHARS && is_plain(name) {
        return Cow::Borrowed(name);
    }
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let mut short: String = name.chars().take(KEPT_NAME_CHARS).map(plain).collect();
    short.push('_');
    let _ = write!(short, "{:016x}", fnv1a(name.as_bytes()));
    Cow::Owned(short)
}

/// FNV-1a, 64 bits: the names of one request must not meet, no more.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// An id for the caller: the model server's, in hex where it must be, or one
/// that follows from the message's id and the number of the call.
pub(super) fn id_for_caller(upstream: &str, message_id: &str, number: usize) -> String {
    if upstream.is_empty() || upstream.len() > MAX_HEX_ID_BYTES {
        let message = message_id.strip_prefix("msg_").unwrap_or(message_id);
        return format!("toolu_{message}_{number}");
    }
    if is_plain(upstream) && !upstream.starts_with(HEX_ID) {
        return upstream.to_owned();
    }
    let mut id = String::with_capacity(HEX_ID.len() + upstream.len() * 2);
    id.push_str(HEX_ID);
    for byte in upstream.bytes() {
        let _ = write!(id, "{byte:02x}");
    }
    id
}

/// An id that the Messages API allows, for a call that another server made.
pub(super) fn id_for_messages(id: &str) -> Cow<'_, str> {
    if is_plain(id) && !id.is_empty() && id.len() <= MAX_HEX_ID_BYTES {
        return Cow::Borrowed(id);
    }
    Cow::Owned(format!("toolu_h_{:016x}", fnv1a(id.as_bytes())))
}

/// The model server's own id again.
pub(super) fn id_for_upstream(id: &str) -> Cow<'_, str> {
    let decoded = id.strip_prefix(HEX_ID).and_then(|hex| {
        // A suffix makes an id unique; then it is no longer the server's.
        let bytes = hex.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair)
                .ok()
                .filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(pair, 16).ok()
        });
        String::from_utf8(bytes.collect::<Option<Vec<u8>>>()?).ok()
    });
    decoded.map_or(Cow::Borrowed(id), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_server_takes_is_shortened_and_put_back() {
        let mut names = ToolNames::default();
        let long = "mcp__server__".to_owned() + &"x".repeat(90);
        let dotted = "files.read";
        for name in [long.as_str(), dotted] {
            let short = names.shorten(name).into_owned();
            assert!(short.len() <= MAX_NAME_CHARS && is_plain(&short), "{short}");
            assert_eq!(names.original(&short), name);
        }
        assert_eq!(names.shorten("plain"), "plain");
        assert_eq!(names.original("plain"), "plain");
    }

    #[test]
    fn two_long_names_with_one_start_stay_apart() {
        let mut names = ToolNames::default();
        let start = "x".repeat(80);
        let (a, b) = (format!("{start}a"), format!("{start}b"));
        assert_ne!(names.shorten(&a), names.shorten(&b));
    }

    #[test]
    fn an_id_comes_back_as_the_server_wrote_it() {
        for id in ["call_1", "functions.get_weather:0", "toolu_x_41", "é"] {
            let ours = id_for_caller(id, "msg_1", 0);
            assert!(is_plain(&ours), "{ours}");
            assert_eq!(id_for_upstream(&ours), id);
        }
        assert_eq!(id_for_caller("", "msg_abc", 2), "toolu_abc_2");
    }
}
