//! Follows the model servers that discovery looks at.

use std::sync::Arc;
use std::time::Duration;

use owlcoda_supervise::CancellationToken;
use owlcoda_upstream::Discovery;
use tracing::{debug, info, warn};

use crate::composition::{Change, Composition, Found};
use crate::places::Asked;

/// Most time between two looks while there is no model: somebody is about to start a server.
const WHILE_EMPTY: Duration = Duration::from_secs(3);

/// What is there now, of `asked`.
pub(crate) async fn look(discovery: &Discovery, asked: &[Asked]) -> Vec<Found> {
    let places: Vec<_> = asked.iter().map(|asked| asked.place.clone()).collect();
    let answered = discovery.look(&places).await.into_iter();
    let found = answered.filter_map(|server| {
        let asked = asked.iter().find(|asked| asked.place.url == server.url)?;
        Some(Found {
            target: asked.target.clone(),
            is_here: true,
            server,
        })
    });
    found.collect()
}

/// Looks again and again, and at once under a new configuration.
pub(crate) async fn follow(
    composition: Arc<Composition>,
    discovery: Discovery,
    stop: CancellationToken,
) {
    let mut configs = composition.configs();
    // At the start all that was found was waited for where there is nothing else.
    let mut is_due = !composition.config().models.is_empty();
    loop {
        if is_due {
            let found = look(&discovery, &composition.to_ask()).await;
            match composition.found(found) {
                Ok(Change::Models) => info!("the model servers that run here have changed"),
                Ok(Change::Details) => debug!("model servers tell something new of their models"),
                Ok(Change::None) => {}
                Err(error) => warn!(%error, "a discovered model cannot be used"),
            }
        }
        is_due = true;
        let interval = composition.config().discovery.interval;
        let wait = if composition.has_models() {
            interval
        } else {
            interval.min(WHILE_EMPTY)
        };
        tokio::select! {
            () = stop.cancelled() => return,
            // The sender lives as long as the composition.
            _ = configs.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}
