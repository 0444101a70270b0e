//! Why a command has no answer, how the run then ends, and the way out.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use owlcoda_proto::{ConnectError, ErrorCode, Failure, LocateError, clip, printable};

use crate::exit::Exit;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Locate(#[from] LocateError),
    #[error("{}", printable(&source.to_string()))]
    Connect {
        source: ConnectError,
        /// Where `--home` pointed, if it was given.
        home: Option<PathBuf>,
    },
    #[error("the daemon answered: {}", printable(&.0.message))]
    Refused(Failure),
    /// Another version than ours, which does not know what it was asked.
    #[error("{}", printable(.0))]
    OtherVersion(String),
    #[error("the daemon (process {pid}) could not be ended: {source}")]
    Signal { pid: u32, source: io::Error },
    #[error("the connection to the daemon ended: {}", printable(.0))]
    Gone(String),
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    #[error("interrupted")]
    Interrupted,
    #[error("the way to `{}` could not be opened: {source}", printable(name))]
    Forward { name: String, source: io::Error },
    #[error("this works on this machine alone, not with --context")]
    OnlyHere,
    #[error("standard input and output could not be carried to the control socket: {0}")]
    Proxy(io::Error),
    #[error("the daemon ended and did not come back")]
    NotBack,
    #[error("there is no `owlcodad` beside this program or in PATH, and it does this")]
    NoProgram,
    #[error("no call `{}` is recorded", printable(&clip(.0, 80)))]
    NoSuchRecord(String),
    #[error("nothing was deleted: there is no terminal to ask at")]
    Unconfirmed,
    #[error("nothing was deleted")]
    Declined,
    #[error("there is no home directory to put files into: set HOME")]
    NoHome,
    #[error("`{}`: {source}", printable(&path.to_string_lossy()))]
    File { path: PathBuf, source: io::Error },
    #[error("`{}` could not be run: {source}", printable(&program.to_string_lossy()))]
    Program { program: PathBuf, source: io::Error },
}

