//! A chat request: all its fields as they came, in order, and the few we act on.

use std::borrow::Cow;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use super::fields::Fields;
use crate::bounds;
use crate::object::RawFields;
use crate::wire_error::{WireError, mend_halves, parse_body};

/// A request of the Chat Completions API.
#[derive(Clone, Debug)]
pub struct Request {
    /// The model's name, as the caller knows it.
    pub model: String,
    /// Whether the answer comes as chunks.
    pub stream: bool,
    wants_usage_chunk: bool,
    fields: RawFields,
}

/// The fields we act on. Everything else is not looked at.
#[derive(Deserialize)]
struct Known {
    model: String,
    messages: Vec<KnownMessage>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<KnownStreamOptions>,
}

#[derive(Deserialize)]
struct KnownMessage {
    #[serde(rename = "role")]
    _role: String,
}

#[derive(Deserialize)]
struct KnownStreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

impl Request {
    /// Reads a request body.
    pub fn parse(body: &[u8]) -> Result<Self, WireError> {
        // The fields go to the model server as they came, so they must not hold what was mended
        // only in what we have looked at.
        let mended = mend_halves(body);
        let body = mended.as_deref().unwrap_or(body);
        let known: Known = parse_body(body)?;
        if known.model.trim().is_empty() {
            return Err(WireError::field("model", "must not be empty"));
        }
        if known.messages.is_empty() {
            return Err(WireError::field("messages", "must not be empty"));
        }
        bounds::messages(known.messages.len())?;
        let fields = parse_body(body)?;
        check_bounds(&fields)?;
        let options = known.stream_options;
        Ok(Self {
            model: known.model,
            stream: known.stream.unwrap_or_default(),
            wants_usage_chunk: options.and_then(|o| o.include_usage).unwrap_or_default(),
            fields,
        })
    }

    /// Whether the caller asked for the chunk that carries only the usage.
    pub fn wants_usage_chunk(&self) -> bool {
        self.wants_usage_chunk
    }

    /// A field as it came.
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        self.fields.get(name)
    }

    /// Every field as it came, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.fields.iter()
    }

    /// Whether the model is offered tools.
    pub fn has_tools(&self) -> bool {
        self.get("tools")
            .is_some_and(|tools| !matches!(tools.get(), "null" | "[]"))
    }

    /// A cheap guess at the prompt's tokens: a quarter of its bytes.
    pub fn estimate_input_tokens(&self) -> u64 {
        let bytes: usize = ["messages", "tools", "functions"]
            .into_iter()
            .filter_map(|name| self.get(name))
            .map(|value| value.get().len())
            .sum();
        (bytes as u64).div_ceil(4)
    }

    /// The body for the model server: the same bytes of the same fields in the
    /// same order, but its own name of the model, and usage asked for when the
    /// answer is streamed.
    pub fn to_upstream(&self, backend_model: &str) -> Bytes {
        let model = to_raw_value(backend_model).unwrap_or_default();
        let options = self.stream.then(|| self.options_with_usage());
        let size: usize = self
            .fields
            .iter()
            .map(|(k, v)| k.len() + v.get().len() + 4)
            .sum();
        let mut out = BytesMut::with_capacity(size + backend_model.len() + 64);
        let mut has_options = options.is_none();
        for (name, value) in self.fields.iter() {
            let value = match (name, &options) {
                ("model", _) => &*model,
                ("stream_options", Some(options)) => {
                    has_options = true;
                    options
                }
                _ => value,
            };
            put_field(&mut out, name, value);
        }
        if let Some(options) = options.filter(|_| !has_options) {
            put_field(&mut out, "stream_options", &options);
        }
        out.put_u8(b'}');
        out.freeze()
    }

    fn options_with_usage(&self) -> Box<RawValue> {
        let mut options: RawFields = self
            .get("stream_options")
            .and_then(|options| serde_json::from_str(options.get()).ok())
            .unwrap_or_default();
        options.set("include_usage", RawValue::TRUE.to_owned());
        to_raw_value(&options).unwrap_or_default()
    }
}

/// What is of another kind than it should be is for the model server, or the translation, to refuse.
fn check_bounds(fields: &RawFields) -> Result<(), WireError> {
    for path in ["max_tokens", "max_completion_tokens"] {
        if let Some(n_tokens) = fields.get(path) {
            bounds::answer_tokens_raw(n_tokens.get(), path)?;
        }
    }
    let tools = list(fields.get("tools"));
    let names = tools.iter().map(|tool| tool_name(tool));
    bounds::tools(names, |idx| format!("tools[{idx}].function.name"))?;
    let functions = list(fields.get("functions"));
    let names = functions.iter().map(|function| name(function));
    bounds::tools(names, |idx| format!("functions[{idx}].name"))?;
    // One text, or a list of them.
    bounds::stops(list(fields.get("stop")).len(), "stop")
}

/// The entries of a list; none where it is no list.
fn list(raw: Option<&RawValue>) -> Vec<&RawValue> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default()
}

fn tool_name(tool: &RawValue) -> Option<Cow<'_, str>> {
    let tool = Fields::read(tool)?;
    name(tool.get("function").or_else(|| tool.get("custom"))?)
}

fn name(function: &RawValue) -> Option<Cow<'_, str>> {
    Fields::read(function)?.text("name")
}

fn put_field(out: &mut BytesMut, name: &str, value: &RawValue) {
    out.put_u8(if out.is_empty() { b'{' } else { b',' });
    // Cannot fail: memory grows and a string is always a key.
    let _ = serde_json::to_writer(out.writer(), name);
    out.put_u8(b':');
    out.put_slice(value.get().as_bytes());
}
