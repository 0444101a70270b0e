//! Ollama's own words: `/api/tags` lists the models, `/api/ps` those in memory, and `/api/show` tells of
//! one what the lists do not.
//!
//! A model is shown once for each digest, so that a look at an unchanged server is two requests. Of a
//! long list a part is shown in each look. The window that a model had in memory is the true one, and
//! is remembered: what `/api/show` tells is what the model was made for.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, future, stream};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::value::{entries, tokens, word};
use super::{Deadlines, DiscoveredModel, Discovery, MAX_MODELS, Place};

/// Most models that are shown in one look.
const MAX_SHOWN: usize = 24;

/// How many of them at a time.
const AT_ONCE: usize = 4;

/// How often a model is asked for that cannot be shown.
const MAX_TRIES: u8 = 3;

/// What is known of one model beyond the list.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    digest: String,
    n_tries: u8,
    details: Option<Details>,
    /// The window that it had when it was in memory.
    served_window: Option<u32>,
    is_loaded: Option<bool>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Details {
    context_window: Option<u32>,
    is_embedding: bool,
}

#[derive(Deserialize)]
struct Tags<'a> {
    #[serde(borrow)]
    models: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    #[serde(default)]
    digest: Value,
    #[serde(default)]
    details: Value,
    /// Where Ollama passes calls of the model on to.
    #[serde(default)]
    remote_host: Value,
}

/// A model in memory, as `/api/ps` lists it.
#[derive(Deserialize)]
struct Loaded {
    name: String,
    /// What it got; not told by old versions.
    #[serde(default)]
    context_length: Value,
}

impl Tag {
    fn digest(&self) -> &str {
        self.digest.as_str().unwrap_or_default()
    }
}

impl Discovery {
    /// None where the server does not speak so.
    pub(super) async fn ollama(
        &self,
        place: &Place,
        until: Deadlines,
    ) -> Option<Vec<DiscoveredModel>> {
        let address = place.route("/api/tags");
        let answer = self.upstream.look(place, &address, until.list).await?;
        let tags: Tags<'_> = serde_json::from_slice(&answer).ok()?;
        let mut tags: Vec<Tag> = entries(tags.models);
        tags.truncate(MAX_MODELS);

        let known = self.shown.lock().get(&place.url).cloned();
        let known = known.unwrap_or_default();
        let loaded = self.loaded(place, until);
        let shown = self.show(place, &tags, known, until);
        let (loaded, mut known) = future::join(loaded, shown).await;
        for (name, shown) in &mut known {
            let Some(loaded) = &loaded else {
                shown.is_loaded = None;
                continue;
            };
            let own = loaded.iter().find(|loaded| loaded.name == *name);
            shown.is_loaded = Some(own.is_some());
            let window = own.and_then(|loaded| tokens(&loaded.context_length));
            shown.served_window = window.or(shown.served_window);
        }
        let models = tags.into_iter().map(|tag| {
            let shown = known.get(&tag.name).cloned();
            model(tag, &shown.unwrap_or_default())
        });
        let models = models.collect();
        self.shown.lock().insert(place.url.clone(), known);
        Some(models)
    }

    /// The models in memory; none where the server does not tell.
    async fn loaded(&self, place: &Place, until: Deadlines) -> Option<Vec<Loaded>> {
        let address = place.route("/api/ps");
        let answer = self.upstream.look(place, &address, until.details).await?;
        let tags: Tags<'_> = serde_json::from_slice(&answer).ok()?;
        Some(entries(tags.models))
    }

