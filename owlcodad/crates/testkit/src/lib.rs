//! What tests share: a scripted model server, a daemon in a temporary home, doubles of the control
//! plane, a small HTTP client that can misbehave, and an independent reader of event streams.
//!
//! Only tests depend on this crate, and of ours it depends on the control protocol alone. Nothing in
//! it waits for a time: a wait ends with an event, or panics after [`DEADLINE`] with what was seen.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test kit fails by panicking"
)]

mod completions;
pub mod control;
mod daemon;
mod gate;
mod guard;
pub mod http;
mod http1;
mod script;
pub mod sse;
mod upstream;

pub use completions::{COMPLETION_TOKENS, MODEL, PROMPT_TOKENS};
pub use daemon::{Refused, TestDaemon, TestDaemonBuilder, binary};
pub use gate::Gate;
pub use guard::{DEADLINE, until};
pub use http1::Headers;
pub use script::Script;
pub use upstream::{Disconnect, FakeUpstream, Received};
