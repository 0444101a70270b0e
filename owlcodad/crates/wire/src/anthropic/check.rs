//! Checks that a stream of events keeps the API's order.
//!
//! ```text
//! [ping] message_start ( block_start delta* block_stop )* message_delta message_stop
//! ```
//!
//! One block is open at a time, indices count up from 0, pings may come anywhere
//! before the end, and an error may end the stream at any point.

use super::event::{BlockStart, Delta, StreamEvent};

/// How a stream breaks the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{event}` may not come {state}")]
pub struct CheckError {
    event: &'static str,
    state: &'static str,
}

/// Follows one stream.
#[derive(Debug, Default)]
pub struct StreamCheck {
    state: State,
    next_index: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Before,
    Between,
    Text,
    Thinking,
    ToolUse,
    AfterDelta,
    Ended,
}

impl StreamCheck {
    /// A check that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next event.
    pub fn on(&mut self, event: &StreamEvent) -> Result<(), CheckError> {
        self.state = self.next(event).ok_or(CheckError {
            event: event.name(),
            state: self.state.describe(),
        })?;
        Ok(())
    }

    /// Whether the last event has come.
    pub fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    fn next(&mut self, event: &StreamEvent) -> Option<State> {
        Some(match (self.state, event) {
            (State::Ended, _) => return None,
            (state, StreamEvent::Ping) => state,
            (_, StreamEvent::Error { .. }) => State::Ended,
            (State::Before, StreamEvent::MessageStart { .. }) => State::Between,
            (State::Between, StreamEvent::ContentBlockStart { index, block }) => {
                if *index != self.next_index {
                    return None;
                }
                match block {
                    BlockStart::Text => State::Text,
                    BlockStart::Thinking => State::Thinking,
                    BlockStart::ToolUse { .. } => State::ToolUse,
                }
            }
            (state, StreamEvent::ContentBlockDelta { index, delta }) => {
                let fits = matches!(
                    (state, delta),
                    (State::Text, Delta::Text(_))
                        | (State::Thinking, Delta::Thinking(_) | Delta::Signature(_))
                        | (State::ToolUse, Delta::InputJson(_))
                );
                if !fits || *index != self.next_index {
                    return None;
                }
                state
            }
            (
                State::Text | State::Thinking | State::ToolUse,
                StreamEvent::ContentBlockStop { index },
            ) => {
                if *index != self.next_index {
                    return None;
                }
                self.next_index += 1;
                State::Between
            }
            (State::Between, StreamEvent::MessageDelta { .. }) => State::AfterDelta,
            (State::AfterDelta, StreamEvent::MessageStop) => State::Ended,
            _ => return None,
        })
    }
}

impl State {
    const fn describe(self) -> &'static str {
        match self {
            Self::Before => "before the message starts",
            Self::Between => "between two blocks, or with that index",
            Self::Text => "in a text block, or with that index",
            Self::Thinking => "in a thinking block, or with that index",
            Self::ToolUse => "in a tool block, or with that index",
            Self::AfterDelta => "after the message delta",
            Self::Ended => "after the end",
        }
    }
}
