//! A chat request as a Messages request.
//!
//! Nothing is lost in silence, as in the other direction: what cannot be said is
//! refused by name where the answer would be another kind of answer, and named in
//! `MessagesBody::dropped` where it would be about the same.

use bytes::Bytes;
use serde_json::Number;
use serde_json::value::{RawValue, to_raw_value};

use super::chat_tools::{tool_choice, tools};
use super::chat_turns;
use super::error::TranslateError;
use super::estimate::estimate_input_tokens;
use super::names::ToolNames;
use super::request::{Dropped, fit};
use super::target::Target;
use crate::anthropic::{self, OutputConfig};
use crate::object::RawFields;
use crate::openai::{Fields, Request, decode_whole};

/// A Messages request, ready to be sent.
#[derive(Clone, Debug)]
pub struct MessagesBody {
    /// The body.
    pub body: Bytes,
    /// Names of what was left out, each once, e.g. `seed`.
    pub dropped: Vec<String>,
    /// What was changed so that the server takes the request, in words.
    pub repaired: Vec<String>,
    /// Most tokens to write, after the limit of the context window.
    pub max_tokens: u64,
    /// The texts that end the answer.
    pub stop_sequences: Vec<String>,
    /// For the `ChatContext` of the answer.
    pub tool_names: ToolNames,
}

/// The API needs a limit; this one fits every model that speaks it. Unit: tokens.
const DEFAULT_MAX_TOKENS: u64 = 4_096;

/// Longest `metadata.user_id`. Unit: characters.
const MAX_USER_ID_CHARS: usize = 256;

/// Puts a request into the words of the Messages API.
pub fn chat_to_messages(
    request: &Request,
    target: &Target<'_>,
) -> Result<MessagesBody, TranslateError> {
    let mut dropped = Dropped::default();
    let mut tool_names = ToolNames::default();
    refuse_or_drop(request, &mut dropped)?;

    let tools = tools(request, &mut tool_names, &mut dropped)?;
    let tool_choice = tool_choice(request, &tools, &mut tool_names)?;
    let conversation = chat_turns::conversation(request, &mut tool_names, &mut dropped)?;
    let mut repaired = conversation.repaired;
    let asked = max_tokens(request)?.or(target.default_max_tokens);
    let asked = asked.unwrap_or(DEFAULT_MAX_TOKENS);

    let mut messages = anthropic::Request::new(target.model, conversation.messages, asked);
    messages.system = conversation.system;
    messages.stream = request.stream;
    messages.tools = tools;
    messages.tool_choice = tool_choice;
    messages.stop_sequences = stop_sequences(request)?;
    messages.temperature = temperature(request, &mut repaired)?;
    messages.top_p = top_p(request, &mut dropped)?;
    messages.output_config = output_config(request)?;
    messages.metadata = metadata(request, &mut dropped)?;
    // Fields of the Messages API that chat clients add for the sake of its models.
    for name in ["top_k", "thinking"] {
        if let Some(value) = request.get(name).filter(|raw| raw.get() != "null") {
            messages.rest.push(name, value.to_raw());
        }
    }
    let max_tokens = fit(asked, estimate_input_tokens(&messages), target).max(1);
    messages.max_tokens = Some(max_tokens);
    let body = serde_json::to_vec(&messages)
        .map_err(|error| TranslateError::invalid("body", error.to_string()))?;
    Ok(MessagesBody {
        body: Bytes::from(body),
        dropped: dropped.0,
        repaired,
        max_tokens,
        stop_sequences: messages.stop_sequences,
        tool_names,
    })
}

/// Fields that have no words in the Messages API.
fn refuse_or_drop(request: &Request, dropped: &mut Dropped) -> Result<(), TranslateError> {
    for (name, value) in request.iter() {
        let value = value.get();
        let says_nothing = matches!(value, "null" | "[]" | "{}" | "false" | "\"\"");
        match name {
            "model"
            | "messages"
            | "stream"
            | "stream_options"
            | "tools"
            | "tool_choice"
            | "parallel_tool_calls"
            | "functions"
            | "function_call"
            | "max_tokens"
            | "max_completion_tokens"
            | "stop"
            | "temperature"
            | "top_p"
            | "top_k"
            | "response_format"
            | "user"
            | "thinking" => {}
            "frequency_penalty" | "presence_penalty" if value.parse() == Ok(0.0) => {}
            "top_logprobs" if value == "0" => {}
            "n" if value == "1" => {}
            "modalities" if !value.contains("audio") => {}
            _ if says_nothing => {}
            "n" => return Err(refused(name, "more than one answer", "ask more than once")),
            "logprobs" => return Err(refused(name, "log probabilities", "leave it out")),
            "logit_bias" => return Err(refused(name, "`logit_bias`", "leave it out")),
            "audio" | "modalities" => return Err(refused(name, "audio", "ask for text only")),
            "web_search_options" => {
                return Err(refused(name, "searching the web", "offer a tool for it"));
            }
            _ => dropped.add(name),
        }
    }
    Ok(())
}

