//! The one way of a model call.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use owlcoda_models::policy::{Plan, Share, Stop, Visit};
use owlcoda_models::recommend::Measured;
use owlcoda_models::{Model, choose};
use owlcoda_supervise::{CancellationToken, Live};
use owlcoda_telemetry::metric;
use owlcoda_types::{ErrorCode, Usage};
use owlcoda_upstream::Upstream;
use tokio::sync::watch;

use crate::attempt::Opened;
use crate::cache::{Kept, Key, key_of};
use crate::call::{Answer, CacheWish, Call, MAX_HOPS, Route, Whole};
use crate::capture::{Draft, Seen};
use crate::failure::{CallError, Failure};
use crate::figures::route_name;
use crate::settle::{Entry, Receipt, Recorder, Settlement};
use crate::signs;
use crate::snapshot::Snapshot;
use crate::standing::Standing;
use crate::trace::Phase;

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
        standing.configure(&current, now());
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
        self.inner.standing.configure(&snapshot, now());
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

    /// What was measured of `model` so far, and whether its server answers now.
    pub fn measured(&self, model: &Model) -> Measured {
        let standing = &self.inner.standing;
        let endpoint = model.endpoint_id();
        let health = standing.health(&endpoint);
        let is_failing = health.is_some_and(|health| !health.is_up);
        let is_shut = standing.policy().is_open(model, now());
        let figures = standing.model_figures(&model.id).unwrap_or_default();
        Measured {
            n_calls: figures.n_calls,
            n_answered: figures.n_answered,
            tokens_per_sec: figures.tokens_per_sec(),
            first_token_ms: figures.first_token.percentiles().map(|found| found.mean),
            is_down: is_failing || is_shut,
        }
    }

    /// Records a request that never became a call: what it asked for could not be read.
    pub fn refuse(&self, entry: Entry, code: ErrorCode) {
        let inner = &self.inner;
        let recorder = Arc::clone(&inner.recorder);
        let settlement = Settlement::new(entry, recorder, Arc::clone(&inner.standing));
        // It has no place, so there is no receipt.
        drop(settlement.refuse(code));
    }

    /// Calls a model. Dropping the future or the answer closes the connection to the model server;
    /// whatever happens, the call is recorded exactly once.
    ///
    /// A streamed answer is returned when its first event is there, so that until then every failure
    /// can be tried again, or be an HTTP status.
    pub async fn run(&self, mut call: Call) -> Result<Answer, Failure> {
        let inner = &self.inner;
        let mut settlement = Settlement::new(
            Entry::of(&call),
            Arc::clone(&inner.recorder),
            Arc::clone(&inner.standing),
        )
        .answered_by(&call.delivery)
        .captured(inner.draft(&mut call));
        let served = tokio::select! {
            biased;
            () = inner.stopping.cancelled() => Err(CallError::ShuttingDown),
            served = inner.serve(&call, &mut settlement) => served,
        };
        match served {
            Ok(Served::Asked(Opened::Whole { body, usage }, visit, key)) => {
                if let Some(key) = key.filter(|_| !visit.is_fallback()) {
                    let kept = settlement.kept(&body);
                    inner.standing.cache().put(key, kept, now());
                }
                visit.succeed();
                settlement.usage(usage);
                call.delivery.add(body.len());
                let about = settlement.about();
                settlement.first_event();
                if let Some(draft) = settlement.capture() {
                    draft.said(&body);
                }
                recorded(settlement.succeed(usage)).await?;
                Ok(Answer::Whole(Whole { body, about }))
            }
            Ok(Served::Asked(Opened::Stream(stream), visit, _)) => {
                let stream = stream.with_end(settlement, visit);
                Ok(Answer::Stream(Box::new(stream)))
            }
            Ok(Served::Kept(kept)) => {
                let body = kept.body.clone();
                call.delivery.add(body.len());
                if let Some(draft) = settlement.capture() {
                    draft.said(&body);
                }
                let about = settlement.about();
                // Nobody was asked, so nothing was spent.
                recorded(settlement.succeed(Usage::default())).await?;
                Ok(Answer::Whole(Whole { body, about }))
            }
            Err(error) => {
                let (failure, receipt) = settlement.fail(error);
                // What the caller hears is no better for a second reason.
                let _ = recorded(receipt).await;
                Err(failure)
            }
        }
    }
}

