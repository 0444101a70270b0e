//! What a call takes once and keeps to its end: models, and where each of them is.

use std::collections::HashMap;
use std::sync::Arc;

use owlcoda_config::{
    CacheConfig, CaptureConfig, Config, CostConfig, EndpointUrl, HealthConfig, ModelTarget,
    PolicyConfig, Protocol, ResponseModelStyle, RoutingConfig, SloConfig,
};
use owlcoda_models::cost::Rate;
use owlcoda_models::intent::Signs;
use owlcoda_models::{Model, Registry, RouteError, choose};
use owlcoda_types::Secret;
use owlcoda_upstream::managed::Runtimes;
use owlcoda_upstream::{Destination, DestinationError, KeyHeader, Limits};
use owlcoda_wire::quirks::{MessagesKey, Quirks};

use crate::capture::Redactor;

/// One configuration, ready for calls.
#[derive(Debug)]
pub struct Snapshot {
    /// The models and their names.
    pub registry: Registry,
    /// How calls are treated.
    pub settings: Settings,
    /// Model servers of ours. A call holds them through its snapshot, so that none ends before it
    /// was asked for.
    pub runtimes: Runtimes,
    destinations: HashMap<String, Destination>,
    /// Only where captures are on.
    pub(crate) redactor: Option<Arc<Redactor>>,
    /// By the id of the model.
    rates: HashMap<String, Rate>,
}

/// What of a configuration is the same for every model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Which name an answer carries.
    pub style: ResponseModelStyle,
    /// Which model answers where none, or one that is not there, is named.
    pub routing: RoutingConfig,
    /// Limits, retries, breakers and fallback.
    pub policy: PolicyConfig,
    /// How many calls are to have an answer.
    pub slo: SloConfig,
    /// Answers that are given again.
    pub cache: CacheConfig,
    /// The latest requests and answers.
    pub captures: CaptureConfig,
    /// What the configuration keeps to itself: nobody is shown it.
    pub secrets: Vec<Secret>,
    /// How costs are told and estimated.
    pub cost: CostConfig,
    /// The monitor of model servers.
    pub health: HealthConfig,
    /// Servers that discovery looks for.
    pub looked_for: Vec<EndpointUrl>,
}

/// Keys, headers and variables of programs.
fn secrets_of(config: &Config) -> Vec<Secret> {
    let models = config.models.iter();
    let of_models = models.flat_map(|model| model.key.iter().chain(model.headers.values()));
    let runtimes = config.runtimes.iter();
    let of_runtimes = runtimes.flat_map(|runtime| runtime.env.values());
    of_models.chain(of_runtimes).cloned().collect()
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        Self {
            style: config.response_model_style,
            routing: config.routing.clone(),
            policy: config.policy,
            slo: config.slo,
            cache: config.cache,
            captures: config.captures,
            secrets: secrets_of(config),
            cost: config.cost.clone(),
            health: config.health,
            looked_for: if config.discovery.is_enabled {
                config.discovery.endpoints.clone()
            } else {
                Vec::new()
            },
        }
    }
}

/// Why a configuration cannot be made ready.
#[derive(Debug, thiserror::Error)]
#[error("models: `{model}`")]
pub struct SnapshotError {
    /// Id of the model whose endpoint is unusable.
    pub model: String,
    /// What is wrong with it.
    #[source]
    pub source: DestinationError,
}

impl Snapshot {
    /// Prepares the destination of every model that has a fixed one. The others are served by
    /// `runtimes`.
    pub fn try_new(
        registry: Registry,
        settings: Settings,
        runtimes: Runtimes,
    ) -> Result<Self, SnapshotError> {
        let mut destinations = HashMap::new();
        for model in registry.models() {
            if let ModelTarget::Endpoint(url) = &model.target {
                let destination = destination(model, url).map_err(|source| SnapshotError {
                    model: model.id.clone(),
                    source,
                })?;
                destinations.insert(model.id.clone(), destination);
            }
        }
        let rates = registry.models().iter().filter_map(|model| {
            let rate = Rate::of(model, &settings.cost)?;
            Some((model.id.clone(), rate))
        });
        let redactor = settings.captures.is_enabled.then(|| {
            let models = registry.models().iter();
            let of_models = models.flat_map(|model| model.key.iter().chain(model.headers.values()));
            Arc::new(Redactor::of(of_models.chain(&settings.secrets)))
        });
        Ok(Self {
            redactor,
            rates: rates.collect(),
            registry,
            settings,
            runtimes,
            destinations,
        })
    }

    /// What a model's tokens cost, where that is known.
    pub fn rate(&self, model: &str) -> Option<Rate> {
        self.rates.get(model).copied()
    }

    /// The model that a call for `asked` leads to where nothing is known of what it is about.
    pub fn resolve(&self, asked: &str) -> Result<&Arc<Model>, RouteError> {
        let routing = &self.settings.routing;
        let choice = choose(&self.registry, routing, asked, Signs::default);
        self.registry.resolve(&choice.name)
    }

    /// Where `model` is, unless the daemon has to start its server first.
    pub fn destination(&self, model: &Model) -> Option<&Destination> {
        self.destinations.get(&model.id)
    }

    /// The name that an answer of `model` carries for a caller that asked for `asked`.
    pub(crate) fn shown_name<'a>(&self, model: &'a Model, asked: &'a str) -> &'a str {
        match self.settings.style {
            ResponseModelStyle::Platform => &model.id,
            ResponseModelStyle::Requested => asked,
        }
    }
}

/// Calls of `model` on a server at `url`.
pub(crate) fn destination(
    model: &Model,
    url: &EndpointUrl,
) -> Result<Destination, DestinationError> {
    let limits = Limits {
        first_token: model.first_token_timeout,
        idle: model.idle_timeout,
    };
    let quirks = Quirks::of(model.server, &model.backend_model);
    let header = match (model.protocol, quirks.messages_key) {
        (Protocol::OpenAi, _) | (Protocol::Anthropic, MessagesKey::Bearer) => KeyHeader::Bearer,
        (Protocol::Anthropic, MessagesKey::XApiKey) => KeyHeader::XApiKey,
    };
    Destination::try_new(
        url,
        model.protocol,
        model.key.as_ref().map(|key| (header, key)),
        &model.headers,
        limits,
    )
}
