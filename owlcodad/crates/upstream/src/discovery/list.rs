//! `GET /v1/models`, as every OpenAI-compatible server answers it, with what vLLM, `SGLang` and
//! llama.cpp add. Pure.

use owlcoda_types::Server;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::DiscoveredModel;
use super::value::{entries, size_of, tokens, word};

#[derive(Deserialize)]
struct ModelList<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

/// Fields with a meaning of ours are values of any kind, so that an odd one costs itself only.
#[derive(Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    owned_by: Value,
    /// vLLM and `SGLang`.
    #[serde(default)]
    max_model_len: Value,
    /// llama.cpp.
    #[serde(default)]
    meta: Value,
    /// llama.cpp that serves several models.
    #[serde(default)]
    status: Value,
}

/// What a server lists.
pub(super) struct List {
    /// Which server it is, by the owner that it gives its models.
    pub(super) server: Option<Server>,
    pub(super) models: Vec<DiscoveredModel>,
}

/// None where it is no list of models.
pub(super) fn parse(answer: &[u8]) -> Option<List> {
    let list: ModelList<'_> = serde_json::from_slice(answer).ok()?;
    let listed: Vec<Entry> = entries(list.data);
    let mut owners = listed.iter().filter_map(|model| model.owned_by.as_str());
    Some(List {
        server: owners.find_map(Server::of_owner),
        models: listed.into_iter().map(model).collect(),
    })
}

fn model(entry: Entry) -> DiscoveredModel {
    let Entry {
        id,
        max_model_len,
        meta,
        status,
        ..
    } = entry;
    let state = status.get("value").and_then(Value::as_str);
    DiscoveredModel {
        name: id,
        context_window: tokens(&max_model_len)
            .or_else(|| meta.get("n_ctx").and_then(tokens))
            .or_else(|| meta.get("n_ctx_train").and_then(tokens)),
        quantization: meta.get("ftype").and_then(word),
        parameter_size: meta
            .get("n_params")
            .and_then(Value::as_u64)
            .and_then(size_of),
        is_loaded: state.map(|state| state == "loaded"),
        ..DiscoveredModel::default()
    }
}
