//! Sends log lines to standard error: text for a person at a terminal, JSON for everything else.

use std::io::IsTerminal;
use std::sync::Arc;

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

/// Sets the level of a process that logs already. Cheap to clone.
#[derive(Clone)]
pub struct Logging {
    set: Arc<dyn Fn(EnvFilter) + Send + Sync>,
}

impl Logging {
    /// From now on, our rooms log at `level`.
    pub fn set_level(&self, level: LogLevel) {
        (self.set)(filter(level));
    }
}

impl std::fmt::Debug for Logging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Logging").finish_non_exhaustive()
    }
}

/// Starts logging for this process. A second call changes nothing.
///
/// Our rooms log at `level`. The libraries below us stay at `warn`: at `debug` some of them print
/// whole requests, and with them keys and prompts.
pub fn init_logging(level: LogLevel) -> Logging {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter(level))
        // They are printed to standard error, which panics where it is closed.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let set: Arc<dyn Fn(EnvFilter) + Send + Sync>;
    let done = if std::io::stderr().is_terminal() {
        let lines = lines.with_target(false).with_filter_reloading();
        let handle = lines.reload_handle();
        // It fails only once the subscriber is gone, and with it every line.
        set = Arc::new(move |filter| drop(handle.reload(filter)));
        lines.finish().try_init()
    } else {
        let lines = lines.json().flatten_event(true).with_filter_reloading();
        let handle = lines.reload_handle();
        set = Arc::new(move |filter| drop(handle.reload(filter)));
        lines.finish().try_init()
    };
    if done.is_err() {
        tracing::debug!("logging was started before");
    }
    Logging { set }
}

fn filter(level: LogLevel) -> EnvFilter {
    EnvFilter::new(format!(
        "warn,owlcodad={level},{}",
        ROOMS
            .map(|room| format!("owlcoda_{room}={}", level.as_str()))
            .join(","),
        level = level.as_str(),
    ))
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
