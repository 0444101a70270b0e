//! Gives an end to the calls that the daemon before this one did not see to theirs.

use std::time::Duration;

use owlcoda_store::Audit;
use owlcoda_supervise::CancellationToken;
use tracing::{info, warn};

/// Between two tries, while the store cannot be read.
const AGAIN: Duration = Duration::from_secs(2);

/// Looks for them once the store can be read.
pub(crate) async fn close(audit: Audit, stop: CancellationToken) {
    loop {
        let closed = tokio::select! {
            () = stop.cancelled() => return,
            closed = audit.close_lost() => closed,
        };
        match closed {
            Ok(0) => return,
            Ok(n_calls) => {
                info!(
                    n_calls,
                    "calls of the daemon before this one are on record as lost"
                );
                return;
            }
            Err(error) => warn!(%error, "could not look for lost calls, trying again"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}
