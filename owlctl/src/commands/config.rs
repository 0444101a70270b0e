//! `owlctl config get`, `diff`, `status` and `rollback`: the configuration in force in the daemon. The
//! other verbs of `config` read the files, see `offline.rs`.

mod diff;

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use owlcoda_proto::printable;
use owlcoda_proto::v1::{
    ConfigStatus, ConfigValue, DiffConfigRequest, GetConfigRequest, GetConfigResponse,
    RollbackConfigRequest, RollbackConfigResponse, StatusRequest,
};
use serde::Serialize;
use serde_json::Value;

use crate::cli::config::LiveConfigVerb;
use crate::commands::models::some;
use crate::commands::reload::{self, Config};
use crate::daemon::Context;
use crate::document::json;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::quantity;
use crate::report::Report;

#[derive(Serialize)]
struct Values<'a> {
    /// Of the configuration in force.
    generation: u64,
    settings: Vec<Row<'a>>,
}

/// A value as `owlctl config show` has it, too.
#[derive(Serialize)]
struct Row<'a> {
    path: &'a str,
    value: Value,
    source: Source<'a>,
}

#[derive(Serialize)]
struct Source<'a> {
    /// `default`, `file`, `variable`, `catalog`, `credentials` or `daemon`.
    kind: &'a str,
    /// Line of a file, from 1.
    line: Option<u32>,
    /// Name of a variable.
    variable: Option<&'a str>,
}

#[derive(Serialize)]
struct Rollback<'a> {
    from_generation: u64,
    /// Whose values are in force again.
    to_generation: u64,
    config: Config<'a>,
}

pub(super) async fn run(
    context: &Context<'_>,
    verb: &LiveConfigVerb,
) -> Result<Report, CommandError> {
    let client = context.connect().await?;
    let is_json = context.global.json;
    match verb {
        LiveConfigVerb::Get(args) => {
            let path = args.key.clone();
            let answer = client.config().get(GetConfigRequest { path }).await?;
            Ok(values(&args.key, &answer.into_inner(), is_json))
        }
        LiveConfigVerb::Diff(_) => {
            let answer = client.config().diff(DiffConfigRequest {}).await?;
            Ok(diff::report(&answer.into_inner(), is_json))
        }
        LiveConfigVerb::Status(_) => {
            let answer = client.daemon().status(StatusRequest {}).await?;
            let config = answer.into_inner().config.unwrap_or_default();
            Ok(status(&config, is_json, &TimeZone::system()))
        }
        LiveConfigVerb::Rollback(_) => {
            let answer = client.config().rollback(RollbackConfigRequest {}).await?;
            Ok(rollback(&answer.into_inner(), is_json))
        }
    }
}

fn values(key: &str, answer: &GetConfigResponse, is_json: bool) -> Report {
    let exit = if answer.values.is_empty() {
        Exit::Failed
    } else {
        Exit::Ok
    };
    if is_json {
        let document = Values {
            generation: answer.generation,
            settings: answer.values.iter().map(Row::from).collect(),
        };
        return Report::data(json("ConfigValues", &document)).ending(exit);
    }
    let text = match answer.values.as_slice() {
        [] => {
            let remark = format!("`{key}` has no value");
            return Report::data(String::new())
                .and_remark(&printable(&remark))
                .ending(exit);
        }
        // What was asked for itself, and so fit for a script.
        [one] if last_name(key) == last_name(&one.path) => bare(&one.json) + "\n",
        several => several.iter().fold(String::new(), |mut text, value| {
            let source = source(value);
            let line = format!("{} = {}  ({source})", value.path, value.json);
            // A write to a string does not fail.
            let _ = writeln!(text, "{}", printable(&line));
            text
        }),
    };
    Report::data(text)
}

