//! The shape of a chat request as we write it.
//!
//! Messages and tools are written by hand: a coding agent's turn has a hundred kilobytes of them. Their
//! text stays escaped as the caller wrote it. serde writes the rest.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Number;
use serde_json::value::RawValue;

use super::thinking::ThinkingFields;
use crate::json::{Bracket, Escaped, Writer};

/// A chat request. Fields are written in this order.
#[derive(Debug, Serialize)]
pub(super) struct ChatRequest<'a> {
    #[serde(skip)]
    pub(super) model: &'a str,
    #[serde(skip)]
    pub(super) messages: Vec<ChatMessage<'a>>,
    #[serde(skip)]
    pub(super) tools: Vec<ChatTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_choice: Option<ChatToolChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<&'a Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_p: Option<&'a Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_k: Option<u64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_format: Option<ResponseFormat<'a>>,
    #[serde(flatten)]
    pub(super) thinking: ThinkingFields<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) continue_final_message: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) add_generation_prompt: Option<bool>,
    pub(super) stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stream_options: Option<StreamOptions>,
}

#[derive(Debug, Serialize)]
pub(super) struct StreamOptions {
    pub(super) include_usage: bool,
}

#[derive(Debug)]
pub(super) enum ChatMessage<'a> {
    System {
        content: Escaped<'a>,
    },
    User {
        content: ChatContent<'a>,
    },
    Assistant {
        /// Null where the model only called tools.
        content: Option<Escaped<'a>>,
        thought: Option<Thought>,
        tool_calls: Vec<ChatToolCall<'a>>,
        /// Whether the server is told to go on with it.
        is_partial: bool,
    },
    Tool {
        tool_call_id: Cow<'a, str>,
        content: Escaped<'a>,
    },
}

/// What the model thought in an earlier turn.
#[derive(Debug)]
pub(super) struct Thought {
    /// The field that its server reads it from.
    pub(super) field: &'static str,
    pub(super) text: String,
}

/// A string where there is only text, for some templates fail on parts.
#[derive(Debug)]
pub(super) enum ChatContent<'a> {
    Text(Escaped<'a>),
    Parts(Vec<ChatPart<'a>>),
}

#[derive(Debug)]
pub(super) enum ChatPart<'a> {
    Text { text: Escaped<'a> },
    ImageUrl { image_url: ImageUrl<'a> },
}

#[derive(Debug)]
pub(super) struct ImageUrl<'a> {
    pub(super) url: Cow<'a, str>,
}

#[derive(Debug)]
pub(super) struct ChatToolCall<'a> {
    pub(super) id: Cow<'a, str>,
    pub(super) kind: &'static str,
    pub(super) function: ChatCalledFunction<'a>,
}

#[derive(Debug)]
pub(super) struct ChatCalledFunction<'a> {
    pub(super) name: Cow<'a, str>,
    /// JSON as text.
    pub(super) arguments: &'a str,
}

#[derive(Debug)]
pub(super) struct ChatTool<'a> {
    pub(super) kind: &'static str,
    pub(super) function: ChatFunction<'a>,
}

#[derive(Debug)]
pub(super) struct ChatFunction<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) description: Option<Escaped<'a>>,
    /// A schema, as JSON.
    pub(super) parameters: Cow<'a, str>,
    pub(super) strict: Option<bool>,
}

#[derive(Debug)]
pub(super) enum ChatToolChoice<'a> {
    Auto,
    Required,
    None,
    Function(Cow<'a, str>),
}

impl Serialize for ChatToolChoice<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Named<'a> {
            #[serde(rename = "type")]
            kind: &'static str,
            function: Name<'a>,
        }
        #[derive(Serialize)]
        struct Name<'a> {
            name: &'a str,
        }
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Required => serializer.serialize_str("required"),
            Self::None => serializer.serialize_str("none"),
            Self::Function(name) => Named {
                kind: "function",
                function: Name { name },
            }
            .serialize(serializer),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct ResponseFormat<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) json_schema: JsonSchema<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct JsonSchema<'a> {
    pub(super) name: &'static str,
    pub(super) strict: bool,
    pub(super) schema: &'a RawValue,
}

impl ChatRequest<'_> {
    /// The body. `n_bytes` is about how long it will be.
    pub(super) fn to_json(&self, n_bytes: usize) -> Vec<u8> {
        let mut json = Writer::with_capacity(n_bytes);
        json.open(Bracket::Object);
        json.member("model", self.model);
        json.list("messages", &self.messages, ChatMessage::write);
        if !self.tools.is_empty() {
            json.list("tools", &self.tools, ChatTool::write);
        }
        json.members(self);
        json.close(Bracket::Object);
        json.finish()
    }
}

impl ChatMessage<'_> {
    fn write(&self, json: &mut Writer) {
        json.open(Bracket::Object);
        match self {
            Self::System { content } => {
                json.member("role", "system");
                json.text("content", content);
            }
            Self::User { content } => {
                json.member("role", "user");
                match content {
                    ChatContent::Text(text) => json.text("content", text),
                    ChatContent::Parts(parts) => json.list("content", parts, ChatPart::write),
                }
            }
            Self::Assistant {
                content,
                thought,
                tool_calls,
                is_partial,
            } => {
                json.member("role", "assistant");
                match content {
                    Some(content) => json.text("content", content),
                    None => json.raw_member("content", "null"),
                }
                if let Some(thought) = thought {
                    json.member(thought.field, &thought.text);
                }
                if !tool_calls.is_empty() {
                    json.list("tool_calls", tool_calls, ChatToolCall::write);
                }
                if *is_partial {
                    json.raw_member("partial", "true");
                }
            }
            Self::Tool {
                tool_call_id,
                content,
            } => {
                json.member("role", "tool");
                json.member("tool_call_id", tool_call_id);
                json.text("content", content);
            }
        }
        json.close(Bracket::Object);
    }
}

impl ChatPart<'_> {
    fn write(&self, json: &mut Writer) {
        json.open(Bracket::Object);
        match self {
            Self::Text { text } => {
                json.member("type", "text");
                json.text("text", text);
            }
            Self::ImageUrl { image_url } => {
                json.member("type", "image_url");
                json.key("image_url");
                json.open(Bracket::Object);
                json.member("url", &image_url.url);
                json.close(Bracket::Object);
            }
        }
        json.close(Bracket::Object);
    }
}

impl ChatToolCall<'_> {
    fn write(&self, json: &mut Writer) {
        json.open(Bracket::Object);
        json.member("id", &self.id);
        json.member("type", self.kind);
        json.key("function");
        json.open(Bracket::Object);
        json.member("name", &self.function.name);
        json.member("arguments", self.function.arguments);
        json.close(Bracket::Object);
        json.close(Bracket::Object);
    }
}

impl ChatTool<'_> {
    fn write(&self, json: &mut Writer) {
        json.open(Bracket::Object);
        json.member("type", self.kind);
        json.key("function");
        json.open(Bracket::Object);
        let function = &self.function;
        json.member("name", &function.name);
        if let Some(description) = &function.description {
            json.text("description", description);
        }
        json.raw_member("parameters", &function.parameters);
        if let Some(strict) = function.strict {
            json.raw_member("strict", if strict { "true" } else { "false" });
        }
        json.close(Bracket::Object);
        json.close(Bracket::Object);
    }
}
