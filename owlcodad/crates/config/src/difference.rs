//! What of one configuration is another in a second one, in the words of the file.
//!
//! Models and runtimes are held against those of their name, not of their place. A secret that differs
//! is told without its values.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::config::Config;
use crate::settings::{MASK, Setting};

/// A configuration and its values as they are shown.
#[derive(Clone, Debug)]
pub struct InForce {
    /// As used.
    pub config: Config,
    /// As [`crate::settings`] tells them.
    pub settings: Vec<Setting>,
}

/// One value that is another, or one entry that only one side has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `port`, `models["small"].endpoint`, `models["small"]`.
    pub path: String,
    /// Masked. None: there is none.
    pub before: Option<Value>,
    /// The same of the second side.
    pub after: Option<Value>,
    /// Whether what differs is not in the values, because nobody is shown it.
    pub is_hidden: bool,
}

/// Everything in which `after` differs from `before`, in the order of the reference page, entries last.
pub fn differences(before: &InForce, after: &InForce) -> Vec<Difference> {
    let (top_before, entries_before) = parts(before);
    let (top_after, entries_after) = parts(after);
    let mut found = compared("", &top_before, &top_after);
    if found.is_empty() && without_entries(&before.config) != without_entries(&after.config) {
        found.push(hidden("", None));
    }
    for (list, ids_before, ids_after) in [
        ("models", ids_of_models(before), ids_of_models(after)),
        ("runtimes", ids_of_runtimes(before), ids_of_runtimes(after)),
    ] {
        let is_same_set = ids_before.iter().collect::<BTreeSet<_>>() == ids_after.iter().collect();
        if is_same_set && ids_before != ids_after {
            found.push(Difference {
                path: list.to_owned(),
                before: Some(json!(ids_before)),
                after: Some(json!(ids_after)),
                is_hidden: false,
            });
        }
    }
    let names: BTreeSet<&String> = entries_before.keys().chain(entries_after.keys()).collect();
    for name in names {
        match (entries_before.get(name), entries_after.get(name)) {
            (Some(was), Some(is)) => {
                let of_entry = compared(&format!("{name}."), was, is);
                let secrets = secrets_that_differ(name, &before.config, &after.config);
                let is_silent = of_entry.is_empty() && secrets.is_empty();
                if is_silent && differs(name, &before.config, &after.config) {
                    found.push(hidden(name, None));
                }
                found.extend(of_entry);
                found.extend(secrets);
            }
            (was, is) => found.push(Difference {
                path: name.clone(),
                before: was.map(as_object),
                after: is.map(as_object),
                is_hidden: false,
            }),
        }
    }
    found
}

/// Values by their names, in the order of the page.
type Values<'v> = Vec<(&'v str, &'v Value)>;

/// What is not in a list, and each entry of one by `models["name"]`.
fn parts(side: &InForce) -> (Values<'_>, BTreeMap<String, Values<'_>>) {
    let models = ids_of_models(side);
    let runtimes = ids_of_runtimes(side);
    let mut top = Vec::new();
    let mut entries: BTreeMap<String, Values<'_>> = BTreeMap::new();
    for setting in &side.settings {
        let path = setting.path.as_str();
        let place = path.split_once('[').and_then(|(list, rest)| {
            let (idx, name) = rest.split_once("].")?;
            let ids = if list == "models" { &models } else { &runtimes };
            Some((entry_name(list, ids.get(idx.parse::<usize>().ok()?)?), name))
        });
        match place {
            Some((entry, name)) => entries
                .entry(entry)
                .or_default()
                .push((name, &setting.value)),
            None => top.push((path, &setting.value)),
        }
    }
    (top, entries)
}

fn entry_name(list: &str, id: &str) -> String {
    format!("{list}[{}]", json!(id))
}

fn ids_of_models(side: &InForce) -> Vec<&str> {
    let models = side.config.models.iter();
    models.map(|model| model.id.as_str()).collect()
}

fn ids_of_runtimes(side: &InForce) -> Vec<&str> {
    let runtimes = side.config.runtimes.iter();
    runtimes.map(|runtime| runtime.name.as_str()).collect()
}

fn compared(prefix: &str, before: &Values<'_>, after: &Values<'_>) -> Vec<Difference> {
    let of = |values: &Values<'_>, name: &str| {
        let mut values = values.iter();
        let found = values.find(|(other, _)| *other == name);
        found.map(|(_, value)| (*value).clone())
    };
    let is_gone = |(name, _): &&(&str, &Value)| of(after, name).is_none();
    let names = after.iter().chain(before.iter().filter(is_gone));
    let pairs = names.map(|(name, _)| (*name, of(before, name), of(after, name)));
    let differing = pairs.filter(|(_, was, is)| was != is);
    differing
        .map(|(name, before, after)| Difference {
            path: format!("{prefix}{name}"),
            before,
            after,
            is_hidden: false,
        })
        .collect()
}

fn as_object(values: &Values<'_>) -> Value {
    let values = values.iter();
    let object: Map<_, _> = values
        .map(|(name, value)| ((*name).to_owned(), (*value).clone()))
        .collect();
    Value::Object(object)
}

fn hidden(path: impl Into<String>, value: Option<&str>) -> Difference {
    Difference {
        path: path.into(),
        before: value.map(Value::from),
        after: value.map(Value::from),
        is_hidden: true,
    }
}

/// What both sides of an entry have and show alike, and what is another all the same.
fn secrets_that_differ(name: &str, before: &Config, after: &Config) -> Vec<Difference> {
    let mut names = Vec::new();
    if let Some((was, is)) = models(name, before, after) {
        if was.key.is_some() && is.key.is_some() && was.key != is.key {
            names.push("apiKey");
        }
        if was.headers != is.headers && was.headers.keys().eq(is.headers.keys()) {
            names.push("headers");
        }
    }
    if let Some((was, is)) = runtimes(name, before, after) {
        if was.env != is.env && was.env.keys().eq(is.env.keys()) {
            names.push("env");
        }
        let masked = crate::settings::mask_arguments;
        if was.args != is.args && masked(&was.args) == masked(&is.args) {
            names.push("args");
        }
    }
    let names = names.into_iter();
    names
        .map(|it| hidden(format!("{name}.{it}"), Some(MASK)))
        .collect()
}

fn models<'c>(
    name: &str,
    before: &'c Config,
    after: &'c Config,
) -> Option<(&'c crate::ModelConfig, &'c crate::ModelConfig)> {
    let find = |config: &'c Config| {
        let mut models = config.models.iter();
        models.find(|model| entry_name("models", &model.id) == name)
    };
    Some((find(before)?, find(after)?))
}

fn runtimes<'c>(
    name: &str,
    before: &'c Config,
    after: &'c Config,
) -> Option<(&'c crate::RuntimeConfig, &'c crate::RuntimeConfig)> {
    let find = |config: &'c Config| {
        let mut runtimes = config.runtimes.iter();
        runtimes.find(|runtime| entry_name("runtimes", &runtime.name) == name)
    };
    Some((find(before)?, find(after)?))
}

/// Whether an entry that both have is used differently.
fn differs(name: &str, before: &Config, after: &Config) -> bool {
    let is_other_model = models(name, before, after).is_some_and(|(was, is)| was != is);
    is_other_model || runtimes(name, before, after).is_some_and(|(was, is)| was != is)
}

fn without_entries(config: &Config) -> Config {
    Config {
        models: Vec::new(),
        runtimes: Vec::new(),
        ..config.clone()
    }
}
