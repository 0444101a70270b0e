//! Which model a name means, and what is done when it does not answer. Pure: no sockets, no clock.

pub mod policy;
mod registry;

pub use registry::{DEFAULT_NAME, Listing, MIN_PART_CHARS, Model, Registry, RouteError, Source};
