//! What was said in a conversation, read from its event log.

use jiff::tz::TimeZone;
use owlcoda_proto::v1::event::Body;
use owlcoda_proto::v1::frame::Frame as Kind;
use owlcoda_proto::v1::{AttachRequest, Event, SessionInfo, TurnStatus};
use owlcoda_proto::{Client, printable};
use serde::Serialize;

use super::Entry;
use crate::commands::models::some;
use crate::error::CommandError;
use crate::quantity;

/// A conversation and everything that happened in it.
#[derive(Serialize)]
pub(super) struct Conversation<'a> {
    session: Entry<'a>,
    events: Vec<Happened<'a>>,
}

#[derive(Serialize)]
struct Happened<'a> {
    seq: u64,
    at: Option<String>,
    /// Null outside a turn.
    turn_id: Option<&'a str>,
    #[serde(flatten)]
    what: What<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum What<'a> {
    SessionCreated {
        model: &'a str,
    },
    ModelChanged {
        model: &'a str,
    },
    Input {
        text: &'a str,
    },
    TurnStarted {
        model: &'a str,
    },
    AnswerStarted {
        item_id: &'a str,
    },
    Answer {
        item_id: &'a str,
        text: &'a str,
        reasoning: Option<&'a str>,
    },
    TurnEnded {
        status: String,
        model_used: Option<&'a str>,
        elapsed_secs: f64,
        ttft_secs: Option<f64>,
        error_code: Option<&'a str>,
        error_message: Option<&'a str>,
    },
    /// Of a daemon that is newer than this program.
    Unknown,
}

impl<'a> Conversation<'a> {
    pub(super) fn of(session: &'a SessionInfo, events: &'a [Event]) -> Self {
        let happened = events.iter().map(|event| Happened {
            seq: event.seq,
            at: quantity::rfc_3339(event.at_ms),
            turn_id: some(&event.turn_id),
            what: what(event.body.as_ref()),
        });
        Self {
            session: session.into(),
            events: happened.collect(),
        }
    }
}

fn what(body: Option<&Body>) -> What<'_> {
    match body {
        None => What::Unknown,
        Some(Body::SessionCreated(it)) => What::SessionCreated { model: &it.model },
        Some(Body::ModelChanged(it)) => What::ModelChanged { model: &it.model },
        Some(Body::InputAdmitted(it)) => What::Input { text: &it.text },
        Some(Body::TurnStarted(it)) => What::TurnStarted { model: &it.model },
        Some(Body::ItemStarted(it)) => What::AnswerStarted {
            item_id: &it.item_id,
        },
        Some(Body::ItemCompleted(it)) => What::Answer {
            item_id: &it.item_id,
            text: &it.text,
            reasoning: some(&it.reasoning),
        },
        Some(Body::TurnCompleted(it)) => What::TurnEnded {
            status: word(it.status()),
            model_used: some(&it.model_used),
            elapsed_secs: quantity::secs(it.elapsed_ms),
            ttft_secs: it.ttft_ms.map(quantity::secs),
            error_code: some(&it.error_code),
            error_message: some(&it.error_message),
        },
    }
}

/// `completed`, `interrupted` and so on.
fn word(status: TurnStatus) -> String {
    let name = status.as_str_name();
    let name = name.strip_prefix("TURN_STATUS_").unwrap_or(name);
    name.to_lowercase()
}

/// Every event so far. What is said meanwhile is not waited for.
pub(super) async fn events(client: &Client, session_id: &str) -> Result<Vec<Event>, CommandError> {
    let request = AttachRequest {
        session_id: session_id.to_owned(),
        after_seq: 0,
    };
    let mut frames = client.events().attach(request).await?.into_inner();
    let mut events = Vec::new();
    while let Some(frame) = frames.message().await? {
        match frame.frame {
            Some(Kind::Event(event)) => events.push(event),
            Some(Kind::Live(_)) => break,
            _ => {}
        }
    }
    Ok(events)
}

/// What was said, for a person: inputs after `>`, answers as they are, and how turns ended that did not
/// end well.
pub(super) fn text(session: &SessionInfo, events: &[Event], zone: &TimeZone) -> String {
    let mut text = format!(
        "{}  {}  {}\n",
        session.session_id,
        quantity::local_time(session.created_at_ms, zone),
        printable(&session.model),
    );
    for event in events {
        match &event.body {
            Some(Body::InputAdmitted(input)) => {
                text.push('\n');
                for line in input.text.lines() {
                    for part in ["> ", &*printable(line), "\n"] {
                        text.push_str(part);
                    }
                }
            }
            Some(Body::ItemCompleted(answer)) => {
                text.push('\n');
                for line in answer.text.lines() {
                    text.push_str(&printable(line));
                    text.push('\n');
                }
            }
            Some(Body::TurnCompleted(turn)) if turn.status() != TurnStatus::Completed => {
                let words = printable(&turn.error_message);
                let colon = if words.is_empty() { "" } else { ": " };
                for part in ["  ! ", &*word(turn.status()), colon, &*words, "\n"] {
                    text.push_str(part);
                }
            }
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use owlcoda_proto::v1::{InputAdmitted, ItemCompleted, SessionCreated, TurnCompleted};

    use super::*;
    use crate::document::json;
    use crate::golden;

    fn event(seq: u64, body: Body) -> Event {
        Event {
            seq,
            at_ms: 1_700_000_000_000,
            turn_id: "turn_1".to_owned(),
            body: Some(body),
        }
    }

    #[test]
    fn a_conversation_is_what_was_said_for_people_and_every_event_for_scripts() {
        let session = SessionInfo {
            session_id: "ses_1".to_owned(),
            model: "small".to_owned(),
            created_at_ms: 1_700_000_000_000,
            ..SessionInfo::default()
        };
        let model = "small".to_owned();
        let events = [
            event(1, Body::SessionCreated(SessionCreated { model })),
            event(
                2,
                Body::InputAdmitted(InputAdmitted {
                    text: "two\nlines \u{1b}[2J".to_owned(),
                }),
            ),
            event(
                3,
                Body::ItemCompleted(ItemCompleted {
                    item_id: "item_1".to_owned(),
                    text: "Yes.\n\nNo.".to_owned(),
                    reasoning: "hm".to_owned(),
                }),
            ),
            event(
                4,
                Body::TurnCompleted(TurnCompleted {
                    status: TurnStatus::Failed.into(),
                    elapsed_ms: 1_500,
                    error_code: "upstream_failed".to_owned(),
                    error_message: "it broke".to_owned(),
                    ..TurnCompleted::default()
                }),
            ),
        ];
        golden::check("session", &text(&session, &events, &TimeZone::UTC));
        let document = json("Session", &Conversation::of(&session, &events));
        golden::check("session_json", &document);
    }
}
