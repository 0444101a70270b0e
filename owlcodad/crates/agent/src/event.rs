//! What happens in a session: durable events, and deltas that only live clients see.
//!
//! An event is stored as one JSON document: `{"v":1,"turn":"trn_…","kind":"turn_started",…}`. Its
//! number and time are the store's. Within version 1 fields are only added, with a default.

use owlcoda_store::StoredEvent;
use owlcoda_types::{ErrorCode, ItemId, SessionId, TurnId, UnixMs, Usage};
use serde::{Deserialize, Serialize};

use crate::AgentError;

/// The form in which events are stored.
const VERSION: u32 = 1;

/// A durable event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number within the session, from 1, without gaps.
    pub seq: u64,
    /// When it happened.
    pub at_ms: UnixMs,
    /// The turn that it belongs to, if any.
    pub turn: Option<TurnId>,
    /// What happened.
    pub body: EventBody,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventBody {
    /// The session began. Always the first event.
    SessionCreated {
        /// Name of its model.
        model: String,
    },
    /// The session uses another model from here on.
    ModelChanged {
        /// Name of the model.
        model: String,
    },
    /// The user said something.
    InputAdmitted {
        /// All of it.
        text: String,
        /// The client's name for the request, so that it is carried out once; empty for none.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        request_id: String,
    },
    /// An answer is being made.
    TurnStarted {
        /// The name that was asked for.
        model: String,
    },
    /// The model begins to say something.
    ItemStarted {
        /// Names it.
        item: ItemId,
    },
    /// What the model said, whole or as far as it came.
    ItemCompleted {
        /// Names it.
        item: ItemId,
        /// What it said.
        text: String,
        /// What it thought; never sent back to a model.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reasoning: String,
    },
    /// The turn is over.
    TurnCompleted {
        /// How it ended.
        status: TurnStatus,
        /// What it cost, as far as it was counted.
        usage: Usage,
        /// Id of the model that answered; empty where none was reached.
        model_used: String,
        /// From the input to the end.
        elapsed_ms: u64,
        /// From the input to the first word or thought.
        #[serde(default)]
        ttft_ms: Option<u64>,
        /// Why it failed.
        #[serde(default)]
        error_code: Option<ErrorCode>,
        /// The same for a person; empty unless it failed.
        #[serde(default)]
        error_message: String,
    },
}

impl EventBody {
    /// Whether it belongs to a turn; the others are about the session.
    pub(crate) const fn is_in_turn(&self) -> bool {
        !matches!(
            self,
            Self::SessionCreated { .. } | Self::ModelChanged { .. }
        )
    }
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnStatus {
    /// The model said all that it had to say.
    Completed,
    /// The answer reached a limit of its length.
    Truncated,
    /// The user ended it, or the daemon was shut down.
    Interrupted,
    /// The call of the model failed.
    Failed,
    /// The model, or a filter of its server, declined.
    Refused,
    /// The daemon died during the turn.
    Lost,
}

/// Which of an item's texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// What the model says.
    Text,
    /// What the model thinks.
    Reasoning,
}

/// Text of an item that is not complete. Not stored; the item's end repeats it whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// The item.
    pub item: ItemId,
    /// Which of its texts.
    pub channel: Channel,
    /// Bytes of this channel that came before.
    pub offset: usize,
    /// What is new.
    pub text: String,
}

#[derive(Serialize)]
struct Written<'a> {
    v: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    turn: Option<TurnId>,
    #[serde(flatten)]
    body: &'a EventBody,
}

#[derive(Deserialize)]
struct Read {
    v: u32,
    #[serde(default)]
    turn: Option<TurnId>,
    #[serde(flatten)]
    body: EventBody,
}

/// Every version has this much.
#[derive(Deserialize)]
struct Version {
    v: u32,
}

