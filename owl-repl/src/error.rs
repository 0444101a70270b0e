//! Why this program ends early, its exit status, and the way out.

use std::io;
use std::path::{Path, PathBuf};

use owlcoda_proto::{ConnectError, ErrorCode, Failure, LocateError, printable};

use crate::exit::Exit;
use crate::input::MAX_INPUT_BYTES;
use crate::patience;

/// Why there is nothing more to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplError {
    #[error(transparent)]
    Locate(#[from] LocateError),
    #[error("{}", printable(&source.to_string()))]
    Connect {
        source: ConnectError,
        /// Where `--home` pointed, if it was given.
        home: Option<PathBuf>,
    },
    #[error("{}", printable(&.0.message))]
    Refused(Failure),
    #[error("the daemon went away and did not come back within {} s", patience::LIMIT.as_secs())]
    Gone,
    #[error("interrupted")]
    Interrupted,
    #[error("the prompt is empty")]
    EmptyPrompt,
    #[error("the prompt is larger than {} KiB", MAX_INPUT_BYTES >> 10)]
    PromptTooLarge,
    #[error("could not read or write: {0}")]
    Io(#[from] io::Error),
}

impl ReplError {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Locate(_) | Self::EmptyPrompt => Exit::Usage,
            Self::Connect { source, .. } => match source {
                ConnectError::Forbidden { .. } => Exit::NotAuthorised,
                ConnectError::NoAnswer { failure, .. } => match of_refusal(failure.code) {
                    Exit::NotAuthorised => Exit::NotAuthorised,
                    _ => Exit::NotReachable,
                },
                _ => Exit::NotReachable,
            },
            Self::Refused(failure) => of_refusal(failure.code),
            Self::Gone => Exit::NotReachable,
            Self::Interrupted => Exit::Interrupted,
            Self::Io(_) if self.is_reader_gone() => Exit::Ok,
            Self::PromptTooLarge | Self::Io(_) => Exit::Failed,
        }
    }

    /// Whether whoever read our output left; there is nobody to be told.
    pub(crate) fn is_reader_gone(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Lines that say what to do next; empty where nothing helps.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Connect {
                source: ConnectError::NotRunning { .. },
                home,
            } => {
                let home = of_home(home.as_deref());
                format!(
                    "  start it:                     {home}owlctl start\n  \
                     or with all it needs at once: {home}packaging/quickstart\n"
                )
            }
            Self::Connect {
                source: ConnectError::Forbidden { .. },
                ..
            } => "  only the user who runs the daemon may talk to it\n".to_owned(),
            Self::Connect {
                source: ConnectError::DaemonTooOld(_),
                home,
            } => restart(home.as_deref()),
            Self::Connect {
                source: ConnectError::ClientTooOld(_),
                ..
            } => "  take the owl-repl that came with the daemon, or update this one\n".to_owned(),
            Self::Refused(failure) if failure.code == ErrorCode::Unsupported => restart(None),
            Self::Gone => "  the conversation is kept: owl-repl --resume last\n".to_owned(),
            _ => String::new(),
        }
    }
}

/// What stands before a command that is for the daemon of `home`: the variable, not a flag, as it means
/// the same to every program of ours.
fn of_home(home: Option<&Path>) -> String {
    home.map_or_else(String::new, |home| {
        format!("OWLCODA_HOME={} ", quoted(&home.to_string_lossy()))
    })
}

/// The way out of a daemon of another version.
fn restart(home: Option<&Path>) -> String {
    let home = of_home(home);
    format!("  restart it, so that it is of this version: {home}owlctl restart\n")
}

/// How a call that the daemon refused with `code` ends.
fn of_refusal(code: ErrorCode) -> Exit {
    match code {
        ErrorCode::Unauthenticated | ErrorCode::Forbidden => Exit::NotAuthorised,
        // No call of ours waits for a model server, so what is unavailable is the daemon.
        ErrorCode::Unavailable | ErrorCode::ShuttingDown => Exit::NotReachable,
        // And what it does not know is of another version.
        ErrorCode::Unsupported => Exit::NotReachable,
        ErrorCode::Cancelled => Exit::Interrupted,
        _ => Exit::Failed,
    }
}

/// `text` as one word of a shell.
fn quoted(text: &str) -> String {
    let text = printable(text);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use owlcoda_proto::Skew;
    use owlcoda_proto::v1::GetVersionResponse;

    use super::*;

    #[test]
    fn every_reason_to_end_has_its_exit_status() {
        let connect = |source| ReplError::Connect { source, home: None };
        let refused = |code| {
            ReplError::Refused(Failure {
                code,
                message: "why".to_owned(),
            })
        };
        for (error, status) in [
            (
                connect(ConnectError::NotRunning {
                    socket: "/s".into(),
                }),
                69,
            ),
            (
                connect(ConnectError::Forbidden {
                    socket: "/s".into(),
                }),
                4,
            ),
            (
                connect(ConnectError::DaemonTooOld(Skew::with(
                    &GetVersionResponse::default(),
                ))),
                69,
            ),
            (refused(ErrorCode::Unsupported), 69),
            (refused(ErrorCode::NoModel), 1),
            (refused(ErrorCode::Conflict), 1),
            (refused(ErrorCode::NotFound), 1),
            (refused(ErrorCode::Forbidden), 4),
            (refused(ErrorCode::ShuttingDown), 69),
            (ReplError::Gone, 69),
            (ReplError::Interrupted, 130),
            (ReplError::EmptyPrompt, 2),
            (ReplError::Io(io::ErrorKind::BrokenPipe.into()), 0),
            (ReplError::Io(io::ErrorKind::StorageFull.into()), 1),
        ] {
            assert_eq!(error.exit().status(), status, "{error:?}");
        }
    }
}
