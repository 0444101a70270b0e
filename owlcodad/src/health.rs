//! Asks endpoints of which nothing was heard, when they are due, and at once under a new configuration.

use std::sync::Arc;

use owlcoda_pipeline::Pipeline;
use owlcoda_supervise::CancellationToken;
use owlcoda_types::Clock;
use tokio::time::{Instant, sleep_until};

pub(crate) async fn watch(pipeline: Pipeline, clock: Arc<dyn Clock>, stop: CancellationToken) {
    let mut snapshots = pipeline.snapshots();
    loop {
        let next = pipeline.next_probe().map(Instant::from_std);
        let due = async {
            match next {
                Some(next) => sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            // The sender lives as long as the pipeline.
            _ = snapshots.changed() => continue,
            () = due => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = pipeline.probe_due(&*clock) => {}
        }
    }
}
