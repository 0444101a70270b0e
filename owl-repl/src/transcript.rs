//! Decides what of an attached stream is new, so that each answer is shown exactly once.
//!
//! ```text
//! Frame ──► Transcript ──► Output ──► screen
//!            last_seq       an event at or below it was seen
//!            open items     bytes shown of each; deltas below are old, deltas beyond wait
//! ```
//!
//! Pure. A stream may end anywhere and be attached again with [`Transcript::last_seq`]: what comes
//! twice is dropped, what was missed comes with the snapshot or with the item's end.

use std::collections::BTreeMap;

use owlcoda_proto::v1::event::Body;
use owlcoda_proto::v1::frame::Frame as Kind;
use owlcoda_proto::v1::{Channel, Delta, Event, Frame, TurnCompleted};

/// Something to show or to act on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Output {
    /// What was said to the model, by another client or before we came.
    Input(String),
    /// The next piece of an answer.
    Text(String),
    /// An answer with text is whole.
    AnswerEnded,
    /// The conversation goes on with this model.
    ModelChanged(String),
    /// A turn is over.
    TurnEnded(TurnEnd),
    /// The stream has a hole: attach again with [`Transcript::last_seq`].
    Lost,
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TurnEnd {
    pub(crate) turn_id: String,
    pub(crate) outcome: TurnCompleted,
    /// Whether this was over before we came.
    pub(crate) is_replay: bool,
}

/// What is known of a conversation so far.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    last_seq: u64,
    /// Whether what comes is news, not what was before we came.
    is_live: bool,
    running_turn_id: Option<String>,
    /// Event of the input that was typed here and needs no echo; 0 for none.
    own_input_seq: u64,
    /// Bytes of text shown, by the id of the item.
    open_items: BTreeMap<String, usize>,
}

impl Transcript {
    /// A transcript that starts after the event `seq`; 0 for the whole conversation.
    pub(crate) fn starting_after(seq: u64) -> Self {
        Self {
            last_seq: seq,
            ..Self::default()
        }
    }

    /// The last event seen. Attach after this one.
    pub(crate) const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// The turn that runs now.
    pub(crate) fn running_turn_id(&self) -> Option<&str> {
        self.running_turn_id.as_deref()
    }

    /// Whether all is shown and nothing runs: the user's move.
    pub(crate) const fn is_idle(&self) -> bool {
        self.is_live && self.running_turn_id.is_none()
    }

    /// The daemon took an input of ours. Call before the frames that follow from it.
    pub(crate) fn submitted(&mut self, turn_id: String, seq: u64) {
        self.running_turn_id = Some(turn_id);
        self.own_input_seq = seq;
        // What follows was not there when we came, even where no stream is attached yet.
        self.is_live = true;
    }

    /// The daemon says that no turn runs.
    pub(crate) fn nothing_runs(&mut self) {
        self.running_turn_id = None;
        self.open_items.clear();
    }

    /// Takes the next frame of the stream.
    pub(crate) fn on(&mut self, frame: Frame) -> Vec<Output> {
        match frame.frame {
            Some(Kind::Event(event)) => self.on_event(event),
            Some(Kind::Delta(delta) | Kind::Snapshot(delta)) => {
                self.on_delta(&delta).into_iter().collect()
            }
            Some(Kind::Live(_)) => {
                self.is_live = true;
                Vec::new()
            }
            Some(Kind::Heartbeat(beat)) if beat.head_seq > self.last_seq => vec![Output::Lost],
            Some(Kind::Gap(_)) => vec![Output::Lost],
            // `None` is a kind that a newer daemon knows.
            Some(Kind::Ack(_) | Kind::Heartbeat(_)) | None => Vec::new(),
        }
    }

    fn on_event(&mut self, event: Event) -> Vec<Output> {
        if event.seq <= self.last_seq {
            return Vec::new();
        }
        self.last_seq = event.seq;
        match event.body {
            Some(Body::InputAdmitted(input)) if event.seq != self.own_input_seq => {
                vec![Output::Input(input.text)]
            }
            Some(Body::ModelChanged(change)) => vec![Output::ModelChanged(change.model)],
            Some(Body::TurnStarted(_)) => {
                self.running_turn_id = Some(event.turn_id);
                Vec::new()
            }
            Some(Body::ItemStarted(item)) => {
                self.open_items.entry(item.item_id).or_default();
                Vec::new()
            }
            Some(Body::ItemCompleted(item)) => {
                let n_shown = self.open_items.remove(&item.item_id).unwrap_or(0);
                let rest = item.text.get(n_shown..).filter(|rest| !rest.is_empty());
                let mut outputs: Vec<Output> = rest
                    .map(|rest| Output::Text(rest.to_owned()))
                    .into_iter()
                    .collect();
                if n_shown > 0 || !outputs.is_empty() {
                    outputs.push(Output::AnswerEnded);
                }
                outputs
            }
            Some(Body::TurnCompleted(outcome)) => {
                self.nothing_runs();
                vec![Output::TurnEnded(TurnEnd {
                    turn_id: event.turn_id,
                    outcome,
                    is_replay: !self.is_live,
                })]
            }
            Some(Body::SessionCreated(_) | Body::InputAdmitted(_)) | None => Vec::new(),
        }
    }

    /// What `delta` adds to the text that is shown; nothing where it is old, or where bytes before
    /// it are missing: those come with a snapshot or with the item's end.
    fn on_delta(&mut self, delta: &Delta) -> Option<Output> {
        if delta.channel() != Channel::Text {
            return None;
        }
        let n_shown = self.open_items.get_mut(&delta.item_id)?;
        let n_old = n_shown.checked_sub(usize::try_from(delta.offset).ok()?)?;
        let new = delta.text.get(n_old..).filter(|new| !new.is_empty())?;
        *n_shown += new.len();
        Some(Output::Text(new.to_owned()))
    }
}

#[cfg(test)]
mod tests;