fn last_name(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// A text without its quotes; everything else as JSON has it.
fn bare(json: &str) -> String {
    let text = serde_json::from_str::<String>(json);
    printable(text.as_deref().unwrap_or(json)).into_owned()
}

fn source(value: &ConfigValue) -> String {
    match value.source.as_str() {
        "file" if value.line != 0 => format!("line {}", value.line),
        "variable" => value.variable.clone(),
        "catalog" | "credentials" => format!("{}.json", value.source),
        "daemon" => "the daemon, for now".to_owned(),
        other => other.to_owned(),
    }
}

impl<'a> From<&'a ConfigValue> for Row<'a> {
    fn from(value: &'a ConfigValue) -> Self {
        Self {
            path: &value.path,
            value: serde_json::from_str(&value.json).unwrap_or_default(),
            source: Source {
                kind: &value.source,
                line: Some(value.line).filter(|line| *line != 0),
                variable: some(&value.variable),
            },
        }
    }
}

fn status(config: &ConfigStatus, is_json: bool, zone: &TimeZone) -> Report {
    if is_json {
        return Report::data(json("ConfigStatus", &Config::from(config)));
    }
    let mut lines = vec![(
        "Generation",
        format!(
            "{}, in force since {}",
            config.generation,
            quantity::local_time(config.loaded_at_ms, zone)
        ),
    )];
    let none = ["none: the defaults hold".to_owned()];
    let files = match config.sources.as_slice() {
        [] => &none[..],
        files => files,
    };
    for (idx, file) in files.iter().enumerate() {
        lines.push((if idx == 0 { "Files" } else { "" }, file.clone()));
    }
    lines.push(("SHA-256", config.sha256.clone()));
    let watched = match config.watch_mode.as_str() {
        "polling" => "every few seconds (polling)".to_owned(),
        mode => format!("at once ({mode})"),
    };
    lines.push(("Changes seen", watched));
    lines.push(match config.previous_generation {
        0 => ("Rollback", "to nothing: it is the first one".to_owned()),
        to => (
            "Rollback",
            format!("to generation {to}: owlctl config rollback"),
        ),
    });
    if config.rolled_back_from != 0 {
        let from = config.rolled_back_from;
        let words = format!("from generation {from}; the file still says what that one said");
        lines.push(("Rolled back", words));
    }
    if !config.pending_restart.is_empty() {
        let keys = config.pending_restart.join(", ");
        lines.push(("Waits", format!("for a restart: {keys}")));
    }
    if config.rejected_at_ms != 0 {
        let at = quantity::local_time(config.rejected_at_ms, zone);
        lines.push((
            "Rejected",
            format!("at {at}: the files on disk cannot be used"),
        ));
    }
    let mut text = String::new();
    for (name, words) in &lines {
        // A write to a string does not fail.
        let _ = writeln!(text, "{name:<13} {}", printable(words));
    }
    for problem in &config.problems {
        let _ = writeln!(text, "  {}", reload::line(problem));
    }
    Report::data(text)
}

fn rollback(answer: &RollbackConfigResponse, is_json: bool) -> Report {
    let nothing = ConfigStatus::default();
    let config = answer.config.as_ref().unwrap_or(&nothing);
    let exit = if config.pending_restart.is_empty() {
        Exit::Ok
    } else {
        Exit::Partial
    };
    let (from, to) = (answer.from_generation, answer.to_generation);
    if is_json {
        let document = Rollback {
            from_generation: from,
            to_generation: to,
            config: Config::from(config),
        };
        return Report::data(json("ConfigRollback", &document)).ending(exit);
    }
    let file = some(&config.path).unwrap_or("the file");
    let mut text = format!(
        "rolled back: generation {} is in force, with the values of generation {to}\n",
        config.generation
    );
    let lines = [
        format!("  {file} stays as it is, and still says what generation {from} said: correct it;"),
        "  its next change, `owlctl reload` or a restart puts it in force again".to_owned(),
    ];
    for line in lines {
        // A write to a string does not fail.
        let _ = writeln!(text, "{}", printable(&line));
    }
    if !config.pending_restart.is_empty() {
        let keys = config.pending_restart.join(", ");
        let _ = writeln!(text, "  after a restart: {}", printable(&keys));
    }
    let report = Report::data(text).ending(exit);
    let warnings = answer.warnings.iter();
    warnings.fold(report, |report, it| report.and_remark(&reload::line(it)))
}

#[cfg(test)]
mod tests;
