//! The one way of a model call.

use std::sync::Arc;

use bytes::Bytes;
use owlcoda_config::{ModelTarget, Protocol};
use owlcoda_models::Model;
use owlcoda_supervise::{CancellationToken, Live};
use owlcoda_types::{ErrorCode, Usage};
use owlcoda_upstream::managed::{Lease, Runtimes};
use owlcoda_upstream::{Destination, Frames, Reply, Upstream};
use owlcoda_wire::fault::{self, Dialect};
use owlcoda_wire::reshape::{self, Assembly};
use owlcoda_wire::translate::StreamFault;

use crate::call::{Answer, Call, HOPS_HEADER, MAX_HOPS, Request, Whole};
use crate::failure::{CallError, Failure};
use crate::settle::{Entry, Recorder, Settlement};
use crate::snapshot::{Snapshot, destination};
use crate::standing::Standing;
use crate::stream::EventStream;
use crate::translation::{Translator, WayBack, outgoing};

/// Runs model calls. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pipeline {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    live: Live<Snapshot>,
    upstream: Upstream,
    runtimes: Runtimes,
    recorder: Arc<dyn Recorder>,
    standing: Arc<Standing>,
    stopping: CancellationToken,
}

/// An answer whose head has come.
enum Opened {
    Whole {
        body: Bytes,
        usage: Usage,
    },
    Stream {
        frames: Box<Frames>,
        translator: Translator,
        lease: Option<Lease>,
    },
}

