//! A whole Messages answer as a chat answer, and why an answer ends in chat words.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::chat_chunk::{
    CallBody, ChoiceBody, ChunkBody, DeltaBody, Field, FunctionBody, UsageBody,
};
use super::error::StreamFault;
use super::messages_relay::read_answer;
use super::messages_to_chat::ChatContext;
use super::response::Converted;
use crate::anthropic::{Part, StopReason};
use crate::openai::{Halves, decode_text};

/// Why an answer ends. Servers say `end_turn` after a call, and `tool_use` without
/// one; what the answer holds decides.
pub(super) fn finish_reason_of(reason: StopReason, n_calls: usize) -> &'static str {
    match reason {
        StopReason::MaxTokens | StopReason::ModelContextWindowExceeded | StopReason::PauseTurn => {
            "length"
        }
        StopReason::Refusal => "content_filter",
        StopReason::ToolUse | StopReason::EndTurn | StopReason::StopSequence => {
            if n_calls > 0 {
                "tool_calls"
            } else {
                "stop"
            }
        }
    }
}

/// A Messages answer as a chat answer.
pub fn messages_response_to_chat(
    body: &[u8],
    context: &ChatContext,
) -> Result<Converted, StreamFault> {
    let (answer, usage) = read_answer(body)?;
    let content = answer.content.ok_or(StreamFault::BadMessage)?;
    let blocks: Vec<&RawValue> =
        serde_json::from_str(content.get()).map_err(|_| StreamFault::BadMessage)?;
    let (mut text, mut thinking) = (String::new(), String::new());
    let mut calls = Vec::new();
    let (mut text_halves, mut thinking_halves) = (Halves::default(), Halves::default());
    for raw in blocks {
        let block = Part::read(raw);
        if let Some(raw) = block.thinking {
            thinking.push_str(&decode_text(raw, &mut thinking_halves).unwrap_or_default());
        } else if let Some(raw) = block.text {
            text.push_str(&decode_text(raw, &mut text_halves).unwrap_or_default());
        }
        if block.kind().is_some_and(|kind| kind.0 == "tool_use") {
            calls.push(call(&block, calls.len(), context)?);
        }
    }
    let stop_reason = answer.stop_reason().unwrap_or(StopReason::EndTurn);
    let finish_reason = finish_reason_of(stop_reason, calls.len());
    let shown = if text.is_empty() && !calls.is_empty() {
        Field::Null
    } else {
        Field::Of(text.as_str())
    };
    let choice = ChoiceBody {
        index: 0,
        delta: None,
        message: Some(DeltaBody {
            role: Some("assistant"),
            content: shown,
            reasoning_content: Some(thinking.as_str()).filter(|text| !text.is_empty()),
            tool_calls: calls,
        }),
        logprobs: (),
        finish_reason: Some(finish_reason),
    };
    let chat = ChunkBody {
        id: &context.id,
        object: "chat.completion",
        created: context.created,
        model: &context.model,
        choices: &[choice],
        usage: usage.map_or(Field::LeftOut, |usage| Field::Of(UsageBody(usage))),
    };
    Ok(Converted {
        body: chat.to_bytes(),
        usage,
        stop_reason,
    })
}

fn call<'a>(
    block: &Part<'a>,
    number: usize,
    context: &'a ChatContext,
) -> Result<CallBody<'a>, StreamFault> {
    let name = block.name().filter(|name| !name.0.is_empty());
    let name = name.ok_or(StreamFault::NamelessCall)?.0;
    let original = context.tool_names.original(&name);
    let name = if original == name {
        name
    } else {
        Cow::Owned(original.to_owned())
    };
    let id = block.id().filter(|id| !id.0.is_empty());
    let input = block.input.filter(|raw| raw.get().starts_with('{'));
    Ok(CallBody {
        index: None,
        id: Some(id.map_or_else(|| context.call_id(number).into(), |id| id.0)),
        kind: Some("function"),
        function: FunctionBody {
            name: Some(name),
            arguments: input.map_or("{}", RawValue::get).into(),
        },
    })
}
