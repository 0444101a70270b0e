//! Which model a name means. Pure: no sockets, no clock.

mod registry;

pub use registry::{DEFAULT_NAME, MIN_PART_CHARS, Model, Registry, RouteError, Source};
