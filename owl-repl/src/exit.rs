//! What the exit status of `owl-repl` means. The help prints this table.

use std::process::ExitCode;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Ok,
    Failed,
    Usage,
    NotAuthorised,
    NotReachable,
    Interrupted,
}

impl Exit {
    const ALL: [Self; 6] = [
        Self::Ok,
        Self::Failed,
        Self::Usage,
        Self::NotAuthorised,
        Self::NotReachable,
        Self::Interrupted,
    ];

    const fn row(self) -> (u8, &'static str) {
        match self {
            Self::Ok => (0, "ok; with -p: the model answered"),
            Self::Failed => (1, "failed; with -p: there is no whole answer"),
            Self::Usage => (2, "wrong arguments"),
            Self::NotAuthorised => (4, "not authorised"),
            Self::NotReachable => (
                69,
                "no daemon answers, or one whose version differs too much",
            ),
            Self::Interrupted => (130, "interrupted by Ctrl-C"),
        }
    }

    /// The number that the shell sees.
    pub(crate) const fn status(self) -> u8 {
        self.row().0
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
