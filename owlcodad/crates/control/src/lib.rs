//! The control plane: gRPC over a Unix socket, for the daemon's owner alone.
//!
//! No logic lives here: each method converts what it is asked, calls the room that knows, and
//! converts the answer.

mod access;
mod audit;
mod convert;
mod daemon;
mod events;
mod lifecycle;
mod logs;
mod models;
mod observe;
mod peer;
mod server;
mod sessions;
mod socket;
mod turns;
mod watching;

pub use server::{Control, serve};
pub use socket::{ControlSocket, SocketError};
pub use watching::Watching;
