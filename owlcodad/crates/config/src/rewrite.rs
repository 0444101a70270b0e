//! The file anew: in the form of today, or without what is secret, for another machine.

use serde_json::{Map, Value, json};

use crate::file::read_text;
use crate::migrate::{CONFIG_VERSION, Change, migrate};
use crate::parse::document;
use crate::problem::{Problem, code};
use crate::provider;
use crate::settings::mask_arguments;
use std::path::Path;

/// Headers whose values are no secrets.
const PLAIN_HEADERS: [&str; 8] = [
    "accept",
    "anthropic-beta",
    "anthropic-version",
    "http-referer",
    "referer",
    "user-agent",
    "x-client-name",
    "x-title",
];

/// A file in the form of today.
#[derive(Clone, Debug, PartialEq)]
pub struct Migrated {
    /// The version that the file said it has.
    pub from: u64,
    /// [`CONFIG_VERSION`].
    pub to: u64,
    /// What was changed; empty where the file has the form of today.
    pub changes: Vec<Change>,
    /// The new text, with its keys in the order that they had.
    pub text: String,
}

/// Brings the file at `path` into the form of today, without writing it.
pub fn migrated(path: &Path) -> Result<Migrated, Vec<Problem>> {
    let (text, _) = read_text(path).map_err(|problem| vec![problem])?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut report = crate::problem::Report::default();
    crate::lines::report_duplicates(text, &mut report);
    if report.has_errors() {
        // Writing the file anew would drop one of the values without a word.
        return Err(report.finish(|problems| crate::lines::locate(text, problems)));
    }
    let failed = |problem| {
        let mut problems = vec![problem];
        crate::lines::locate(text, &mut problems);
        problems
    };
    let mut document = document(text).map_err(failed)?;
    let from = document.get("configVersion").map(Value::as_u64);
    let Some(from) = from.unwrap_or(Some(0)) else {
        let message = format!("must be a whole number, {CONFIG_VERSION} or less");
        return Err(failed(Problem {
            severity: crate::problem::Severity::Error,
            code: code::WRONG_TYPE,
            path: "configVersion".to_owned(),
            line: None,
            column: None,
            message,
        }));
    };
    let journal = migrate(&mut document).map_err(failed)?;
    Ok(Migrated {
        from,
        to: CONFIG_VERSION,
        changes: journal.changes,
        text: pretty(&document),
    })
}

/// A configuration that another machine can use.
#[derive(Clone, Debug, PartialEq)]
pub struct Portable {
    /// The configuration, in the form of today and without secrets.
    pub document: Map<String, Value>,
    /// Environment variables that must hold keys there, each with the model it is for.
    pub variables: Vec<(String, String)>,
    /// What was left out, by its place.
    pub omitted: Vec<String>,
}

/// Takes what is secret out of a file that was found valid; `None` is no file.
pub fn portable(path: Option<&Path>) -> Result<Portable, Vec<Problem>> {
    let mut portable = Portable {
        document: Map::new(),
        variables: Vec::new(),
        omitted: Vec::new(),
    };
    let Some(path) = path else {
        portable
            .document
            .insert("configVersion".to_owned(), json!(CONFIG_VERSION));
        return Ok(portable);
    };
    let text = migrated(path)?.text;
    portable.document = document(&text).map_err(|problem| vec![problem])?;
    let Portable {
        document,
        variables,
        omitted,
    } = &mut portable;
    for (idx, model) in entries(document, "models").enumerate() {
        model_without_secrets(idx, model, variables, omitted);
    }
    for (idx, runtime) in entries(document, "runtimes").enumerate() {
        let place = format!("runtimes[{idx}]");
        keep(runtime, "env", &place, omitted, |_, value| {
            value.contains(crate::config::PORT_PLACEHOLDER)
        });
        if let Some(Value::Array(arguments)) = runtime.get_mut("args") {
            let texts: Vec<String> = arguments
                .iter()
                .filter_map(|it| it.as_str().map(str::to_owned))
                .collect();
            let masked = mask_arguments(&texts);
            if masked != texts {
                omitted.push(format!("{place}.args"));
                *arguments = masked.into_iter().map(Value::from).collect();
            }
        }
    }
    Ok(portable)
}

/// The text of a configuration, as we write it.
pub fn pretty(document: &Map<String, Value>) -> String {
    // Only a map with keys that are no strings could fail, and there is none.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}

fn entries<'d>(
    document: &'d mut Map<String, Value>,
    list: &str,
) -> impl Iterator<Item = &'d mut Map<String, Value>> + use<'d> {
    let items = document.get_mut(list).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut)
}

fn model_without_secrets(
    idx: usize,
    model: &mut Map<String, Value>,
    variables: &mut Vec<(String, String)>,
    omitted: &mut Vec<String>,
) {
    let place = format!("models[{idx}]");
    let text = |model: &Map<String, Value>, key: &str| {
        let value = model.get(key).and_then(Value::as_str);
        value.map(str::to_owned).filter(|text| !text.is_empty())
    };
    let id = text(model, "id").unwrap_or_else(|| place.clone());
    let has_key = text(model, "apiKey").is_some();
    let at = model.keys().position(|key| key == "apiKey");
    model.shift_remove("apiKey");
    let named = text(model, "apiKeyEnv");
    let provider = text(model, "provider");
    let usual = provider
        .as_deref()
        .and_then(provider::find)
        .and_then(|preset| preset.key_variables.first());
    if has_key && named.is_none() {
        let variable = usual.map_or_else(|| variable_for(&id), |name| (*name).to_owned());
        let at = at.unwrap_or(model.len()).min(model.len());
        model.shift_insert(at, "apiKeyEnv".to_owned(), variable.clone().into());
        variables.push((variable, id));
    } else if let Some(name) = named {
        variables.push((name, id));
    } else if let Some(name) = usual {
        variables.push(((*name).to_owned(), id));
    }
    keep(model, "headers", &place, omitted, |name, _| {
        PLAIN_HEADERS.contains(&name.to_lowercase().as_str())
    });
}

/// `OWLCODA_KEY_QWEN3_4B` for `qwen3:4b`.
fn variable_for(id: &str) -> String {
    let name = id.chars().map(|letter| match letter {
        letter if letter.is_ascii_alphanumeric() => letter.to_ascii_uppercase(),
        _ => '_',
    });
    format!("OWLCODA_KEY_{}", name.collect::<String>())
}

/// Keeps the entries of an object of texts that `is_plain` says may be seen.
fn keep(
    object: &mut Map<String, Value>,
    key: &str,
    place: &str,
    omitted: &mut Vec<String>,
    is_plain: impl Fn(&str, &str) -> bool,
) {
    let Some(Value::Object(entries)) = object.get_mut(key) else {
        return;
    };
    entries.retain(|name, value| {
        let is_kept = value.as_str().is_some_and(|value| is_plain(name, value));
        if !is_kept {
            let mut path = format!("{place}.{key}");
            crate::lines::push_key(&mut path, name);
            omitted.push(path);
        }
        is_kept
    });
    if entries.is_empty() {
        object.shift_remove(key);
    }
}
