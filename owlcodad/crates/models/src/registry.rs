//! Every model that can be called, and the names that callers use for it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use owlcoda_config::{ModelConfig, ModelTarget, Price, Protocol, UpstreamConfig};
use owlcoda_types::{ErrorCode, Secret, Server, clip, printable};

use crate::context::ContextSource;
use crate::merge::{Listing, merge};

/// How a model came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The configuration names it.
    Configured,
    /// A model server that discovery asks listed it.
    Discovered,
}

impl Source {
    /// For people and for the control API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configured => "configured",
            Self::Discovered => "discovered",
        }
    }
}

/// One model.
#[derive(Clone, Debug)]
pub struct Model {
    /// The name that we know it by; unique.
    pub id: String,
    /// For people.
    pub label: String,
    /// Other names; each means one model only.
    pub aliases: Vec<String>,
    /// `fast`, `balanced`, `heavy` and so on.
    pub tier: String,
    /// The name that its server knows it by.
    pub backend_model: String,
    /// Where it is served.
    pub target: ModelTarget,
    /// What its server speaks.
    pub protocol: Protocol,
    /// Which server that is, as far as it is known.
    pub server: Server,
    /// How it came to be known.
    pub source: Source,
    /// Sent to its server as a bearer token.
    pub key: Option<Secret>,
    /// Sent to its server as they are.
    pub headers: BTreeMap<String, Secret>,
    /// Prompt and answer together, in tokens.
    pub context_window: Option<u32>,
    /// What its server asks for tokens.
    pub price: Option<Price>,
    /// Where that is known from.
    pub context_source: ContextSource,
    /// `7B`, where its server tells.
    pub parameter_size: Option<String>,
    /// `Q4_K_M`, where its server tells.
    pub quantization: Option<String>,
    /// Whether its server has it in memory, where it tells.
    pub is_loaded: Option<bool>,
    /// Most time until the first event of an answer.
    pub first_token_timeout: Duration,
    /// Most silence within an answer.
    pub idle_timeout: Duration,
}

impl Model {
    /// Id of the endpoint that serves it, the same in status, audit and metrics.
    pub fn endpoint_id(&self) -> String {
        match &self.target {
            ModelTarget::Endpoint(url) => url.id(),
            ModelTarget::Runtime(name) => format!("runtime:{name}"),
        }
    }

    /// Whether it answers questions, rather than embedding or ranking texts.
    pub fn can_talk(&self) -> bool {
        [&self.id, &self.backend_model, &self.tier]
            .into_iter()
            .all(|name| {
                let name = name.to_ascii_lowercase();
                !name.contains("embed") && !name.contains("rerank")
            })
    }
}

/// Why a name leads to no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// No model is called that.
    #[error("no model is called `{asked}`{}", hint(near))]
    Unknown {
        /// The name as asked for, fit to be shown.
        asked: String,
        /// Names that look like it, or the first few of all.
        near: Vec<String>,
    },
    /// Several models' ids contain the name.
    #[error("`{asked}` could be {}; say which", candidates.join(", "))]
    Ambiguous {
        /// The name as asked for, fit to be shown.
        asked: String,
        /// The first few of the ids that contain it.
        candidates: Vec<String>,
    },
    /// There is no model at all.
    #[error(
        "no model is available: start a local model server (Ollama, LM Studio, vLLM, llama.cpp) \
         or name one under `models` in {config}"
    )]
    NoModels {
        /// The configuration file to edit.
        config: String,
    },
}

impl RouteError {
    /// The code that decides everything else.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Unknown { .. } | Self::Ambiguous { .. } => ErrorCode::NotFound,
            Self::NoModels { .. } => ErrorCode::NoModel,
        }
    }
}

fn hint(near: &[String]) -> String {
    match near {
        [] => String::new(),
        names => format!("; there is {}", names.join(", ")),
    }
}

/// The name that always means the default model.
pub const DEFAULT_NAME: &str = "default";

/// Fewest characters of a part of an id that stand for it. Fewer would match by accident.
pub const MIN_PART_CHARS: usize = 3;

/// Most characters of a part that are looked for.
const MAX_PART_CHARS: usize = 200;

/// How many near names an error lists.
const MAX_NEAR: usize = 5;

/// Every model, in the order of the configuration, then of discovery.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    models: Vec<Arc<Model>>,
    names: HashMap<String, usize>,
    default: usize,
    config_path: String,
}

impl Registry {
    /// The models of the configuration. `config_path` is where a person would add one.
    pub fn configured(models: &[ModelConfig], config_path: &str) -> Self {
        Self::merged(models, &[], &UpstreamConfig::default(), config_path)
    }

