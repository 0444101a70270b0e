//! What both surfaces may ask of the daemon as a whole; the binary implements it.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::BoxFuture;
use owlcoda_types::Secret;

use crate::WatchMode;

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
}

/// How the configuration stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigStatus {
    /// The file; `None` where there is none and defaults hold.
    pub path: Option<PathBuf>,
    /// 1 for the configuration of the start, one more for each that took its place.
    pub generation: u64,
    /// SHA-256 over the files in force, in hexadecimal digits.
    pub sha256: String,
    /// When it was read, Unix time in milliseconds.
    pub loaded_at_ms: i64,
    /// Keys whose new values hold only after a restart.
    pub pending_restart: Vec<&'static str>,
    /// Why the files on disk are not what is in force. `None` where they are.
    pub rejected: Option<Rejection>,
    /// How changes of the files are noticed.
    pub watch_mode: WatchMode,
}

/// Why a configuration was not put in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// When, Unix time in milliseconds.
    pub at_ms: i64,
    /// Everything that is wrong with it, errors first; at least one.
    pub problems: Vec<ConfigProblem>,
}

/// One thing that is wrong with a configuration, where it is, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Whether the configuration is used in spite of it.
    pub is_warning: bool,
    /// For programs, such as `UNKNOWN_KEY`.
    pub code: String,
    /// The file; empty where an environment variable is at fault.
    pub file: String,
    /// Line in the file, from 1.
    pub line: Option<u32>,
    /// `models[2].endpoint`, the name of a variable, or empty for the whole file.
    pub path: String,
    /// For people.
    pub message: String,
}

impl std::fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.file.is_empty() {
            write!(f, "{}:", self.file)?;
            if let Some(line) = self.line {
                write!(f, "{line}:")?;
            }
            f.write_str(" ")?;
        }
        if self.is_warning {
            f.write_str("warning: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{} [{}]", self.message, self.code)
    }
}

/// What a look at the configuration's files came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadOutcome {
    /// It is in force now.
    Applied,
    /// It was in force already.
    Unchanged,
    /// It cannot be used, and nothing has changed.
    Rejected,
}

impl ReloadOutcome {
    /// For people, for the control API and as a label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::Rejected => "rejected",
        }
    }
}

/// The end of a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// What it came to.
    pub outcome: ReloadOutcome,
    /// How the configuration stands after it.
    pub status: ConfigStatus,
    /// What a person should know of the configuration in force.
    pub warnings: Vec<ConfigProblem>,
}

/// The token that opens the HTTP API.
#[derive(Clone, Debug)]
pub struct HttpToken {
    /// The token.
    pub token: Secret,
    /// The file that holds it, for its owner alone.
    pub path: PathBuf,
}

/// The daemon as a whole.
pub trait Host: Send + Sync + std::fmt::Debug {
    /// Who it is.
    fn identity(&self) -> &Identity;

    /// What a person should look at; each sentence says what to do.
    fn problems(&self) -> Vec<String>;

    /// How the configuration stands.
    fn config(&self) -> ConfigStatus;

    /// The token that opens the HTTP API.
    fn token(&self) -> HttpToken;

    /// Makes a new token; the one before it opens for `grace` longer. Writes to the disk, and says in
    /// words why it could not.
    fn rotate_token(&self, grace: Duration) -> Result<HttpToken, String>;

    /// Reads the configuration's files anew and waits for what comes of it. `None` where the daemon
    /// is on its way out.
    fn reload(&self) -> BoxFuture<'_, Option<Reloaded>>;
}
