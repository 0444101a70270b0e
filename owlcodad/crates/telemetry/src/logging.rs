//! Sends log lines to standard error: text for a person at a terminal, JSON for everything else.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// The least important level that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// A person must act.
    Error,
    /// We coped.
    Warn,
    /// A change of state that somebody asked for or cares about.
    Info,
    /// Each request.
    Debug,
    /// Each chunk.
    Trace,
}

impl LogLevel {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// Starts logging for this process. A second call changes nothing.
///
/// Our rooms log at `level`. The libraries below us stay at `warn`: at `debug` some of them print
/// whole requests, and with them keys and prompts.
pub fn init_logging(level: LogLevel) {
    let filter = EnvFilter::new(format!(
        "warn,owlcodad={level},{}",
        ROOMS
            .map(|room| format!("owlcoda_{room}={}", level.as_str()))
            .join(","),
        level = level.as_str(),
    ));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // They are printed to standard error, which panics where it is closed.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let done = if std::io::stderr().is_terminal() {
        lines.with_target(false).finish().try_init()
    } else {
        lines.json().flatten_event(true).finish().try_init()
    };
    if done.is_err() {
        tracing::debug!("logging was started before");
    }
}

/// The crates whose lines follow the configured level.
const ROOMS: [&str; 12] = [
    "agent",
    "config",
    "control",
    "gateway",
    "models",
    "pipeline",
    "proto",
    "store",
    "supervise",
    "telemetry",
    "upstream",
    "wire",
];
