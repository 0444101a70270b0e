//! The one way of a model call.

use std::sync::Arc;

use bytes::Bytes;
use owlcoda_config::{ModelTarget, Protocol};
use owlcoda_models::Model;
use owlcoda_supervise::{CancellationToken, Live};
use owlcoda_types::{ErrorCode, Usage};
use owlcoda_upstream::managed::{Lease, Runtimes};
use owlcoda_upstream::{Destination, Frames, Reply, Upstream};
use owlcoda_wire::fault;
use owlcoda_wire::translate::StreamFault;

use crate::call::{Answer, Call, CallError, Request, Whole};
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
        Settlement::new(entry, recorder, Arc::clone(&inner.standing)).fail(code);
    }

    /// Calls a model. Dropping the future or the answer closes the connection to the model server;
    /// whatever happens, the call is recorded exactly once.
    ///
    /// A streamed answer is returned when its first event is there, so that every error before it
    /// can still be an HTTP status.
    pub async fn run(&self, call: Call) -> Result<Answer, CallError> {
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
            Err(error) => {
                settlement.fail(error.code());
                Err(error)
            }
        }
    }
}

impl Inner {
    async fn open(&self, call: &Call, settlement: &mut Settlement) -> Result<Opened, CallError> {
        let snapshot = self.live.current();
        let asked = call.request.model();
        let model = Arc::clone(snapshot.registry.resolve(asked)?);
        let shown = snapshot.shown_name(&model, asked).to_owned();
        settlement.routed(&model.id, &model.endpoint_id());

        let outgoing = outgoing(call, &model, shown).map_err(|error| CallError::Refused {
            code: error.code(),
            message: error.to_string(),
            retry_after: None,
            detail: error.detail(),
            own_code: None,
        })?;
        settlement.dropped(outgoing.dropped);
        let (destination, lease) = self.destination(&snapshot, &model).await?;
        settlement.sent();
        let forwarded: &[_] = match (&call.request, model.protocol) {
            (Request::Messages(_), Protocol::Anthropic) => &call.forwarded,
            _ => &[],
        };
        let reply = self
            .upstream
            .post_with(&destination, forwarded, outgoing.body)
            .await?;
        if !reply.status.is_success() {
            return Err(refusal(reply).await);
        }
        if call.request.is_stream() {
            if !reply.body.is_event_stream() {
                return Err(not_a_stream(reply, &outgoing.way_back).await);
            }
            return Ok(Opened::Stream {
                frames: Box::new(reply.body.frames()),
                translator: outgoing.way_back.translator(),
                lease,
            });
        }
        let answer = reply.body.whole().await?;
        let converted = outgoing.way_back.whole(&answer);
        let converted = converted.map_err(|fault| refused(fault.code(), &fault.to_string()))?;
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
            return Err(refused(ErrorCode::Internal, "the model has no destination"));
        };
        let lease = self.runtimes.lease(name).await?;
        let destination = destination(model, &lease.url)
            .map_err(|error| refused(ErrorCode::Internal, &error.to_string()))?;
        Ok((destination, Some(lease)))
    }
}

/// What an error answer of the model server amounts to.
async fn refusal(reply: Reply) -> CallError {
    let (status, retry_after) = (reply.status.as_u16(), reply.retry_after);
    let body = reply.body.error_text().await;
    let fault = fault::from_upstream(status, &body);
    CallError::Refused {
        code: fault.code,
        message: fault.message,
        retry_after,
        detail: None,
        own_code: fault.own_code,
    }
}

/// Why a stream that was asked for did not come: in the model server's words, if it has some.
async fn not_a_stream(reply: Reply, way_back: &WayBack) -> CallError {
    let body = reply.body.error_text().await;
    match way_back.whole(&body) {
        Err(StreamFault::Upstream { code, message }) => refused(code, &message),
        _ => refused(
            ErrorCode::BadUpstream,
            "the model server was asked for a stream and did not send one",
        ),
    }
}

fn refused(code: ErrorCode, message: &str) -> CallError {
    CallError::Refused {
        code,
        message: message.to_owned(),
        retry_after: None,
        detail: None,
        own_code: None,
    }
}
