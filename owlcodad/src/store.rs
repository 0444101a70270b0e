//! Opens the store as the configuration says.

use std::path::Path;
use std::time::Instant;

use owlcoda_config::Config;
use owlcoda_store::{Store, StoreOptions};
use owlcoda_telemetry::metric;

use crate::failure::Failure;

/// Opens the store of `home`, off the threads that serve.
pub(crate) async fn open(home: &Path, config: &Config) -> Result<Store, Failure> {
    let started = Instant::now();
    let dir = home.join("store");
    let options = StoreOptions {
        cache_bytes: config.storage.cache_bytes,
        max_audit_age_ms: config
            .audit
            .retention
            .map(|age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX)),
        max_audit_bytes: config.audit.max_bytes,
        ..Default::default()
    };
    let open = tokio::task::spawn_blocking(move || Store::open(&dir, options));
    let store = open.await.map_err(|ended| Failure::System {
        what: "the store's opening",
        source: std::io::Error::other(ended),
    })??;
    metric::STORAGE_OPEN.record([], started.elapsed());
    Ok(store)
}
