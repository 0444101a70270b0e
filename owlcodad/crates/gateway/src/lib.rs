//! The HTTP surface: one table of routes, an accept loop of our own, answers in the caller's
//! dialect.

mod admit;
mod endpoints;
mod observe;
mod reply;
mod routes;
mod server;
mod socket;
mod stream;

pub use admit::{Admission, Token, TokenError};
pub use endpoints::{Class, ENDPOINTS, Endpoint, router};
pub use server::{Server, ServerOptions};

use std::sync::Arc;
use std::time::Duration;

use owlcoda_pipeline::Pipeline;
use owlcoda_supervise::Shutdown;
use owlcoda_telemetry::Exposition;
use owlcoda_types::Clock;

/// What every route has at hand.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// Who may send requests.
    pub admission: Admission,
    /// The path of a model call.
    pub pipeline: Pipeline,
    /// The metrics of this process.
    pub exposition: Exposition,
    /// Tells the time of admission.
    pub clock: Arc<dyn Clock>,
    /// The phase that the daemon is in.
    pub shutdown: Shutdown,
    /// Most bytes of one request's body.
    pub max_body_bytes: usize,
    /// Longest silence within one request's body, and what a slow one gets beyond its length.
    pub body_timeout: Duration,
    /// Longest silence on a stream before a sign of life is sent.
    pub ping_interval: Duration,
}

impl Gateway {
    const fn body_limits(&self) -> admit::BodyLimits {
        admit::BodyLimits {
            max_bytes: self.max_body_bytes,
            patience: self.body_timeout,
        }
    }
}
