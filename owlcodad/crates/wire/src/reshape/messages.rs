//! Messages as events, and events as a message.

use serde_json::value::RawValue;

use super::{fields_of, list_of, raw, text_of};
use crate::object::RawFields;

/// What a block of this type grows by: the kind of delta, its key there, and its key in the block.
const GROWING: [(&str, &str, &str, &str); 4] = [
    ("text", "text_delta", "text", "text"),
    ("thinking", "thinking_delta", "thinking", "thinking"),
    ("thinking", "signature_delta", "signature", "signature"),
    ("tool_use", "input_json_delta", "partial_json", "input"),
];

fn object<const N: usize>(fields: [(&str, Box<RawValue>); N]) -> RawFields {
    let mut object = RawFields::default();
    for (name, value) in fields {
        object.push(name, value);
    }
    object
}

fn event<const N: usize>(
    name: &'static str,
    fields: [(&str, Box<RawValue>); N],
) -> (&'static str, RawFields) {
    let mut event = object([("type", raw(name))]);
    for (key, value) in fields {
        event.push(key, value);
    }
    (name, event)
}

/// The events of a message.
pub(super) fn events(answer: &RawFields) -> Option<Vec<(&'static str, RawFields)>> {
    let blocks = list_of(answer.get("content"))?;
    let mut start = answer.clone();
    start.set("content", raw([(); 0]));
    start.set("stop_reason", RawValue::NULL.to_owned());
    start.set("stop_sequence", RawValue::NULL.to_owned());
    let mut events = vec![event("message_start", [("message", raw(start))])];
    for (index, block) in blocks.iter().enumerate() {
        let (begun, deltas) = unfold(block);
        let at = || ("index", raw(index));
        events.push(event(
            "content_block_start",
            [at(), ("content_block", raw(begun))],
        ));
        for delta in deltas {
            events.push(event("content_block_delta", [at(), ("delta", raw(delta))]));
        }
        events.push(event("content_block_stop", [at()]));
    }
    let mut end = RawFields::default();
    for name in ["stop_reason", "stop_sequence"] {
        let value = answer.get(name).unwrap_or(RawValue::NULL);
        end.push(name, value.to_owned());
    }
    let (name, mut last) = event("message_delta", [("delta", raw(end))]);
    if let Some(usage) = answer.get("usage") {
        last.push("usage", usage.to_owned());
    }
    events.push((name, last));
    events.push(event("message_stop", []));
    Some(events)
}

/// A block as it begins, and what it then grows by.
fn unfold(block: &RawFields) -> (RawFields, Vec<RawFields>) {
    let kind = text_of(block.get("type")).unwrap_or_default();
    let mut begun = block.clone();
    let mut deltas = Vec::new();
    for (_, delta, key, field) in GROWING.iter().filter(|(of, ..)| *of == kind) {
        let Some(value) = block.get(field) else {
            continue;
        };
        let (empty, grown) = if *field == "input" {
            (raw(RawFields::default()), raw(value.get()))
        } else {
            (raw(""), value.to_owned())
        };
        begun.set(field, empty);
        deltas.push(object([("type", raw(delta)), (key, grown)]));
    }
    (begun, deltas)
}

/// Puts the events of one message together.
#[derive(Debug, Default)]
pub(super) struct MessagesAssembly {
    head: Option<RawFields>,
    blocks: Vec<Block>,
    end: RawFields,
    usage: RawFields,
    is_stopped: bool,
}

#[derive(Debug)]
struct Block {
    index: Option<Box<RawValue>>,
    fields: RawFields,
    /// By the field that grows.
    texts: Vec<(&'static str, String)>,
}

impl MessagesAssembly {
    pub(super) fn push(&mut self, event: &RawFields) {
        match text_of(event.get("type")).as_deref() {
            Some("message_start") => {
                self.head = fields_of(event.get("message"));
                let usage = self
                    .head
                    .as_ref()
                    .and_then(|head| fields_of(head.get("usage")));
                self.usage = usage.unwrap_or_default();
            }
            Some("content_block_start") => self.blocks.push(Block {
                index: event.get("index").map(RawValue::to_owned),
                fields: fields_of(event.get("content_block")).unwrap_or_default(),
                texts: Vec::new(),
            }),
            Some("content_block_delta") => {
                let index = event.get("index").map(RawValue::get);
                let is_it = |block: &&mut Block| block.index.as_deref().map(RawValue::get) == index;
                let block = self.blocks.iter_mut().rev().find(is_it);
                if let (Some(block), Some(delta)) = (block, fields_of(event.get("delta"))) {
                    block.grow(&delta);
                }
            }
            Some("message_delta") => {
                for (name, value) in fields_of(event.get("delta")).unwrap_or_default().iter() {
                    self.end.set(name, value.to_owned());
                }
                for (name, value) in fields_of(event.get("usage")).unwrap_or_default().iter() {
                    // A zero here is the lack of a count, as servers write it.
                    if value.get() != "0" || self.usage.get(name).is_none() {
                        self.usage.set(name, value.to_owned());
                    }
                }
            }
            Some("message_stop") => self.is_stopped = true,
            _ => {}
        }
    }

    pub(super) const fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// The message, if the stream said why it ends.
    pub(super) fn finish(self) -> Option<RawFields> {
        let mut answer = self.head?;
        self.end
            .get("stop_reason")
            .filter(|reason| reason.get() != "null")?;
        let blocks: Vec<_> = self.blocks.into_iter().map(Block::finish).collect();
        answer.set("content", raw(blocks));
        for (name, value) in self.end.iter() {
            answer.set(name, value.to_owned());
        }
        answer.set("usage", raw(self.usage));
        Some(answer)
    }
}

impl Block {
    fn grow(&mut self, delta: &RawFields) {
        let kind = text_of(delta.get("type")).unwrap_or_default();
        let Some((_, _, key, field)) = GROWING.iter().find(|(_, of, ..)| *of == kind) else {
            return;
        };
        let more = text_of(delta.get(key)).unwrap_or_default();
        match self.texts.iter_mut().find(|(name, _)| name == field) {
            Some((_, text)) => text.push_str(&more),
            None => self.texts.push((field, more)),
        }
    }

    fn finish(mut self) -> RawFields {
        for (field, text) in self.texts {
            let value = if field == "input" {
                // What is no JSON stays as the text that the model wrote.
                let empty = text.trim().is_empty();
                let input = if empty { "{}".to_owned() } else { text.clone() };
                RawValue::from_string(input).unwrap_or_else(|_| raw(text))
            } else {
                let begun = text_of(self.fields.get(field)).unwrap_or_default();
                raw(begun + &text)
            };
            self.fields.set(field, value);
        }
        self.fields
    }
}
