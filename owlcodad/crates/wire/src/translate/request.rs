//! A Messages request as a chat request.
//!
//! Nothing is lost in silence. What a chat server has words for is carried; what
//! changes no answer (prompt cache marks, metadata, betas) is left out and named
//! in `ChatBody::dropped`; everything else is refused by name.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::chat_body::{ChatMessage, ChatRequest, JsonSchema, ResponseFormat, StreamOptions};
use super::error::TranslateError;
use super::estimate::estimate_input_tokens;
use super::names::ToolNames;
use super::target::Target;
use super::thinking::thinking_fields;
use super::tools::{self, Offer};
use super::turns;
use crate::anthropic::{Block, Content, Request};
use crate::json::Escaped;
use crate::quirks::{LimitName, Prefill};

/// A chat request, ready to be sent.
#[derive(Clone, Debug)]
pub struct ChatBody {
    /// The body.
    pub body: Bytes,
    /// Names of what was left out because it changes no answer, each once, e.g.
    /// `metadata`, `cache_control`.
    pub dropped: Vec<String>,
    /// What was put right so that the server takes the conversation, in words.
    pub repaired: Vec<String>,
    /// Most tokens to write, after the limit of the context window.
    pub max_tokens: Option<u64>,
    /// For the `StreamContext` of the answer.
    pub tool_names: ToolNames,
}

/// Most names that are listed; a caller that sends more knows what it does.
const MAX_DROPPED: usize = 100;

/// Names of what was left out, each once.
#[derive(Debug, Default)]
pub(super) struct Dropped(pub(super) Vec<String>);

impl Dropped {
    pub(super) fn add(&mut self, name: &str) {
        if self.0.len() < MAX_DROPPED && !self.0.iter().any(|known| known == name) {
            self.0.push(owlcoda_types::clip(name, 80).into_owned());
        }
    }
}

/// Fewest tokens left for the answer when the prompt seems to fill the window:
/// the guess may be wrong, and the server knows better.
const MIN_ANSWER_TOKENS: u64 = 1_024;

/// Most bytes that are reserved for a body before it is written.
const MAX_RESERVED_BYTES: usize = 1 << 20;

/// Puts a request into the words of the Chat Completions API.
pub fn messages_to_chat(
    request: &Request,
    target: &Target<'_>,
) -> Result<ChatBody, TranslateError> {
    let mut dropped = Dropped::default();
    let mut tool_names = ToolNames::default();
    refuse_or_drop_rest(request, &mut dropped)?;

    let quirks = &target.quirks;
    let Offer {
        tools,
        tool_choice,
        parallel_tool_calls,
    } = tools::offer(request, quirks, &mut tool_names, &mut dropped)?;
    let mut messages = Vec::with_capacity(request.messages.len() + 1);
    if let Some(content) = system_text(request, &mut dropped)? {
        messages.push(ChatMessage::System { content });
    }
    let n_before = messages.len();
    let repaired = turns::messages(
        request,
        target,
        &mut messages,
        &mut tool_names,
        &mut dropped,
    )?;
    if messages.len() == n_before {
        return Err(TranslateError::invalid(
            "messages",
            "nothing but blank text",
        ));
    }

    let n_input_tokens = estimate_input_tokens(request);
    let max_tokens = request
        .max_tokens
        .map(|asked| fit(asked, n_input_tokens, target));
    if let Some(most) = quirks.max_stops
        && request.stop_sequences.len() > most
    {
        return Err(TranslateError::unsupported(
            "stop_sequences",
            format!("more than {most} stop sequences"),
            "send fewer",
        ));
    }
    let is_prefilled = matches!(messages.last(), Some(ChatMessage::Assistant { .. }));
    let goes_on = is_prefilled && quirks.prefill == Prefill::ContinueFlags;
    if quirks.prefill == Prefill::PartialMark
        && let Some(ChatMessage::Assistant { is_partial, .. }) = messages.last_mut()
    {
        *is_partial = true;
    }
    let takes_sampling = quirks.takes_sampling;
    let sampling = [
        (
            "temperature",
            request.temperature.is_some() && !takes_sampling,
        ),
        ("top_p", request.top_p.is_some() && !takes_sampling),
        ("top_k", request.top_k.is_some() && !quirks.takes_top_k),
    ];
    for (name, is_dropped) in sampling {
        if is_dropped {
            dropped.add(name);
        }
    }
    let chat = ChatRequest {
        model: target.model,
        messages,
        tools,
        tool_choice,
        parallel_tool_calls,
        max_tokens: max_tokens.filter(|_| quirks.limit == LimitName::MaxTokens),
        max_completion_tokens: max_tokens
            .filter(|_| quirks.limit == LimitName::MaxCompletionTokens),
        temperature: request.temperature.as_ref().filter(|_| takes_sampling),
        top_p: request.top_p.as_ref().filter(|_| takes_sampling),
        top_k: request.top_k.filter(|_| quirks.takes_top_k),
        stop: &request.stop_sequences,
        response_format: response_format(request)?,
        thinking: thinking_fields(request, quirks.thinking, is_prefilled, &mut dropped),
        continue_final_message: goes_on.then_some(true),
        add_generation_prompt: goes_on.then_some(false),
        stream: request.stream,
        stream_options: request.stream.then_some(StreamOptions {
            include_usage: true,
        }),
    };
    // The guess is a quarter of the text; escapes and brackets come on top.
    let n_bytes = usize::try_from(n_input_tokens * 5).unwrap_or_default() + 1024;
    Ok(ChatBody {
        body: Bytes::from(chat.to_json(n_bytes.min(MAX_RESERVED_BYTES))),
        dropped: dropped.0,
        repaired,
        max_tokens,
        tool_names,
    })
}

