//! What of the configuration the gateway goes by. A new one is put in force whole; each request
//! looks at the one in force where it needs it.

use std::net::SocketAddr;
use std::time::Duration;

use owlcoda_config::{AuthConfig, ServerConfig};

use crate::admit::{BodyLimits, Source};

/// The rules of the door, and limits.
#[derive(Debug)]
pub struct Settings {
    /// From where requests may come.
    pub(crate) source: Source,
    /// Who may send them, by class of endpoint.
    pub(crate) auth: AuthConfig,
    /// How much of a request's body is read.
    pub(crate) body: BodyLimits,
    /// Longest silence on a stream before a sign of life is sent.
    pub(crate) ping_interval: Duration,
    /// How long the head of a request may take; also the longest idle time between two requests.
    pub(crate) header_timeout: Duration,
    /// How long a caller may take nothing of an answer.
    pub(crate) write_timeout: Duration,
}

impl Settings {
    /// `bound` is where the daemon listens, with the real port.
    pub fn new(server: &ServerConfig, auth: AuthConfig, bound: SocketAddr) -> Self {
        Self {
            source: Source::new(server, bound),
            auth,
            body: BodyLimits {
                max_bytes: server.max_request_body_bytes,
                patience: server.body_timeout,
            },
            ping_interval: server.ping_interval,
            header_timeout: server.header_timeout,
            write_timeout: server.write_timeout,
        }
    }
}
