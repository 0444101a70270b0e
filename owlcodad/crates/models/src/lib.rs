//! Which model a name means, and what is done when it does not answer. Pure: no sockets, no clock.

mod choice;
pub mod cost;
pub mod intent;
pub mod policy;
pub mod recommend;
mod registry;

pub use choice::{Choice, choose};
pub use registry::{DEFAULT_NAME, Listing, MIN_PART_CHARS, Model, Registry, RouteError, Source};
