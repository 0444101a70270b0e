//! One attempt at one model: into its words, there and back.

use std::sync::Arc;

use bytes::Bytes;
use owlcoda_config::{ModelTarget, Protocol};
use owlcoda_models::Model;
use owlcoda_models::policy::Visit;
use owlcoda_types::Usage;
use owlcoda_upstream::managed::Lease;
use owlcoda_upstream::{Destination, Frames, Reply};
use owlcoda_wire::fault::{self, Dialect};
use owlcoda_wire::reshape::{self, Assembly};
use owlcoda_wire::translate::StreamFault;

use crate::call::{Call, HOPS_HEADER, Request};
use crate::capture::Tap;
use crate::failure::CallError;
use crate::pipeline::Inner;
use crate::settle::Settlement;
use crate::snapshot::{Snapshot, destination};
use crate::stream::EventStream;
use crate::trace::Phase;
use crate::translation::{WayBack, outgoing};

/// An answer that has come, whole or up to its first event.
pub(crate) enum Opened {
    Whole { body: Bytes, usage: Usage },
    Stream(Box<EventStream>),
}

impl Inner {
    /// Asks one model once, up to the first event of its answer.
    pub(crate) async fn attempt(
        &self,
        call: &Call,
        snapshot: &Snapshot,
        visit: &Visit,
        settlement: &mut Settlement,
    ) -> Result<Opened, CallError> {
        let model = visit.model();
        let shown = snapshot.shown_name(model, call.request.model()).to_owned();
        settlement.enter(Phase::Plan);
        settlement.routed(&model.id, &model.endpoint_id(), dialect(model.protocol));
        settlement.priced(snapshot.rate(&model.id));

        let outgoing = outgoing(call, model, shown)?;
        settlement.dropped(outgoing.dropped);
        settlement.enter(Phase::Start);
        let (destination, lease) = self.destination(snapshot, model).await?;
        settlement.sent();
        let forwarded: &[_] = match (&call.request, model.protocol) {
            (Request::Messages(_), Protocol::Anthropic) => &call.forwarded,
            _ => &[],
        };
        let hops = (HOPS_HEADER, (call.hops + 1).to_string());
        let tap = settlement.capture().map(|draft| {
            let line = format!("POST {}", destination.address());
            let headers = destination.head(forwarded.iter().chain([&hops]));
            draft.asked(line, headers, &outgoing.body)
        });
        let reply = self
            .upstream
            .post_with(&destination, forwarded.iter().chain([&hops]), outgoing.body)
            .await?;
        settlement.answered(reply.request_id.as_deref());
        if let Some(draft) = settlement.capture() {
            draft.answered(reply.status.as_u16(), reply.head());
        }
        if !reply.status.is_success() {
            return Err(refusal(reply, tap).await);
        }
        let spoken = dialect(model.protocol);
        if call.request.is_stream() {
            let frames = if reply.body.is_event_stream() {
                reply.body.frames()
            } else {
                let endpoint = Arc::clone(&destination.endpoint);
                let answer = heard(reply.body.whole().await?, tap.as_ref());
                let stream = if reshape::looks_like_stream(&answer) {
                    answer
                } else {
                    reshape::whole_as_stream(spoken, &answer)
                        .ok_or_else(|| not_a_stream(&answer, &outgoing.way_back))?
                };
                Frames::of(stream, endpoint)
            };
            let translator = outgoing.way_back.translator();
            let stopping = self.stopping.clone();
            let frames = Box::new(frames);
            let stream = EventStream::begin(frames, translator, lease, stopping, tap);
            return Ok(Opened::Stream(Box::new(stream.await?)));
        }
        let answer = if reply.body.is_event_stream() {
            assembled(reply.body.frames(), spoken, tap).await?
        } else {
            let answer = heard(reply.body.whole().await?, tap.as_ref());
            if reshape::looks_like_stream(&answer) {
                let endpoint = Arc::clone(&destination.endpoint);
                assembled(Frames::of(answer, endpoint), spoken, None).await?
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
        let lease = snapshot.runtimes.lease(name).await?;
        let destination = destination(model, &lease.url)
            .map_err(|error| CallError::Internal(error.to_string()))?;
        Ok((destination, Some(lease)))
    }
}

/// A whole body, of which a capture takes note.
fn heard(body: Bytes, tap: Option<&Tap>) -> Bytes {
    if let Some(tap) = tap {
        tap.heard(&body);
    }
    body
}

/// What an error answer of the model server amounts to.
async fn refusal(reply: Reply, tap: Option<Tap>) -> CallError {
    let (status, retry_after) = (reply.status.as_u16(), reply.retry_after);
    let body = heard(reply.body.error_text().await, tap.as_ref());
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
async fn assembled(
    mut frames: Frames,
    dialect: Dialect,
    tap: Option<Tap>,
) -> Result<Bytes, CallError> {
    let mut assembly = Assembly::new(dialect);
    while let Some(frame) = frames.next().await {
        let frame = frame?;
        if let Some(tap) = &tap {
            tap.heard_frame(&frame);
        }
        if !assembly.push(&frame)? {
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
