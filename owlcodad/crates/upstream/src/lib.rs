//! Every outgoing HTTP call of the daemon, and the model servers that it runs itself.

mod client;
mod destination;
mod discovery;
mod error;
mod frames;
mod head;
mod look;
pub mod managed;
mod probe;

pub use client::{Body, Reply, Upstream};
pub use destination::{Destination, DestinationError, KeyHeader, Limits};
pub use discovery::{Discovered, DiscoveredModel, Discovery, Place};
pub use error::UpstreamError;
pub use frames::Frames;
pub use look::Look;
pub use probe::Probe;
