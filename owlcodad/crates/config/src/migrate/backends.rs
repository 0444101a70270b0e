//! 6: `backends`, a list of model servers to look for, is `discovery.endpoints`.

use serde_json::{Map, Value, json};

use super::{Document, Journal, get, remove, replace};

/// Where the servers are that older files call by name.
const NAMED: [(&str, u16); 6] = [
    ("ollama", 11434),
    ("lmstudio", 1234),
    ("lm-studio", 1234),
    ("vllm", 8000),
    ("openai-compat", 8080),
    ("llama.cpp", 8080),
];

/// Keys of an entry that hold its address.
const ADDRESS_KEYS: [&str; 4] = ["baseUrl", "url", "endpoint", "base_url"];
/// Keys of an entry that hold its name.
const NAME_KEYS: [&str; 4] = ["type", "kind", "name", "id"];

pub(super) fn migrate(document: &mut Document, journal: &mut Journal) {
    let Some(backends) = get(document, "backends").cloned() else {
        remove(document, "backends");
        return;
    };
    let Value::Array(entries) = backends else {
        remove(document, "backends");
        journal.note_loss("backends", "is no list and is not used; write `discovery`");
        return;
    };
    let mut discovery = match get(document, "discovery") {
        None => Map::new(),
        Some(Value::Object(discovery)) => discovery.clone(),
        // The check tells that it is no object.
        Some(_) => return,
    };
    if discovery.get("endpoints").is_some_and(|it| !it.is_null()) {
        remove(document, "backends");
        journal.note_loss("backends", "is not used: there is `discovery.endpoints`");
        return;
    }
    let is_disabled = |entry: &Value| entry.get("enabled") == Some(&Value::Bool(false));
    let mut endpoints = Vec::with_capacity(entries.len());
    for (entry_idx, entry) in entries.iter().enumerate() {
        if is_disabled(entry) {
            continue;
        }
        let written = format!("backends[{entry_idx}]");
        match address(entry) {
            Some(address) => {
                journal.origin(format!("discovery.endpoints[{}]", endpoints.len()), written);
                endpoints.push(address);
            }
            None => journal.note_loss(&written, "has no address and no known name; it is left out"),
        }
    }
    if endpoints.is_empty() && !entries.iter().all(is_disabled) {
        // Nothing of it can be used, so the usual addresses hold.
        remove(document, "backends");
        return;
    }
    discovery.insert("endpoints".to_owned(), json!(endpoints));
    replace(document, "backends", "discovery", Value::Object(discovery));
    journal.note("backends", "is `discovery.endpoints` now");
}

fn address(entry: &Value) -> Option<String> {
    let text = |keys: &[&str]| {
        let mut values = keys.iter().filter_map(|key| entry.get(key)?.as_str());
        values.next().map(str::to_owned)
    };
    let plain = entry.as_str();
    if let Some(address) = text(&ADDRESS_KEYS).or_else(|| {
        let plain = plain.filter(|text| text.contains("://"));
        plain.map(str::to_owned)
    }) {
        return Some(address);
    }
    let name = text(&NAME_KEYS).or_else(|| plain.map(str::to_owned))?;
    let name = name.to_ascii_lowercase();
    let found = NAMED.iter().find(|(known, _)| *known == name);
    found.map(|(_, port)| format!("http://127.0.0.1:{port}"))
}
