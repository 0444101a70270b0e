//! The control plane: gRPC over a Unix socket, for the daemon's owner, and in a system service for the
//! members of two groups.
//!
//! No logic lives here: each method converts what it is asked, calls the room that knows, and
//! converts the answer.

mod access;
mod admin;
mod audit;
mod backends;
mod backup;
mod config;
mod connection;
mod convert;
mod daemon;
mod events;
mod figures;
mod gate;
mod inspect;
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

pub use peer::Access;
pub use server::{Control, serve};
pub use socket::{ControlSocket, SocketError};
pub use watching::Watching;
