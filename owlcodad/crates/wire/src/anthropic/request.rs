//! A request of the Messages API, as a caller wrote it or as the agent builds it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Number;
use serde_json::value::RawValue;

use super::block::Block;
use super::content::Content;
use crate::bounds;
use crate::json::{FromScan, JsonText, MAX_DEPTH, RawJson, Scan, is_too_deep, scanned};
use crate::object::{RawFields, object};
use crate::wire_error::{WireError, mend_halves, parse_body};

/// The system prompt: a string or text blocks.
pub type System = Content;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The person, or the tools that answer.
    User,
    /// The model.
    Assistant,
    /// Whoever runs the client, in the middle of a conversation.
    System,
}

impl FromScan for Role {
    fn from_scan(scan: &mut Scan<'_>) -> Option<Self> {
        match scan.string()? {
            "\"user\"" => Some(Self::User),
            "\"assistant\"" => Some(Self::Assistant),
            "\"system\"" => Some(Self::System),
            _ => None,
        }
    }
}

object! {
    /// What a model is asked.
    pub struct Request {
        required {
            /// The model's name, as the caller knows it.
            model: String,
            /// The conversation; not empty.
            messages: Vec<Message>,
        }
        defaulted {
            /// Whether the answer comes as events.
            stream: bool,
            /// What the model may call.
            tools: Vec<Tool>,
            /// Texts that end the answer.
            stop_sequences: Vec<String>,
        }
        optional {
            /// Most tokens to write. Only a request that counts tokens has none.
            max_tokens: u64,
            /// The system prompt.
            system: System,
            /// Whether and which tool must be called.
            tool_choice: ToolChoice,
            /// Randomness, 0 to 1.
            temperature: Number,
            /// Probability mass to sample from, 0 to 1.
            top_p: Number,
            /// How many tokens to sample from.
            top_k: u64,
            /// Whether the model thinks before it speaks.
            thinking: ThinkingConfig,
            /// Effort and form of the answer.
            output_config: OutputConfig,
            /// Whom the request is for. Means nothing to a model.
            metadata: Box<RawValue>,
        }
    }
}

object! {
    /// One message.
    pub struct Message {
        required {
            /// Who speaks.
            role: Role,
            /// What is said.
            content: Content,
        }
        defaulted {}
        optional {}
    }
}

object! {
    /// A tool: the caller's own, or with a `kind` one that the server runs.
    pub struct Tool {
        required {}
        defaulted {
            /// What the model calls it by.
            name: String,
        }
        optional {
            /// `custom`, nothing, or the version of a server tool.
            kind as "type": String,
            /// What the model is told about it.
            description: JsonText,
            /// The JSON schema of its arguments, byte for byte.
            input_schema: RawJson,
            /// Whether arguments must fit the schema exactly.
            strict: bool,
            /// Asks for a prompt cache entry that ends here.
            cache_control: Box<RawValue>,
        }
    }
}

object! {
    /// Whether and which tool must be called.
    pub struct ToolChoice {
        required {
            /// `auto`, `any`, `tool` or `none`.
            kind as "type": String,
        }
        defaulted {
            /// At most one call in the answer.
            disable_parallel_tool_use: bool,
        }
        optional {
            /// The tool that `tool` means.
            name: String,
        }
    }
}

object! {
    /// Whether the model thinks before it speaks.
    pub struct ThinkingConfig {
        required {
            /// `enabled`, `adaptive` or `disabled`.
            kind as "type": String,
        }
        defaulted {}
        optional {
            /// Most tokens of thinking.
            budget_tokens: u64,
        }
    }
}

object! {
    /// Effort and form of the answer.
    pub struct OutputConfig {
        required {}
        defaulted {}
        optional {
            /// `low` to `max`.
            effort: String,
            /// A JSON schema that the answer must fit.
            format: RawFields,
        }
    }
}

/// How every body begins.
const MODEL_START: &[u8] = b"{\"model\":";

impl Request {
    /// A request in its plainest form; set the other fields as needed.
    pub fn new(model: impl Into<String>, messages: Vec<Message>, max_tokens: u64) -> Self {
        Self {
            model: model.into(),
            messages,
            stream: false,
            tools: Vec::new(),
            stop_sequences: Vec::new(),
            max_tokens: Some(max_tokens),
            system: None,
            tool_choice: None,
            temperature: None,
            top_p: None,
            top_k: None,
            thinking: None,
            output_config: None,
            metadata: None,
            rest: RawFields::default(),
        }
    }

    /// The same with a system prompt.
    #[must_use]
    pub fn with_system(mut self, system: impl Into<System>) -> Self {
        self.system = Some(system.into());
        self
    }

    /// The same with tools.
    #[must_use]
    pub fn with_tools(mut self, tools: Vec<Tool>) -> Self {
        self.tools = tools;
        self
    }

    /// The same with its answer as events.
    #[must_use]
    pub fn streaming(mut self) -> Self {
        self.stream = true;
        self
    }

    /// The body for a server that speaks this API itself: every field is carried,
    /// under the server's own name of the model. The order of fields may be another
    /// and those that say nothing (`false`, null, an empty list) are left out; where
    /// the caller's own bytes are still at hand, `rename_model` keeps them all.
    pub fn to_upstream(&self, backend_model: &str) -> Bytes {
        // Cannot fail: every key is a string and nothing is written outside memory.
        let asked = serde_json::to_vec(&self.model).unwrap_or_default();
        let named = serde_json::to_vec(backend_model).unwrap_or_default();
        let body = serde_json::to_vec(self).unwrap_or_default();
        // The model is the first field that is written.
        let after = body.get(MODEL_START.len() + asked.len()..);
        Bytes::from([MODEL_START, &named, after.unwrap_or_default()].concat())
    }

