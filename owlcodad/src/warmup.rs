//! Loads local models before somebody waits for them, by the shortest of calls.
//!
//! Each model once, and again where its server was gone and has come back. In the background, two at a
//! time, through the pipeline like every call, so that each is recorded; a failure is one line in the
//! log. What embeds is not warmed, and nothing that is not on this machine or in its network.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use owlcoda_config::ModelTarget;
use owlcoda_models::Model;
use owlcoda_pipeline::{CacheWish, Call, Client, Delivery, Pipeline, Request, Route};
use owlcoda_supervise::CancellationToken;
use owlcoda_types::{Clock, RequestId};
use owlcoda_wire::openai;
use serde_json::json;
use tracing::{debug, warn};

use crate::composition::Composition;

/// How many models are loaded at a time.
const AT_ONCE: usize = 2;

/// How long one may take. Most of it is reading the model from a disk.
const LIMIT: Duration = Duration::from_mins(5);

/// A model at its place.
type Key = (String, String);

/// Which models were warmed, each with how often its server had come back then.
#[derive(Debug, Default)]
struct Warmed(BTreeMap<Key, u64>);

impl Warmed {
    /// Those of `models`, each with how often its server has come back, that are to be warmed now.
    /// Models that are not among them are forgotten.
    fn due(&mut self, models: &[(Key, u64)]) -> Vec<Key> {
        let keys: Vec<_> = models.iter().map(|(key, _)| key).collect();
        self.0.retain(|key, _| keys.contains(&key));
        let mut due = Vec::new();
        for (key, n_starts) in models {
            if self.0.insert(key.clone(), *n_starts) != Some(*n_starts) {
                due.push(key.clone());
            }
        }
        due
    }
}

/// Warms models as they come, until the drain begins.
pub(crate) async fn keep_warm(
    composition: Arc<Composition>,
    pipeline: Pipeline,
    clock: Arc<dyn Clock>,
    draining: CancellationToken,
) {
    let mut configs = composition.configs();
    let mut snapshots = pipeline.snapshots();
    let mut health = pipeline.standing().changes();
    let mut warmed = Warmed::default();
    let mut waiting: VecDeque<Key> = VecDeque::new();
    let mut running = FuturesUnordered::new();
    loop {
        if composition.config().is_warmed_up {
            waiting.extend(warmed.due(&candidates(&pipeline)));
        } else {
            waiting.clear();
            warmed = Warmed::default();
        }
        while running.len() < AT_ONCE
            && let Some((_, id)) = waiting.pop_front()
        {
            running.push(warm(&pipeline, &*clock, id));
        }
        // Dropping what runs when the drain begins closes its connections. All of it may be dropped at
        // any point, and the senders live as long as what they are of.
        tokio::select! {
            () = draining.cancelled() => return,
            Some(()) = running.next() => {}
            _ = configs.changed() => {}
            _ = snapshots.changed() => {}
            _ = health.changed() => {}
        }
    }
}

/// Every model that can be warmed, with how often its server has come back.
fn candidates(pipeline: &Pipeline) -> Vec<(Key, u64)> {
    let snapshot = pipeline.snapshot();
    let models = snapshot.registry.models().iter();
    let local = models.filter(|model| is_local(model) && model.can_talk());
    let candidates = local.map(|model| {
        let endpoint = model.endpoint_id();
        let health = pipeline.standing().health(&endpoint);
        let n_starts = health.map_or(0, |health| health.n_starts);
        ((endpoint, model.id.clone()), n_starts)
    });
    candidates.collect()
}

/// Whether the model itself is on this machine or in its network.
fn is_local(model: &Model) -> bool {
    match &model.target {
        ModelTarget::Endpoint(url) => url.is_nearby() && model.tier != "cloud",
        ModelTarget::Runtime(_) => true,
    }
}

async fn warm(pipeline: &Pipeline, clock: &dyn Clock, id: String) {
    let body = json!({
        "model": id, "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}],
    });
    let request = match openai::Request::parse(body.to_string().as_bytes()) {
        Ok(request) => request,
        Err(error) => {
            warn!(model = id, %error, "a model cannot be asked for by its name");
            return;
        }
    };
    let call = Call {
        id: RequestId::generate(),
        at_ms: clock.now_ms(),
        received: std::time::Instant::now(),
        route: Route::Warmup,
        request: Request::Chat(Box::new(request)),
        session: None,
        raw: None,
        forwarded: Vec::new(),
        hops: 0,
        cache: CacheWish::Off,
        client: Client::Daemon,
        n_bytes_in: 0,
        delivery: Delivery::default(),
        seen: None,
    };
    match tokio::time::timeout(LIMIT, pipeline.run(call)).await {
        Ok(Ok(_)) => debug!(model = id, "a model is warm"),
        Ok(Err(failure)) => {
            let diagnostic = failure.diagnostic.as_ref();
            let kind = diagnostic.map_or("", |diagnostic| diagnostic.kind.as_str());
            let error = &failure.error;
            warn!(model = id, kind, %error, "a model could not be warmed up");
        }
        Err(_) => {
            let limit_secs = LIMIT.as_secs();
            warn!(
                model = id,
                kind = "timeout",
                limit_secs,
                "a model could not be warmed up"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> Key {
        ("e".to_owned(), id.to_owned())
    }

    #[test]
    fn each_model_is_due_once_and_again_when_its_server_has_come_back() {
        let mut warmed = Warmed::default();
        let models = |n_starts| vec![(key("a"), n_starts), (key("b"), n_starts)];
        assert_eq!(warmed.due(&models(0)), [key("a"), key("b")]);
        assert_eq!(warmed.due(&models(0)), []);
        assert_eq!(warmed.due(&models(1)), [key("a"), key("b")]);
        assert_eq!(warmed.due(&[(key("a"), 1), (key("c"), 1)]), [key("c")]);
        assert_eq!(warmed.due(&models(1)), [key("b")], "it was gone");
    }
}
