//! Follows the model servers of this machine while the configuration names no model.

use std::time::Duration;

use owlcoda_config::Config;
use owlcoda_models::{Listing, Registry};
use owlcoda_pipeline::{Pipeline, Snapshot, SnapshotError};
use owlcoda_supervise::CancellationToken;
use owlcoda_upstream::{Discovered, Upstream};
use tracing::{info, warn};

/// Between two looks while there is no model: somebody is about to start a server.
const WHILE_EMPTY: Duration = Duration::from_secs(3);

/// Between two looks otherwise: models come and go.
const WHILE_SERVED: Duration = Duration::from_secs(30);

/// Whether models come from discovery.
pub(crate) fn is_wanted(config: &Config) -> bool {
    config.models.is_empty() && config.discovery.is_enabled
}

/// The models that the configuration names, or those that were found where it names none.
pub(crate) fn snapshot(
    config: &Config,
    found: &[Discovered],
    config_path: &str,
) -> Result<Snapshot, SnapshotError> {
    let registry = if is_wanted(config) {
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
    Snapshot::try_new(registry, config.response_model_style, config.policy)
}

/// Looks again and again, and publishes what has changed.
pub(crate) async fn follow(
    config: Config,
    config_path: String,
    mut known: Vec<Discovered>,
    upstream: Upstream,
    pipeline: Pipeline,
    stop: CancellationToken,
) {
    loop {
        let wait = if known.is_empty() {
            WHILE_EMPTY
        } else {
            WHILE_SERVED
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        let found = upstream.discover(&config.discovery.endpoints).await;
        if found == known {
            continue;
        }
        match snapshot(&config, &found, &config_path) {
            Ok(next) => {
                let n_models = next.registry.models().len();
                info!(n_models, "the model servers of this machine have changed");
                pipeline.publish(next);
                known = found;
            }
            Err(error) => warn!(%error, "a discovered model cannot be used"),
        }
    }
}
