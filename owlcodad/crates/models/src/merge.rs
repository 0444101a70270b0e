//! Puts what model servers told under what is configured. Pure.
//!
//! The configuration decides: a model that it names keeps its names, its window and its place, and is
//! told apart from what the same server lists beside it. What is listed comes after it, under a name
//! that the configuration does not use.

use std::collections::{BTreeMap, HashSet};

use owlcoda_config::{EndpointUrl, ModelConfig, ModelTarget, Protocol, UpstreamConfig};
use owlcoda_types::Server;

use crate::context::{ContextSource, context_window_of};
use crate::registry::{DEFAULT_NAME, Model, Source, from_config};

/// What a server told of its models.
#[derive(Clone, Debug)]
pub struct Listing<'a> {
    /// Where it is.
    pub target: ModelTarget,
    /// Which server it is, as far as it is known.
    pub server: Server,
    /// Its models in its own order, each name once.
    pub models: Vec<Listed<'a>>,
    /// Whether those that nobody configured may be asked for; the others are told better.
    pub is_offered: bool,
}

/// One model, as its server told it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listed<'a> {
    /// The name that the server knows it by.
    pub name: &'a str,
    /// Prompt and answer together, in tokens.
    pub context_window: Option<u32>,
    /// `7B`.
    pub parameter_size: Option<&'a str>,
    /// `Q4_K_M`.
    pub quantization: Option<&'a str>,
    /// Whether it embeds or ranks texts and answers nobody.
    pub is_embedding: bool,
    /// Whether its server passes calls on to somebody else's machine.
    pub is_remote: bool,
    /// Whether it is in memory now.
    pub is_loaded: Option<bool>,
}

impl<'a> Listing<'a> {
    /// Models with their windows that may be asked for at `url`.
    pub fn offered(
        url: &EndpointUrl,
        server: Server,
        models: impl IntoIterator<Item = (&'a str, Option<u32>)>,
    ) -> Self {
        let listed = models.into_iter().map(|(name, context_window)| Listed {
            name,
            context_window,
            ..Listed::default()
        });
        Self {
            target: ModelTarget::Endpoint(url.clone()),
            server,
            models: listed.collect(),
            is_offered: true,
        }
    }

    /// Whether `model` of the configuration is served here.
    fn serves(&self, model: &ModelConfig) -> bool {
        match (&self.target, &model.target) {
            (ModelTarget::Endpoint(here), ModelTarget::Endpoint(there)) => {
                here.is_same_server(there)
            }
            (ModelTarget::Runtime(here), ModelTarget::Runtime(there)) => here == there,
            _ => false,
        }
    }

    /// Whether the server means `listed` by the name that the configuration has for it.
    fn means(&self, listed: &Listed<'_>, configured: &str) -> bool {
        let is_latest = || listed.name.strip_suffix(":latest") == Some(configured);
        listed.name == configured
            || (self.server == Server::Ollama && is_latest())
            // It has one model, and answers with it whatever the name.
            || (self.server == Server::LlamaCpp && self.models.len() == 1)
    }
}

/// Every model: the configured ones in their order, then what is offered.
pub(crate) fn merge(
    configured: &[ModelConfig],
    servers: &[Listing<'_>],
    limits: &UpstreamConfig,
) -> Vec<Model> {
    let mut models: Vec<Model> = configured
        .iter()
        .map(|config| told(from_config(config), config, servers))
        .collect();
    let mut taken: HashSet<String> = HashSet::from([DEFAULT_NAME.to_owned()]);
    for model in configured {
        taken.insert(model.id.clone());
        taken.insert(model.backend_model.clone());
        taken.extend(model.aliases.iter().cloned());
    }
    for listing in servers.iter().filter(|listing| listing.is_offered) {
        let ModelTarget::Endpoint(url) = &listing.target else {
            continue;
        };
        let own: Vec<_> = configured
            .iter()
            .filter(|model| listing.serves(model))
            .collect();
        for listed in &listing.models {
            if own
                .iter()
                .any(|model| listing.means(listed, &model.backend_model))
            {
                continue;
            }
            let id = if taken.contains(listed.name) {
                format!("{}@{}", listed.name, url.id())
            } else {
                listed.name.to_owned()
            };
            if taken.insert(id.clone()) {
                // Whoever gave a key for this server gave it for what it serves.
                let like = own.first().copied();
                models.push(discovered(id, url, listing.server, listed, like, limits));
            }
        }
    }
    models
}

/// `model` with what its server told of it.
fn told(mut model: Model, config: &ModelConfig, servers: &[Listing<'_>]) -> Model {
    let listed = servers
        .iter()
        .filter(|listing| listing.serves(config))
        .find_map(|listing| {
            let mut models = listing.models.iter();
            models.find(|listed| listing.means(listed, &config.backend_model))
        });
    if let Some(listed) = listed {
        describe(&mut model, listed);
    }
    or_by_family(&mut model);
    model
}

/// Takes on what a server told, where the configuration does not say it.
fn describe(model: &mut Model, listed: &Listed<'_>) {
    if model.context_window.is_none() && listed.context_window.is_some() {
        model.context_window = listed.context_window;
        model.context_source = ContextSource::Probed;
    }
    model.parameter_size = listed.parameter_size.map(str::to_owned);
    model.quantization = listed.quantization.map(str::to_owned);
    model.is_loaded = listed.is_loaded;
}

fn or_by_family(model: &mut Model) {
    if model.context_window.is_none() {
        model.context_window = context_window_of(&model.backend_model);
        if model.context_window.is_some() {
            model.context_source = ContextSource::Family;
        }
    }
}

fn discovered(
    id: String,
    url: &EndpointUrl,
    server: Server,
    listed: &Listed<'_>,
    like: Option<&ModelConfig>,
    limits: &UpstreamConfig,
) -> Model {
    let tier = match listed {
        Listed {
            is_embedding: true, ..
        } => "embedding",
        Listed {
            is_remote: true, ..
        } => "cloud",
        _ => "discovered",
    };
    let mut model = Model {
        label: id.clone(),
        id,
        aliases: Vec::new(),
        tier: tier.to_owned(),
        backend_model: listed.name.to_owned(),
        target: ModelTarget::Endpoint(url.clone()),
        protocol: Protocol::OpenAi,
        server,
        source: Source::Discovered,
        key: like.and_then(|model| model.key.clone()),
        headers: like.map_or_else(BTreeMap::new, |model| model.headers.clone()),
        context_window: None,
        price: None,
        context_source: ContextSource::Unknown,
        parameter_size: None,
        quantization: None,
        is_loaded: None,
        first_token_timeout: limits.first_token_timeout,
        idle_timeout: limits.idle_timeout,
    };
    describe(&mut model, listed);
    or_by_family(&mut model);
    model
}

#[cfg(test)]
mod tests;
