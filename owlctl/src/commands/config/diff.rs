//! `owlctl config diff`: the files on disk held against what is in force.

use std::fmt::Write as _;

use owlcoda_proto::printable;
use owlcoda_proto::v1::{ConfigChange, DiffConfigResponse};
use serde::Serialize;
use serde_json::Value;

use crate::commands::models::some;
use crate::commands::reload::{self, Problem};
use crate::document::json;
use crate::exit::Exit;
use crate::report::Report;

#[derive(Serialize)]
struct Diff<'a> {
    /// Of the configuration in force.
    generation: u64,
    /// Null where there is no file.
    path: Option<&'a str>,
    changes: Vec<Change<'a>>,
    /// Why the files cannot be used; there are no changes then.
    problems: Vec<Problem<'a>>,
}

#[derive(Serialize)]
struct Change<'a> {
    path: &'a str,
    /// Null where there is no value.
    in_force: Option<Value>,
    on_disk: Option<Value>,
    /// Whether what differs is a secret, which is not in the values.
    is_hidden: bool,
    /// Whether it holds only after a restart.
    needs_restart: bool,
}

impl<'a> From<&'a ConfigChange> for Change<'a> {
    fn from(change: &'a ConfigChange) -> Self {
        let value = |json: &Option<String>| {
            let json = json.as_ref();
            json.map(|json| serde_json::from_str(json).unwrap_or_default())
        };
        Self {
            path: &change.path,
            in_force: value(&change.in_force),
            on_disk: value(&change.on_disk),
            is_hidden: change.is_hidden,
            needs_restart: change.needs_restart,
        }
    }
}

pub(super) fn report(answer: &DiffConfigResponse, is_json: bool) -> Report {
    let config = answer.config.clone().unwrap_or_default();
    let is_valid = answer.problems.is_empty();
    let exit = match (is_valid, answer.changes.is_empty()) {
        (false, _) => Exit::InvalidConfig,
        (true, false) => Exit::Failed,
        (true, true) => Exit::Ok,
    };
    if is_json {
        let document = Diff {
            generation: config.generation,
            path: some(&config.path),
            changes: answer.changes.iter().map(Change::from).collect(),
            problems: answer.problems.iter().map(Problem::from).collect(),
        };
        return Report::data(json("ConfigDiff", &document)).ending(exit);
    }
    let in_force = format!("generation {} in force", config.generation);
    if !is_valid {
        let why = format!("the files on disk cannot be used, and not be held against {in_force}");
        let report = Report::data(String::new()).and_remark(&why).ending(exit);
        let problems = answer.problems.iter();
        return problems.fold(report, |report, it| report.and_remark(&reload::line(it)));
    }
    if answer.changes.is_empty() {
        let same = format!("the files on disk say nothing else than {in_force}");
        return Report::data(String::new()).and_remark(&same);
    }
    let mut text = format!("--- {in_force}\n+++ {}\n", file(&config.path));
    for change in &answer.changes {
        text.push_str(&lines(change));
    }
    Report::data(text).ending(exit)
}

fn file(path: &str) -> String {
    printable(some(path).unwrap_or("no file")).into_owned()
}

fn lines(change: &ConfigChange) -> String {
    let after = if change.needs_restart {
        "  (after a restart)"
    } else {
        ""
    };
    let path = match change.path.as_str() {
        "" => "something that is not shown",
        path => path,
    };
    let mut text = String::new();
    if change.is_hidden {
        // A write to a string does not fail.
        let _ = writeln!(text, "~ {}: changed{after}", printable(path));
        return text;
    }
    for (sign, value, after) in [("-", &change.in_force, ""), ("+", &change.on_disk, after)] {
        if let Some(json) = value {
            let line = format!("{sign} {path} = {json}{after}");
            let _ = writeln!(text, "{}", printable(&line));
        }
    }
    if change.on_disk.is_none() && change.needs_restart {
        text.insert_str(text.trim_end().len(), after);
    }
    text
}
