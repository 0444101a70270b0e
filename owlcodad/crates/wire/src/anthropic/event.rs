//! Events of a streamed answer, and how they are written.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};
use owlcoda_types::{ErrorCode, Usage};
use serde::Serialize;
use serde_json::value::RawValue;

use super::response::{StopReason, UsageBody};
use crate::json;

/// One event of a streamed answer.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamEvent {
    /// The answer begins. Comes once, before all but pings.
    MessageStart {
        /// `msg_…`.
        id: String,
        /// The name that the caller asked for.
        model: String,
        /// Tokens of the prompt, known or estimated.
        usage: Usage,
    },
    /// The answer is still being made.
    Ping,
    /// A block begins; only one is open at a time.
    ContentBlockStart {
        /// From 0, without gaps.
        index: usize,
        /// What kind of block.
        block: BlockStart,
    },
    /// The open block grows.
    ContentBlockDelta {
        /// The open block's.
        index: usize,
        /// By what.
        delta: Delta,
    },
    /// The open block ends.
    ContentBlockStop {
        /// The open block's.
        index: usize,
    },
    /// Why the answer ends, and what it cost.
    MessageDelta {
        /// Why.
        stop_reason: StopReason,
        /// Which stop sequence was met, if that is why.
        stop_sequence: Option<String>,
        /// The whole cost.
        usage: Usage,
    },
    /// The answer is whole. The last event.
    MessageStop,
    /// The answer breaks off. The last event.
    Error {
        /// One of the API's error types.
        error_type: Cow<'static, str>,
        /// For a person.
        message: String,
    },
}

/// How a block begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockStart {
    /// Text, empty so far.
    Text,
    /// Thinking, empty so far.
    Thinking,
    /// A tool call, its input to follow.
    ToolUse {
        /// What its result will refer to.
        id: String,
        /// Which tool.
        name: String,
    },
}

/// What a block grows by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delta {
    /// Text.
    Text(String),
    /// Thinking.
    Thinking(String),
    /// A piece of the JSON text of a tool's input.
    InputJson(String),
    /// The proof of a thinking block.
    Signature(String),
}

impl Delta {
    /// Writes the whole event, by hand: of a long answer nearly all are of this kind.
    fn write(&self, index: usize, out: &mut BytesMut) {
        let (kind, key, text) = match self {
            Self::Text(text) => ("text_delta", "text", text),
            Self::Thinking(text) => ("thinking_delta", "thinking", text),
            Self::InputJson(text) => ("input_json_delta", "partial_json", text),
            Self::Signature(text) => ("signature_delta", "signature", text),
        };
        out.reserve(text.len() + 96);
        out.put_slice(br#"{"type":"content_block_delta","index":"#);
        let _ = serde_json::to_writer(out.writer(), &index);
        for part in [r#","delta":{"type":""#, kind, r#"",""#, key, r#"":"#] {
            out.put_slice(part.as_bytes());
        }
        json::put_str(out, text);
        out.put_slice(b"}}");
    }
}

impl StreamEvent {
    /// The error event for a failure in the middle of an answer.
    pub fn error(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Error {
            error_type: Cow::Borrowed(code.anthropic_type()),
            message: message.into(),
        }
    }

    /// The event's name, which is also its `type`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::MessageStart { .. } => "message_start",
            Self::Ping => "ping",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop => "message_stop",
            Self::Error { .. } => "error",
        }
    }

    /// Writes the whole SSE frame.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_slice(b"event: ");
        out.put_slice(self.name().as_bytes());
        out.put_slice(b"\ndata: ");
        match self.body() {
            // Cannot fail: the writer grows and every key is a string.
            Ok(body) => drop(serde_json::to_writer(out.writer(), &body)),
            Err((index, delta)) => delta.write(index, out),
        }
        out.put_slice(b"\n\n");
    }

    /// The data, but for deltas, which write themselves.
    fn body(&self) -> Result<Body<'_>, (usize, &Delta)> {
        Ok(match self {
            Self::ContentBlockDelta { index, delta } => return Err((*index, delta)),
            Self::MessageStart { id, model, usage } => Body::MessageStart {
                message: Head {
                    id,
                    kind: "message",
                    role: "assistant",
                    model,
                    content: [],
                    stop_reason: None,
                    stop_sequence: None,
                    usage: UsageBody::from(*usage),
                },
            },
            Self::Ping => Body::Ping,
            Self::ContentBlockStart { index, block } => Body::ContentBlockStart {
                index: *index,
                content_block: match block {
                    BlockStart::Text => StartBody::Text { text: "" },
                    BlockStart::Thinking => StartBody::Thinking {
                        thinking: "",
                        signature: "",
                    },
                    BlockStart::ToolUse { id, name } => StartBody::ToolUse {
                        id,
                        name,
                        input: Empty {},
                    },
                },
            },
            Self::ContentBlockStop { index } => Body::ContentBlockStop { index: *index },
            Self::MessageDelta {
                stop_reason,
                stop_sequence,
                usage,
            } => Body::MessageDelta {
                delta: EndBody {
                    stop_reason: *stop_reason,
                    stop_sequence: stop_sequence.as_deref(),
                },
                usage: UsageBody::from(*usage),
            },
            Self::MessageStop => Body::MessageStop,
            Self::Error {
                error_type,
                message,
            } => Body::Error {
                error: ErrorBody {
                    kind: error_type,
                    message,
                },
            },
        })
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Body<'a> {
    MessageStart {
        message: Head<'a>,
    },
    Ping,
    ContentBlockStart {
        index: usize,
        content_block: StartBody<'a>,
    },
    ContentBlockStop {
        index: usize,
    },
    MessageDelta {
        delta: EndBody<'a>,
        usage: UsageBody,
    },
    MessageStop,
    Error {
        error: ErrorBody<'a>,
    },
}

#[derive(Serialize)]
struct Head<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    model: &'a str,
    content: [(); 0],
    stop_reason: Option<StopReason>,
    stop_sequence: Option<&'a RawValue>,
    usage: UsageBody,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum StartBody<'a> {
    Text {
        text: &'static str,
    },
    Thinking {
        thinking: &'static str,
        signature: &'static str,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: Empty,
    },
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct EndBody<'a> {
    stop_reason: StopReason,
    stop_sequence: Option<&'a str>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    message: &'a str,
}
