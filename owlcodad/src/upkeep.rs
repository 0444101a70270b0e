//! Brings metrics up to date that nobody counts as it happens: what the log has lost, and how the store
//! is.

use owlcoda_store::{Integrity, Store};
use owlcoda_supervise::CancellationToken;
use owlcoda_telemetry::{Exposition, Logging, metric};

/// Looks again and again, until the daemon stops.
pub(crate) async fn keep(
    exposition: Exposition,
    logging: Logging,
    store: Store,
    stop: CancellationToken,
) {
    let mut due = tokio::time::interval(Exposition::UPKEEP_INTERVAL);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = due.tick() => {
                metric::LOG_LINES_DROPPED.reach([], logging.n_lost());
                observe(&store);
                exposition.run_upkeep();
            }
        }
    }
}

/// Sets the metrics of the store to what it says of itself.
fn observe(store: &Store) {
    let stats = store.stats();
    #[expect(clippy::cast_precision_loss, reason = "far below 53 bits")]
    metric::STORAGE_SIZE.set([], stats.size_bytes as f64);
    let is_ok = stats.integrity == Integrity::Ok;
    for (state, is_in) in [("ok", is_ok), ("degraded", !is_ok)] {
        metric::STORAGE_INTEGRITY.set([state], f64::from(u8::from(is_in)));
    }
}
