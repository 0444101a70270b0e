//! `owlcoda.v1.Events`: what happens in a conversation, replayed and live.

use std::pin::Pin;
use std::time::Duration;

use futures_util::Stream;
use futures_util::StreamExt as _;
use futures_util::stream::{once, unfold};
use owlcoda_agent::{Attached, Channel, Delta, Event, EventBody, Frame, TurnStatus};
use owlcoda_proto::v1::event::Body;
use owlcoda_proto::v1::events_server::Events;
use owlcoda_proto::v1::frame::Frame as Wire;
use owlcoda_proto::{to_status, v1};
use owlcoda_types::ErrorCode;
use tonic::{Request, Response, Status};

use crate::observe::observed;
use crate::peer::Peer;
use crate::sessions::{info, session_id};
use crate::watching::{Listed, Watcher};
use crate::{Control, convert};

/// Longest silence on an attached stream.
const HEARTBEAT: Duration = Duration::from_secs(15);

type Frames = Pin<Box<dyn Stream<Item = Result<v1::Frame, Status>> + Send>>;

#[tonic::async_trait]
impl Events for Control {
    type AttachStream = Frames;

    async fn attach(
        &self,
        request: Request<v1::AttachRequest>,
    ) -> Result<Response<Frames>, Status> {
        let peer = Peer::of(&request);
        let v1::AttachRequest {
            session_id: session,
            after_seq,
        } = request.into_inner();
        observed("Events/Attach", async {
            let session = session_id(&session)?;
            let attached = self.agent.attach(session, after_seq).await;
            let attached = attached.map_err(|error| convert::agent_error(&error))?;
            let listed = self.watching.list(Watcher {
                session,
                peer,
                attached_at_ms: self.clock.now_ms(),
            });
            let session = Some(info(attached.info().clone()));
            let ack = once(std::future::ready(Ok(wrap(Wire::Ack(v1::AttachAck {
                session,
            })))));
            let frames: Frames = Box::pin(ack.chain(unfold(Some((attached, listed)), step)));
            Ok(frames)
        })
        .await
    }
}

/// A client that watches; none after its end.
type Going = Option<(Attached, Listed)>;

/// The next frame, or a heartbeat where nothing happens.
async fn step(going: Going) -> Option<(Result<v1::Frame, Status>, Going)> {
    let (mut attached, listed) = going?;
    let next = tokio::select! {
        next = tokio::time::timeout(HEARTBEAT, attached.next()) => next,
        () = listed.detached() => return Some((Err(detached()), None)),
    };
    let frame = match next {
        Err(_) => Wire::Heartbeat(v1::Heartbeat {
            head_seq: attached.head_seq(),
        }),
        Ok(Ok(Some(frame))) => to_wire(frame),
        Ok(Ok(None)) => return None,
        Ok(Err(error)) => return Some((Err(convert::agent_error(&error)), None)),
    };
    Some((Ok(wrap(frame)), Some((attached, listed))))
}

/// What a client is told that has to stop. It is no failure that passes: nobody is to come back.
fn detached() -> Status {
    let words =
        "detached with `owlctl clients detach`; the conversation goes on without this client";
    to_status(ErrorCode::Forbidden, words)
}

const fn wrap(frame: Wire) -> v1::Frame {
    v1::Frame { frame: Some(frame) }
}

fn to_wire(frame: Frame) -> Wire {
    match frame {
        Frame::Event(event) => Wire::Event(to_event(&event)),
        Frame::Snapshot(snapshot) => Wire::Snapshot(to_delta(&snapshot)),
        Frame::Live => Wire::Live(v1::Live {}),
        Frame::Delta(delta) => Wire::Delta(to_delta(&delta)),
        Frame::Gap { resume_after } => Wire::Gap(v1::Gap { resume_after }),
    }
}

fn to_delta(delta: &Delta) -> v1::Delta {
    let channel = match delta.channel {
        Channel::Text => v1::Channel::Text,
        Channel::Reasoning => v1::Channel::Reasoning,
    };
    v1::Delta {
        item_id: delta.item.to_string(),
        channel: channel.into(),
        offset: delta.offset as u64,
        text: delta.text.clone(),
    }
}

fn to_event(event: &Event) -> v1::Event {
    v1::Event {
        seq: event.seq,
        at_ms: event.at_ms,
        turn_id: event.turn.map(|turn| turn.to_string()).unwrap_or_default(),
        body: Some(to_body(&event.body)),
    }
}

fn to_body(body: &EventBody) -> Body {
    match body.clone() {
        EventBody::SessionCreated { model } => Body::SessionCreated(v1::SessionCreated { model }),
        EventBody::ModelChanged { model } => Body::ModelChanged(v1::ModelChanged { model }),
        EventBody::InputAdmitted {
            text,
            request_id: _,
        } => Body::InputAdmitted(v1::InputAdmitted { text }),
        EventBody::TurnStarted { model } => Body::TurnStarted(v1::TurnStarted { model }),
        EventBody::ItemStarted { item } => Body::ItemStarted(v1::ItemStarted {
            item_id: item.to_string(),
        }),
        EventBody::ItemCompleted {
            item,
            text,
            reasoning,
        } => Body::ItemCompleted(v1::ItemCompleted {
            item_id: item.to_string(),
            text,
            reasoning,
        }),
        EventBody::TurnCompleted {
            status,
            usage,
            model_used,
            elapsed_ms,
            ttft_ms,
            error_code,
            error_message,
        } => Body::TurnCompleted(v1::TurnCompleted {
            status: to_turn_status(status).into(),
            usage: Some(convert::usage(usage)),
            model_used,
            elapsed_ms,
            error_code: error_code
                .map(|code| code.as_str().to_owned())
                .unwrap_or_default(),
            error_message,
            ttft_ms,
        }),
    }
}

const fn to_turn_status(status: TurnStatus) -> v1::TurnStatus {
    match status {
        TurnStatus::Completed => v1::TurnStatus::Completed,
        TurnStatus::Truncated => v1::TurnStatus::Truncated,
        TurnStatus::Interrupted => v1::TurnStatus::Interrupted,
        TurnStatus::Failed => v1::TurnStatus::Failed,
        TurnStatus::Refused => v1::TurnStatus::Refused,
        TurnStatus::Lost => v1::TurnStatus::Lost,
    }
}