impl Pipeline {
    /// A pipeline over the configuration in `live`. Calls are cut when `stopping` is cancelled.
    pub fn new(
        live: Live<Snapshot>,
        upstream: Upstream,
        runtimes: Runtimes,
        recorder: Arc<dyn Recorder>,
        stopping: CancellationToken,
    ) -> Self {
        let standing = Arc::new(Standing::default());
        Self {
            inner: Arc::new(Inner {
                live,
                upstream,
                runtimes,
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

    /// What outlives a configuration.
    pub fn standing(&self) -> &Standing {
        &self.inner.standing
    }

    /// The model servers of ours.
    pub fn runtimes(&self) -> &Runtimes {
        &self.inner.runtimes
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
    /// A streamed answer is returned when its first event is there, so that every error before it
    /// can still be an HTTP status.
    pub async fn run(&self, call: Call) -> Result<Answer, Failure> {
        let inner = &self.inner;
        let mut settlement = Settlement::new(
            Entry::of(&call),
            Arc::clone(&inner.recorder),
            Arc::clone(&inner.standing),
        );
        let opened = tokio::select! {
            biased;
            () = inner.stopping.cancelled() => Err(CallError::ShuttingDown),
            opened = inner.open(&call, &mut settlement) => opened,
        };
        match opened {
            Ok(Opened::Whole { body, usage }) => {
                let about = settlement.about();
                settlement.first_event();
                settlement.succeed(usage);
                Ok(Answer::Whole(Whole { body, about }))
            }
            Ok(Opened::Stream {
                frames,
                translator,
                lease,
            }) => {
                let stopping = inner.stopping.clone();
                EventStream::begin(frames, translator, lease, settlement, stopping)
                    .await
                    .map(|stream| Answer::Stream(Box::new(stream)))
            }
            Err(error) => Err(settlement.fail(error)),
        }
    }
}

impl Inner {
    async fn open(&self, call: &Call, settlement: &mut Settlement) -> Result<Opened, CallError> {
        if call.hops >= MAX_HOPS {
            return Err(CallError::Loop);
        }
        let snapshot = self.live.current();
        let asked = call.request.model();
        let model = Arc::clone(snapshot.registry.resolve(asked)?);
        let shown = snapshot.shown_name(&model, asked).to_owned();
        settlement.routed(&model.id, &model.endpoint_id());

        let outgoing = outgoing(call, &model, shown)?;
        settlement.dropped(outgoing.dropped);
        let (destination, lease) = self.destination(&snapshot, &model).await?;
        settlement.sent();
        let forwarded: &[_] = match (&call.request, model.protocol) {
            (Request::Messages(_), Protocol::Anthropic) => &call.forwarded,
            _ => &[],
        };
        let hops = (HOPS_HEADER, (call.hops + 1).to_string());
        let reply = self
            .upstream
            .post_with(&destination, forwarded.iter().chain([&hops]), outgoing.body)
            .await?;
        settlement.answered(reply.request_id.as_deref());
        if !reply.status.is_success() {
            return Err(refusal(reply).await);
        }
        let spoken = dialect(model.protocol);
        if call.request.is_stream() {
            let frames = if reply.body.is_event_stream() {
                reply.body.frames()
            } else {
                let endpoint = Arc::clone(&destination.endpoint);
                let answer = reply.body.whole().await?;
                let stream = if reshape::looks_like_stream(&answer) {
                    answer
                } else {
                    reshape::whole_as_stream(spoken, &answer)
                        .ok_or_else(|| not_a_stream(&answer, &outgoing.way_back))?
                };
                Frames::of(stream, endpoint)
            };
            return Ok(Opened::Stream {
                frames: Box::new(frames),
                translator: outgoing.way_back.translator(),
                lease,
            });
        }
        let answer = if reply.body.is_event_stream() {
            assembled(reply.body.frames(), spoken).await?
        } else {
            let answer = reply.body.whole().await?;
            if reshape::looks_like_stream(&answer) {
                let endpoint = Arc::clone(&destination.endpoint);
                assembled(Frames::of(answer, endpoint), spoken).await?
            } else {
                answer
            }
        };
        let converted = outgoing.way_back.whole(&answer)?;
        Ok(Opened::Whole {
            body: converted.body,
            usage: converted.usage.unwrap_or_default(),
        })
    }

    /// Where the model is. A model server of ours is started first and kept while the lease lives.
    async fn destination(
        &self,
        snapshot: &Snapshot,
        model: &Model,
    ) -> Result<(Destination, Option<Lease>), CallError> {
        if let Some(destination) = snapshot.destination(model) {
            return Ok((destination.clone(), None));
        }
        let ModelTarget::Runtime(name) = &model.target else {
            let message = "the model has no destination".to_owned();
            return Err(CallError::Internal(message));
        };
        let lease = self.runtimes.lease(name).await?;
        let destination = destination(model, &lease.url)
            .map_err(|error| CallError::Internal(error.to_string()))?;
        Ok((destination, Some(lease)))
    }
}

/// What an error answer of the model server amounts to.
async fn refusal(reply: Reply) -> CallError {
    let (status, retry_after) = (reply.status.as_u16(), reply.retry_after);
    let body = reply.body.error_text().await;
    let fault = fault::from_upstream(status, &body);
    CallError::Refused {
        status,
        code: fault.code,
        message: fault.message,
        retry_after,
        own_code: fault.own_code,
    }
}

/// What a model server of `protocol` speaks.
const fn dialect(protocol: Protocol) -> Dialect {
    match protocol {
        Protocol::OpenAi => Dialect::OpenAi,
        Protocol::Anthropic => Dialect::Anthropic,
    }
}

/// The whole answer of a server that streams although it was not asked to.
async fn assembled(mut frames: Frames, dialect: Dialect) -> Result<Bytes, CallError> {
    let mut assembly = Assembly::new(dialect);
    while let Some(frame) = frames.next().await {
        if !assembly.push(&frame?)? {
            break;
        }
    }
    Ok(assembly.finish()?)
}

/// Why a stream that was asked for did not come: in the model server's words, if it has some.
fn not_a_stream(answer: &[u8], way_back: &WayBack) -> CallError {
    match way_back.whole(answer) {
        Err(fault @ StreamFault::Upstream { .. }) => fault.into(),
        _ => CallError::NotAStream,
    }
}