    /// The models that servers listed: each server's, in order. A name that two servers have means
    /// the first; the other is called `<name>@<endpoint>`.
    pub fn discovered<'a>(
        servers: impl IntoIterator<Item = Listing<'a>>,
        limits: &UpstreamConfig,
        config_path: &str,
    ) -> Self {
        let servers: Vec<_> = servers.into_iter().collect();
        Self::merged(&[], &servers, limits, config_path)
    }

    /// The models of the configuration, and under them those that servers offer beside them. The
    /// default is a configured one where there is any.
    pub fn merged(
        configured: &[ModelConfig],
        servers: &[Listing<'_>],
        limits: &UpstreamConfig,
        config_path: &str,
    ) -> Self {
        let models = merge(configured, servers, limits);
        let is_default = configured.iter().position(|model| model.is_default);
        // A server lists embedding models beside the ones that can talk, and those of others.
        let is_own = |model: &Model| model.can_talk() && model.tier != "cloud";
        let default = match is_default {
            Some(default) => default,
            None if !configured.is_empty() => 0,
            None => models
                .iter()
                .position(is_own)
                .or_else(|| models.iter().position(Model::can_talk))
                .unwrap_or(0),
        };
        Self::build(models, default, config_path)
    }

    fn build(models: Vec<Model>, default: usize, config_path: &str) -> Self {
        let models: Vec<_> = models.into_iter().map(Arc::new).collect();
        let mut names = HashMap::new();
        // An id beats an alias and an alias beats a server's own name, whatever their order.
        for (i, model) in models.iter().enumerate() {
            names.entry(model.id.clone()).or_insert(i);
        }
        for (i, model) in models.iter().enumerate() {
            for alias in &model.aliases {
                names.entry(alias.clone()).or_insert(i);
            }
        }
        if default < models.len() {
            names.entry(DEFAULT_NAME.to_owned()).or_insert(default);
        }
        for (i, model) in models.iter().enumerate() {
            names.entry(model.backend_model.clone()).or_insert(i);
        }
        Self {
            models,
            names,
            default,
            config_path: config_path.to_owned(),
        }
    }

    /// The model that `name` means: its id, an alias, its server's name for it, `default`, or a part
    /// of at least [`MIN_PART_CHARS`] characters that only one model's id contains. What servers offer
    /// changes no name that the configuration has a model for.
    pub fn resolve(&self, name: &str) -> Result<&Arc<Model>, RouteError> {
        if self.models.is_empty() {
            return Err(self.no_models());
        }
        if let Some(model) = self.names.get(name).and_then(|&i| self.models.get(i)) {
            return Ok(model);
        }
        let asked = || clip(&printable(name), 100).into_owned();
        match self.containing(name).as_slice() {
            [] => Err(RouteError::Unknown {
                asked: asked(),
                near: self.near(name),
            }),
            [model] => Ok(model),
            several => {
                let candidates = several.iter().take(MAX_NEAR).map(|model| model.id.clone());
                Err(RouteError::Ambiguous {
                    asked: asked(),
                    candidates: candidates.collect(),
                })
            }
        }
    }

    /// The models whose ids contain `part`, whatever its case.
    fn containing(&self, part: &str) -> Vec<&Arc<Model>> {
        let n_chars = part.chars().take(MAX_PART_CHARS + 1).count();
        if !(MIN_PART_CHARS..=MAX_PART_CHARS).contains(&n_chars) {
            return Vec::new();
        }
        let part = part.to_lowercase();
        let contains = |model: &&Arc<Model>| model.id.to_lowercase().contains(&part);
        let is_configured = |model: &&Arc<Model>| model.source == Source::Configured;
        let models = self.models.iter();
        let configured: Vec<_> = models
            .clone()
            .filter(is_configured)
            .filter(contains)
            .collect();
        if configured.is_empty() {
            return models.filter(contains).collect();
        }
        configured
    }

    /// The model of callers that name none.
    pub fn default_model(&self) -> Option<&Arc<Model>> {
        self.models.get(self.default)
    }

    /// Every model.
    pub fn models(&self) -> &[Arc<Model>] {
        &self.models
    }

    /// What a person does where there is no model.
    pub fn no_models(&self) -> RouteError {
        RouteError::NoModels {
            config: self.config_path.clone(),
        }
    }

    /// Names that look like `asked`, best first; the first few of all where none does.
    fn near(&self, asked: &str) -> Vec<String> {
        // The comparison is quadratic, and a caller chooses the length.
        let asked: String = asked
            .chars()
            .take(100)
            .collect::<String>()
            .to_ascii_lowercase();
        let mut scored: Vec<(f64, &String)> = self
            .names
            .keys()
            .map(|name| {
                (
                    strsim::jaro_winkler(&asked, &name.to_ascii_lowercase()),
                    name,
                )
            })
            .filter(|(score, _)| *score > 0.75)
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        if scored.is_empty() {
            return self
                .models
                .iter()
                .take(MAX_NEAR)
                .map(|model| model.id.clone())
                .collect();
        }
        scored
            .into_iter()
            .take(MAX_NEAR)
            .map(|(_, name)| name.clone())
            .collect()
    }
}

