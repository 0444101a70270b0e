//! From older forms of the file to the one in use: numbered steps over the JSON, one after another.
//!
//! ```text
//! configVersion 0 ─1─► 1 ─2─► 2 ─ … ─8─► 8    missing = 0, more than 8 = not ours to read
//! ```
//!
//! Every load takes the steps that the file has not taken yet, in memory and before the check. The
//! file itself is only written by `owlcodad config migrate`. A key that no step knows stays where
//! and as it is; one of a wrong shape stays too, and the check says what is wrong with it.

mod backends;
mod model_map;
mod steps;

use serde_json::{Map, Value};

use crate::problem::{Problem, Report, Severity, code};

/// The version of the form in use, as `configVersion` says it.
pub const CONFIG_VERSION: u64 = 8;

type Document = Map<String, Value>;

/// One step from a version to the next.
struct Migration {
    /// The version that a file has afterwards.
    to: u64,
    apply: fn(&mut Document, &mut Journal),
}

/// Every step, in order.
const MIGRATIONS: [Migration; 8] = [
    step(1, steps::stamp),
    step(2, steps::router_url),
    step(3, steps::backend_model),
    step(4, steps::port),
    step(5, model_map::migrate),
    step(6, backends::migrate),
    step(7, steps::response_model_style),
    step(8, steps::admin_token),
];

const fn step(to: u64, apply: fn(&mut Document, &mut Journal)) -> Migration {
    Migration { to, apply }
}

/// One thing that a step did to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The version that the step leads to.
    pub version: u64,
    /// The key that it is about.
    pub path: String,
    /// What became of it: a fragment for people, without values of the file that may be secret.
    pub message: String,
    /// Whether something that the file says has no effect any more.
    pub is_lossy: bool,
}

/// What the steps have done, and where what they wrote comes from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal {
    pub(crate) changes: Vec<Change>,
    /// Places that are not in the file, each with the one that it was made of.
    origins: Vec<(String, String)>,
    version: u64,
}

impl Journal {
    fn note(&mut self, path: &str, message: impl Into<String>) {
        self.push(path, message.into(), false);
    }

    fn note_loss(&mut self, path: &str, message: impl Into<String>) {
        self.push(path, message.into(), true);
    }

    fn push(&mut self, path: &str, message: String, is_lossy: bool) {
        self.changes.push(Change {
            version: self.version,
            path: path.to_owned(),
            message,
            is_lossy,
        });
    }

    fn origin(&mut self, place: String, written: String) {
        self.origins.push((place, written));
    }

    /// Warns of what the file says in vain.
    pub(crate) fn report_losses(&self, report: &mut Report) {
        for change in self.changes.iter().filter(|change| change.is_lossy) {
            report.warning(code::NOT_CARRIED_OVER, &change.path, &change.message);
        }
    }

    /// Gives each problem at a place that a step made the place in the file that it was made of.
    pub(crate) fn restore_places(&self, problems: &mut [Problem]) {
        for problem in problems {
            if let Some(written) = self.written(&problem.path) {
                written.clone_into(&mut problem.path);
            }
        }
    }

    /// The place in the file that the one at `path`, or one around it, was made of.
    pub(crate) fn written(&self, path: &str) -> Option<&str> {
        let origins = self.origins.iter().filter(|(place, _)| {
            let rest = path.strip_prefix(place.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        });
        let nearest = origins.max_by_key(|(place, _)| place.len());
        nearest.map(|(_, written)| written.as_str())
    }
}

/// Takes every step that `document` has not taken. A version that is no number is left to the check.
pub(crate) fn migrate(document: &mut Document) -> Result<Journal, Problem> {
    let from = match document.get("configVersion") {
        None | Some(Value::Null) => Some(0),
        Some(version) => version.as_u64(),
    };
    if let Some(newer) = from.filter(|version| *version > CONFIG_VERSION) {
        return Err(Problem {
            severity: Severity::Error,
            code: code::NEWER_CONFIG,
            path: "configVersion".to_owned(),
            line: None,
            column: None,
            message: format!(
                "the file has the form of version {newer}, and this owlcodad knows those up to \
                 {CONFIG_VERSION}; use a newer owlcodad, or the backup of the file that its \
                 migration made"
            ),
        });
    }
    let mut journal = Journal::default();
    let steps = MIGRATIONS.iter().filter(|step| from.unwrap_or(0) < step.to);
    for step in steps {
        journal.version = step.to;
        (step.apply)(document, &mut journal);
    }
    if from.is_some_and(|from| from < CONFIG_VERSION) {
        set(document, "configVersion", CONFIG_VERSION.into());
    }
    Ok(journal)
}

/// The value of a key; `null` is as good as not written.
fn get<'d>(document: &'d Document, key: &str) -> Option<&'d Value> {
    document.get(key).filter(|value| !value.is_null())
}

/// Sets a key where it stands; a new one comes first, where a reader sees it.
fn set(document: &mut Document, key: &str, value: Value) {
    match document.get_mut(key) {
        Some(place) => *place = value,
        None => {
            document.shift_insert(0, key.to_owned(), value);
        }
    }
}

/// Takes a key out; the others keep their order.
fn remove(document: &mut Document, key: &str) -> Option<Value> {
    document.shift_remove(key).filter(|value| !value.is_null())
}

/// Puts `value` under `key` where `before` stood, or last.
fn replace(document: &mut Document, before: &str, key: &str, value: Value) {
    let place = document.keys().position(|name| name == before);
    document.shift_remove(before);
    match (document.get_mut(key), place) {
        (Some(present), _) => *present = value,
        (None, Some(place)) => {
            document.shift_insert(place, key.to_owned(), value);
        }
        (None, None) => {
            document.insert(key.to_owned(), value);
        }
    }
}
