//! The one way of a model call.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use owlcoda_models::policy::{Plan, Share, Stop, Visit};
use owlcoda_supervise::{CancellationToken, Live};
use owlcoda_telemetry::metric;
use owlcoda_types::ErrorCode;
use owlcoda_upstream::Upstream;
use tokio::sync::watch;

use crate::attempt::Opened;
use crate::call::{Answer, Call, MAX_HOPS, Route, Whole};
use crate::failure::{CallError, Failure};
use crate::settle::{Entry, Recorder, Settlement};
use crate::snapshot::Snapshot;
use crate::standing::Standing;

/// Runs model calls. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pipeline {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    live: Live<Snapshot>,
    pub(crate) upstream: Upstream,
    recorder: Arc<dyn Recorder>,
    standing: Arc<Standing>,
    pub(crate) stopping: CancellationToken,
}

impl Pipeline {
    /// A pipeline over the configuration in `live`. Calls are cut when `stopping` is cancelled.
    pub fn new(
        live: Live<Snapshot>,
        upstream: Upstream,
        recorder: Arc<dyn Recorder>,
        stopping: CancellationToken,
    ) -> Self {
        let standing = Arc::new(Standing::default());
        let current = live.current();
        let policy = standing.policy();
        policy.apply(current.settings.policy, &current.registry, now());
        Self {
            inner: Arc::new(Inner {
                live,
                upstream,
                recorder,
                standing,
                stopping,
            }),
        }
    }

    /// The configuration in force.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.inner.live.current()
    }

    /// Puts a configuration in force. Calls under way keep the one that they began with.
    pub fn publish(&self, snapshot: Snapshot) {
        let policy = self.inner.standing.policy();
        policy.apply(snapshot.settings.policy, &snapshot.registry, now());
        self.inner.standing.keep_only(&snapshot.registry);
        self.inner.live.replace(snapshot);
    }

    /// Tells of every later configuration.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.inner.live.subscribe()
    }

    pub(crate) fn upstream(&self) -> &Upstream {
        &self.inner.upstream
    }

    /// What outlives a configuration.
    pub fn standing(&self) -> &Standing {
        &self.inner.standing
    }

    /// Records a request that never became a call: what it asked for could not be read.
    pub fn refuse(&self, entry: Entry, code: ErrorCode) {
        let inner = &self.inner;
        let recorder = Arc::clone(&inner.recorder);
        Settlement::new(entry, recorder, Arc::clone(&inner.standing)).refuse(code);
    }

    /// Calls a model. Dropping the future or the answer closes the connection to the model server;
    /// whatever happens, the call is recorded exactly once.
    ///
    /// A streamed answer is returned when its first event is there, so that until then every failure
    /// can be tried again, or be an HTTP status.
    pub async fn run(&self, call: Call) -> Result<Answer, Failure> {
        let inner = &self.inner;
        let mut settlement = Settlement::new(
            Entry::of(&call),
            Arc::clone(&inner.recorder),
            Arc::clone(&inner.standing),
        )
        .answered_by(&call.head_sent);
        let served = tokio::select! {
            biased;
            () = inner.stopping.cancelled() => Err(CallError::ShuttingDown),
            served = inner.serve(&call, &mut settlement) => served,
        };
        match served {
            Ok((Opened::Whole { body, usage }, visit)) => {
                visit.succeed();
                let about = settlement.about();
                settlement.first_event();
                settlement.succeed(usage);
                Ok(Answer::Whole(Whole { body, about }))
            }
            Ok((Opened::Stream(stream), visit)) => {
                let stream = stream.with_end(settlement, visit);
                Ok(Answer::Stream(Box::new(stream)))
            }
            Err(error) => Err(settlement.fail(error)),
        }
    }
}

impl Inner {
    /// Asks the models that may answer, one after the other, until one does.
    async fn serve(
        &self,
        call: &Call,
        settlement: &mut Settlement,
    ) -> Result<(Opened, Visit), CallError> {
        if call.hops >= MAX_HOPS {
            return Err(CallError::Loop);
        }
        let snapshot = self.live.current();
        let policy = self.standing.policy();
        let asked = call.request.model();
        let plan = if call.route == Route::Warmup {
            Plan::alone(&snapshot.registry, asked)?
        } else {
            Plan::try_new(&snapshot.registry, asked, |model| policy.n_in_flight(model))?
        };
        let share = match call.route {
            Route::Agent | Route::Warmup => Share::Agent,
            Route::Messages | Route::Chat => Share::Callers,
        };
        let asked = plan.asked().first().map(|model| model.id.clone());
        let mut course = policy.begin(&snapshot.registry, plan, share, now());
        let mut next = course.start(now());
        // What the model that was asked for says is what the caller hears.
        let mut first = None;
        loop {
            let mut visit = match next {
                Ok(visit) => visit,
                Err(stop) => {
                    if let Stop::Limited { model, .. } = &stop {
                        metric::RATE_LIMITED.add([model], 1);
                    }
                    settlement.blame_first();
                    return Err(first.unwrap_or(CallError::Stopped(stop)));
                }
            };
            if !visit.wait().is_zero() {
                tokio::time::sleep(visit.wait()).await;
            }
            match self.attempt(call, &snapshot, &visit, settlement).await {
                Ok(opened) => {
                    visit.answered();
                    if let Some(asked) = asked.filter(|_| visit.is_fallback()) {
                        settlement.fell_back(&asked);
                    }
                    return Ok((opened, visit));
                }
                Err(error) => {
                    let failure = error.for_policy();
                    settlement.attempt_failed(&error);
                    let model = Arc::clone(visit.model());
                    next = course.failed(visit, &failure, now(), random());
                    if let Ok(again) = &next
                        && again.model().id == model.id
                    {
                        let endpoint = model.endpoint_id();
                        metric::RETRIES.add([&endpoint, error.code().as_str()], 1);
                    }
                    first.get_or_insert(error);
                }
            }
        }
    }
}

/// The time as the policy counts it, which tests may pause.
pub(crate) fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}

/// Any number. Jitter needs no more than that nobody shares it.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}
