//! Finds the models of servers that run on this machine without being configured.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use owlcoda_config::EndpointUrl;
use owlcoda_types::Server;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::client::Upstream;

/// How long a local server may take to list its models.
const PROBE: Duration = Duration::from_millis(1500);

/// Most models taken from one server.
const MAX_MODELS: usize = 200;

/// A model server that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovered {
    /// Its base.
    pub url: EndpointUrl,
    /// Which server it is: what it says itself, else what usually is at its address.
    pub server: Server,
    /// Its models in its own order, at least one.
    pub models: Vec<DiscoveredModel>,
}

/// One model of a server that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoveredModel {
    /// The name that the server knows it by.
    pub name: String,
    /// Prompt and answer together, in tokens, where the server tells.
    pub context_window: Option<u32>,
}

/// `GET /v1/models` as OpenAI-compatible servers answer it. One odd entry does not cost the others.
#[derive(Deserialize)]
struct ModelList<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct ListedModel {
    id: String,
    #[serde(default)]
    owned_by: serde_json::Value,
    /// vLLM; anything else under this name is passed over.
    #[serde(default)]
    max_model_len: serde_json::Value,
}

impl Upstream {
    /// Asks each of `candidates` for its models; those that do not answer, or have none, are left
    /// out. The order stays.
    pub async fn discover(&self, candidates: &[EndpointUrl]) -> Vec<Discovered> {
        join_all(candidates.iter().map(|url| self.probe(url)))
            .await
            .into_iter()
            .flatten()
            .collect()
    }

    async fn probe(&self, url: &EndpointUrl) -> Option<Discovered> {
        let answer = self.model_list(url, PROBE).await?;
        let listed = listed_in(&answer)?;
        let mut owners = listed.iter().filter_map(|model| model.owned_by.as_str());
        let server = owners.find_map(Server::of_owner);
        let mut seen = HashSet::new();
        let models: Vec<_> = listed
            .into_iter()
            .filter(|model| is_usable_name(&model.id) && seen.insert(model.id.clone()))
            .take(MAX_MODELS)
            .map(|model| DiscoveredModel {
                name: model.id,
                context_window: read_tokens(&model.max_model_len),
            })
            .collect();
        (!models.is_empty()).then(|| Discovered {
            server: server.unwrap_or_else(|| url.likely_server()),
            url: url.clone(),
            models,
        })
    }
}

fn listed_in(answer: &[u8]) -> Option<Vec<ListedModel>> {
    let list: ModelList<'_> = serde_json::from_slice(answer).ok()?;
    let entries = list.data.into_iter();
    let listed = entries.filter_map(|raw| serde_json::from_str(raw.get()).ok());
    Some(listed.collect())
}

/// The names in a list of models; none where it is no list.
pub(crate) fn names_in(answer: &[u8]) -> Option<Vec<String>> {
    let listed = listed_in(answer)?.into_iter();
    Some(listed.map(|model| model.id).collect())
}

fn read_tokens(value: &serde_json::Value) -> Option<u32> {
    value.as_u64().and_then(|tokens| u32::try_from(tokens).ok())
}

/// Whether a name from outside is fit to be shown and asked for.
fn is_usable_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 200 && !name.chars().any(char::is_control)
}
