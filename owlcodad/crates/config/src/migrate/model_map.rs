//! 5: `modelMap`, from names of callers to names of the model server, is `models`.
//!
//! Names that lead to one model of the server are one entry. `defaultModel` says which answers when
//! none is named, `reverseMapInResponse` whether answers have the name that the caller wrote.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Document, Journal, get, remove, replace, set};
use crate::lines::push_key;

/// Words in a name that tell a tier.
const TIER_WORDS: [(&str, &str); 7] = [
    ("heavy", "heavy"),
    ("opus", "heavy"),
    ("fast", "fast"),
    ("haiku", "fast"),
    ("balanced", "balanced"),
    ("default", "balanced"),
    ("sonnet", "balanced"),
];

pub(super) fn migrate(document: &mut Document, journal: &mut Journal) {
    let n_made = models(document, journal);
    response_model_style(document, n_made > 0, journal);
    default_model(document, n_made > 0, journal);
}

/// Makes the entries, and returns how many. One of a wrong shape stays for the check.
fn models(document: &mut Document, journal: &mut Journal) -> usize {
    let Some(map) = get(document, "modelMap").cloned() else {
        remove(document, "modelMap");
        return 0;
    };
    let Some(map) = as_texts(&map) else { return 0 };
    if map.is_empty() {
        remove(document, "modelMap");
        journal.note("modelMap", "is gone: it was empty");
        return 0;
    }
    let are_there_models = get(document, "models").is_some_and(|models| *models != json!([]));
    if are_there_models {
        remove(document, "modelMap");
        journal.note_loss(
            "modelMap",
            "is not used, because there is `models`: add its names to the `aliases` there",
        );
        return 0;
    }
    let groups = groups(&map);
    let models: Vec<Value> = groups
        .iter()
        .enumerate()
        .map(|(model_idx, (backend, names))| entry(model_idx, backend, names, &map, journal))
        .collect();
    let n_models = models.len();
    replace(document, "modelMap", "models", Value::Array(models));
    journal.note("modelMap", format!("is {n_models} entries of `models` now"));
    n_models
}

/// The pairs of an object of strings, in its order.
fn as_texts(map: &Value) -> Option<Vec<(&str, &str)>> {
    let pairs = map.as_object()?.iter();
    pairs
        .map(|(name, backend)| Some((name.as_str(), backend.as_str()?)))
        .collect()
}

/// The names that lead to each model of the server, in the order of the file.
fn groups<'m>(map: &[(&'m str, &'m str)]) -> Vec<(&'m str, Vec<&'m str>)> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, backend) in map {
        let place = *places.entry(backend).or_insert_with(|| {
            groups.push((backend, Vec::new()));
            groups.len() - 1
        });
        if let Some((_, names)) = groups.get_mut(place) {
            names.push(name);
        }
    }
    groups
}

fn entry(
    model_idx: usize,
    backend: &str,
    names: &[&str],
    map: &[(&str, &str)],
    journal: &mut Journal,
) -> Value {
    // A name of the server that callers know as that of another model cannot be an id.
    let is_taken = map
        .iter()
        .any(|(name, other)| *name == backend && *other != backend);
    let first = names.first().copied().unwrap_or(backend);
    let id = if is_taken { first } else { backend };
    let place = format!("models[{model_idx}]");
    let written = |name: &str| {
        let mut path = "modelMap".to_owned();
        push_key(&mut path, name);
        path
    };
    journal.origin(place.clone(), written(first));
    let aliases: Vec<&str> = names.iter().copied().filter(|name| *name != id).collect();
    for (alias_idx, alias) in aliases.iter().enumerate() {
        journal.origin(format!("{place}.aliases[{alias_idx}]"), written(alias));
    }
    let mut entry = Map::new();
    entry.insert("id".to_owned(), id.into());
    entry.insert("backendModel".to_owned(), backend.into());
    if !aliases.is_empty() {
        entry.insert("aliases".to_owned(), json!(aliases));
    }
    if let Some(tier) = tier(names) {
        entry.insert("tier".to_owned(), tier.into());
    }
    Value::Object(entry)
}

fn tier(names: &[&str]) -> Option<&'static str> {
    let names: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let told = TIER_WORDS
        .iter()
        .find(|(word, _)| names.iter().any(|name| name.contains(word)));
    told.map(|(_, tier)| *tier)
}

/// Older versions put the caller's own name into answers unless they were told not to.
fn response_model_style(document: &mut Document, is_made: bool, journal: &mut Journal) {
    let is_reversed = match get(document, "reverseMapInResponse") {
        None => true,
        Some(Value::Bool(is_reversed)) => *is_reversed,
        // The check tells that it is neither.
        Some(_) => return,
    };
    let is_written = remove(document, "reverseMapInResponse").is_some();
    if is_made && get(document, "responseModelStyle").is_none() {
        let style = if is_reversed { "requested" } else { "platform" };
        set(document, "responseModelStyle", style.into());
        journal.origin(
            "responseModelStyle".to_owned(),
            "reverseMapInResponse".to_owned(),
        );
        if is_written {
            let message = format!("is `\"responseModelStyle\": \"{style}\"` now");
            journal.note("reverseMapInResponse", message);
        } else {
            let message = "is `requested`: answers have the caller's own name, as with `modelMap`";
            journal.note("responseModelStyle", message);
        }
    } else if is_written {
        journal.note("reverseMapInResponse", "is gone: it concerned `modelMap`");
    }
}

fn default_model(document: &mut Document, is_made: bool, journal: &mut Journal) {
    let name = match get(document, "defaultModel") {
        None => String::new(),
        Some(Value::String(name)) => name.clone(),
        Some(_) => return,
    };
    let is_written = remove(document, "defaultModel").is_some();
    let mut no_models = Vec::new();
    let models = match document.get_mut("models") {
        Some(Value::Array(models)) => models,
        _ => &mut no_models,
    };
    let is_default = |model: &Value| model.get("default") == Some(&Value::Bool(true));
    if models.iter().any(is_default) {
        if is_written {
            journal.note("defaultModel", "is gone: a model is the default already");
        }
        return;
    }
    let place = models.iter().position(|model| is_called(model, &name));
    let found = match place {
        Some(place) => models.get_mut(place),
        None if is_made => models.first_mut(),
        None => None,
    };
    if let Some(Value::Object(model)) = found {
        model.insert("default".to_owned(), true.into());
    }
    match place {
        Some(_) => journal.note("defaultModel", "is `\"default\": true` of its model now"),
        None if !name.is_empty() => journal.note_loss(
            "defaultModel",
            "names none of the models; set `\"default\": true` in one of `models`",
        ),
        None if is_written => journal.note("defaultModel", "is gone: it said nothing"),
        None => {}
    }
}

fn is_called(model: &Value, name: &str) -> bool {
    let is_it = |value: &Value| value.as_str() == Some(name);
    let has = |key: &str| model.get(key).is_some_and(is_it);
    let aliases = model.get("aliases").and_then(Value::as_array);
    !name.is_empty()
        && (has("id")
            || has("backendModel")
            || aliases.is_some_and(|aliases| aliases.iter().any(is_it)))
}