/// How a call was served.
enum Served {
    /// By a model; a whole answer may be kept under the key.
    Asked(Opened, Visit, Option<Key>),
    /// By an answer of before.
    Kept(Arc<Kept>),
}

impl Inner {
    /// What is to be collected of `call`; none where captures are off.
    fn draft(&self, call: &mut Call) -> Option<Draft> {
        if !self.standing.captures().is_on() {
            return None;
        }
        let redactor = self.live.current().redactor.clone()?;
        let seen = call.seen.take().map_or_else(
            || Seen {
                line: route_name(call.route).to_owned(),
                ..Seen::default()
            },
            |seen| *seen,
        );
        Some(Draft::new(redactor, seen))
    }

    /// Asks the models that may answer, one after the other, until one does.
    async fn serve(&self, call: &Call, settlement: &mut Settlement) -> Result<Served, CallError> {
        if call.hops >= MAX_HOPS {
            return Err(CallError::Loop);
        }
        let snapshot = self.live.current();
        let policy = self.standing.policy();
        let asked = call.request.model();
        let routing = &snapshot.settings.routing;
        let choice = choose(&snapshot.registry, routing, asked, || {
            signs::of(&call.request)
        });
        let plan = if call.route.is_trial() {
            Plan::alone(&snapshot.registry, asked)?
        } else {
            Plan::try_new(&snapshot.registry, &choice.name, |model| {
                policy.n_in_flight(model)
            })?
        };
        settlement.guessed(choice.guess);
        settlement.admit().await?;
        let key = cache_key(call, &snapshot, &plan);
        if let Some(key) = &key {
            match self.standing.cache().get(key, now()) {
                Some(kept) => {
                    settlement.hit(&kept.model, &kept.dropped);
                    return Ok(Served::Kept(kept));
                }
                None => settlement.missed(),
            }
        }
        let share = match call.route {
            Route::Agent | Route::Warmup | Route::Probe => Share::Agent,
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
                settlement.enter(Phase::Wait);
                tokio::time::sleep(visit.wait()).await;
            }
            match self.attempt(call, &snapshot, &visit, settlement).await {
                Ok(opened) => {
                    visit.answered();
                    if let Some(asked) = asked.filter(|_| visit.is_fallback()) {
                        settlement.fell_back(&asked);
                    }
                    return Ok(Served::Asked(opened, visit, key));
                }
                Err(error) => {
                    settlement.enter(Phase::Plan);
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

/// Waits until the record is where nothing can take it away, where that is asked for.
async fn recorded(receipt: Option<Receipt>) -> Result<(), CallError> {
    match receipt {
        Some(receipt) => Ok(receipt.await?),
        None => Ok(()),
    }
}

/// The key of an answer to `call`, where one may be kept or given again.
fn cache_key(call: &Call, snapshot: &Snapshot, plan: &Plan) -> Option<Key> {
    let is_for_cache = snapshot.settings.cache.is_enabled
        && !call.request.is_stream()
        && match call.cache {
            CacheWish::On => true,
            CacheWish::Off => false,
            CacheWish::Unsaid => call.request.is_without_chance(),
        };
    if !is_for_cache {
        return None;
    }
    // Of equals any may answer, so the first of them by its id stands for all.
    let model = plan.asked().iter().min_by_key(|model| &model.id)?;
    let shown = snapshot.shown_name(model, call.request.model());
    key_of(call, model, shown)
}

/// The time as the policy counts it, which tests may pause.
pub(crate) fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}

/// Any number. Jitter needs no more than that nobody shares it.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}
