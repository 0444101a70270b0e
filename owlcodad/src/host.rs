//! The daemon as a whole, as the surfaces see it.

use owlcoda_config::Problem;
use owlcoda_pipeline::Pipeline;
use owlcoda_store::{Integrity, Store};
use owlcoda_supervise::{Host, Identity};
use owlcoda_upstream::managed::State;

/// Tells who the daemon is and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) identity: Identity,
    pub(crate) pipeline: Pipeline,
    pub(crate) store: Store,
    /// What the configuration's check found and let pass.
    pub(crate) warnings: Vec<Problem>,
}

impl Host for Daemon {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let snapshot = self.pipeline.snapshot();
        if snapshot.registry.models().is_empty() {
            problems.push(snapshot.registry.no_models().to_string());
        }
        for runtime in self.pipeline.runtimes().status() {
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
                problems.push(format!("the last call of {endpoint} failed: {detail}"));
            }
        }
        let stats = self.store.stats();
        if let Integrity::Degraded(what) = &stats.integrity {
            problems.push(format!("storage: {what}"));
        }
        if stats.n_audit_dropped > 0 {
            problems.push(format!(
                "{} audit records were dropped",
                stats.n_audit_dropped
            ));
        }
        problems.extend(self.warnings.iter().map(ToString::to_string));
        problems
    }
}