fn refused(path: &str, what: &str, instead: &'static str) -> TranslateError {
    TranslateError::unsupported(path, what, instead)
}

fn max_tokens(request: &Request) -> Result<Option<u64>, TranslateError> {
    for name in ["max_completion_tokens", "max_tokens"] {
        let Some(raw) = request.get(name).filter(|raw| raw.get() != "null") else {
            continue;
        };
        return match raw.get().parse() {
            Ok(0) => Err(TranslateError::invalid(name, "must be at least 1")),
            Ok(asked) => Ok(Some(asked)),
            Err(_) => Err(TranslateError::invalid(name, "expected a whole number")),
        };
    }
    Ok(None)
}

fn stop_sequences(request: &Request) -> Result<Vec<String>, TranslateError> {
    let Some(raw) = request.get("stop").filter(|raw| raw.get() != "null") else {
        return Ok(Vec::new());
    };
    let stops = match decode_whole(raw.get()) {
        Some(stop) => Some(vec![stop.into_owned()]),
        None => raw.items().and_then(|items| {
            let texts = items.into_iter().map(|item| decode_whole(item.get()));
            texts
                .map(|text| text.map(std::borrow::Cow::into_owned))
                .collect()
        }),
    };
    let mut stops: Vec<String> = stops
        .ok_or_else(|| TranslateError::invalid("stop", "expected a string or a list of strings"))?;
    stops.retain(|stop| !stop.is_empty());
    if stops.iter().any(|stop| stop.trim().is_empty()) {
        return Err(refused(
            "stop",
            "a stop sequence of blanks",
            "stop at a word or a sign",
        ));
    }
    Ok(stops)
}

fn number(request: &Request, name: &str) -> Result<Option<Number>, TranslateError> {
    let Some(raw) = request.get(name).filter(|raw| raw.get() != "null") else {
        return Ok(None);
    };
    let number = raw.read();
    number
        .map(Some)
        .ok_or_else(|| TranslateError::invalid(name, "expected a number"))
}

/// Chat servers go up to 2, Messages servers to 1.
fn temperature(
    request: &Request,
    repaired: &mut Vec<String>,
) -> Result<Option<Number>, TranslateError> {
    let Some(number) = number(request, "temperature")? else {
        return Ok(None);
    };
    let asked = number.as_f64().unwrap_or_default();
    let nearest: u8 = match asked {
        asked if asked > 1.0 => 1,
        asked if asked < 0.0 => 0,
        _ => return Ok(Some(number)),
    };
    repaired.push(format!(
        "temperature: {number} is beyond what the server takes; sent {nearest}"
    ));
    Ok(Some(nearest.into()))
}

/// 1 says nothing, and newer models refuse it beside a temperature.
fn top_p(request: &Request, dropped: &mut Dropped) -> Result<Option<Number>, TranslateError> {
    let number = number(request, "top_p")?;
    let says_nothing = number.as_ref().and_then(Number::as_f64) == Some(1.0);
    if says_nothing {
        dropped.add("top_p");
        return Ok(None);
    }
    Ok(number)
}

fn output_config(request: &Request) -> Result<Option<OutputConfig>, TranslateError> {
    let path = "response_format";
    let Some(raw) = request.get(path).filter(|raw| raw.get() != "null") else {
        return Ok(None);
    };
    let format =
        Fields::read(raw).ok_or_else(|| TranslateError::invalid(path, "expected an object"))?;
    let kind = format.text("type").unwrap_or_default();
    match &*kind {
        "text" => return Ok(None),
        "json_schema" => {}
        kind => {
            return Err(refused(
                path,
                &format!("the format `{}`", owlcoda_types::clip(kind, 80)),
                "ask for a `json_schema`",
            ));
        }
    }
    let schema = format.get("json_schema").and_then(Fields::read);
    let schema = schema.and_then(|schema| schema.get("schema"));
    let schema = schema
        .filter(|schema| schema.get().starts_with('{'))
        .ok_or_else(|| {
            TranslateError::invalid("response_format.json_schema.schema", "expected an object")
        })?;
    let mut format = RawFields::default();
    format.push("type", to_raw_value("json_schema").unwrap_or_default());
    format.push("schema", schema.to_raw());
    Ok(Some(OutputConfig {
        effort: None,
        format: Some(format),
        rest: RawFields::default(),
    }))
}

fn metadata(
    request: &Request,
    dropped: &mut Dropped,
) -> Result<Option<Box<RawValue>>, TranslateError> {
    #[derive(serde::Serialize)]
    struct Metadata<'a> {
        user_id: &'a str,
    }
    let Some(raw) = request.get("user").filter(|raw| raw.get() != "null") else {
        return Ok(None);
    };
    let user = decode_whole(raw.get())
        .ok_or_else(|| TranslateError::invalid("user", "expected a string"))?;
    if user.is_empty() || user.chars().count() > MAX_USER_ID_CHARS {
        dropped.add("user");
        return Ok(None);
    }
    Ok(to_raw_value(&Metadata { user_id: &user }).ok())
}
