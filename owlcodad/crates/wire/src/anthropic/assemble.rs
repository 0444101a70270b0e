//! Puts the events of a stream together to an answer in one piece.

use owlcoda_types::Usage;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::event::{BlockStart, Delta, StreamEvent};
use super::response::{Response, ResponseBlock, StopReason};

/// Collects events. Feed it every event of one stream, in order.
#[derive(Debug, Default)]
pub struct Assembler {
    id: String,
    model: String,
    content: Vec<ResponseBlock>,
    /// The JSON text of the open tool call.
    input: String,
    usage: Usage,
    stop: Option<(StopReason, Option<String>)>,
}

impl Assembler {
    /// An assembler that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next event. Errors and pings change nothing.
    pub fn push(&mut self, event: StreamEvent) {
        match event {
            StreamEvent::MessageStart { id, model, usage } => {
                (self.id, self.model, self.usage) = (id, model, usage);
            }
            StreamEvent::ContentBlockStart { block, .. } => {
                self.input.clear();
                self.content.push(match block {
                    BlockStart::Text => ResponseBlock::Text {
                        text: String::new(),
                    },
                    BlockStart::Thinking => ResponseBlock::Thinking {
                        thinking: String::new(),
                        signature: String::new(),
                    },
                    BlockStart::ToolUse { id, name } => ResponseBlock::ToolUse {
                        id,
                        name,
                        input: empty_object(),
                    },
                });
            }
            StreamEvent::ContentBlockDelta { delta, .. } => self.grow(&delta),
            StreamEvent::ContentBlockStop { .. } => {
                if let Some(ResponseBlock::ToolUse { input, .. }) = self.content.last_mut() {
                    *input = object_of(&self.input);
                }
            }
            StreamEvent::MessageDelta {
                stop_reason,
                stop_sequence,
                usage,
            } => {
                self.stop = Some((stop_reason, stop_sequence));
                self.usage = usage;
            }
            StreamEvent::Ping | StreamEvent::MessageStop | StreamEvent::Error { .. } => {}
        }
    }

    /// The answer, if the stream said why it ends.
    pub fn finish(self) -> Option<Response> {
        let (stop_reason, stop_sequence) = self.stop?;
        Some(Response {
            id: self.id,
            model: self.model,
            content: self.content,
            stop_reason,
            stop_sequence,
            usage: self.usage,
        })
    }

    fn grow(&mut self, delta: &Delta) {
        match (self.content.last_mut(), delta) {
            (Some(ResponseBlock::Text { text }), Delta::Text(more)) => text.push_str(more),
            (Some(ResponseBlock::Thinking { thinking, .. }), Delta::Thinking(more)) => {
                thinking.push_str(more);
            }
            (Some(ResponseBlock::Thinking { signature, .. }), Delta::Signature(more)) => {
                signature.push_str(more);
            }
            (Some(ResponseBlock::ToolUse { .. }), Delta::InputJson(more)) => {
                self.input.push_str(more);
            }
            _ => {}
        }
    }
}

/// The input as an object; what is none is kept as text under `_raw`, so that
/// the caller can see what the model wrote.
fn object_of(json: &str) -> Box<RawValue> {
    if json.trim().is_empty() {
        return empty_object();
    }
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let raw = Box::<RawValue>::deserialize(&mut deserializer)
        .ok()
        .filter(|raw| raw.get().starts_with('{') && deserializer.end().is_ok());
    raw.unwrap_or_else(|| {
        #[derive(serde::Serialize)]
        struct Kept<'a> {
            _raw: &'a str,
        }
        serde_json::value::to_raw_value(&Kept { _raw: json }).unwrap_or_else(|_| empty_object())
    })
}

fn empty_object() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).unwrap_or_default()
}
