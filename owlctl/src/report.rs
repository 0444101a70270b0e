//! What a command has to say, before anything is written.

use crate::error::CommandError;
use crate::exit::Exit;
use crate::yaml;

/// The whole outcome of a run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// The data; ends with a newline unless empty.
    pub(crate) stdout: String,
    /// Messages for a person; ends with a newline unless empty.
    pub(crate) stderr: String,
    pub(crate) exit: Exit,
}

impl Report {
    /// Data and success.
    pub(crate) const fn data(stdout: String) -> Self {
        Self {
            stdout,
            stderr: String::new(),
            exit: Exit::Ok,
        }
    }

    /// A failure and its way out.
    pub(crate) fn failure(error: &CommandError) -> Self {
        Self::data(String::new()).and_failure(error)
    }

    /// The same data, ended by a failure.
    pub(crate) fn and_failure(self, error: &CommandError) -> Self {
        Self {
            stderr: format!("owlctl: {error}\n{}", error.hint()),
            exit: error.exit(),
            ..self
        }
    }

    /// The same report with a remark for a person.
    pub(crate) fn and_remark(mut self, remark: &str) -> Self {
        self.stderr.push_str(remark);
        self.stderr.push('\n');
        self
    }

    /// The same report with its document as YAML; text that is no document stays.
    pub(crate) fn in_yaml(self) -> Self {
        Self {
            stdout: yaml::of_json(&self.stdout).unwrap_or(self.stdout),
            ..self
        }
    }

    /// The same report with another ending.
    pub(crate) fn ending(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }
}
