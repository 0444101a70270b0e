//! The configuration in force, the model servers that were found and those of our own, put together
//! into the one snapshot that calls take. All of them change while the daemon runs; every change
//! goes through here.

use std::net::SocketAddr;
use std::sync::Arc;

use owlcoda_config::{Config, EndpointUrl, ModelTarget};
use owlcoda_models::{Listed, Listing, Registry};
use owlcoda_pipeline::{Pipeline, Settings, Snapshot, SnapshotError};
use owlcoda_supervise::Live;
use owlcoda_upstream::Discovered;
use owlcoda_upstream::managed::Runtimes;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::places::{self, Asked};

/// A model server that answered, now or before.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    /// As models have it.
    pub(crate) target: ModelTarget,
    /// Whether it answered when it was asked last. What one said that does not any more is kept for
    /// the configured models that it has.
    pub(crate) is_here: bool,
    pub(crate) server: Discovered,
}

/// What a look has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    None,
    /// What is known of models that were there before.
    Details,
    /// Which models there are.
    Models,
}

/// Puts new configurations and new findings in force, one at a time.
#[derive(Debug)]
pub(crate) struct Composition {
    config: Live<Config>,
    config_path: String,
    /// Where we listen.
    own: SocketAddr,
    pipeline: Pipeline,
    /// Held while a snapshot is made and published, so that none is made of what is outdated.
    found: Mutex<Vec<Found>>,
}

impl Composition {
    /// What `pipeline` runs on already: `found` under `config`.
    pub(crate) fn new(
        config: Config,
        found: Vec<Found>,
        config_path: String,
        own: SocketAddr,
        pipeline: Pipeline,
    ) -> Self {
        Self {
            config: Live::new(config),
            config_path,
            own,
            pipeline,
            found: Mutex::new(found),
        }
    }

    /// The configuration in force.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.config.current()
    }

    /// Tells of every later configuration.
    pub(crate) fn configs(&self) -> watch::Receiver<Arc<Config>> {
        self.config.subscribe()
    }

    /// Whether there is a model to call.
    pub(crate) fn has_models(&self) -> bool {
        !self.pipeline.snapshot().registry.models().is_empty()
    }

    /// The model servers to look at.
    pub(crate) fn to_ask(&self) -> Vec<Asked> {
        let snapshot = self.pipeline.snapshot();
        places::to_ask(&self.config(), self.own, Some(&snapshot))
    }

    /// Puts `config` in force, or changes nothing.
    pub(crate) fn reconfigure(&self, config: Config) -> Result<(), SnapshotError> {
        let mut found = self.found.lock();
        let runtimes = &self.pipeline.snapshot().runtimes;
        let runtimes = runtimes.reconciled(&config.runtimes);
        let before = self.config.current();
        let mut still_found = found.clone();
        still_found.retain(|found| is_unchanged(&found.target, &before, &config));
        let next = snapshot(&config, &still_found, runtimes, &self.config_path)?;
        self.pipeline.publish(next);
        self.config.replace(config);
        *found = still_found;
        Ok(())
    }

    /// Takes on what a look has found. Returns what that has changed.
    pub(crate) fn found(&self, mut now_found: Vec<Found>) -> Result<Change, SnapshotError> {
        let mut found = self.found.lock();
        let config = self.config.current();
        for before in found.iter() {
            let is_back = now_found.iter().any(|now| now.target == before.target);
            if !is_back && is_named(&before.target, &config) {
                now_found.push(gone(before));
            }
        }
        if *found == now_found {
            return Ok(Change::None);
        }
        let runtimes = self.pipeline.snapshot().runtimes.clone();
        let next = snapshot(&config, &now_found, runtimes, &self.config_path)?;
        self.pipeline.publish(next);
        let change = if names(&found) == names(&now_found) {
            Change::Details
        } else {
            Change::Models
        };
        *found = now_found;
        Ok(change)
    }
}

/// Whether a configured model is served there.
fn is_named(target: &ModelTarget, config: &Config) -> bool {
    config.models.iter().any(|model| model.target == *target)
}

/// Whether a server may be believed to be what it was before `now` came after `before`.
fn is_unchanged(target: &ModelTarget, before: &Config, now: &Config) -> bool {
    let ModelTarget::Runtime(name) = target else {
        return true;
    };
    let of = |config: &Config| {
        let mut runtimes = config.runtimes.iter();
        runtimes.find(|runtime| runtime.name == *name).cloned()
    };
    of(before) == of(now)
}

/// What stays of a server that does not answer any more.
fn gone(before: &Found) -> Found {
    let mut found = before.clone();
    found.is_here = false;
    for model in &mut found.server.models {
        model.is_loaded = None;
    }
    found
}

/// The names of the models that are there, each with its server.
fn names(found: &[Found]) -> Vec<(&EndpointUrl, &str)> {
    let here = found.iter().filter(|found| found.is_here);
    here.flat_map(|found| {
        let models = found.server.models.iter();
        models.map(|model| (&found.server.url, model.name.as_str()))
    })
    .collect()
}

/// The models that the configuration names, and those that were found beside them.
pub(crate) fn snapshot(
    config: &Config,
    found: &[Found],
    runtimes: Runtimes,
    config_path: &str,
) -> Result<Snapshot, SnapshotError> {
    let listings: Vec<_> = if config.discovery.is_enabled {
        found.iter().map(|found| listing(config, found)).collect()
    } else {
        Vec::new()
    };
    let registry = Registry::merged(&config.models, &listings, &config.upstream, config_path);
    Snapshot::try_new(registry, Settings::from(config), runtimes)
}

fn listing<'a>(config: &Config, found: &'a Found) -> Listing<'a> {
    let url = &found.server.url;
    let mut endpoints = config.discovery.endpoints.iter();
    let models = found.server.models.iter().map(|model| Listed {
        name: &model.name,
        context_window: model.context_window,
        parameter_size: model.parameter_size.as_deref(),
        quantization: model.quantization.as_deref(),
        is_embedding: model.is_embedding,
        is_remote: model.is_remote,
        is_loaded: model.is_loaded,
    });
    Listing {
        target: found.target.clone(),
        server: found.server.server,
        models: models.collect(),
        is_offered: found.is_here && endpoints.any(|endpoint| endpoint.is_same_server(url)),
    }
}
