//! Conversations: durable event logs, the turns that grow them, and the clients that watch.
//!
//! ```text
//! Agent (hub) ──command──► session task ──input──► Turn (pure) ──effects──► store, pipeline, clients
//! ```
//!
//! One task owns one session while it is in use. What it appends is durable before anybody sees it;
//! it never waits for a client.
#![warn(missing_docs)]

mod call;
mod conversation;
mod error;
mod event;
mod hub;
mod log;
mod machine;
mod recent;
mod session;
mod watch;

pub use error::AgentError;
pub use event::{Channel, Delta, Event, EventBody, TurnStatus};
pub use hub::{Agent, MAX_INPUT_BYTES, SessionInfo, Submitted};
pub use owlcoda_store::SessionMeta;
pub use watch::{Attached, Frame};