impl Event {
    /// The event as the store keeps it.
    pub(crate) fn to_stored(&self) -> StoredEvent {
        let written = Written {
            v: VERSION,
            turn: self.turn,
            body: &self.body,
        };
        // Cannot fail: every key is a string and nothing is written outside memory.
        let body = serde_json::to_vec(&written).unwrap_or_default();
        StoredEvent {
            seq: self.seq,
            at_ms: self.at_ms,
            body,
        }
    }

    /// The event that the store kept for `session`.
    ///
    /// # Errors
    ///
    /// `Unreadable` where the document is of a newer version or is none of ours.
    pub(crate) fn from_stored(
        session: SessionId,
        stored: &StoredEvent,
    ) -> Result<Self, AgentError> {
        let reason = match serde_json::from_slice(&stored.body) {
            Ok(Read {
                v: VERSION,
                turn,
                body,
            }) => {
                return Ok(Self {
                    seq: stored.seq,
                    at_ms: stored.at_ms,
                    turn,
                    body,
                });
            }
            Ok(Read { v, .. }) => newer(v),
            Err(error) => match serde_json::from_slice(&stored.body) {
                Ok(Version { v }) if v != VERSION => newer(v),
                _ => error.to_string(),
            },
        };
        Err(AgentError::Unreadable {
            session,
            seq: stored.seq,
            reason,
        })
    }
}

fn newer(version: u32) -> String {
    format!("it has version {version}, this program knows version {VERSION}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_survives_the_store() {
        let (item, turn) = (ItemId::generate(), TurnId::generate());
        let usage = Usage {
            input_tokens: 7,
            output_tokens: 9,
            ..Usage::default()
        };
        let bodies = [
            EventBody::SessionCreated {
                model: "small".to_owned(),
            },
            EventBody::ModelChanged {
                model: "large".to_owned(),
            },
            EventBody::InputAdmitted {
                text: "hi \u{1b}".to_owned(),
                request_id: "r".to_owned(),
            },
            EventBody::TurnStarted {
                model: "large".to_owned(),
            },
            EventBody::ItemStarted { item },
            EventBody::ItemCompleted {
                item,
                text: "ho".to_owned(),
                reasoning: "hm".to_owned(),
            },
            EventBody::TurnCompleted {
                status: TurnStatus::Failed,
                usage,
                model_used: "large".to_owned(),
                elapsed_ms: 3,
                ttft_ms: Some(1),
                error_code: Some(ErrorCode::Timeout),
                error_message: "too slow".to_owned(),
            },
        ];
        for (seq, body) in (1..).zip(bodies) {
            let event = Event {
                seq,
                at_ms: 5,
                turn: (seq > 2).then_some(turn),
                body,
            };
            let read = Event::from_stored(SessionId::generate(), &event.to_stored()).unwrap();
            assert_eq!(read, event);
        }
    }

    #[test]
    fn the_stored_form_is_a_document_that_says_its_version_and_kind() {
        let body = EventBody::InputAdmitted {
            text: "hi".to_owned(),
            request_id: String::new(),
        };
        let stored = Event {
            seq: 1,
            at_ms: 5,
            turn: None,
            body,
        }
        .to_stored();
        let text = String::from_utf8(stored.body).unwrap();
        assert_eq!(text, r#"{"v":1,"kind":"input_admitted","text":"hi"}"#);
    }

    #[test]
    fn an_event_of_a_newer_version_is_refused_by_its_version() {
        let session = SessionId::generate();
        for (body, expected) in [
            (
                r#"{"v":2,"kind":"turn_started","model":"m"}"#,
                "it has version 2",
            ),
            (r#"{"v":2,"shape":"new"}"#, "it has version 2"),
            (r#"{"v":1,"kind":"danced"}"#, "danced"),
            ("[]", "invalid type"),
        ] {
            let stored = StoredEvent {
                seq: 4,
                at_ms: 0,
                body: body.as_bytes().to_vec(),
            };
            let error = Event::from_stored(session, &stored)
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("event 4") && error.contains(expected),
                "{body}: {error}"
            );
        }
    }
}
