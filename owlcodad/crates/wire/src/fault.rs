//! Errors both ways: what a model server's error means, and how ours are written.

mod envelope;
mod overflow;
mod upstream;

pub use envelope::{Dialect, ErrorBody, error_body};
pub use upstream::{UpstreamFault, from_upstream};

pub(crate) use upstream::from_error_value;
