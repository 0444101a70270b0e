//! The values in force below a key, as a person names it.

use owlcoda_config::{Lookup, Origin, Setting, lookup};
use owlcoda_supervise::ConfigValue;
use owlcoda_types::{clip, printable};

/// Longest name that is repeated in an answer, in characters.
const MAX_SHOWN_CHARS: usize = 80;

/// Those of `path`, all for an empty one; `Err` says that there is no such key, and what may be meant.
/// An entry may be named by its place or by its name: `models[0]`, `models[small]`.
pub(crate) fn below(path: &str, settings: &[Setting]) -> Result<Vec<ConfigValue>, String> {
    if path.is_empty() {
        return Ok(settings.iter().map(value).collect());
    }
    let path = by_place(path, settings);
    let is_below = |setting: &&Setting| {
        let rest = setting.path.strip_prefix(path.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let found: Vec<_> = settings.iter().filter(is_below).map(value).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let shown = clip(&path, MAX_SHOWN_CHARS);
    let shown = printable(&shown);
    match lookup(&path) {
        // An entry that is not there is none, a key without a value is.
        Lookup::Known if path.contains('[') && !has_entry(&path, settings) => {
            Err(format!("there is no `{shown}`"))
        }
        Lookup::Known => Ok(Vec::new()),
        Lookup::WithoutEffect => Err(format!("`{shown}` has no effect in this version")),
        Lookup::Unknown(meant) => {
            let meant = meant.map_or_else(String::new, |it| format!("; did you mean `{it}`?"));
            Err(format!("there is no key `{shown}`{meant}"))
        }
    }
}

/// The place in the file of an entry that was named by its name.
fn by_place(path: &str, settings: &[Setting]) -> String {
    let as_typed = || path.to_owned();
    let Some((list, rest)) = path.split_once('[') else {
        return as_typed();
    };
    let Some((name, rest)) = rest.rsplit_once(']') else {
        return as_typed();
    };
    let id = match list {
        "models" => "id",
        "runtimes" => "name",
        _ => return as_typed(),
    };
    let name = name.trim_matches('"');
    let named = settings.iter().find_map(|setting| {
        let (place, key) = setting.path.rsplit_once('.')?;
        let is_it = place.starts_with(list) && key == id && setting.value == name;
        is_it.then_some(place)
    });
    named.map_or_else(as_typed, |place| format!("{place}{rest}"))
}

/// Whether the entry that a path leads into is there.
fn has_entry(path: &str, settings: &[Setting]) -> bool {
    let entry = path.split_once(']').map_or(path, |(entry, _)| entry);
    settings.iter().any(|setting| {
        let rest = setting.path.strip_prefix(entry);
        rest.is_some_and(|rest| rest.starts_with(']'))
    })
}

fn value(setting: &Setting) -> ConfigValue {
    let (source, line, variable) = match &setting.origin {
        Origin::Default => ("default", None, None),
        Origin::File { line } => ("file", *line, None),
        Origin::Variable(name) => ("variable", None, Some(name.clone())),
        Origin::Catalog => ("catalog", None, None),
        Origin::Credentials => ("credentials", None, None),
        Origin::Daemon => ("daemon", None, None),
    };
    ConfigValue {
        path: setting.path.clone(),
        json: setting.value.to_string(),
        source,
        line,
        variable,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn settings() -> Vec<Setting> {
        let setting = |path: &str, value: Value| Setting {
            path: path.to_owned(),
            value,
            origin: Origin::Default,
        };
        vec![
            setting("port", json!(8019)),
            setting("server.maxConnections", json!(1024)),
            setting("server.idleTimeoutMs", json!(7)),
            setting("models[0].id", json!("a.b")),
            setting("models[0].endpoint", json!("http://h")),
            setting("models[1].id", json!("b")),
        ]
    }

    #[test]
    fn a_key_a_group_and_an_entry_by_place_or_name_are_found() {
        let paths = |path: &str| -> Vec<String> {
            let found = below(path, &settings()).unwrap().into_iter();
            found.map(|value| value.path).collect()
        };
        assert_eq!(paths("port"), ["port"]);
        assert_eq!(
            paths("server"),
            ["server.maxConnections", "server.idleTimeoutMs"]
        );
        assert_eq!(paths("models[0]"), ["models[0].id", "models[0].endpoint"]);
        for named in [
            "models[a.b].endpoint",
            "models[\"a.b\"].endpoint",
            "models[0].endpoint",
        ] {
            assert_eq!(paths(named), ["models[0].endpoint"], "{named}");
        }
        assert_eq!(paths("").len(), 6);
        assert_eq!(paths("logFilePath"), [""; 0], "it has no value");
        assert_eq!(paths("models[b].price"), [""; 0]);
    }

    #[test]
    fn what_is_no_key_is_told_with_what_may_be_meant() {
        let refused = |path: &str| below(path, &settings()).unwrap_err();
        assert_eq!(
            refused("prot"),
            "there is no key `prot`; did you mean `port`?"
        );
        assert_eq!(
            refused("por"),
            "there is no key `por`; did you mean `port`?"
        );
        assert_eq!(refused("poetry"), "there is no key `poetry`");
        assert_eq!(refused("models[c].id"), "there is no `models[c].id`");
        assert_eq!(refused("models[7]"), "there is no `models[7]`");
        assert!(refused("models[0].role").ends_with("has no effect in this version"));
        assert!(refused(&"x".repeat(5000)).len() < 200);
        assert!(!refused("a\u{1b}[2J").contains('\u{1b}'));
    }
}
