//! The control API of `owlcodad` (`owlcoda.v1`): the generated protocol, the way to the daemon's
//! socket, and how errors cross it. The only room that the daemon and its clients share.

mod client;
mod locate;
mod skew;
mod status;

pub use client::{Client, ConnectError, connect, reach};
pub use locate::{Environment, LocateError, Place, SYSTEM_SOCKET};
pub use owlcoda_types::{ErrorCode, clip, printable};
pub use skew::{Skew, Wire};
pub use status::{Failure, to_status};

/// Protocol level of this build; see `GetVersionResponse`. It grows with each version that adds to
/// the protocol, and both sides go on with one level more or less.
///
/// | level | what came with it |
/// | --- | --- |
/// | 1 | `Daemon`, `Models.List`, `Audit.Query`, `Sessions`, `Turns`, `Events`, `grpc.health.v1` |
/// | 2 | everything else, such as `Lifecycle`, `Logs`, `Figures`, `Backends`, `Inspect`, `Access`, `Backup` |
pub const PROTOCOL: u32 = 2;

/// Oldest protocol level of a client that a daemon of this build serves, and of a daemon that a
/// client of this build talks to.
pub const MIN_PROTOCOL: u32 = 1;

/// Largest message either side accepts or sends, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 4 << 20;

/// The protocol as data: `google.protobuf.FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/owlcoda.v1.bin"));

/// The generated types of `owlcoda.v1`.
#[expect(
    clippy::pedantic,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    unused_qualifications,
    reason = "generated"
)]
pub mod v1 {
    tonic::include_proto!("owlcoda.v1");
}
