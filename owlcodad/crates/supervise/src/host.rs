//! What both surfaces may ask of the daemon as a whole; the binary implements it.

use std::path::PathBuf;

/// What does not change while the daemon runs.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Version of the build.
    pub version: &'static str,
    /// Its process.
    pub pid: u32,
    /// When it started, Unix time in milliseconds.
    pub started_at_ms: i64,
    /// The data directory.
    pub home: PathBuf,
    /// Base URL of the HTTP gateway.
    pub http_url: String,
    /// The configuration file; `None` where there is none.
    pub config_path: Option<PathBuf>,
}

/// The daemon as a whole.
pub trait Host: Send + Sync + std::fmt::Debug {
    /// Who it is.
    fn identity(&self) -> &Identity;

    /// What a person should look at; each sentence says what to do.
    fn problems(&self) -> Vec<String>;
}
