//! Decides what happens in a turn: inputs in, effects out.
//!
//! ```text
//!        Submit: input and turn durable, then the model is called
//!  Idle ───────────────────────────────────────────────────────► Running
//!    ▲                                                              │ first word or thought:
//!    │   MessageStop, CallEnded, CallFailed, Interrupt, too long    │ the item begins; then deltas
//!    └──────────────────────────────────────────────────────────────┘
//!        what was said is kept, then the turn completes
//! ```
//!
//! Pure: time and ids are arguments, effects are data. Knows one answer item a turn, because there
//! are no tools yet.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use owlcoda_types::{ErrorCode, ItemId, TurnId, Usage, clip, printable};
use owlcoda_wire::anthropic::{Delta as Growth, StopReason, StreamEvent};

use crate::event::{Channel, Delta, EventBody, TurnStatus};

/// Most bytes of an answer, words and thoughts together. With every byte escaped it still is an
/// event that the store takes.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Most characters of an error that are kept for a person.
const MAX_ERROR_CHARS: usize = 1000;

/// What a turn hears.
#[derive(Debug)]
pub(crate) enum Input {
    /// The user says something. Only while no turn runs.
    Submit(Submit),
    /// The model server sent something.
    Call(StreamEvent),
    /// The call has no answer, or the answer broke off.
    CallFailed {
        /// What it amounts to.
        code: ErrorCode,
        /// For a person.
        message: String,
    },
    /// The answer is over.
    CallEnded,
    /// The user, or a shutdown, ends the turn.
    Interrupt,
}

/// An input of the user, and the ids for what follows from it.
#[derive(Debug)]
pub(crate) struct Submit {
    /// What the user says.
    pub(crate) text: String,
    /// The client's name for the request; may be empty.
    pub(crate) request_id: String,
    /// Name of the model to ask.
    pub(crate) model: String,
    /// Whether the session used another model before.
    pub(crate) is_model_new: bool,
    /// Names the turn.
    pub(crate) turn: TurnId,
    /// Names the answer.
    pub(crate) item: ItemId,
}

/// What is to be done, in this order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Make these events durable, all or none, then show them.
    Append {
        /// Their turn.
        turn: TurnId,
        /// In order.
        events: Vec<EventBody>,
    },
    /// Ask the model.
    Call,
    /// Close the connection to the model server.
    CancelCall,
    /// Show this.
    Delta(Delta),
}

/// The turn of a session, running or not.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    id: TurnId,
    item: ItemId,
    started: Instant,
    ttft: Option<Duration>,
    text: String,
    reasoning: String,
    model_used: String,
    usage: Usage,
    stop: Option<StopReason>,
}

/// Why a turn ends.
enum End {
    Answered(TurnStatus),
    Interrupted,
    Failed(ErrorCode, String),
}

impl Turn {
    /// The turn that runs.
    pub(crate) fn running(&self) -> Option<TurnId> {
        self.running.as_ref().map(|running| running.id)
    }

    /// What the open item holds already, a delta for each channel that holds anything.
    pub(crate) fn snapshots(&self) -> Vec<Delta> {
        let Some(running) = &self.running else {
            return Vec::new();
        };
        [
            (Channel::Reasoning, &running.reasoning),
            (Channel::Text, &running.text),
        ]
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(channel, text)| Delta {
            item: running.item,
            channel,
            offset: 0,
            text: text.clone(),
        })
        .collect()
    }

    /// Hears `input` and adds what is to be done to `effects`. An input that does not fit the state
    /// changes nothing: the end of a call may arrive after the end of its turn.
    pub(crate) fn on(&mut self, input: Input, now: Instant, effects: &mut Vec<Effect>) {
        match (input, &mut self.running) {
            (Input::Submit(submit), running @ None) => *running = Some(start(submit, now, effects)),
            (Input::Call(event), Some(running)) => {
                if let Some(end) = running.hear(event, now, effects) {
                    self.end(end, now, effects);
                }
            }
            (Input::CallEnded, Some(running)) => {
                let end = running.stopped();
                self.end(end, now, effects);
            }
            // The model call learns of a shutdown by itself, maybe before we do.
            (
                Input::CallFailed {
                    code: ErrorCode::ShuttingDown,
                    ..
                },
                Some(_),
            ) => {
                self.end(End::Interrupted, now, effects);
            }
            (Input::CallFailed { code, message }, Some(_)) => {
                self.end(End::Failed(code, message), now, effects);
            }
            (Input::Interrupt, Some(_)) => {
                effects.push(Effect::CancelCall);
                self.end(End::Interrupted, now, effects);
            }
            (Input::Submit(_), Some(_))
            | (
                Input::Call(_) | Input::CallEnded | Input::CallFailed { .. } | Input::Interrupt,
                None,
            ) => {}
        }
    }

    fn end(&mut self, end: End, now: Instant, effects: &mut Vec<Effect>) {
        if let Some(running) = self.running.take() {
            let turn = running.id;
            effects.push(Effect::Append {
                turn,
                events: running.complete(end, now),
            });
        }
    }
}

