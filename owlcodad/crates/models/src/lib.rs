//! Which model a name means, and what is done when it does not answer. Pure: no sockets, no clock.

mod choice;
mod context;
pub mod cost;
pub mod intent;
mod merge;
pub mod policy;
pub mod recommend;
mod registry;

pub use choice::{Choice, choose};
pub use context::{ContextSource, context_window_of};
pub use merge::{Listed, Listing};
pub use registry::{DEFAULT_NAME, MIN_PART_CHARS, Model, Registry, RouteError, Source};
