//! Asks endpoints of which nothing was heard how they are: the cheapest question each server has, with
//! the key and headers of its calls, and never a model call.
//!
//! Only what is on this machine or in its network is asked, and of our own servers those that run:
//! nothing leaves the network unasked, and nothing is woken up.

mod on_demand;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;
use owlcoda_config::{EndpointUrl, ModelTarget};
use owlcoda_models::Model;
use owlcoda_telemetry::metric;
use owlcoda_types::Clock;
use owlcoda_upstream::managed::Running;
use owlcoda_upstream::{Place, Probe, UpstreamError};
use owlcoda_wire::fault;

pub use on_demand::{ModelProbe, ProbeError, Question, Verdict};

use crate::health::{HeardBy, Moment, Signal};
use crate::pipeline::{Pipeline, now};
use crate::settle::{Outcome, whose_health};
use crate::snapshot::Snapshot;

/// Least time between two questions to one endpoint, whatever the configuration says.
const LEAST_INTERVAL: Duration = Duration::from_millis(100);

/// How many endpoints are asked at a time.
const AT_ONCE: usize = 8;

/// Most endpoints that are asked in one round; the others are due in the next.
const MAX_ROUND: usize = 32;

impl Pipeline {
    /// When the next endpoint is due, at most an interval from now: a server of ours may start
    /// meanwhile. None where the monitor is off.
    pub fn next_probe(&self) -> Option<Instant> {
        let snapshot = self.snapshot();
        let interval = interval(&snapshot)?;
        let now = now();
        let probes = probes(&snapshot);
        let names = probes.keys().map(String::as_str);
        let due = self.standing().next_due(names, interval, now);
        let latest = now + interval;
        Some(due.map_or(latest, |due| due.min(latest)))
    }

    /// Asks every endpoint that is due, and takes down how it is. Takes 8 s at most, and usually a few
    /// milliseconds.
    pub async fn probe_due(&self, clock: &dyn Clock) {
        let snapshot = self.snapshot();
        let Some(interval) = interval(&snapshot) else {
            return;
        };
        let started = now();
        let due: Vec<_> = probes(&snapshot)
            .into_iter()
            .filter(|(endpoint, _)| self.standing().claim(endpoint, interval, started))
            .take(MAX_ROUND)
            .collect();
        stream::iter(due)
            .for_each_concurrent(AT_ONCE, |(endpoint, probe)| async move {
                self.probe(&endpoint, &probe, clock).await;
            })
            .await;
    }

    async fn probe(&self, endpoint: &str, probe: &Probe, clock: &dyn Clock) -> Verdict {
        let asked = now();
        let answer = self.upstream().probe(probe).await;
        let is_gone = answer.is_err();
        let latency = now().saturating_duration_since(asked);
        let (is_up, detail) = match answer {
            // Some servers do not know the question; they are there all the same.
            Ok(404 | 405 | 501) => (true, String::new()),
            Ok(status) if status < 400 => (true, String::new()),
            Ok(status) => {
                let fault = fault::from_upstream(status, &[]);
                let is_up = whose_health(Outcome::Failed(fault.code)).unwrap_or(true);
                (
                    is_up,
                    format!("it answers with {status}: {}", fault.message),
                )
            }
            Err(UpstreamError::Connect { reason, .. }) => {
                (false, format!("no connection: {reason}"))
            }
            Err(error) => (false, error.to_string()),
        };
        metric::ENDPOINT_PROBE_DURATION.record([endpoint], latency);
        let signal = Signal {
            by: HeardBy::Probe,
            is_up,
            is_gone,
            detail: &detail,
            latency: is_up.then_some(latency),
        };
        let now = Moment {
            at: now(),
            at_ms: clock.now_ms(),
        };
        self.standing().heard(endpoint, signal, now);
        Verdict {
            is_up,
            detail,
            latency,
        }
    }
}

fn interval(snapshot: &Snapshot) -> Option<Duration> {
    let interval = snapshot.settings.health.interval?;
    Some(interval.max(LEAST_INTERVAL))
}

/// Every endpoint that may be asked, with the question.
fn probes(snapshot: &Snapshot) -> BTreeMap<String, Probe> {
    let mut probes = BTreeMap::new();
    let running = snapshot.runtimes.running();
    for model in snapshot.registry.models() {
        let endpoint = model.endpoint_id();
        if probes.contains_key(&endpoint) {
            continue;
        }
        let is_nearby = match &model.target {
            ModelTarget::Endpoint(url) => url.is_nearby(),
            ModelTarget::Runtime(_) => true,
        };
        if let Some(probe) = question(snapshot, model, &running).filter(|_| is_nearby) {
            probes.insert(endpoint, probe);
        }
    }
    probes
}

/// What the server of `model` is asked; none for one of ours that does not run.
fn question(snapshot: &Snapshot, model: &Model, running: &[Running]) -> Option<Probe> {
    match &model.target {
        ModelTarget::Endpoint(url) => {
            let destination = snapshot.destination(model)?;
            let place = Place::of(url.clone(), destination);
            Some(Probe::of(place, model.server))
        }
        ModelTarget::Runtime(name) => {
            let runtime = running.iter().find(|runtime| runtime.name == *name)?;
            let url = EndpointUrl::on_this_machine(runtime.port);
            Some(Probe::at(Place::open(url), &runtime.ready_path))
        }
    }
}