    /// Asks for what is not in `known`. Returns what is known then, of the models that are there.
    async fn show(
        &self,
        place: &Place,
        tags: &[Tag],
        mut known: BTreeMap<String, Shown>,
        until: Deadlines,
    ) -> BTreeMap<String, Shown> {
        let mut next: BTreeMap<String, Shown> = tags
            .iter()
            .map(|tag| {
                let before = known.remove(&tag.name);
                let same = before.filter(|shown| shown.digest == tag.digest());
                let shown = same.unwrap_or_else(|| Shown {
                    digest: tag.digest().to_owned(),
                    ..Shown::default()
                });
                (tag.name.clone(), shown)
            })
            .collect();
        let mut missing: Vec<(u8, String)> = tags
            .iter()
            .filter_map(|tag| Some((next.get(&tag.name)?, &tag.name)))
            .filter(|(shown, _)| shown.details.is_none() && shown.n_tries < MAX_TRIES)
            .map(|(shown, name)| (shown.n_tries, name.clone()))
            .collect();
        missing.sort_by_key(|(n_tries, _)| *n_tries);
        missing.truncate(MAX_SHOWN);

        let address = place.route("/api/show");
        let asked = stream::iter(missing)
            .map(|(_, name)| {
                let address = &address;
                async move {
                    let question = json!({"model": name});
                    let answer = self.upstream.ask(place, address, &question, until.details);
                    (name, answer.await.as_deref().and_then(details))
                }
            })
            .buffer_unordered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        for (name, details) in asked {
            if let Some(shown) = next.get_mut(&name) {
                shown.n_tries += 1;
                shown.details = details;
            }
        }
        next
    }
}

fn model(tag: Tag, shown: &Shown) -> DiscoveredModel {
    let details = shown.details.unwrap_or_default();
    let listed = |name| tag.details.get(name).and_then(word);
    DiscoveredModel {
        context_window: shown.served_window.or(details.context_window),
        parameter_size: listed("parameter_size"),
        quantization: listed("quantization_level"),
        is_embedding: details.is_embedding,
        is_remote: word(&tag.remote_host).is_some(),
        is_loaded: shown.is_loaded,
        name: tag.name,
    }
}

#[derive(Deserialize)]
struct Show<'a> {
    /// As a model file has it: `num_ctx 8192`, a parameter a line.
    #[serde(default)]
    parameters: Value,
    /// `llama.context_length` and much else.
    #[serde(default, borrow)]
    model_info: Option<&'a RawValue>,
    #[serde(default)]
    capabilities: Value,
}

/// None where it is no description of a model.
fn details(answer: &[u8]) -> Option<Details> {
    let show: Show<'_> = serde_json::from_slice(answer).ok()?;
    let info: BTreeMap<String, Value> = show
        .model_info
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default();
    let trained = info
        .get("general.architecture")
        .and_then(Value::as_str)
        .and_then(|architecture| info.get(&format!("{architecture}.context_length")))
        .and_then(tokens);
    let can = |what: &str| {
        let capabilities = show.capabilities.as_array();
        capabilities.is_some_and(|all| all.iter().any(|one| one == what))
    };
    Some(Details {
        context_window: show.parameters.as_str().and_then(num_ctx).or(trained),
        is_embedding: can("embedding") && !can("completion"),
    })
}

/// The window that the model's file sets.
fn num_ctx(parameters: &str) -> Option<u32> {
    parameters.lines().find_map(|line| {
        let (name, value) = line.trim().split_once(char::is_whitespace)?;
        let n_tokens: u64 = value.trim().parse().ok()?;
        (name == "num_ctx").then(|| tokens(&n_tokens.into()))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &Value) -> Option<Details> {
        details(value.to_string().as_bytes())
    }

    #[test]
    fn a_model_s_window_is_what_its_file_sets_else_what_it_was_made_for() {
        let info = json!({"general.architecture": "qwen2", "qwen2.context_length": 32_768});
        for (parameters, expected) in [
            (json!("stop   \"<|im_end|>\"\nnum_ctx      8192"), 8192),
            (json!("temperature 0.7"), 32_768),
            (json!("num_ctx many"), 32_768),
            (json!(["num_ctx 1"]), 32_768),
        ] {
            let details = shown(&json!({"parameters": parameters, "model_info": info}));
            let window = details.unwrap().context_window;
            assert_eq!(window, Some(expected), "{parameters}");
        }
        let odd = json!({"model_info": {"general.architecture": 7, "qwen2.context_length": 1}});
        assert_eq!(shown(&odd), Some(Details::default()));
        assert_eq!(shown(&json!("no")), None);
    }

    #[test]
    fn what_only_embeds_is_known_by_its_capabilities() {
        for (capabilities, expected) in [
            (json!(["embedding"]), true),
            (json!(["completion", "tools"]), false),
            (json!(["completion", "embedding"]), false),
            (json!({"embedding": true}), false),
            (json!(null), false),
        ] {
            let details = shown(&json!({"capabilities": capabilities})).unwrap();
            assert_eq!(details.is_embedding, expected, "{capabilities}");
        }
    }
}
