//! The daemon as a whole, as the surfaces see it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use owlcoda_gateway::{Admission, Token};
use owlcoda_pipeline::{HeardBy, Pipeline};
use owlcoda_store::{Integrity, Store};
use owlcoda_supervise::{
    ConfigDiff, ConfigStatus, ConfigValue, Host, HttpToken, Identity, Rejection, Reloaded,
    RolledBack,
};
use owlcoda_types::Clock;
use owlcoda_upstream::managed::State;

use crate::config_values;
use crate::jsonl::Trouble;
use crate::recorder::AuditRecorder;
use crate::reload::ReloadHandle;
use crate::safe_mode::SafeMode;

/// Tells who the daemon is and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) identity: Identity,
    pub(crate) pipeline: Pipeline,
    pub(crate) store: Store,
    pub(crate) recorder: Arc<AuditRecorder>,
    /// Tells what is news.
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) lines: Trouble,
    pub(crate) reload: ReloadHandle,
    pub(crate) admission: Admission,
    /// Why the daemon does without some of its parts, if so.
    pub(crate) safe_mode: Option<SafeMode>,
}

impl Host for Daemon {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn problems(&self) -> Vec<String> {
        let mut problems: Vec<_> = self.safe_mode.iter().map(SafeMode::reason).collect();
        let snapshot = self.pipeline.snapshot();
        if snapshot.registry.models().is_empty() {
            problems.push(snapshot.registry.no_models().to_string());
        }
        for runtime in snapshot.runtimes.status() {
            if let State::Failed { detail } = runtime.state {
                let (name, log) = (runtime.name, runtime.log.display());
                problems.push(format!("model server `{name}` failed: {detail}; see {log}"));
            }
        }
        let mut endpoints: Vec<_> = snapshot
            .registry
            .models()
            .iter()
            .map(|model| model.endpoint_id())
            .collect();
        endpoints.sort_unstable();
        endpoints.dedup();
        for endpoint in endpoints {
            if let Some(health) = self.pipeline.standing().health(&endpoint)
                && !health.is_up
            {
                let detail = health.detail;
                problems.push(match health.heard_by {
                    HeardBy::Call => format!("the last call of {endpoint} failed: {detail}"),
                    HeardBy::Probe => format!(
                        "{endpoint} is down ({detail}): start it, mend it, or take its models out of \
                         the configuration"
                    ),
                });
            }
        }
        let spent = self.pipeline.spent_budgets(self.clock.now_ms());
        problems.extend(spent.iter().map(ToString::to_string));
        let stats = self.store.stats();
        if let Integrity::Degraded(what) = &stats.integrity {
            problems.push(format!("storage: {what}"));
        }
        problems.extend(self.recorder.problem());
        problems.extend(self.lines.problem());
        if stats.n_audit_dropped > 0 {
            problems.push(format!(
                "{} audit records were dropped",
                stats.n_audit_dropped
            ));
        }
        let report = self.reload.report();
        problems.extend(report.status.rejected.iter().filter_map(of_rejection));
        problems.extend(report.status.rolled_back_from.map(|from| {
            format!(
                "the configuration was rolled back from generation {from}, and the file still says what it \
                 said: correct it; its next change, or `owlctl reload`, puts it in force"
            )
        }));
        let pending = report.status.pending_restart.iter();
        problems.extend(pending.map(|key| {
            format!("`{key}` has a new value that holds after a restart of the daemon")
        }));
        problems.extend(report.warnings.iter().map(ToString::to_string));
        problems
    }

    fn config(&self) -> ConfigStatus {
        self.reload.report().status.clone()
    }

    fn token(&self) -> HttpToken {
        self.http_token(self.admission.token())
    }

    fn rotate_token(&self, grace: Duration) -> Result<HttpToken, String> {
        let made = self.admission.rotate(&self.identity.home, grace);
        made.map(|token| self.http_token(token))
            .map_err(|error| error.to_string())
    }

    fn config_values(&self, path: &str) -> Result<Vec<ConfigValue>, String> {
        config_values::below(path, &self.reload.report().settings)
    }

    fn config_diff(&self) -> BoxFuture<'_, Option<ConfigDiff>> {
        Box::pin(self.reload.diff())
    }

    fn roll_back(&self) -> BoxFuture<'_, Option<Result<RolledBack, String>>> {
        Box::pin(self.reload.roll_back())
    }

    fn reload(&self) -> BoxFuture<'_, Option<Reloaded>> {
        Box::pin(self.reload.reload())
    }
}

impl Daemon {
    fn http_token(&self, token: Token) -> HttpToken {
        HttpToken {
            token: token.into_secret(),
            path: Token::path(&self.identity.home),
        }
    }
}

/// What is wrong with the configuration on disk, in one sentence.
fn of_rejection(rejected: &Rejection) -> Option<String> {
    let (first, others) = rejected.problems.split_first()?;
    let more = match others.len() {
        0 => String::new(),
        n_more => format!(" (and {n_more} more)"),
    };
    Some(format!(
        "the configuration on disk cannot be used, and the one before it is in force: {first}{more}; \
         correct it, or see all with `owlctl reload`"
    ))
}
