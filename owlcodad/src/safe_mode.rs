//! What the daemon does without after it did not stay up in its last starts: it still serves, and
//! everything that it could do without is off.

use std::path::{Path, PathBuf};

use owlcoda_config::{Config, Origin, Setting};
use owlcoda_types::{Clock, Secret};
use tracing::{error, warn};

use crate::boot::Boot;

/// Why the daemon runs in safe mode.
#[derive(Clone, Debug)]
pub(crate) struct SafeMode {
    n_starts: usize,
    home: PathBuf,
    /// Where the store was put that could not be opened.
    set_aside: Option<PathBuf>,
}

impl SafeMode {
    /// Safe mode, if the starts before this one make it necessary.
    pub(crate) fn after(boot: &Boot, home: &Path) -> Option<Self> {
        let safe_mode = Self {
            n_starts: boot.n_too_many()?,
            home: home.to_path_buf(),
            set_aside: None,
        };
        error!("{}", safe_mode.reason());
        Some(safe_mode)
    }

    /// What of `config` holds in safe mode.
    pub(crate) fn reduced(mut config: Config) -> Config {
        config.discovery.is_enabled = false;
        config.cache.is_enabled = false;
        config.captures.is_enabled = false;
        config.is_traced = false;
        config.is_warmed_up = false;
        config.runtimes.clear();
        config
    }

    /// The same of the values as they are shown.
    pub(crate) fn reduce_settings(settings: &mut Vec<Setting>) {
        settings.retain(|setting| !setting.path.starts_with("runtimes["));
        let off = [
            "discovery.enabled",
            "cache.enabled",
            "captures.enabled",
            "warmup",
        ];
        for setting in settings {
            if off.contains(&setting.path.as_str()) {
                setting.value = false.into();
                setting.origin = Origin::Daemon;
            }
        }
    }

    /// Puts a store aside at which every start was lost. What is in it stays as it is.
    pub(crate) fn set_store_aside(&mut self, boot: &Boot, store: &Path, clock: &dyn Clock) {
        if !boot.is_store_at_fault() {
            return;
        }
        let aside = store.with_extension(format!("set-aside-{}", clock.now_ms()));
        match fs_err::rename(store, &aside) {
            Ok(()) => {
                warn!(to = %aside.display(), "the store was set aside; a new one is begun");
                self.set_aside = Some(aside);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => error!(%error, "the store could not be set aside"),
        }
    }

    /// Why, what is off, and how to leave; for people.
    pub(crate) fn reason(&self) -> String {
        let Self { n_starts, home, .. } = self;
        let home = home.display();
        let store = self.set_aside.as_ref().map_or_else(String::new, |aside| {
            format!(
                "; the store could not be opened and is kept at {}: with the daemon stopped, put it \
                 back as {home}/store and run `owlcodad storage verify`",
                aside.display()
            )
        });
        format!(
            "safe mode: the last {n_starts} starts did not stay up for a minute. Discovery, model \
             servers of the daemon's own, warm-up, the response cache, captures, traces and OpenTelemetry are off; \
             the configured endpoints are served{store}. To leave: see what it was (`owlctl logs`, the reports in \
             {home}/crash), mend it, and restart the daemon"
        )
    }
}

/// Every key of `config`, to be kept out of reports.
pub(crate) fn secrets(config: &Config) -> impl Iterator<Item = Secret> + '_ {
    let of_models = config.models.iter();
    let of_models = of_models.flat_map(|model| model.key.iter().chain(model.headers.values()));
    let of_runtimes = config.runtimes.iter();
    let of_runtimes = of_runtimes.flat_map(|runtime| runtime.env.values());
    of_models.chain(of_runtimes).cloned()
}

#[cfg(test)]
mod tests {
    use owlcoda_types::ManualClock;

    use super::*;
    use crate::boot::Stage;

    #[test]
    fn a_store_is_set_aside_where_every_start_was_lost_at_it_and_kept_whole() {
        let dir = tempfile::tempdir().unwrap();
        let (home, clock) = (dir.path(), ManualClock::at(1_700_000_000_000));
        let store = home.join("store");
        fs_err::create_dir(&store).unwrap();
        fs_err::write(store.join("kept"), "kept").unwrap();
        for _ in 0..2 {
            Boot::begin(home, &clock, "1").reached(Stage::Store);
        }
        let boot = Boot::begin(home, &clock, "1");
        let mut safe_mode = SafeMode::after(&boot, home).unwrap();
        safe_mode.set_store_aside(&boot, &store, &clock);
        let aside = home.join("store.set-aside-1700000000000");
        assert_eq!(fs_err::read_to_string(aside.join("kept")).unwrap(), "kept");
        assert!(!store.exists());
        let reason = safe_mode.reason();
        for word in ["safe mode", "last 2 starts", "set-aside", "restart"] {
            assert!(reason.contains(word), "{word}: {reason}");
        }
    }

    #[test]
    fn what_can_be_done_without_is_off_and_the_endpoints_stay() {
        let runtime = r#"{"name": "own", "command": "server", "args": ["{port}"]}"#;
        let text = format!(
            r#"{{"captures": {{"enabled": true}}, "warmup": true, "runtimes": [{runtime}],
                "models": [{{"id": "a", "endpoint": "http://127.0.0.1:1/v1"}}]}}"#
        );
        let trust = owlcoda_config::FileTrust::FULL;
        let environment = owlcoda_config::Environment::default();
        let config = owlcoda_config::parse(&text, &environment, &trust)
            .unwrap()
            .config;
        assert!(config.discovery.is_enabled && config.cache.is_enabled && config.is_warmed_up);
        assert!(config.captures.is_enabled && !config.runtimes.is_empty());
        let models = config.models.clone();
        let reduced = SafeMode::reduced(config);
        assert!(!reduced.discovery.is_enabled && !reduced.cache.is_enabled);
        assert!(!reduced.captures.is_enabled && !reduced.is_traced && !reduced.is_warmed_up);
        assert!(reduced.runtimes.is_empty());
        assert_eq!(reduced.models, models);
    }

    #[test]
    fn a_store_that_is_not_at_fault_stays_where_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let (home, clock) = (dir.path(), ManualClock::at(5));
        let store = home.join("store");
        fs_err::create_dir(&store).unwrap();
        for _ in 0..2 {
            Boot::begin(home, &clock, "1").reached(Stage::Serving);
        }
        let boot = Boot::begin(home, &clock, "1");
        let mut safe_mode = SafeMode::after(&boot, home).unwrap();
        safe_mode.set_store_aside(&boot, &store, &clock);
        assert!(store.exists() && !safe_mode.reason().contains("set-aside"));
    }
}
