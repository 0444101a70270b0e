//! Opens the store at start, which may take its time, and tells those who wait for it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use owlcoda_config::Config;
use owlcoda_store::{Store, StoreOptions};
use owlcoda_supervise::ServiceManager;
use owlcoda_telemetry::{crash, metric};
use owlcoda_types::Clock;
use tracing::{info, warn};

use crate::boot::{Boot, Stage};
use crate::failure::Failure;
use crate::safe_mode::SafeMode;

/// How often somebody is told that it takes longer.
const PROGRESS: Duration = Duration::from_secs(5);

/// How much longer the start may take, from each time on.
const MORE_TIME: Duration = Duration::from_mins(1);

/// Opens the store in `home`. In safe mode one at which every start was lost is set aside before.
pub(crate) async fn open_store(
    home: &Path,
    config: &Config,
    clock: &Arc<dyn Clock>,
    manager: &ServiceManager,
    boot: &Boot,
    safe_mode: Option<&mut SafeMode>,
) -> Result<Store, Failure> {
    let started = Instant::now();
    let dir = home.join("store");
    if let Some(safe_mode) = safe_mode {
        safe_mode.set_store_aside(boot, &dir, &**clock);
    }
    boot.reached(Stage::Store);
    let options = StoreOptions {
        cache_bytes: config.storage.cache_bytes,
        max_audit_age_ms: config
            .audit
            .retention
            .map(|age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX)),
        max_audit_bytes: config.audit.max_bytes,
        on_defect: end_with_a_report,
        ..Default::default()
    };
    let mut open = tokio::task::spawn_blocking(move || Store::open(&dir, options));
    let mut due = tokio::time::interval(PROGRESS);
    let opened = loop {
        tokio::select! {
            biased;
            opened = &mut open => break opened,
            _ = due.tick() => {
                let elapsed_secs = started.elapsed().as_secs();
                manager.extend(MORE_TIME, &format!("opening the store, {elapsed_secs} s"));
                if elapsed_secs > 0 {
                    info!(elapsed_secs, "the store is being opened");
                }
            }
        }
    };
    let store = opened.map_err(|ended| {
        if ended.is_panic() {
            warn!("opening the store ended in a panic");
        }
        Failure::System {
            what: "the store's opening",
            source: std::io::Error::other(ended),
        }
    })??;
    boot.reached(Stage::Starting);
    metric::STORAGE_OPEN.record([], started.elapsed());
    Ok(store)
}

/// Nothing would be recorded any more, and conversations would wait for ever: another start is better.
fn end_with_a_report() {
    metric::PANICS.add([], 1);
    crash::report("store-writer");
    // The log is written by a thread of its own, which a process that aborts does not wait for.
    std::thread::sleep(Duration::from_millis(100));
    std::process::abort();
}
