//! What is said of the configuration in force, and how a reload is asked for.

use std::sync::Arc;

use owlcoda_config::{Problem, Setting};
use owlcoda_supervise::{
    ConfigDiff, ConfigProblem, ConfigStatus, Live, Reloaded, RolledBack, WatchMode,
};
use owlcoda_telemetry::metric;
use tokio::sync::{mpsc, oneshot};

use super::Generation;
use super::sources::described;

/// Requests that may wait for one reload.
pub(super) const MAX_WAITING: usize = 64;

/// What is said of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) status: ConfigStatus,
    /// What the check of the configuration in force found and let pass.
    pub(crate) warnings: Vec<ConfigProblem>,
    /// Every value in force.
    pub(crate) settings: Arc<[Setting]>,
}

impl Report {
    /// Of the configuration that the daemon starts with.
    pub(crate) fn of_start(first: &Generation, settings: Vec<Setting>, at_ms: i64) -> Self {
        metric::CONFIG_RELOAD_OK.set([], 1.0);
        metric::CONFIG_RELOADED_AT.set([], super::seconds(at_ms));
        let path = first.path.clone();
        Self {
            warnings: all_described(&first.loaded.warnings, path.as_deref()),
            settings: settings.into(),
            status: ConfigStatus {
                path,
                generation: first.number,
                sha256: first.fingerprint.as_str().to_owned(),
                loaded_at_ms: at_ms,
                pending_restart: Vec::new(),
                rejected: None,
                watch_mode: WatchMode::Polling,
                sources: first.sources.clone(),
                previous_generation: None,
                rolled_back_from: None,
            },
        }
    }
}

pub(super) fn all_described(
    problems: &[Problem],
    file: Option<&std::path::Path>,
) -> Vec<ConfigProblem> {
    let problems = problems.iter();
    problems.map(|problem| described(problem, file)).collect()
}

/// What the one task that reloads is asked.
#[derive(Debug)]
pub(super) enum Request {
    /// To read the files anew.
    Reload(oneshot::Sender<Reloaded>),
    /// To hold them against what is in force.
    Diff(oneshot::Sender<ConfigDiff>),
    /// To put the generation before in force again.
    RollBack(oneshot::Sender<Result<RolledBack, String>>),
}

/// Asks for reloads, and tells how the configuration stands. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct ReloadHandle {
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) report: Live<Report>,
}

impl ReloadHandle {
    /// How the configuration stands.
    pub(crate) fn report(&self) -> Arc<Report> {
        self.report.current()
    }

    /// Waits for a reload that begins after this was called. None where the daemon ends.
    pub(crate) async fn reload(&self) -> Option<Reloaded> {
        self.ask(Request::Reload).await
    }

    /// What the files say otherwise. None where the daemon ends.
    pub(crate) async fn diff(&self) -> Option<ConfigDiff> {
        self.ask(Request::Diff).await
    }

    /// Puts the generation before in force again. None where the daemon ends.
    pub(crate) async fn roll_back(&self) -> Option<Result<RolledBack, String>> {
        self.ask(Request::RollBack).await
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Option<T> {
        let (answer, verdict) = oneshot::channel();
        self.requests.send(request(answer)).await.ok()?;
        verdict.await.ok()
    }
}
