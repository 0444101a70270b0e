//! The configuration in force, the model servers that were found and those of our own, put together
//! into the one snapshot that calls take. All of them change while the daemon runs; every change
//! goes through here.

use std::sync::Arc;

use owlcoda_config::Config;
use owlcoda_models::{Listing, Registry};
use owlcoda_pipeline::{Pipeline, Settings, Snapshot, SnapshotError};
use owlcoda_supervise::Live;
use owlcoda_upstream::Discovered;
use owlcoda_upstream::managed::Runtimes;
use parking_lot::Mutex;
use tokio::sync::watch;

/// Puts new configurations and new findings in force, one at a time.
#[derive(Debug)]
pub(crate) struct Composition {
    config: Live<Config>,
    config_path: String,
    pipeline: Pipeline,
    /// Held while a snapshot is made and published, so that none is made of what is outdated.
    found: Mutex<Vec<Discovered>>,
}

impl Composition {
    /// What `pipeline` runs on already: `found` under `config`.
    pub(crate) fn new(
        config: Config,
        found: Vec<Discovered>,
        config_path: String,
        pipeline: Pipeline,
    ) -> Self {
        Self {
            config: Live::new(config),
            config_path,
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

    /// Puts `config` in force, or changes nothing.
    pub(crate) fn reconfigure(&self, config: Config) -> Result<(), SnapshotError> {
        let found = self.found.lock();
        let runtimes = &self.pipeline.snapshot().runtimes;
        let runtimes = runtimes.reconciled(&config.runtimes);
        let next = snapshot(&config, &found, runtimes, &self.config_path)?;
        self.pipeline.publish(next);
        self.config.replace(config);
        Ok(())
    }

    /// Takes on what was found. Returns whether that is something new.
    pub(crate) fn found(&self, now_found: Vec<Discovered>) -> Result<bool, SnapshotError> {
        let mut found = self.found.lock();
        if *found == now_found {
            return Ok(false);
        }
        let runtimes = self.pipeline.snapshot().runtimes.clone();
        let config = self.config.current();
        let next = snapshot(&config, &now_found, runtimes, &self.config_path)?;
        self.pipeline.publish(next);
        *found = now_found;
        Ok(true)
    }
}

/// Whether models come from discovery.
pub(crate) fn is_discovery_wanted(config: &Config) -> bool {
    config.models.is_empty() && config.discovery.is_enabled
}

/// The models that the configuration names, or those that were found where it names none.
pub(crate) fn snapshot(
    config: &Config,
    found: &[Discovered],
    runtimes: Runtimes,
    config_path: &str,
) -> Result<Snapshot, SnapshotError> {
    let registry = if is_discovery_wanted(config) {
        let servers = found.iter().map(|server| {
            let models = &server.models;
            let listed = models
                .iter()
                .map(|model| (model.name.as_str(), model.context_window));
            Listing {
                url: &server.url,
                server: server.server,
                models: listed.collect(),
            }
        });
        Registry::discovered(servers, &config.upstream, config_path)
    } else {
        Registry::configured(&config.models, config_path)
    };
    Snapshot::try_new(registry, Settings::from(config), runtimes)
}
