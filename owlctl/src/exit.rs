//! What the exit status of `owlctl` means. The help prints this table.

use std::process::ExitCode;

use owlcoda_proto::ErrorCode;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Ok,
    Failed,
    Usage,
    Partial,
    NotAuthorised,
    Degraded,
    Unready,
    NotReachable,
    Busy,
    InvalidConfig,
    TimedOut,
    Interrupted,
}

impl Exit {
    /// Every way to end, by rising status.
    pub(crate) const ALL: [Self; 12] = [
        Self::Ok,
        Self::Failed,
        Self::Usage,
        Self::Partial,
        Self::NotAuthorised,
        Self::Degraded,
        Self::Unready,
        Self::NotReachable,
        Self::Busy,
        Self::InvalidConfig,
        Self::TimedOut,
        Self::Interrupted,
    ];

    const fn row(self) -> (u8, &'static str) {
        match self {
            Self::Ok => (0, "ok"),
            Self::Failed => (
                1,
                "the operation failed, or there are differences (config diff)",
            ),
            Self::Usage => (2, "wrong arguments"),
            Self::Partial => (
                3,
                "done, but not all of it: a key waits for a restart (reload), calls were cut (stop), records could \
                 not be read (audit, backup), or not all conversations be deleted (sessions)",
            ),
            Self::NotAuthorised => (4, "not authorised"),
            Self::Degraded => (
                5,
                "degraded: it serves, but something needs a look (health)",
            ),
            Self::Unready => (6, "unready: it runs, but does not serve (health)"),
            Self::NotReachable => (
                69,
                "no daemon answers, or one whose version differs too much",
            ),
            Self::Busy => (75, "busy; the same command may succeed later"),
            Self::InvalidConfig => (78, "the configuration is not valid"),
            Self::TimedOut => (124, "the time limit passed (--timeout)"),
            Self::Interrupted => (130, "interrupted by Ctrl-C"),
        }
    }

    /// The number that the shell sees.
    pub(crate) const fn status(self) -> u8 {
        self.row().0
    }

    /// How a call that the daemon refused with `code` ends.
    pub(crate) fn of_refusal(code: ErrorCode) -> Self {
        match code {
            // No call of ours reaches a model server, so what is unavailable is the daemon.
            ErrorCode::Unavailable | ErrorCode::ShuttingDown => Self::NotReachable,
            // And what it does not know is of another version.
            ErrorCode::Unsupported => Self::NotReachable,
            _ => Self::ALL
                .into_iter()
                .find(|exit| exit.status() == code.exit_status())
                .unwrap_or(Self::Failed),
        }
    }

    /// The table as a section of the help.
    pub(crate) fn help() -> String {
        Self::ALL
            .iter()
            .fold("Exit status:\n".to_owned(), |text, exit| {
                let (status, meaning) = exit.row();
                format!("{text}  {status:>3}  {meaning}\n")
            })
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.status())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_daemon_ends_in_a_documented_status() {
        for code in ErrorCode::ALL {
            let exit = Exit::of_refusal(code);
            let is_the_daemon = matches!(
                code,
                ErrorCode::Unavailable | ErrorCode::ShuttingDown | ErrorCode::Unsupported
            );
            let expected = if is_the_daemon {
                69
            } else {
                code.exit_status()
            };
            assert_eq!(exit.status(), expected, "{code}");
        }
    }

    #[test]
    fn no_two_endings_share_a_status() {
        let all: Vec<u8> = Exit::ALL.iter().map(|exit| exit.status()).collect();
        assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
    }
}
