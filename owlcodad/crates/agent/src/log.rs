//! The durable side of a session: its log, and what follows from it.

use std::sync::Arc;

use owlcoda_store::{SessionMeta, Sessions, StoreError};
use owlcoda_types::{Clock, SessionId, TurnId, UnixMs, Usage, clip, printable};

use crate::AgentError;
use crate::conversation::Conversation;
use crate::event::{Event, EventBody, TurnStatus};
use crate::hub::Submitted;
use crate::recent::Recent;

/// Events that are read at a time.
pub(crate) const PAGE_EVENTS: usize = 128;

/// Longest title, in characters.
const MAX_TITLE_CHARS: usize = 60;

/// A session as far as it is written down.
#[derive(Debug)]
pub(crate) struct SessionLog {
    store: Sessions,
    clock: Arc<dyn Clock>,
    meta: SessionMeta,
    conversation: Conversation,
    submitted: Recent<Submitted, 64>,
}

impl SessionLog {
    /// Makes a session; durable on return.
    pub(crate) async fn create(
        store: &Sessions,
        clock: &dyn Clock,
        model: String,
    ) -> Result<SessionMeta, StoreError> {
        let at_ms = clock.now_ms();
        let mut meta = SessionMeta {
            id: SessionId::generate(),
            title: String::new(),
            model: model.clone(),
            created_at_ms: at_ms,
            updated_at_ms: at_ms,
            head_seq: 0,
            n_turns: 0,
            usage: Usage::default(),
        };
        let body = EventBody::SessionCreated { model };
        let event = Event {
            seq: 1,
            at_ms,
            turn: None,
            body,
        };
        fold(&mut meta, &event);
        store.append(meta.clone(), vec![event.to_stored()]).await?;
        Ok(meta)
    }

    /// Reads session `id`. A turn that no task will end any more is closed as lost: the caller is
    /// the only one who writes to the session.
    pub(crate) async fn load(
        store: Sessions,
        clock: Arc<dyn Clock>,
        id: SessionId,
    ) -> Result<Self, AgentError> {
        let Some(meta) = store.get(id).await? else {
            return Err(AgentError::NotFound { session: id });
        };
        let mut log = Self {
            store,
            clock,
            meta,
            conversation: Conversation::default(),
            submitted: Recent::default(),
        };
        if let Some(open) = log.read().await? {
            log.append(open.turn, vec![open.lost()]).await?;
        }
        Ok(log)
    }

    /// Reads all events; answers with the turn that they leave open.
    async fn read(&mut self) -> Result<Option<OpenTurn>, AgentError> {
        let id = self.meta.id;
        let mut open: Option<OpenTurn> = None;
        let mut last_seq = 0;
        loop {
            let page = self.store.events(id, last_seq, PAGE_EVENTS).await?;
            let Some(last) = page.last() else {
                return Ok(open);
            };
            last_seq = last.seq;
            for stored in &page {
                let event = Event::from_stored(id, stored)?;
                match (&event.body, event.turn) {
                    (EventBody::TurnStarted { .. }, Some(turn)) => {
                        open = Some(OpenTurn {
                            turn,
                            from: event.at_ms,
                            to: event.at_ms,
                        });
                    }
                    (EventBody::TurnCompleted { .. }, _) => open = None,
                    _ => {}
                }
                if let Some(open) = &mut open {
                    open.to = event.at_ms;
                }
                self.take_in(&event);
            }
        }
    }

    /// Appends `bodies` to the log, all or none; durable on return. After an error nobody knows
    /// where the log stands: load it anew.
    pub(crate) async fn append(
        &mut self,
        turn: TurnId,
        bodies: Vec<EventBody>,
    ) -> Result<Vec<Arc<Event>>, StoreError> {
        let at_ms = self.clock.now_ms();
        let mut meta = self.meta.clone();
        let mut events = Vec::with_capacity(bodies.len());
        for body in bodies {
            let turn = body.is_in_turn().then_some(turn);
            let event = Event {
                seq: meta.head_seq + 1,
                at_ms,
                turn,
                body,
            };
            fold(&mut meta, &event);
            events.push(Arc::new(event));
        }
        let stored = events.iter().map(|event| event.to_stored()).collect();
        self.store.append(meta.clone(), stored).await?;
        self.meta = meta;
        for event in &events {
            self.take_in(event);
        }
        Ok(events)
    }

    /// The state of the session.
    pub(crate) const fn meta(&self) -> &SessionMeta {
        &self.meta
    }

    /// What was said.
    pub(crate) const fn conversation(&self) -> &Conversation {
        &self.conversation
    }

    /// What the last requests with a name were answered.
    pub(crate) const fn submitted(&self) -> &Recent<Submitted, 64> {
        &self.submitted
    }

    /// Where its events are.
    pub(crate) const fn store(&self) -> &Sessions {
        &self.store
    }

    fn take_in(&mut self, event: &Event) {
        self.conversation.apply(&event.body);
        if let (EventBody::InputAdmitted { request_id, .. }, Some(turn)) = (&event.body, event.turn)
        {
            self.submitted.keep(
                request_id,
                Submitted {
                    turn,
                    seq: event.seq,
                },
            );
        }
    }
}

/// A turn without an end.
#[derive(Clone, Copy, Debug)]
struct OpenTurn {
    turn: TurnId,
    from: UnixMs,
    to: UnixMs,
}

impl OpenTurn {
    fn lost(self) -> EventBody {
        EventBody::TurnCompleted {
            status: TurnStatus::Lost,
            usage: Usage::default(),
            model_used: String::new(),
            elapsed_ms: u64::try_from(self.to.saturating_sub(self.from)).unwrap_or(0),
            ttft_ms: None,
            error_code: None,
            error_message: String::new(),
        }
    }
}

/// What an event makes of the session's state.
fn fold(meta: &mut SessionMeta, event: &Event) {
    meta.head_seq = event.seq;
    meta.updated_at_ms = event.at_ms;
    match &event.body {
        EventBody::ModelChanged { model } => meta.model.clone_from(model),
        EventBody::InputAdmitted { text, .. } if meta.title.is_empty() => meta.title = title(text),
        EventBody::TurnStarted { .. } => meta.n_turns = meta.n_turns.saturating_add(1),
        EventBody::TurnCompleted { usage, .. } => meta.usage += *usage,
        EventBody::SessionCreated { .. }
        | EventBody::InputAdmitted { .. }
        | EventBody::ItemStarted { .. }
        | EventBody::ItemCompleted { .. } => {}
    }
}

/// The first words of an input, on one line.
fn title(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if line.len() > 4 * MAX_TITLE_CHARS {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&clip(word, MAX_TITLE_CHARS));
    }
    printable(&clip(&line, MAX_TITLE_CHARS)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_the_first_words_on_one_line() {
        assert_eq!(
            title("  Why is\n\tthe sky\u{1b}blue? "),
            "Why is the sky blue?"
        );
        let long = title(&"word ".repeat(100_000));
        assert_eq!((long.chars().count(), long.chars().last()), (61, Some('…')));
    }
}
