//! A small HTTP/1.1 client for tests, which can also do what no good client does.
//!
//! The functions here ask once over a connection of their own and panic where that fails;
//! [`Connection`] gives a test the socket: slow bodies, half-closed sides, resets, unread answers.

mod connection;

use std::io;

use serde_json::Value;

pub use connection::{Connection, Streaming};

use crate::guard::guarded;
use crate::http1::Headers;

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    /// Names in lower case.
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of a field; `name` is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// The body as text, with U+FFFD for what is not UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; panics where it is not.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{} is not JSON: {error}: {}", self.status, self.text()))
    }
}

/// Asks with GET.
pub async fn get(url: &str) -> Response {
    request("GET", url, &[], b"").await
}

/// Asks with POST; the body is said to be JSON.
pub async fn post(url: &str, body: impl AsRef<[u8]>) -> Response {
    request("POST", url, &[], body).await
}

/// Asks with any method and more header fields, which stand in place of ours of the same name.
pub async fn request(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Response {
    try_request(method, url, headers, body)
        .await
        .unwrap_or_else(|error| panic!("{method} {url}: {error}"))
}

/// As [`request`], for a test in which the server may be gone.
pub async fn try_request(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> io::Result<Response> {
    let (authority, path) = split(url);
    let bytes = encode(method, authority, path, headers, body.as_ref());
    let answer = async {
        let mut connection = Connection::try_connect(authority).await?;
        let sent = connection.try_send(&bytes).await;
        let answer = connection.try_response().await;
        // A server may answer before it has read everything, and close.
        answer.map_err(|error| sent.err().unwrap_or(error))
    };
    guarded(|| format!("the answer to {method} {url}"), answer).await
}

/// Asks with POST and reads no further than the head of the answer.
pub async fn open_stream(url: &str, body: impl AsRef<[u8]>) -> Streaming {
    open_stream_with(url, &[], body).await
}

/// As [`open_stream`], with more header fields.
pub async fn open_stream_with(
    url: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Streaming {
    let (authority, path) = split(url);
    let bytes = encode("POST", authority, path, headers, body.as_ref());
    raw(authority, bytes).await.streaming().await
}

/// Connects to `authority` (`HOST:PORT`) and sends these bytes, whatever they are.
pub async fn raw(authority: &str, bytes: impl AsRef<[u8]>) -> Connection {
    let mut connection = Connection::open(authority).await;
    connection.send(bytes).await;
    connection
}

/// A request as bytes, for [`raw`] and [`Connection::send`].
///
/// Its fields are `host`, `content-type: application/json`, `content-length` and then `headers`,
/// which stand in place of ours of the same name.
pub fn encode(
    method: &str,
    authority: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Vec<u8> {
    let length = body.len().to_string();
    let ours = [
        ("host", authority),
        ("content-type", "application/json"),
        ("content-length", &length),
    ];
    let is_given = |name: &str| {
        headers
            .iter()
            .any(|(given, _)| given.eq_ignore_ascii_case(name))
    };
    let fields = ours
        .iter()
        .filter(|(name, _)| !is_given(name))
        .chain(headers);
    let mut head = format!("{method} {path} HTTP/1.1\r\n");
    for (name, value) in fields {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// The authority and the path of an `http://` URL.
pub fn split(url: &str) -> (&str, &str) {
    let rest = url
        .strip_prefix("http://")
        .unwrap_or_else(|| panic!("{url} is not an http URL"));
    match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    }
}