    /// Reads the body of a call that asks for an answer, which is copied.
    pub fn parse(body: &[u8]) -> Result<Self, WireError> {
        Self::parse_bytes(&Bytes::copy_from_slice(body))
    }

    /// Reads the body of a call that asks for an answer, and keeps it.
    pub fn parse_bytes(body: &Bytes) -> Result<Self, WireError> {
        let request = Self::parse_for_count(body)?;
        match request.max_tokens {
            None => Err(WireError::field("max_tokens", "field required")),
            Some(0) => Err(WireError::field("max_tokens", "must be at least 1")),
            Some(_) => Ok(request),
        }
    }

    /// Reads the body of a call that asks how many tokens it would be, which
    /// needs no `max_tokens`. The body is kept.
    pub fn parse_for_count(body: &Bytes) -> Result<Self, WireError> {
        let mended = || mend_halves(body).and_then(|mended| scanned(&Bytes::from(mended)));
        let request = match scanned(body).or_else(mended) {
            Some(request) => request,
            // Blocks whose type is not known yet are put aside and read by themselves, which no limit
            // of the parser ends.
            None if is_too_deep(body) => {
                let message = format!("has values nested more than {MAX_DEPTH} deep");
                return Err(WireError::field("body", message));
            }
            None => parse_body::<Self>(body)?,
        };
        if request.model.trim().is_empty() {
            return Err(WireError::field("model", "must not be empty"));
        }
        if request.messages.is_empty() {
            return Err(WireError::field("messages", "must not be empty"));
        }
        if let Some(n_tokens) = request.max_tokens {
            bounds::answer_tokens(n_tokens, "max_tokens")?;
        }
        bounds::messages(request.messages.len())?;
        bounds::stops(request.stop_sequences.len(), "stop_sequences")?;
        let names = request
            .tools
            .iter()
            .map(|tool| Some(tool.name.as_str().into()));
        bounds::tools(names, |idx| format!("tools[{idx}].name"))?;
        for (idx, message) in request.messages.iter().enumerate() {
            if matches!(message.content, Content::Object(_)) {
                let path = format!("messages[{idx}].content");
                return Err(WireError::field(
                    path,
                    "expected a string or a list of content blocks",
                ));
            }
        }
        for (idx, tool) in request.tools.iter().enumerate() {
            if tool.is_custom() && tool.name.is_empty() {
                return Err(WireError::field(
                    format!("tools[{idx}].name"),
                    "field required",
                ));
            }
        }
        Ok(request)
    }
}

impl Message {
    /// A message of any role.
    pub fn new(role: Role, content: impl Into<Content>) -> Self {
        Self {
            role,
            content: content.into(),
            rest: RawFields::default(),
        }
    }

    /// Text of the user.
    pub fn user_text(text: impl Into<String>) -> Self {
        Self::new(Role::User, text.into())
    }

    /// Text of the model.
    pub fn assistant_text(text: impl Into<String>) -> Self {
        Self::new(Role::Assistant, text.into())
    }

    /// Blocks of the user: text, images, tool results.
    pub fn user(blocks: Vec<Block>) -> Self {
        Self::new(Role::User, blocks)
    }

    /// Blocks of the model: text, thinking, tool calls.
    pub fn assistant(blocks: Vec<Block>) -> Self {
        Self::new(Role::Assistant, blocks)
    }
}

impl Tool {
    /// A tool that the caller runs. `input_schema` is an object schema.
    pub fn new(
        name: impl Into<String>,
        description: impl Into<JsonText>,
        input_schema: impl Into<RawJson>,
    ) -> Self {
        Self {
            name: name.into(),
            kind: None,
            description: Some(description.into()),
            input_schema: Some(input_schema.into()),
            strict: None,
            cache_control: None,
            rest: RawFields::default(),
        }
    }

    /// Whether the caller runs it; the others are the server's.
    pub fn is_custom(&self) -> bool {
        self.kind.as_deref().is_none_or(|kind| kind == "custom")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callers_send_is_read_in_one_walk() {
        let bodies = [
            include_str!("../../tests/golden/requests/begun_answer.json"),
            include_str!("../../tests/golden/requests/broken_history.json"),
            include_str!("../../tests/golden/requests/coding_client.json"),
            include_str!("../../tests/golden/requests/pictures.json"),
            // As Claude Code writes a result.
            r#"{"model":"m","messages":[{"role":"user","content":[{"tool_use_id":"a","type":"tool_result","content":"b"}]}]}"#,
        ];
        for body in bodies {
            let body = mend_halves(body.as_bytes()).unwrap_or_else(|| body.into());
            let body = std::str::from_utf8(&body).unwrap();
            let walked: Option<Request> = scanned(&Bytes::copy_from_slice(body.as_bytes()));
            let read: Request = serde_json::from_str(body).unwrap();
            assert_eq!(
                format!("{:?}", walked.expect(body)),
                format!("{read:?}"),
                "{body}"
            );
        }
    }

    #[test]
    fn the_text_of_a_body_is_no_copy() {
        let body = Bytes::from(
            r#"{"model":"m","messages":[{"role":"user","content":"a\nb"}],"max_tokens":1}"#,
        );
        let request = Request::parse_bytes(&body).unwrap();
        let Content::Text(text) = &request.messages[0].content else {
            panic!("{request:?}");
        };
        let start = body
            .windows(6)
            .position(|part| part == br#""a\nb""#)
            .unwrap();
        assert_eq!(text.literal().as_ptr(), body[start..].as_ptr());
    }
}