/// Fields beyond those we type: refused where an answer would be another without
/// them, left out where not.
fn refuse_or_drop_rest(request: &Request, dropped: &mut Dropped) -> Result<(), TranslateError> {
    if request.metadata.is_some() {
        dropped.add("metadata");
    }
    for (name, value) in request.rest.iter() {
        let is_empty = matches!(value.get(), "null" | "[]" | "{}");
        match name {
            "thread" if !is_empty => return Err(TranslateError::ThreadUnsupported),
            "mcp_servers" if !is_empty => {
                return Err(TranslateError::unsupported(
                    name,
                    "calling MCP servers from the model's side",
                    "connect them to your client",
                ));
            }
            "output_format" => {}
            _ => dropped.add(name),
        }
    }
    Ok(())
}

/// The system prompt: the text blocks of `system`, then what the messages say as
/// `system` before anyone else speaks, with blank lines between them.
fn system_text<'a>(
    request: &'a Request,
    dropped: &mut Dropped,
) -> Result<Option<Escaped<'a>>, TranslateError> {
    let mut texts = Vec::new();
    if let Some(system) = &request.system {
        push_texts(system, "system", &mut texts, dropped)?;
    }
    // Changes with every call, which would spoil a local server's prompt cache.
    let is_billing =
        |text: &Escaped<'_>| text.trim_start().starts_with("x-anthropic-billing-header:");
    if texts.first().is_some_and(is_billing) {
        dropped.add("x-anthropic-billing-header");
        texts.remove(0);
    }
    let leading = request
        .messages
        .iter()
        .take(turns::n_leading_system(request));
    for (at, message) in leading.enumerate() {
        let path = format!("messages[{at}].content");
        push_texts(&message.content, &path, &mut texts, dropped)?;
    }
    Ok(Escaped::joined(texts))
}

fn push_texts<'a>(
    content: &'a Content,
    path: &str,
    texts: &mut Vec<Escaped<'a>>,
    dropped: &mut Dropped,
) -> Result<(), TranslateError> {
    let blocks = match content {
        Content::Text(text) => {
            texts.push(text.escaped());
            return Ok(());
        }
        Content::Blocks(blocks) => blocks,
        Content::Object(_) => {
            return Err(TranslateError::invalid(
                path,
                "expected a string or a list of text blocks",
            ));
        }
    };
    for (idx, block) in blocks.iter().enumerate() {
        let Block::Text(block) = block else {
            return Err(TranslateError::invalid(
                format!("{path}[{idx}]"),
                "expected a text block",
            ));
        };
        if block.cache_control.is_some() {
            dropped.add("cache_control");
        }
        texts.push(block.text.escaped());
    }
    Ok(())
}

/// `asked`, or as much as the context window leaves.
pub(super) fn fit(asked: u64, estimate: u64, target: &Target<'_>) -> u64 {
    let Some(window) = target.context_window else {
        return asked;
    };
    // A quarter more, since the guess may be low.
    let room = window.saturating_sub(estimate.saturating_add(estimate / 4));
    asked.min(room.max(MIN_ANSWER_TOKENS.min(window)))
}

fn response_format(request: &Request) -> Result<Option<ResponseFormat<'_>>, TranslateError> {
    let config = request.output_config.as_ref();
    let (path, kind, schema) = if let Some(format) = config.and_then(|c| c.format.as_ref()) {
        (
            "output_config.format",
            format.get("type"),
            format.get("schema"),
        )
    } else if let Some(format) = request.rest.get("output_format") {
        #[derive(serde::Deserialize)]
        struct Format<'a> {
            #[serde(borrow, default, rename = "type")]
            kind: Option<&'a RawValue>,
            #[serde(borrow, default)]
            schema: Option<&'a RawValue>,
        }
        if format.get() == "null" {
            return Ok(None);
        }
        let format: Format<'_> = serde_json::from_str(format.get())
            .map_err(|_| TranslateError::invalid("output_format", "expected an object"))?;
        ("output_format", format.kind, format.schema)
    } else {
        return Ok(None);
    };
    match (kind.map(RawValue::get), schema) {
        (Some("\"json_schema\""), Some(schema)) => Ok(Some(ResponseFormat {
            kind: "json_schema",
            json_schema: JsonSchema {
                name: "answer",
                strict: true,
                schema,
            },
        })),
        (Some("\"json_schema\""), None) => Err(TranslateError::invalid(
            format!("{path}.schema"),
            "field required",
        )),
        (Some("\"text\""), _) => Ok(None),
        _ => Err(TranslateError::unsupported(
            path,
            "an output format other than `json_schema`",
            "remove it",
        )),
    }
}