impl CommandError {
    /// Why `program` could not be run.
    pub(crate) fn of_program(program: PathBuf, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::NoProgram,
            _ => Self::Program { program, source },
        }
    }

    /// What went wrong with the file at `path`.
    pub(crate) fn of_file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File { path, source }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Locate(_) | Self::OnlyHere | Self::Forward { .. } | Self::Unconfirmed => {
                Exit::Usage
            }
            Self::Proxy(_) => Exit::NotReachable,
            Self::Connect { source, .. } => match source {
                ConnectError::Forbidden { .. } => Exit::NotAuthorised,
                ConnectError::NoAnswer { failure, .. } => match Exit::of_refusal(failure.code) {
                    exit @ (Exit::NotAuthorised | Exit::TimedOut) => exit,
                    _ => Exit::NotReachable,
                },
                _ => Exit::NotReachable,
            },
            Self::Gone(_) | Self::OtherVersion(_) => Exit::NotReachable,
            Self::Refused(failure) => Exit::of_refusal(failure.code),
            Self::TimedOut(_) => Exit::TimedOut,
            Self::Interrupted => Exit::Interrupted,
            Self::NoHome => Exit::Usage,
            Self::File { source, .. } | Self::Signal { source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                Exit::NotAuthorised
            }
            Self::NoProgram
            | Self::Program { .. }
            | Self::File { .. }
            | Self::Signal { .. }
            | Self::NotBack
            | Self::Declined
            | Self::NoSuchRecord(_) => Exit::Failed,
        }
    }

    /// Whether nobody answers who could: none runs, or it ends.
    pub(crate) fn is_absence(&self) -> bool {
        let is_skew = match self {
            Self::Connect { source, .. } => source.is_skew(),
            other => matches!(other, Self::OtherVersion(_)),
        };
        self.exit() == Exit::NotReachable && !is_skew
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
            } => "  only the user who runs the daemon may talk to it, and of a system service the members \
                 of the groups owlcoda (look) and owlcoda-admin\n"
                .to_owned(),
            Self::Connect {
                source: ConnectError::DaemonTooOld(_),
                home,
            } => restart(home.as_deref()),
            Self::OtherVersion(_) => restart(None),
            Self::Connect {
                source: ConnectError::ClientTooOld(_),
                ..
            } => "  take the owlctl that came with the daemon, or update this one\n".to_owned(),
            Self::File { source, .. } | Self::Signal { source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                "  run it as root, with sudo\n".to_owned()
            }
            Self::NoProgram => {
                "  install it beside owlctl, or put its directory into PATH\n".to_owned()
            }
            Self::NotBack => {
                "  see why: owlctl doctor, and log/owlcodad.log in its data directory\n".to_owned()
            }
            Self::Unconfirmed => "  to delete without a question: --yes\n".to_owned(),
            Self::TimedOut(_) => "  wait longer with --timeout SECS\n".to_owned(),
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
pub(crate) fn restart(home: Option<&Path>) -> String {
    let home = of_home(home);
    format!("  restart it, so that it is of this version: {home}owlctl restart\n")
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

impl From<tonic::Status> for CommandError {
    fn from(status: tonic::Status) -> Self {
        // A status that the daemon sent has no source; one that the transport made has.
        let is_transport = std::error::Error::source(&status).is_some();
        let failure = Failure::from(status);
        if is_transport || failure.code == ErrorCode::Unavailable {
            Self::Gone(failure.message)
        } else if failure.code == ErrorCode::Unsupported {
            // Every daemon does all that its version can, so it is of another.
            Self::OtherVersion(failure.message)
        } else {
            Self::Refused(failure)
        }
    }
}

#[cfg(test)]
mod tests {
    use owlcoda_proto::Skew;
    use owlcoda_proto::v1::GetVersionResponse;

    use super::*;

    fn connect(source: ConnectError, home: Option<&str>) -> CommandError {
        CommandError::Connect {
            source,
            home: home.map(PathBuf::from),
        }
    }

    fn no_answer(code: ErrorCode) -> ConnectError {
        ConnectError::NoAnswer {
            socket: "/s".into(),
            failure: Failure {
                code,
                message: "why".to_owned(),
            },
        }
    }

    #[test]
    fn every_way_to_miss_the_daemon_has_its_exit_status() {
        let socket = PathBuf::from("/s");
        let skew = Skew::with(&GetVersionResponse::default());
        for (source, exit) in [
            (
                ConnectError::NotRunning {
                    socket: socket.clone(),
                },
                69,
            ),
            (ConnectError::Forbidden { socket }, 4),
            (no_answer(ErrorCode::Internal), 69),
            (no_answer(ErrorCode::Timeout), 124),
            (no_answer(ErrorCode::Forbidden), 4),
            (ConnectError::DaemonTooOld(skew.clone()), 69),
            (ConnectError::ClientTooOld(skew), 69),
        ] {
            let error = connect(source, None);
            let is_there = error.to_string().contains("(protocol 0)");
            assert_eq!(error.exit().status(), exit, "{error}");
            assert_eq!(error.is_absence(), exit == 69 && !is_there, "{error}");
        }
        assert_eq!(CommandError::Locate(LocateError::NoHome).exit().status(), 2);
        assert_eq!(
            CommandError::TimedOut(Duration::from_secs(1))
                .exit()
                .status(),
            124
        );
        assert_eq!(CommandError::Interrupted.exit().status(), 130);
    }

    #[test]
    fn the_next_command_keeps_the_home_and_may_be_pasted_into_a_shell() {
        let error = connect(
            ConnectError::NotRunning {
                socket: "/s".into(),
            },
            Some("/tmp/ada's owl"),
        );
        let hint = error.hint();
        assert!(
            hint.contains(r"OWLCODA_HOME='/tmp/ada'\''s owl' owlctl start"),
            "{hint}"
        );
        assert_eq!(quoted("/srv/owl"), "/srv/owl");
    }

    #[test]
    fn what_the_daemon_says_cannot_drive_the_terminal() {
        let status = tonic::Status::internal("no\u{1b}]0;owned\u{7}");
        let error = CommandError::from(status);
        assert!(!error.to_string().contains('\u{1b}'), "{error}");
    }
}
