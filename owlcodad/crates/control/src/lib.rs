//! The control plane: gRPC over a Unix socket, for the daemon's owner alone.
//!
//! No logic lives here: each method converts what it is asked, calls the room that knows, and
//! converts the answer.

mod audit;
mod backends;
mod convert;
mod daemon;
mod events;
mod figures;
mod inspect;
mod logs;
mod models;
mod observe;
mod server;
mod sessions;
mod socket;
mod turns;

pub use server::{Control, serve};
pub use socket::{ControlSocket, SocketError};
