//! The HTTP surface: one table of routes, an accept loop of our own, answers in the caller's
//! dialect.

mod admit;
mod endpoints;
mod observe;
mod openapi;
mod parameter;
mod reply;
mod routes;
mod server;
mod settings;
mod socket;
mod stream;

pub use admit::{Admission, Token, TokenError};
pub use endpoints::{Answer, Body, Class, ENDPOINTS, Endpoint, router};
pub use parameter::{Kind, Parameter};
pub use routes::audit::audit_line;
pub use server::{Door, Server};
pub use settings::Settings;

use std::ops::Deref;
use std::sync::Arc;

use owlcoda_pipeline::Pipeline;
use owlcoda_store::Audit;
use owlcoda_supervise::{Live, Shutdown};
use owlcoda_telemetry::Exposition;
use owlcoda_types::{Clock, UnixMs};

/// What every route has at hand. Every layer of a route has one of its own, so it is one pointer.
#[derive(Clone, Debug)]
pub struct Gateway(Arc<Parts>);

/// What a [`Gateway`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// The rules and limits in force.
    pub settings: Live<Settings>,
    /// The token, and who has guessed at it.
    pub admission: Admission,
    /// The path of a model call.
    pub pipeline: Pipeline,
    /// The record of ended calls.
    pub audit: Audit,
    /// The metrics of this process.
    pub exposition: Exposition,
    /// Tells the time of admission.
    pub clock: Arc<dyn Clock>,
    /// When the daemon started.
    pub started_at_ms: UnixMs,
    /// The phase that the daemon is in.
    pub shutdown: Shutdown,
}

impl From<Parts> for Gateway {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for Gateway {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Gateway {
    fn body_limits(&self) -> admit::BodyLimits {
        self.settings.current().body
    }
}