pub(crate) fn from_config(config: &ModelConfig) -> Model {
    Model {
        id: config.id.clone(),
        label: config.label.clone(),
        aliases: config.aliases.clone(),
        tier: config.tier.clone(),
        backend_model: config.backend_model.clone(),
        target: config.target.clone(),
        protocol: config.protocol,
        server: config.server,
        source: Source::Configured,
        key: config.key.clone(),
        headers: config.headers.clone(),
        context_window: config.context_window,
        price: config.price,
        context_source: match config.context_window {
            Some(_) => ContextSource::Configured,
            None => ContextSource::Unknown,
        },
        parameter_size: None,
        quantization: None,
        is_loaded: None,
        first_token_timeout: config.first_token_timeout,
        idle_timeout: config.idle_timeout,
    }
}

#[cfg(test)]
mod tests {
    use owlcoda_config::EndpointUrl;

    use super::*;

    fn registry() -> Registry {
        let ollama = EndpointUrl::parse("http://127.0.0.1:11434").unwrap();
        let vllm = EndpointUrl::parse("http://127.0.0.1:8000").unwrap();
        let (coder, llama) = ("qwen2.5-coder:7b", "llama-3.2");
        Registry::discovered(
            [
                Listing::offered(
                    &ollama,
                    Server::Ollama,
                    [("nomic-embed-text", None), (coder, None)],
                ),
                Listing::offered(&vllm, Server::Vllm, [(coder, Some(4096)), (llama, None)]),
            ],
            &UpstreamConfig::default(),
            "config.json",
        )
    }

    #[test]
    fn the_default_is_a_model_that_can_talk() {
        let registry = registry();
        assert_eq!(registry.default_model().unwrap().id, "qwen2.5-coder:7b");
        assert_eq!(registry.resolve("default").unwrap().id, "qwen2.5-coder:7b");
    }

    #[test]
    fn a_name_that_two_servers_have_stays_reachable_on_both() {
        let registry = registry();
        let first = registry.resolve("qwen2.5-coder:7b").unwrap();
        assert_eq!(first.endpoint_id(), "127.0.0.1:11434");
        let second = registry.resolve("qwen2.5-coder:7b@127.0.0.1:8000").unwrap();
        assert_eq!(
            (
                second.endpoint_id().as_str(),
                second.backend_model.as_str(),
                second.context_window
            ),
            ("127.0.0.1:8000", "qwen2.5-coder:7b", Some(4096))
        );
    }

    #[test]
    fn an_unknown_name_is_answered_with_names_that_look_like_it() {
        let error = registry().resolve("qwen2.5-coder:8b").unwrap_err();
        let RouteError::Unknown { near, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(near.first().map(String::as_str), Some("qwen2.5-coder:7b"));
        let error = registry().resolve("\u{1b}[2Jzzz").unwrap_err().to_string();
        assert_eq!(
            error,
            "no model is called ` [2Jzzz`; there is nomic-embed-text, qwen2.5-coder:7b, \
             qwen2.5-coder:7b@127.0.0.1:8000, llama-3.2"
        );
    }

    #[test]
    fn a_part_of_an_id_is_enough_where_it_means_one_model() {
        let registry = registry();
        assert_eq!(registry.resolve("Llama").unwrap().id, "llama-3.2");
        let error = registry.resolve("coder").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`coder` could be qwen2.5-coder:7b, qwen2.5-coder:7b@127.0.0.1:8000; say which"
        );
        assert!(matches!(
            registry.resolve("ll"),
            Err(RouteError::Unknown { .. })
        ));
    }

    #[test]
    fn without_models_the_error_says_what_to_do() {
        let empty = Registry::configured(&[], "/home/ada/.owlcoda/config.json");
        let error = empty.resolve("default").unwrap_err();
        assert_eq!(error.code(), ErrorCode::NoModel);
        assert!(
            error.to_string().contains("/home/ada/.owlcoda/config.json"),
            "{error}"
        );
    }
}
