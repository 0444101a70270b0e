//! `catalog.json`: the models that a router of the user's serves, in place of `models`.
//!
//! ```json
//! {"version": 1, "default_model": "big", "models": [{"id": "big", "channel": "stable"}],
//!  "aliases": {"sonnet": {"target": "big"}}, "intent_defaults": {"code": "big"}}
//! ```
//!
//! Other programs read the file too, so what we do not know in it is passed over. It is read only
//! where the configuration names no models; each entry is then a model at `routerUrl`.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::check::{MAX_GROUPS, fault_of_name, wrong_type};
use crate::config::TIERS;
use crate::env::Environment;
use crate::file::read_text;
use crate::guess::is_for_embedding;
use crate::lines::{locate, push_key, report_duplicates};
use crate::parse::document;
use crate::problem::{Problem, Report, code};
use crate::raw::RawModel;

const FILE_NAME: &str = "catalog.json";
const PATH: &str = "OWLCODA_CATALOG_PATH";

/// What a channel is called as a tier, where that is another word.
const STABLE: (&str, &str) = ("stable", "production");
/// Channels that are tiers of the same name.
const CHANNELS: [&str; 4] = ["preview", "candidate", "experimental", "lab"];

/// What the file says to us.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    /// As if they were in the configuration; one is the default, unless there are none.
    pub(crate) models: Vec<RawModel>,
    /// The model for an intent; each is one of the above.
    pub(crate) intent_defaults: BTreeMap<String, String>,
}

/// Finds the catalog: the one that `OWLCODA_CATALOG_PATH` names, whether it is there or not, else the
/// one in the data directory, if there is one.
pub fn find_catalog(home: &Path, env: &Environment) -> Option<PathBuf> {
    if let Some(path) = env.get(PATH) {
        return Some(PathBuf::from(path));
    }
    let path = home.join(FILE_NAME);
    path.symlink_metadata().is_ok().then_some(path)
}

/// Reads the file. Answers what a person should know of it beside the catalog.
pub(crate) fn read(path: &Path) -> Result<(Catalog, Vec<Problem>), Vec<Problem>> {
    let (text, _) = read_text(path).map_err(|problem| vec![problem])?;
    parse(&text)
}

fn parse(text: &str) -> Result<(Catalog, Vec<Problem>), Vec<Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut report = Report::default();
    let catalog = match document(text) {
        Ok(document) => {
            report_duplicates(text, &mut report);
            of_document(&document, &mut report)
        }
        Err(problem) => {
            report.push(problem);
            Catalog::default()
        }
    };
    let has_errors = report.has_errors();
    let problems = report.finish(|problems| locate(text, problems));
    if has_errors {
        Err(problems)
    } else {
        Ok((catalog, problems))
    }
}

fn of_document(document: &Map<String, Value>, report: &mut Report) -> Catalog {
    let mut models = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    match get(document, "models") {
        Some(Value::Array(entries)) if entries.len() > MAX_GROUPS => {
            let message = format!("must not have more than {MAX_GROUPS} entries");
            report.error(code::OUT_OF_RANGE, "models", message);
        }
        Some(Value::Array(entries)) => {
            for (entry_idx, entry) in entries.iter().enumerate() {
                let path = format!("models[{entry_idx}]");
                let Some(model) = model(entry, &path, report) else {
                    continue;
                };
                let id = model.id.clone().unwrap_or_default();
                if places.contains_key(&id) {
                    let message = format!("`{id}` is the id of another entry too");
                    report.error(code::DUPLICATE_ID, format!("{path}.id"), message);
                    continue;
                }
                places.insert(id, models.len());
                models.push(model);
            }
        }
        Some(other) => bad(report, "models", wrong_type("an array", other)),
        None => bad(report, "models", "is missing".to_owned()),
    }
    aliases(document, &places, &mut models, report);
    default_model(document, &places, &mut models, report);
    Catalog {
        intent_defaults: intent_defaults(document, &places, report),
        models,
    }
}

fn model(entry: &Value, path: &str, report: &mut Report) -> Option<RawModel> {
    let Value::Object(entry) = entry else {
        bad(report, path, wrong_type("an object", entry));
        return None;
    };
    let id_path = format!("{path}.id");
    let id = match get(entry, "id") {
        Some(Value::String(id)) => match fault_of_name(id) {
            None => id.clone(),
            Some(fault) => {
                report.error(code::BAD_NAME, id_path, fault);
                return None;
            }
        },
        Some(other) => {
            bad(report, &id_path, wrong_type("a string", other));
            return None;
        }
        None => {
            report.error(code::MISSING_KEY, id_path, "is missing");
            return None;
        }
    };
    let channel_path = format!("{path}.channel");
    let tier = match get(entry, "channel") {
        Some(Value::String(channel)) => tier(channel, &channel_path, report),
        Some(other) => {
            bad(report, &channel_path, wrong_type("a string", other));
            "general"
        }
        None => "general",
    };
    Some(RawModel {
        id: Some(id),
        tier: Some(tier.to_owned()),
        ..RawModel::default()
    })
}

