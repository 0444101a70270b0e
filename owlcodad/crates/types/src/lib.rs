//! The vocabulary that every room shares. No IO, no runtime, no protocol.
#![warn(missing_docs)]

mod clock;
mod diagnostic;
mod error_code;
mod ids;
mod secret;
mod server;
mod text;
mod usage;

pub use clock::{Clock, ManualClock, SystemClock, UnixMs};
pub use diagnostic::{Diagnostic, FailureKind, SystemCause, request_id_of};
pub use error_code::{ErrorCode, Fault};
pub use ids::{ItemId, RequestId, SessionId, TurnId};
pub use secret::Secret;
pub use server::Server;
pub use text::{clip, printable};
pub use usage::Usage;
