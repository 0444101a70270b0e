//! Asks one endpoint, or one model, because somebody wants to know now.
//!
//! An endpoint gets the monitor's question, wherever it is: who names it wants it asked. A model gets a
//! real call of a few tokens on the way of every call, with its limits and its record; no other model
//! stands in for it.

use std::time::Duration;

use futures_util::StreamExt as _;
use owlcoda_models::RouteError;
use owlcoda_types::{Clock, ErrorCode, RequestId, Usage};
use owlcoda_upstream::{Place, Probe};
use owlcoda_wire::openai;
use serde_json::json;

use super::question;
use crate::call::{Answer, CacheWish, Call, Client, Delivery, Request, Route};
use crate::endpoints::NoSuchEndpoint;
use crate::failure::{CallError, Failure};
use crate::pipeline::{Pipeline, now};

/// What a model is told, and how much it may say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The words.
    pub prompt: String,
    /// Most tokens of the answer.
    pub max_tokens: u32,
}

impl Default for Question {
    /// Enough to see whether it answers.
    fn default() -> Self {
        Self {
            prompt: "Hi".to_owned(),
            max_tokens: 8,
        }
    }
}

/// What an endpoint answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it answers.
    pub is_up: bool,
    /// Why not, for people; empty where it does.
    pub detail: String,
    /// How long the answer took, or the failure.
    pub latency: Duration,
}

/// Why an endpoint was not asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// There is none of this name.
    #[error(transparent)]
    Unknown(#[from] NoSuchEndpoint),
    /// It is a server of ours that does not run, and a question does not start it.
    #[error("`{endpoint}` does not run: the next call of one of its models starts it")]
    Asleep {
        /// Its id.
        endpoint: String,
    },
}

impl ProbeError {
    /// The code that decides everything else.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Unknown(_) => ErrorCode::NotFound,
            Self::Asleep { .. } => ErrorCode::Conflict,
        }
    }
}

/// How the call of one model went.
#[derive(Debug)]
pub struct ModelProbe {
    /// Id of the model.
    pub model: String,
    /// Id of its endpoint.
    pub endpoint: String,
    /// The call's name, in the log and in the audit.
    pub request: RequestId,
    /// From the call to the first event of the answer; none where none came.
    pub first_event: Option<Duration>,
    /// From the call to its end.
    pub total: Duration,
    /// Tokens as the model server counted them.
    pub usage: Usage,
    /// Why there is no whole answer; none where there is one.
    pub failure: Option<Failure>,
}

impl Pipeline {
    /// Asks `endpoint` how it is, now, and takes down what it says. Takes 2 s at most.
    pub async fn probe_endpoint(
        &self,
        endpoint: &str,
        clock: &dyn Clock,
    ) -> Result<Verdict, ProbeError> {
        let found = self.endpoints().into_iter();
        let mut found = found.filter(|known| known.id == endpoint);
        let Some(known) = found.next() else {
            return Err(self.no_such_endpoint(endpoint).into());
        };
        let snapshot = self.snapshot();
        let probe = match (known.models.first(), known.url) {
            (Some(served), _) => {
                let running = snapshot.runtimes.running();
                question(&snapshot, &served.model, &running)
            }
            (None, url) => url.map(|url| Probe::of(Place::open(url), known.server)),
        };
        let Some(probe) = probe else {
            let endpoint = endpoint.to_owned();
            return Err(ProbeError::Asleep { endpoint });
        };
        // Who asks has it noted that it is asked, or what it hears is not taken down.
        self.standing().claim(endpoint, Duration::ZERO, now());
        Ok(self.probe(endpoint, &probe, clock).await)
    }

    /// Asks the model that `name` means a question. An error where it means none; a call that
    /// fails is none. Dropping the future ends the call.
    pub async fn probe_model(
        &self,
        name: &str,
        question: &Question,
        clock: &dyn Clock,
    ) -> Result<ModelProbe, RouteError> {
        let model = self.snapshot().registry.resolve(name)?.clone();
        let request = RequestId::generate();
        let mut probe = ModelProbe {
            model: model.id.clone(),
            endpoint: model.endpoint_id(),
            request,
            first_event: None,
            total: Duration::ZERO,
            usage: Usage::default(),
            failure: None,
        };
        let began = now();
        let body = json!({
            "model": model.id, "max_tokens": question.max_tokens, "stream": true,
            "stream_options": {"include_usage": true},
            "messages": [{"role": "user", "content": question.prompt}],
        });
        let ended = match openai::Request::parse(body.to_string().as_bytes()) {
            Ok(asked) => {
                let call = Call {
                    id: request,
                    at_ms: clock.now_ms(),
                    received: std::time::Instant::now(),
                    route: Route::Probe,
                    request: Request::Chat(Box::new(asked)),
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
                self.listen_to(call, &mut probe, began).await
            }
            Err(error) => Err(CallError::Internal(error.to_string()).into()),
        };
        probe.total = now().saturating_duration_since(began);
        probe.failure = ended.err();
        Ok(probe)
    }

    /// Reads an answer to its end.
    async fn listen_to(
        &self,
        call: Call,
        probe: &mut ModelProbe,
        began: std::time::Instant,
    ) -> Result<(), Failure> {
        match self.run(call).await? {
            Answer::Stream(mut events) => {
                probe.first_event = Some(now().saturating_duration_since(began));
                while let Some(event) = events.next().await {
                    probe.usage = events.usage();
                    event?;
                }
                probe.usage = events.usage();
            }
            // The pipeline answers as it was asked.
            Answer::Whole(_) => {}
        }
        Ok(())
    }
}