fn start(submit: Submit, now: Instant, effects: &mut Vec<Effect>) -> Running {
    let Submit {
        text,
        request_id,
        model,
        is_model_new,
        turn,
        item,
    } = submit;
    let mut events = Vec::with_capacity(3);
    if is_model_new {
        events.push(EventBody::ModelChanged {
            model: model.clone(),
        });
    }
    events.push(EventBody::InputAdmitted { text, request_id });
    events.push(EventBody::TurnStarted { model });
    effects.push(Effect::Append { turn, events });
    effects.push(Effect::Call);
    Running {
        id: turn,
        item,
        started: now,
        ttft: None,
        text: String::new(),
        reasoning: String::new(),
        model_used: String::new(),
        usage: Usage::default(),
        stop: None,
    }
}

impl Running {
    /// Takes an event in; answers whether the turn is over.
    fn hear(&mut self, event: StreamEvent, now: Instant, effects: &mut Vec<Effect>) -> Option<End> {
        match event {
            StreamEvent::MessageStart { model, usage, .. } => {
                self.model_used = model;
                self.usage = usage;
                None
            }
            StreamEvent::ContentBlockDelta {
                delta: Growth::Text(more),
                ..
            } => self.grow(Channel::Text, more, now, effects),
            StreamEvent::ContentBlockDelta {
                delta: Growth::Thinking(more),
                ..
            } => self.grow(Channel::Reasoning, more, now, effects),
            StreamEvent::MessageDelta {
                stop_reason, usage, ..
            } => {
                self.stop = Some(stop_reason);
                self.usage = usage;
                None
            }
            StreamEvent::MessageStop => Some(self.stopped()),
            StreamEvent::Error { message, .. } => {
                Some(End::Failed(ErrorCode::BadUpstream, message))
            }
            // Tools are not offered, and the proof of a thought means nothing to another server.
            StreamEvent::ContentBlockDelta {
                delta: Growth::InputJson(_) | Growth::Signature(_),
                ..
            }
            | StreamEvent::ContentBlockStart { .. }
            | StreamEvent::ContentBlockStop { .. }
            | StreamEvent::Ping => None,
        }
    }

    fn grow(
        &mut self,
        channel: Channel,
        more: String,
        now: Instant,
        effects: &mut Vec<Effect>,
    ) -> Option<End> {
        if more.is_empty() {
            return None;
        }
        let n_bytes = self.text.len() + self.reasoning.len();
        if n_bytes + more.len() > MAX_ANSWER_BYTES {
            effects.push(Effect::CancelCall);
            return Some(End::Answered(TurnStatus::Truncated));
        }
        if self.ttft.is_none() {
            self.ttft = Some(now.saturating_duration_since(self.started));
            let events = vec![EventBody::ItemStarted { item: self.item }];
            effects.push(Effect::Append {
                turn: self.id,
                events,
            });
        }
        let so_far = match channel {
            Channel::Text => &mut self.text,
            Channel::Reasoning => &mut self.reasoning,
        };
        let offset = so_far.len();
        so_far.push_str(&more);
        match effects.last_mut() {
            // What arrives together is shown together.
            Some(Effect::Delta(last)) if last.channel == channel => last.text.push_str(&more),
            _ => effects.push(Effect::Delta(Delta {
                item: self.item,
                channel,
                offset,
                text: more,
            })),
        }
        None
    }

    /// How the turn ends now that the model server has no more to say.
    fn stopped(&self) -> End {
        match self.stop {
            Some(StopReason::MaxTokens | StopReason::ModelContextWindowExceeded) => {
                End::Answered(TurnStatus::Truncated)
            }
            Some(StopReason::Refusal) => End::Answered(TurnStatus::Refused),
            Some(
                StopReason::EndTurn
                | StopReason::StopSequence
                | StopReason::ToolUse
                | StopReason::PauseTurn,
            ) => End::Answered(TurnStatus::Completed),
            None => End::Failed(
                ErrorCode::BadUpstream,
                "the answer ended without saying why".to_owned(),
            ),
        }
    }

    fn complete(self, end: End, now: Instant) -> Vec<EventBody> {
        let mut events = Vec::with_capacity(2);
        if !(self.text.is_empty() && self.reasoning.is_empty()) {
            let Self {
                item,
                text,
                reasoning,
                ..
            } = self;
            events.push(EventBody::ItemCompleted {
                item,
                text,
                reasoning,
            });
        }
        let (status, error) = match end {
            End::Answered(status) => (status, None),
            End::Interrupted => (TurnStatus::Interrupted, None),
            End::Failed(code, message) => (TurnStatus::Failed, Some((code, message))),
        };
        let (error_code, error_message) = match error {
            Some((code, message)) => {
                let message = clip(&message, MAX_ERROR_CHARS);
                (Some(code), printable(&message).into_owned())
            }
            None => (None, String::new()),
        };
        events.push(EventBody::TurnCompleted {
            status,
            usage: self.usage,
            model_used: self.model_used,
            elapsed_ms: millis(now.saturating_duration_since(self.started)),
            ttft_ms: self.ttft.map(millis),
            error_code,
            error_message,
        });
        events
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
