//! A chat request: all its fields as they came, in order, and the few we act on.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::{RawValue, to_raw_value};

use super::fields::Fields;
use super::tool_entry::ToolEntry;
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
    body: Bytes,
    /// Names of the fields, in order, and where in `body` their values stand.
    fields: Vec<(String, Range<usize>)>,
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

impl Known {
    /// The same out of fields that were told apart before. None where one of them is missing or of
    /// the wrong kind.
    fn of(fields: &Fields<'_>) -> Option<Self> {
        fn value<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
            serde_json::from_str(raw.get()).ok()
        }
        Some(Self {
            model: value(fields.get("model")?)?,
            messages: value(fields.get("messages")?)?,
            stream: match fields.get("stream") {
                Some(stream) => Some(value(stream)?),
                None => None,
            },
            stream_options: match fields.get("stream_options") {
                Some(options) => Some(value(options)?),
                None => None,
            },
        })
    }
}

impl Request {
    /// Reads a request body, which is copied.
    pub fn parse(body: &[u8]) -> Result<Self, WireError> {
        Self::parse_bytes(&Bytes::copy_from_slice(body))
    }

    /// Reads a request body, and keeps it.
    pub fn parse_bytes(body: &Bytes) -> Result<Self, WireError> {
        // The fields go to the model server as they came, so they must not hold what was mended
        // only in what we have looked at.
        let body = mend_halves(body).map_or_else(|| body.clone(), Bytes::from);
        let read = crate::json::read::<Fields<'_>>(&body).ok();
        let known = read.as_ref().and_then(Known::of);
        let (Some(fields), Some(known)) = (read, known) else {
            // Reads it once more, to say what is wrong and where.
            parse_body::<Known>(&body)?;
            return Err(WireError::field("body", "is no chat request"));
        };
        if known.model.trim().is_empty() {
            return Err(WireError::field("model", "must not be empty"));
        }
        if known.messages.is_empty() {
            return Err(WireError::field("messages", "must not be empty"));
        }
        bounds::messages(known.messages.len())?;
        check_bounds(&fields)?;
        let options = known.stream_options;
        let fields = fields.spans(&body);
        Ok(Self {
            model: known.model,
            stream: known.stream.unwrap_or_default(),
            wants_usage_chunk: options.and_then(|o| o.include_usage).unwrap_or_default(),
            fields,
            body,
        })
    }

    /// Whether the caller asked for the chunk that carries only the usage.
    pub fn wants_usage_chunk(&self) -> bool {
        self.wants_usage_chunk
    }

    /// A field as it came.
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        let found = self.fields.iter().rev().find(|(key, _)| key == name);
        found.and_then(|(_, span)| self.raw(span))
    }

    /// Every field as it came, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        let fields = self.fields.iter();
        fields.filter_map(|(name, span)| Some((name.as_str(), self.raw(span)?)))
    }

    fn raw(&self, span: &Range<usize>) -> Option<&RawValue> {
        serde_json::from_slice(self.body.get(span.clone())?).ok()
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
        let mut out = BytesMut::with_capacity(self.body.len() + backend_model.len() + 64);
        let mut has_options = options.is_none();
        for (name, span) in &self.fields {
            let value = match (name.as_str(), &options) {
                ("model", _) => model.get().as_bytes(),
                ("stream_options", Some(options)) => {
                    has_options = true;
                    options.get().as_bytes()
                }
                _ => self.body.get(span.clone()).unwrap_or_default(),
            };
            put_field(&mut out, name, value);
        }
        if let Some(options) = options.filter(|_| !has_options) {
            put_field(&mut out, "stream_options", options.get().as_bytes());
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
fn check_bounds(fields: &Fields<'_>) -> Result<(), WireError> {
    for path in ["max_tokens", "max_completion_tokens"] {
        if let Some(n_tokens) = fields.get(path) {
            bounds::answer_tokens_raw(n_tokens.get(), path)?;
        }
    }
    let tools: Vec<ToolEntry<'_>> = list(fields.get("tools"));
    let names = tools.into_iter().map(ToolEntry::inner_name);
    bounds::tools(names, |idx| format!("tools[{idx}].function.name"))?;
    let functions: Vec<ToolEntry<'_>> = list(fields.get("functions"));
    let names = functions.into_iter().map(ToolEntry::name);
    bounds::tools(names, |idx| format!("functions[{idx}].name"))?;
    // One text, or a list of them.
    bounds::stops(list::<IgnoredAny>(fields.get("stop")).len(), "stop")
}

/// The entries of a list, read in one go; none where it is no list.
fn list<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Vec<T> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default()
}

fn put_field(out: &mut BytesMut, name: &str, value: &[u8]) {
    out.put_u8(if out.is_empty() { b'{' } else { b',' });
    // Cannot fail: memory grows and a string is always a key.
    let _ = serde_json::to_writer(out.writer(), name);
    out.put_u8(b':');
    out.put_slice(value);
}
