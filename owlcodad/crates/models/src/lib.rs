//! Which model a name means, and what is done when it does not answer. Pure: no sockets, no clock.

mod context;
mod merge;
pub mod policy;
mod registry;

pub use context::{ContextSource, context_window_of};
pub use merge::{Listed, Listing};
pub use registry::{DEFAULT_NAME, MIN_PART_CHARS, Model, Registry, RouteError, Source};
