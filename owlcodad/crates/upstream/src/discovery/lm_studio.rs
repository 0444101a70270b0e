//! LM Studio's own list of models, `GET /api/v0/models`. Pure.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::DiscoveredModel;
use super::value::{entries, tokens, word};

pub(super) const PATH: &str = "/api/v0/models";

#[derive(Deserialize)]
struct ModelList<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    /// `llm`, `vlm` or `embeddings`.
    #[serde(default, rename = "type")]
    kind: Value,
    #[serde(default)]
    quantization: Value,
    /// `loaded` or `not-loaded`.
    #[serde(default)]
    state: Value,
    #[serde(default)]
    max_context_length: Value,
    /// Of a model that is loaded.
    #[serde(default)]
    loaded_context_length: Value,
}

/// None where it is no list of models.
pub(super) fn parse(answer: &[u8]) -> Option<Vec<DiscoveredModel>> {
    let list: ModelList<'_> = serde_json::from_slice(answer).ok()?;
    let models = entries(list.data).into_iter().map(|entry: Entry| {
        let loaded = tokens(&entry.loaded_context_length);
        let kind = entry.kind.as_str().unwrap_or_default();
        DiscoveredModel {
            name: entry.id,
            context_window: loaded.or_else(|| tokens(&entry.max_context_length)),
            quantization: word(&entry.quantization),
            is_embedding: kind.starts_with("embedding"),
            is_loaded: entry.state.as_str().map(|state| state == "loaded"),
            ..DiscoveredModel::default()
        }
    });
    Some(models.collect())
}
