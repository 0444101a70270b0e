//! From text to configuration: the pure core, without a file.

use serde_json::Value;

use crate::catalog::Catalog;
use crate::check::check;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::env::Environment;
use crate::file::FileTrust;
use crate::lines::{locate, report_duplicates};
use crate::migrate::{Change, migrate};
use crate::problem::{Problem, Report, Severity, code};
use crate::raw::RawConfig;
use crate::resolve::resolve;

/// A configuration that can be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What a person should know about it, in the order of the file.
    pub warnings: Vec<Problem>,
    /// What was done to the file's form in memory; empty where it is the one in use.
    pub changes: Vec<Change>,
}

/// Reads a configuration from its text. A byte order mark is skipped.
///
/// On failure the list holds everything that is wrong, errors first, each with its line.
pub fn parse(text: &str, env: &Environment, trust: &FileTrust) -> Result<Loaded, Vec<Problem>> {
    let beside = Beside {
        credentials: &Credentials::default(),
        catalog: None,
    };
    parse_with(text, env, trust, beside)
}

/// What other files say.
pub(crate) struct Beside<'b> {
    /// The keys.
    pub(crate) credentials: &'b Credentials,
    /// Models for a configuration that names none.
    pub(crate) catalog: Option<Catalog>,
}

/// Whether a text names models, in a form of any version.
pub(crate) fn names_models(text: &str) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Ok(mut document) = document(text) else {
        return false;
    };
    // A document that cannot be migrated is refused anyway.
    migrate(&mut document).is_ok()
        && document.get("models").is_some_and(|models| match models {
            Value::Null => false,
            Value::Array(models) => !models.is_empty(),
            _ => true,
        })
}

/// The same as [`parse`], with what other files say.
pub(crate) fn parse_with(
    text: &str,
    env: &Environment,
    trust: &FileTrust,
    beside: Beside<'_>,
) -> Result<Loaded, Vec<Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut report = Report::default();
    let migrated = document(text).and_then(|mut document| {
        let journal = migrate(&mut document)?;
        Ok((document, journal))
    });
    let (document, journal) = match migrated {
        Ok(migrated) => migrated,
        Err(problem) => {
            report.push(problem);
            return Err(report.finish(|problems| locate(text, problems)));
        }
    };
    journal.report_losses(&mut report);
    let raw = read(document, text, &mut report);
    let config = resolve(raw, env, trust, beside, &mut report);
    let has_errors = report.has_errors();
    let problems = report.finish(|problems| {
        if !problems.is_empty() {
            journal.restore_places(problems);
            locate(text, problems);
        }
    });
    if has_errors {
        return Err(problems);
    }
    Ok(Loaded {
        config,
        warnings: problems,
        changes: journal.changes,
    })
}

pub(crate) type Document = serde_json::Map<String, Value>;

/// The object that a text holds.
pub(crate) fn document(text: &str) -> Result<Document, Problem> {
    let (code, (line, column), message) = if text.trim().is_empty() {
        let message = "the file is empty; `{}` is the smallest configuration".to_owned();
        (code::EMPTY_FILE, (None, None), message)
    } else {
        match serde_json::from_str(text) {
            Ok(Value::Object(document)) => return Ok(document),
            Ok(_) => {
                let message = "the file must hold one JSON object, `{ … }`".to_owned();
                (code::NOT_AN_OBJECT, (None, None), message)
            }
            Err(error) => {
                let place = format!(" at line {} column {}", error.line(), error.column());
                let reason = error.to_string();
                let reason = reason.strip_suffix(&place).unwrap_or(&reason);
                let message = format!("is not valid JSON: {reason}, column {}", error.column());
                let line = u32::try_from(error.line()).ok();
                let column = u32::try_from(error.column()).ok();
                let place = (line, column.filter(|column| *column > 0));
                (code::INVALID_JSON, place, message)
            }
        }
    };
    Err(Problem {
        severity: Severity::Error,
        code,
        path: String::new(),
        line,
        column,
        message,
    })
}

fn read(mut document: Document, text: &str, report: &mut Report) -> RawConfig {
    report_duplicates(text, report);
    check(&mut document, report);
    // The table of keys and `RawConfig` agree, which a test holds; if they ever did not, this is
    // an error to report and no reason to fall. serde's message is left out: it may quote a value.
    serde_json::from_value(Value::Object(document)).unwrap_or_else(|_| {
        let message = "does not have the shape that this version expects";
        report.error(code::WRONG_TYPE, "", message);
        RawConfig::default()
    })
}
