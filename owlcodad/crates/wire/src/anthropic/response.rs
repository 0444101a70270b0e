//! An answer that comes in one piece.

use bytes::Bytes;
use owlcoda_types::Usage;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// Why an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The model was done.
    EndTurn,
    /// The model calls tools.
    ToolUse,
    /// The answer reached `max_tokens`.
    MaxTokens,
    /// The answer met a stop sequence.
    StopSequence,
    /// The answer was held back by a filter.
    Refusal,
    /// A server tool takes its time; send the answer back to go on.
    PauseTurn,
    /// Prompt and answer filled the context window.
    ModelContextWindowExceeded,
}

impl StopReason {
    /// The reason's name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EndTurn => "end_turn",
            Self::ToolUse => "tool_use",
            Self::MaxTokens => "max_tokens",
            Self::StopSequence => "stop_sequence",
            Self::Refusal => "refusal",
            Self::PauseTurn => "pause_turn",
            Self::ModelContextWindowExceeded => "model_context_window_exceeded",
        }
    }
}

/// An answer in one piece.
#[derive(Clone, Debug)]
pub struct Response {
    /// `msg_…`.
    pub id: String,
    /// The name that the caller asked for.
    pub model: String,
    /// Blocks, in order.
    pub content: Vec<ResponseBlock>,
    /// Why it ends.
    pub stop_reason: StopReason,
    /// Which stop sequence was met, if that is why.
    pub stop_sequence: Option<String>,
    /// What it cost.
    pub usage: Usage,
}

/// A block of an answer.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ResponseBlock {
    /// Text.
    Text {
        /// May be empty when there is nothing else.
        text: String,
    },
    /// What the model thought.
    Thinking {
        /// The thought.
        thinking: String,
        /// Empty for a server that does not sign.
        signature: String,
    },
    /// A tool call.
    ToolUse {
        /// What its result will refer to.
        id: String,
        /// Which tool.
        name: String,
        /// Its arguments: an object.
        input: Box<RawValue>,
    },
}

impl Response {
    /// The body of the answer.
    pub fn to_bytes(&self) -> Bytes {
        // Cannot fail: every key is a string and nothing is written outside memory.
        Bytes::from(serde_json::to_vec(self).unwrap_or_default())
    }

    /// All text blocks, one after the other.
    pub fn text(&self) -> String {
        let texts = self.content.iter().filter_map(|block| match block {
            ResponseBlock::Text { text } => Some(text.as_str()),
            ResponseBlock::Thinking { .. } | ResponseBlock::ToolUse { .. } => None,
        });
        texts.collect()
    }
}

impl Serialize for Response {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            id: &'a str,
            #[serde(rename = "type")]
            kind: &'static str,
            role: &'static str,
            model: &'a str,
            content: &'a [ResponseBlock],
            stop_reason: StopReason,
            stop_sequence: Option<&'a str>,
            usage: UsageBody,
        }
        Body {
            id: &self.id,
            kind: "message",
            role: "assistant",
            model: &self.model,
            content: &self.content,
            stop_reason: self.stop_reason,
            stop_sequence: self.stop_sequence.as_deref(),
            usage: UsageBody::from(self.usage),
        }
        .serialize(serializer)
    }
}

/// Usage in the API's words.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct UsageBody {
    #[serde(rename = "input_tokens")]
    input: u64,
    #[serde(rename = "cache_creation_input_tokens")]
    cache_creation: u64,
    #[serde(rename = "cache_read_input_tokens")]
    cache_read: u64,
    #[serde(rename = "output_tokens")]
    output: u64,
}

impl From<Usage> for UsageBody {
    fn from(usage: Usage) -> Self {
        Self {
            input: usage.input_tokens,
            cache_creation: usage.cache_write_tokens,
            cache_read: usage.cache_read_tokens,
            output: usage.output_tokens,
        }
    }
}
