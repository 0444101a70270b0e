//! `owlctl reload`: makes the daemon read its configuration anew, and waits for the verdict.

use std::fmt::Write as _;

use owlcoda_proto::printable;
use owlcoda_proto::v1::{ConfigProblem, ConfigStatus, ReloadRequest, ReloadResponse};
use serde::Serialize;

use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::quantity;
use crate::report::Report;

#[derive(Serialize)]
struct Reload<'a> {
    /// `applied`, `unchanged` or `rejected`.
    outcome: &'a str,
    config: Config<'a>,
    /// Of the configuration in force.
    warnings: Vec<Problem<'a>>,
}

/// How the configuration stands.
#[derive(Serialize)]
pub(super) struct Config<'a> {
    /// Null where there is no file.
    path: Option<&'a str>,
    generation: u64,
    sha256: &'a str,
    loaded_at: Option<String>,
    pending_restart: &'a [String],
    /// Null where the files on disk are what is in force.
    rejected_at: Option<String>,
    /// Of the files on disk.
    problems: Vec<Problem<'a>>,
    watch_mode: &'a str,
    /// Every file that it was read from.
    sources: &'a [String],
    /// The generation that a rollback leads to; null where there is none.
    previous_generation: Option<u64>,
    /// The generation that was given up for the one in force; null unless the files still say it.
    rolled_back_from: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct Problem<'a> {
    severity: &'a str,
    code: &'a str,
    file: Option<&'a str>,
    line: Option<u32>,
    /// In bytes from 1.
    column: Option<u32>,
    path: &'a str,
    message: &'a str,
}

impl<'a> From<&'a ConfigStatus> for Config<'a> {
    fn from(status: &'a ConfigStatus) -> Self {
        let is_rejected = status.rejected_at_ms != 0;
        let rejected_at = is_rejected.then(|| quantity::rfc_3339(status.rejected_at_ms));
        Self {
            path: some(&status.path),
            generation: status.generation,
            sha256: &status.sha256,
            loaded_at: quantity::rfc_3339(status.loaded_at_ms),
            pending_restart: &status.pending_restart,
            rejected_at: rejected_at.flatten(),
            problems: status.problems.iter().map(Problem::from).collect(),
            watch_mode: &status.watch_mode,
            sources: &status.sources,
            previous_generation: some_number(status.previous_generation),
            rolled_back_from: some_number(status.rolled_back_from),
        }
    }
}

impl<'a> From<&'a ConfigProblem> for Problem<'a> {
    fn from(problem: &'a ConfigProblem) -> Self {
        Self {
            severity: &problem.severity,
            code: &problem.code,
            file: some(&problem.file),
            line: Some(problem.line).filter(|line| *line != 0),
            column: Some(problem.column).filter(|column| *column != 0),
            path: &problem.path,
            message: &problem.message,
        }
    }
}

pub(super) async fn run(context: &Context<'_>) -> Result<Report, CommandError> {
    let client = context.connect().await?;
    let answer = client.daemon().reload(ReloadRequest {}).await?;
    Ok(report(&answer.into_inner(), context.global.json))
}

fn report(answer: &ReloadResponse, is_json: bool) -> Report {
    let nothing = ConfigStatus::default();
    let config = answer.config.as_ref().unwrap_or(&nothing);
    let exit = match answer.outcome.as_str() {
        "rejected" => Exit::InvalidConfig,
        _ if config.pending_restart.is_empty() => Exit::Ok,
        _ => Exit::Partial,
    };
    if is_json {
        let document = Reload {
            outcome: &answer.outcome,
            config: Config::from(config),
            warnings: answer.warnings.iter().map(Problem::from).collect(),
        };
        return Report::data(json("Reload", &document)).ending(exit);
    }
    let report = Report::data(verdict(answer, config)).ending(exit);
    let problems = config.problems.iter().chain(&answer.warnings);
    problems.fold(report, |report, problem| report.and_remark(&line(problem)))
}

