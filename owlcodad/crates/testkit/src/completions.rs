//! Ready-made scripts that answer as servers of chat completions do.

use serde_json::{Value, json};

use crate::script::Script;

/// The model name in every ready-made answer.
pub const MODEL: &str = "fake-model";

/// `usage.prompt_tokens` of every ready-made answer.
pub const PROMPT_TOKENS: u64 = 11;

/// `usage.completion_tokens` of every ready-made answer.
pub const COMPLETION_TOKENS: u64 = 2;

/// Unit: seconds since the epoch.
const CREATED: u64 = 1_700_000_000;

/// Characters of a tool call's arguments in one streamed delta.
const ARGUMENT_PIECE_CHARS: usize = 7;

impl Script {
    /// A whole answer with this text and its usage.
    pub fn text(text: &str) -> Self {
        whole(&json!({"role": "assistant", "content": text}), "stop")
    }

    /// A streamed answer: the role, one delta per piece, the finish reason, the usage where the
    /// request asks for it, and `[DONE]`.
    pub fn text_stream(pieces: &[&str]) -> Self {
        let deltas = pieces.iter().map(|piece| json!({"content": piece}));
        streamed(deltas, "stop")
    }

    /// This text, whole or streamed as the request asks.
    pub fn reply(text: &str) -> Self {
        Self::by_mode(Self::text(text), Self::text_stream(&[text]))
    }

    /// One call of a tool, whole or streamed as the request asks; streamed arguments come in
    /// several deltas.
    pub fn tool_call(id: &str, name: &str, arguments: &Value) -> Self {
        let arguments = arguments.to_string();
        let call = json!({
            "id": id, "type": "function", "function": {"name": name, "arguments": arguments},
        });
        let message = json!({"role": "assistant", "content": null, "tool_calls": [call]});

        let first = json!({
            "index": 0, "id": id, "type": "function", "function": {"name": name, "arguments": ""},
        });
        let letters: Vec<char> = arguments.chars().collect();
        let rest = letters.chunks(ARGUMENT_PIECE_CHARS).map(|piece| {
            let piece: String = piece.iter().collect();
            json!({"index": 0, "function": {"arguments": piece}})
        });
        let deltas = std::iter::once(first)
            .chain(rest)
            .map(|call| json!({"tool_calls": [call]}));
        Self::by_mode(
            whole(&message, "tool_calls"),
            streamed(deltas, "tool_calls"),
        )
    }

    /// Step: one `chat.completion.chunk` event with this delta.
    pub fn delta(self, delta: &Value) -> Self {
        self.data(&chunk(delta, &Value::Null))
    }

    /// Step: the `chat.completion.chunk` event that says why the model stopped.
    pub fn finish(self, reason: &str) -> Self {
        self.data(&chunk(&json!({}), &json!(reason)))
    }
}

fn whole(message: &Value, finish_reason: &str) -> Script {
    Script::new().json(&json!({
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": CREATED,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": usage(),
    }))
}

fn streamed(deltas: impl Iterator<Item = Value>, finish_reason: &str) -> Script {
    let opening = Script::stream().delta(&json!({"role": "assistant", "content": ""}));
    let last = json!({
        "id": "chatcmpl-fake",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": MODEL,
        "choices": [],
        "usage": usage(),
    });
    deltas
        .fold(opening, |script, delta| script.delta(&delta))
        .finish(finish_reason)
        .usage_if_asked(&last)
        .done()
}

fn chunk(delta: &Value, finish_reason: &Value) -> Value {
    json!({
        "id": "chatcmpl-fake",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": MODEL,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    })
}

fn usage() -> Value {
    json!({
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": COMPLETION_TOKENS,
        "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
    })
}
