//! Follows the model servers of this machine.

use std::sync::Arc;
use std::time::Duration;

use owlcoda_supervise::CancellationToken;
use owlcoda_upstream::Upstream;
use tracing::{info, warn};

use crate::composition::{Composition, is_discovery_wanted};

/// Between two looks while there is no model: somebody is about to start a server.
const WHILE_EMPTY: Duration = Duration::from_secs(3);

/// Between two looks otherwise: models come and go.
const WHILE_SERVED: Duration = Duration::from_secs(30);

/// Looks again and again, and at once under a new configuration.
pub(crate) async fn follow(
    composition: Arc<Composition>,
    upstream: Upstream,
    mut is_empty: bool,
    stop: CancellationToken,
) {
    let mut configs = composition.configs();
    loop {
        let wait = if is_empty { WHILE_EMPTY } else { WHILE_SERVED };
        tokio::select! {
            () = stop.cancelled() => return,
            // The sender lives as long as the composition.
            _ = configs.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
        let config = composition.config();
        if !is_discovery_wanted(&config) {
            continue;
        }
        let found = upstream.discover(&config.discovery.endpoints).await;
        is_empty = found.is_empty();
        match composition.found(found) {
            Ok(true) => info!("the model servers of this machine have changed"),
            Ok(false) => {}
            Err(error) => warn!(%error, "a discovered model cannot be used"),
        }
    }
}
