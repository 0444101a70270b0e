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
    /// Every file that it was read from.
    pub sources: Vec<PathBuf>,
    /// The generation that a rollback leads to.
    pub previous_generation: Option<u64>,
    /// The generation that was given up for the one in force, while nothing was read since.
    pub rolled_back_from: Option<u64>,
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
    /// Where in that line, in bytes from 1.
    pub column: Option<u32>,
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

/// One value in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigValue {
    /// `server.drainTimeoutMs`, `models[0].endpoint`.
    pub path: String,
    /// In JSON; secrets are masked.
    pub json: String,
    /// What it comes from: `default`, `file`, `variable`, `catalog`, `credentials` or `daemon`.
    pub source: &'static str,
    /// Of the file, from 1.
    pub line: Option<u32>,
    /// The variable that it comes from.
    pub variable: Option<String>,
}

/// What the files on disk say otherwise than what is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigChange {
    /// `port`, `models["small"].endpoint`, `models["small"]`.
    pub path: String,
    /// In JSON, masked; none where there is no value.
    pub in_force: Option<String>,
    /// The same of the files.
    pub on_disk: Option<String>,
    /// Whether what differs is a secret, which is not in the values.
    pub is_hidden: bool,
    /// Whether it holds only after a restart.
    pub needs_restart: bool,
}

/// The files on disk held against what is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigDiff {
    /// How the configuration stands.
    pub status: ConfigStatus,
    /// What they say, or everything why they cannot be used.
    pub outcome: Result<Vec<ConfigChange>, Vec<ConfigProblem>>,
}

/// The end of a rollback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolledBack {
    /// The generation that is in force no more.
    pub from: u64,
    /// The one whose values are in force again.
    pub to: u64,
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

    /// The values in force below `path`, all for an empty one. `Err` says in words that there is no such
    /// key.
    fn config_values(&self, path: &str) -> Result<Vec<ConfigValue>, String>;

    /// Holds the files on disk against what is in force. `None` where the daemon is on its way out.
    fn config_diff(&self) -> BoxFuture<'_, Option<ConfigDiff>>;

    /// Puts the generation before the one in force in force again, and says in words why it could not.
    /// `None` where the daemon is on its way out.
    fn roll_back(&self) -> BoxFuture<'_, Option<Result<RolledBack, String>>>;

    /// Reads the configuration's files anew and waits for what comes of it. `None` where the daemon
    /// is on its way out.
    fn reload(&self) -> BoxFuture<'_, Option<Reloaded>>;
}
