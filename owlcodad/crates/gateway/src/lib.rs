//! The HTTP surface: one table of routes, an accept loop of our own, answers in the caller's
//! dialect.

mod admit;
mod endpoints;
mod observe;
mod reply;
mod routes;
mod server;
mod settings;
mod socket;
mod stream;

pub use admit::{Admission, Token, TokenError};
pub use endpoints::{Class, ENDPOINTS, Endpoint, router};
pub use server::Server;
pub use settings::Settings;

use std::sync::Arc;

use owlcoda_pipeline::Pipeline;
use owlcoda_supervise::{Live, Shutdown};
use owlcoda_telemetry::Exposition;
use owlcoda_types::Clock;

/// What every route has at hand.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// The rules and limits in force.
    pub settings: Live<Settings>,
    /// The token, and who has guessed at it.
    pub admission: Admission,
    /// The path of a model call.
    pub pipeline: Pipeline,
    /// The metrics of this process.
    pub exposition: Exposition,
    /// Tells the time of admission.
    pub clock: Arc<dyn Clock>,
    /// The phase that the daemon is in.
    pub shutdown: Shutdown,
}

impl Gateway {
    fn body_limits(&self) -> admit::BodyLimits {
        self.settings.current().body
    }
}
