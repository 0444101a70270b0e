//! The service manager that started us, spoken to as systemd's services do.
//!
//! [`ServiceManager`] tells it what we are at, [`Activation`] takes the sockets that it has opened,
//! and [`watch`] tells it again and again that we are alive, for as long as a check says so. Without a
//! service manager all of it does nothing.

mod activation;
mod manager;
mod watchdog;

pub use activation::{Activation, ActivationError, Passed};
pub use manager::ServiceManager;
pub use watchdog::{Heartbeat, watch};

/// Variables that are between us and whoever started us; a child would take them for its own.
pub(crate) const VARIABLES: [&str; 12] = [
    "CREDENTIALS_DIRECTORY",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "MEMORY_PRESSURE_WATCH",
    "MEMORY_PRESSURE_WRITE",
    "NOTIFY_SOCKET",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
];