fn tier(channel: &str, path: &str, report: &mut Report) -> &'static str {
    let (stable, production) = STABLE;
    if channel == stable {
        return production;
    }
    let same = CHANNELS.iter().find(|known| **known == channel);
    if let Some(tier) = same {
        debug_assert!(TIERS.contains(tier), "{tier} is a tier");
        return tier;
    }
    let message = format!(
        "is no known channel; there are: {stable}, {}. The tier is `general`",
        CHANNELS.join(", ")
    );
    report.warning(code::UNKNOWN_CHANNEL, path, message);
    "general"
}

fn aliases(
    document: &Map<String, Value>,
    places: &HashMap<String, usize>,
    models: &mut [RawModel],
    report: &mut Report,
) {
    for (alias, entry) in object(document, "aliases", report) {
        let mut path = "aliases".to_owned();
        push_key(&mut path, alias);
        let target = match entry {
            Value::String(target) => Some(target),
            entry => match entry.get("target") {
                Some(Value::String(target)) => Some(target),
                _ => None,
            },
        };
        let Some(target) = target else {
            bad(report, &path, "must have a `target`, a string".to_owned());
            continue;
        };
        if let Some(fault) = fault_of_name(alias) {
            report.error(code::BAD_NAME, path, fault);
            continue;
        }
        let Some(model) = find(target, &path, places, report) else {
            continue;
        };
        if alias == target {
            continue;
        }
        if places.contains_key(alias) {
            let message = format!("`{alias}` is the id of an entry of `models`");
            report.error(code::ALIAS_IS_ID, path, message);
        } else if let Some(model) = models.get_mut(model) {
            model.aliases.push(alias.clone());
        }
    }
}

fn default_model(
    document: &Map<String, Value>,
    places: &HashMap<String, usize>,
    models: &mut [RawModel],
    report: &mut Report,
) {
    let named = match get(document, "default_model") {
        Some(Value::String(id)) => find(id, "default_model", places, report),
        Some(other) => {
            bad(report, "default_model", wrong_type("a string", other));
            None
        }
        None => None,
    };
    let answers = |model: &RawModel| !model.id.as_deref().is_some_and(is_for_embedding);
    let place = named.or_else(|| models.iter().position(answers));
    if let Some(model) = models.get_mut(place.unwrap_or(0)) {
        model.default = Some(true);
    }
}

fn intent_defaults(
    document: &Map<String, Value>,
    places: &HashMap<String, usize>,
    report: &mut Report,
) -> BTreeMap<String, String> {
    let mut defaults = BTreeMap::new();
    for (intent, id) in object(document, "intent_defaults", report) {
        let mut path = "intent_defaults".to_owned();
        push_key(&mut path, intent);
        match id {
            Value::String(id) => {
                if find(id, &path, places, report).is_some() {
                    defaults.insert(intent.clone(), id.clone());
                }
            }
            other => bad(report, &path, wrong_type("a string", other)),
        }
    }
    defaults
}

/// The place of the model that is called `id`; one that is not there is told.
fn find(
    id: &str,
    path: &str,
    places: &HashMap<String, usize>,
    report: &mut Report,
) -> Option<usize> {
    let found = places.get(id).copied();
    // What follows from an entry that is refused is not said again.
    if found.is_none() && !report.has_errors() {
        let message = "names none of `models` and is left out";
        report.warning(code::UNKNOWN_TARGET, path, message);
    }
    found
}

fn object<'d>(
    document: &'d Map<String, Value>,
    key: &str,
    report: &mut Report,
) -> impl Iterator<Item = (&'d String, &'d Value)> + use<'d> {
    let found = match get(document, key) {
        Some(Value::Object(object)) => Some(object),
        Some(other) => {
            bad(report, key, wrong_type("an object", other));
            None
        }
        None => None,
    };
    found.into_iter().flatten()
}

fn get<'d>(document: &'d Map<String, Value>, key: &str) -> Option<&'d Value> {
    document.get(key).filter(|value| !value.is_null())
}

fn bad(report: &mut Report, path: &str, message: String) {
    report.error(code::BAD_CATALOG, path, message);
}
