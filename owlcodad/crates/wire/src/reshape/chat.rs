//! Chat completions as chunks, and chunks as a completion.

use serde_json::value::RawValue;

use super::{fields_of, is_there, list_of, raw, text_of};
use crate::object::RawFields;
use crate::openai::{Halves, decode_text};

/// The chunks of a completion: what was said, why it ends, and what it cost.
pub(super) fn chunks(answer: &RawFields) -> Option<Vec<RawFields>> {
    let choices = list_of(answer.get("choices"))?;
    let with = |choices: Vec<RawFields>| {
        let mut chunk = answer.clone();
        chunk.remove("usage");
        chunk.set("object", raw("chat.completion.chunk"));
        chunk.set("choices", raw(choices));
        chunk
    };
    let mut said = Vec::with_capacity(choices.len());
    let mut ends = Vec::with_capacity(choices.len());
    for (place, choice) in choices.iter().enumerate() {
        let index = choice
            .get("index")
            .map_or_else(|| raw(place), RawValue::to_owned);
        let mut message = fields_of(choice.get("message"))?;
        number_calls(&mut message);
        let mut begin = choice.clone();
        begin.remove("message");
        begin.set("index", index.clone());
        begin.set("delta", raw(message));
        begin.set("finish_reason", RawValue::NULL.to_owned());
        said.push(begin);
        let reason = choice
            .get("finish_reason")
            .filter(|reason| is_there(Some(reason)));
        let mut end = RawFields::default();
        end.push("index", index);
        end.push("delta", raw(RawFields::default()));
        end.push(
            "finish_reason",
            reason.map_or_else(|| raw("stop"), RawValue::to_owned),
        );
        ends.push(end);
    }
    let mut chunks = vec![with(said), with(ends)];
    if let Some(usage) = answer.get("usage").filter(|usage| is_there(Some(usage))) {
        let mut last = with(Vec::new());
        last.set("usage", usage.to_owned());
        chunks.push(last);
    }
    Some(chunks)
}

/// In a stream each call says which one it is.
fn number_calls(message: &mut RawFields) {
    let Some(mut calls) = list_of(message.get("tool_calls")) else {
        return;
    };
    for (place, call) in calls.iter_mut().enumerate() {
        if !is_there(call.get("index")) {
            call.set("index", raw(place));
        }
    }
    message.set("tool_calls", raw(calls));
}

/// Puts the first choice of a stream together.
#[derive(Debug, Default)]
pub(super) struct ChatAssembly {
    /// Of the first chunk.
    head: Option<RawFields>,
    /// Fields of the message that are not text.
    message: RawFields,
    texts: Vec<Text>,
    calls: Vec<Call>,
    finish_reason: Option<Box<RawValue>>,
    usage: Option<Box<RawValue>>,
}

/// A text that grows, such as `content`.
#[derive(Debug)]
struct Text {
    name: String,
    said: String,
    halves: Halves,
}

#[derive(Debug, Default)]
struct Call {
    index: Option<u64>,
    fields: RawFields,
    function: RawFields,
    arguments: String,
}

impl ChatAssembly {
    pub(super) fn push(&mut self, chunk: &RawFields) {
        if let Some(usage) = chunk.get("usage").filter(|usage| is_there(Some(usage))) {
            self.usage = Some(usage.to_owned());
        }
        let choices = list_of(chunk.get("choices")).unwrap_or_default();
        let first = |choice: &&RawFields| {
            choice
                .get("index")
                .is_none_or(|index| matches!(index.get(), "0" | "null"))
        };
        let Some(choice) = choices.iter().find(first) else {
            return;
        };
        if self.head.is_none() {
            self.head = Some(chunk.clone());
        }
        if let Some(reason) = choice.get("finish_reason")
            && !matches!(reason.get(), "null" | "\"\"")
        {
            self.finish_reason = Some(reason.to_owned());
        }
        if let Some(usage) = choice.get("usage").filter(|usage| is_there(Some(usage))) {
            self.usage = Some(usage.to_owned());
        }
        let delta = fields_of(choice.get("delta").or_else(|| choice.get("message")));
        for (name, value) in delta.unwrap_or_default().iter() {
            match name {
                "tool_calls" => self.calls(value),
                "role" => self.message.set(name, value.to_owned()),
                _ if value.get().starts_with('"') => self.text(name, value),
                _ if value.get() == "null" => {}
                _ => self.message.set(name, value.to_owned()),
            }
        }
    }

    fn text(&mut self, name: &str, value: &RawValue) {
        let place = self.texts.iter().position(|text| text.name == name);
        let place = place.unwrap_or_else(|| {
            let (name, said, halves) = (name.to_owned(), String::new(), Halves::default());
            self.texts.push(Text { name, said, halves });
            self.texts.len() - 1
        });
        if let Some(known) = self.texts.get_mut(place) {
            let more = decode_text(value, &mut known.halves);
            known.said.push_str(&more.unwrap_or_default());
        }
    }

    fn calls(&mut self, value: &RawValue) {
        for piece in list_of(Some(value)).unwrap_or_default() {
            let index = piece.get("index").and_then(|raw| raw.get().parse().ok());
            let id = text_of(piece.get("id")).filter(|id| !id.is_empty());
            // Some servers number all calls 0; a new id is a new call.
            let is_same = |call: &Call| {
                let known = text_of(call.fields.get("id"));
                call.index == index && (id.is_none() || known.is_none() || known == id)
            };
            let place = self.calls.iter().rposition(is_same).unwrap_or_else(|| {
                self.calls.push(Call {
                    index,
                    ..Call::default()
                });
                self.calls.len() - 1
            });
            if let Some(call) = self.calls.get_mut(place) {
                call.grow(&piece);
            }
        }
    }

    /// The completion, if the stream said why it ends.
    pub(super) fn finish(self) -> Option<RawFields> {
        let reason = self.finish_reason?;
        let mut message = self.message;
        if message.get("role").is_none() {
            message.push("role", raw("assistant"));
        }
        if !self.texts.iter().any(|text| text.name == "content") {
            message.push("content", RawValue::NULL.to_owned());
        }
        for text in self.texts {
            message.set(&text.name, raw(text.said));
        }
        if !self.calls.is_empty() {
            let calls: Vec<_> = self.calls.into_iter().map(Call::finish).collect();
            message.push("tool_calls", raw(calls));
        }
        let mut choice = RawFields::default();
        choice.push("index", raw(0));
        choice.push("message", raw(message));
        choice.push("finish_reason", reason);
        let mut answer = self.head.unwrap_or_default();
        answer.set("object", raw("chat.completion"));
        answer.set("choices", raw([choice]));
        answer.remove("usage");
        if let Some(usage) = self.usage {
            answer.push("usage", usage);
        }
        Some(answer)
    }
}

impl Call {
    fn grow(&mut self, piece: &RawFields) {
        for (name, value) in piece.iter() {
            if name != "index" && name != "function" && value.get() != "null" {
                self.fields.set(name, value.to_owned());
            }
        }
        for (name, value) in fields_of(piece.get("function")).unwrap_or_default().iter() {
            if name == "arguments" {
                match text_of(Some(value)) {
                    Some(more) => self.arguments.push_str(&more),
                    // Some servers send the object itself.
                    None if value.get() != "null" => self.arguments.push_str(value.get()),
                    None => {}
                }
            } else if !matches!(value.get(), "null" | "\"\"") {
                self.function.set(name, value.to_owned());
            }
        }
    }

    fn finish(mut self) -> RawFields {
        self.function.set("arguments", raw(self.arguments));
        self.fields.set("function", raw(self.function));
        self.fields
    }
}