fn verdict(answer: &ReloadResponse, config: &ConfigStatus) -> String {
    let file = match config.path.as_str() {
        "" => "no file, defaults",
        path => path,
    };
    let generation = config.generation;
    let mut text = match answer.outcome.as_str() {
        "rejected" => format!("rejected: generation {generation} stays in force  {file}"),
        outcome => format!("{outcome}: generation {generation} is in force  {file}"),
    };
    text = format!("{}\n", printable(&text));
    if !config.pending_restart.is_empty() {
        let keys = config.pending_restart.join(", ");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  after a restart: {}", printable(&keys));
    }
    text
}

/// As compilers write it.
pub(super) fn line(problem: &ConfigProblem) -> String {
    let mut line = String::new();
    if !problem.file.is_empty() {
        line.push_str(&problem.file);
        if problem.line != 0 {
            // Writing to a String cannot fail.
            let _ = write!(line, ":{}", problem.line);
        }
        if problem.column != 0 {
            let _ = write!(line, ":{}", problem.column);
        }
        line.push_str(": ");
    }
    line.push_str(&problem.severity);
    line.push_str(": ");
    if !problem.path.is_empty() {
        line.push_str(&problem.path);
        line.push_str(": ");
    }
    // Writing to a String cannot fail.
    let _ = write!(line, "{} [{}]", problem.message, problem.code);
    printable(&line).into_owned()
}

/// A number of the protocol that is 0 is no value.
fn some_number(number: u64) -> Option<u64> {
    Some(number).filter(|number| *number != 0)
}

/// An empty string of the protocol is no value.
fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;

    fn status() -> ConfigStatus {
        ConfigStatus {
            path: "/home/ada/.owlcoda/config.json".to_owned(),
            generation: 3,
            sha256: "0f".repeat(32),
            loaded_at_ms: 1_700_000_000_000,
            watch_mode: "events".to_owned(),
            ..ConfigStatus::default()
        }
    }

    fn problem(severity: &str, code: &str, line: u32, path: &str, message: &str) -> ConfigProblem {
        ConfigProblem {
            severity: severity.to_owned(),
            code: code.to_owned(),
            file: "/home/ada/.owlcoda/config.json".to_owned(),
            line,
            column: u32::from(line != 0) * 5,
            path: path.to_owned(),
            message: message.to_owned(),
        }
    }

    fn check(name: &str, answer: &ReloadResponse, exit: Exit) {
        let text = report(answer, false);
        assert_eq!(text.exit, exit);
        golden::check(name, &format!("{}--- stderr\n{}", text.stdout, text.stderr));
        golden::check(&format!("{name}_json"), &report(answer, true).stdout);
    }

    #[test]
    fn a_configuration_in_force_is_told_with_what_waits_and_what_to_know() {
        let warning = problem(
            "warning",
            "KEY_OVER_HTTP",
            9,
            "models[0].endpoint",
            "sends a key",
        );
        let answer = ReloadResponse {
            outcome: "applied".to_owned(),
            config: Some(ConfigStatus {
                pending_restart: vec!["port".to_owned(), "storage.cacheBytes".to_owned()],
                ..status()
            }),
            warnings: vec![warning],
        };
        check("reload_applied", &answer, Exit::Partial);
        let answer = ReloadResponse {
            outcome: "unchanged".to_owned(),
            config: Some(status()),
            warnings: Vec::new(),
        };
        check("reload_unchanged", &answer, Exit::Ok);
    }

    #[test]
    fn a_rejected_configuration_is_told_with_everything_that_is_wrong() {
        let answer = ReloadResponse {
            outcome: "rejected".to_owned(),
            config: Some(ConfigStatus {
                rejected_at_ms: 1_700_000_100_000,
                problems: vec![
                    problem(
                        "error",
                        "UNKNOWN_KEY",
                        4,
                        "prot",
                        "did you mean\u{1b}[31m `port`?",
                    ),
                    problem("error", "FILE_UNREADABLE", 0, "", "the file cannot be read"),
                ],
                ..status()
            }),
            warnings: Vec::new(),
        };
        check("reload_rejected", &answer, Exit::InvalidConfig);
    }
}
