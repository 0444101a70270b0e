//! Why the daemon did not start: one line for a person, and the exit status.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use owlcoda_config::ConfigError;
use owlcoda_control::SocketError;
use owlcoda_gateway::TokenError;
use owlcoda_pipeline::SnapshotError;
use owlcoda_proto::LocateError;
use owlcoda_store::StoreError;
use owlcoda_supervise::ActivationError;
use owlcoda_types::ErrorCode;
use owlcoda_upstream::UpstreamError;

use crate::port_holder::PortHolder;
use crate::reload::problems_of;

/// Why the daemon did not start. The message says the way out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Locate(#[from] LocateError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What a verb was asked for cannot be made of it.
    #[error("the configuration is not valid; all of it: owlcodad validate\n{}", lines(.0))]
    NotValid(ConfigError),
    #[error("{}: {}", .0, with_causes(&.0.source))]
    Snapshot(#[from] SnapshotError),
    #[error(
        "the data directory `{}` cannot be used: {reason}; mend that, or pass --home DIR",
        home.display()
    )]
    Home { home: PathBuf, reason: String },
    #[error(
        "another owlcodad already runs for `{}`: {holder}; stop it with `owlctl stop`, or pass --home DIR",
        home.display()
    )]
    AlreadyRunning { home: PathBuf, holder: String },
    #[error(
        "port {} is in use by {}; stop it, or set `port` in the configuration (or OWLCODA_PORT)",
        address.port(),
        holder.as_ref().map_or_else(|| "another program".to_owned(), ToString::to_string)
    )]
    PortInUse {
        address: SocketAddr,
        /// None where the system does not tell.
        holder: Option<PortHolder>,
    },
    #[error(
        "`{}` exists and stays as it is; to replace it and keep it as a backup: owlcodad init \
         --force", path.display()
    )]
    ConfigExists { path: PathBuf },
    #[error("`{}` could not be written, and is as it was: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Activation(#[from] ActivationError),
    #[error(
        "the service manager passes a socket that listens on {address}, which other machines reach: \
         listen on 127.0.0.1 in the unit, or set `host` to that address, `server.allowRemote` to \
         true and every class of `auth` to `token`"
    )]
    PassedRemote { address: SocketAddr },
    #[error("could not listen on {address}: {source}")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("{}", with_causes(.0))]
    Socket(#[from] SocketError),
    #[error("{}", with_causes(.0))]
    Token(#[from] TokenError),
    #[error("{}{}", with_causes(.0), way_out(.0))]
    Store(#[from] StoreError),
    #[error("the archive `{}` cannot be used: {source}", path.display())]
    Archive { path: PathBuf, source: io::Error },
    #[error("{0}")]
    Upstream(#[from] UpstreamError),
    #[error(
        "the log file cannot be opened: {0}; set `logFilePath` in the configuration to another"
    )]
    LogFile(#[source] io::Error),
    #[error("the system refused {what}: {source}")]
    System {
        what: &'static str,
        source: io::Error,
    },
}

impl Failure {
    pub(crate) fn exit_status(&self) -> u8 {
        let code = match self {
            Self::Locate(_)
            | Self::Config(_)
            | Self::NotValid(_)
            | Self::Snapshot(_)
            | Self::Activation(_)
            | Self::PassedRemote { .. }
            | Self::Home { .. } => ErrorCode::InvalidConfig,
            Self::AlreadyRunning { .. } | Self::PortInUse { .. } => ErrorCode::Busy,
            Self::Listen { .. } | Self::Token(_) | Self::LogFile(_) => ErrorCode::InvalidConfig,
            Self::Socket(error) => error.code(),
            Self::Store(StoreError::NewerSchema { .. }) => ErrorCode::InvalidConfig,
            Self::Store(error) if is_forbidden(error) => ErrorCode::InvalidConfig,
            Self::Store(error) => error.code(),
            Self::Upstream(error) => error.code(),
            Self::ConfigExists { .. } => ErrorCode::Conflict,
            Self::Archive { .. } | Self::System { .. } | Self::Write { .. } => ErrorCode::Internal,
        };
        code.exit_status()
    }
}

impl Failure {
    /// Whether the next start would meet the very same, so that nobody is to try again unasked: the
    /// configuration, or another program in the way.
    pub(crate) fn is_told_once(&self) -> bool {
        let told = [ErrorCode::InvalidConfig, ErrorCode::Busy];
        told.iter()
            .any(|code| code.exit_status() == self.exit_status())
    }
}

fn lines(error: &ConfigError) -> String {
    let problems = problems_of(error).into_iter();
    let lines: Vec<_> = problems.map(|problem| problem.to_string()).collect();
    lines.join("\n")
}

/// Whether a file of the store is not ours to open.
fn is_forbidden(error: &StoreError) -> bool {
    matches!(error, StoreError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
}

/// What mends the store's refusal, where it does not say so itself.
fn way_out(error: &StoreError) -> &'static str {
    if is_forbidden(error) {
        "; all files of the data directory must belong to the user who runs the daemon: give them \
         back with `chown -R USER DIR`, as root"
    } else {
        ""
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
