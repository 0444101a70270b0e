//! A chat request: all its fields as they came, in order, and the few we act on.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use bytestring::ByteString;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use super::outline::Outline;
use crate::bounds;
use crate::json::{JsonPart, MAX_DEPTH};
use crate::object::{MAX_RAW_FIELDS, RawFields};
use crate::wire_error::{WireError, mend_halves, parse_body};

/// A request of the Chat Completions API.
#[derive(Clone, Debug)]
pub struct Request {
    /// The model's name, as the caller knows it.
    pub model: String,
    /// Whether the answer comes as chunks.
    pub stream: bool,
    wants_usage_chunk: bool,
    body: ByteString,
    /// Names of the fields, in order, and where in `body` their values stand.
    fields: Vec<(String, Range<usize>)>,
}

/// The fields we act on, as serde reads them: to say what is wrong. Everything else is not looked at.
#[derive(Deserialize)]
struct Shape {
    #[serde(rename = "model")]
    _model: String,
    #[serde(rename = "messages")]
    _messages: Vec<MessageShape>,
    #[serde(rename = "stream", default)]
    _stream: Option<bool>,
    #[serde(rename = "stream_options", default)]
    _stream_options: Option<StreamOptions>,
}

#[derive(Deserialize)]
struct MessageShape {
    #[serde(rename = "role")]
    _role: String,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

/// What the small ones of these fields say.
struct Known {
    model: String,
    stream: Option<bool>,
    wants_usage_chunk: bool,
}

impl Known {
    /// None where one of them is missing or of the wrong kind.
    fn of(body: &[u8], fields: &[(String, Range<usize>)]) -> Option<Self> {
        fn value<'a, T: Deserialize<'a>>(raw: &'a [u8]) -> Option<T> {
            serde_json::from_slice(raw).ok()
        }
        let stream = match field(body, fields, "stream") {
            Some(stream) => Some(value(stream)?),
            None => None,
        };
        let options: Option<StreamOptions> = match field(body, fields, "stream_options") {
            Some(options) => Some(value(options)?),
            None => None,
        };
        Some(Self {
            model: value(field(body, fields, "model")?)?,
            stream,
            wants_usage_chunk: options.and_then(|o| o.include_usage).unwrap_or_default(),
        })
    }
}

/// The value of the last field of that name, unless it is null.
fn field<'a>(body: &'a [u8], fields: &[(String, Range<usize>)], name: &str) -> Option<&'a [u8]> {
    let found = fields.iter().rev().find(|(key, _)| key == name);
    let value = found.and_then(|(_, span)| body.get(span.clone()));
    value.filter(|value| *value != b"null")
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
        let text = ByteString::try_from(body.clone()).unwrap_or_default();
        let read = Outline::of(&text);
        let known = read.as_ref().and_then(|outline| {
            let n_messages = outline.n_messages?;
            Some((Known::of(&body, &outline.fields)?, n_messages))
        });
        let (Some(outline), Some((known, n_messages))) = (read, known) else {
            // Reads it once more, to say what is wrong and where.
            parse_body::<Shape>(&body)?;
            let message = format!(
                "has more than {MAX_RAW_FIELDS} fields, values nested more than {MAX_DEPTH} deep, or a \
                 message that is no object"
            );
            return Err(WireError::field("body", message));
        };
        if known.model.trim().is_empty() {
            return Err(WireError::field("model", "must not be empty"));
        }
        if n_messages == 0 {
            return Err(WireError::field("messages", "must not be empty"));
        }
        bounds::messages(n_messages)?;
        let fields = check_bounds(outline, &body)?;
        Ok(Self {
            model: known.model,
            stream: known.stream.unwrap_or_default(),
            wants_usage_chunk: known.wants_usage_chunk,
            fields,
            body: text,
        })
    }

    /// Whether the caller asked for the chunk that carries only the usage.
    pub fn wants_usage_chunk(&self) -> bool {
        self.wants_usage_chunk
    }

    /// A field as it came.
    pub fn get(&self, name: &str) -> Option<JsonPart<'_>> {
        let found = self.fields.iter().rev().find(|(key, _)| key == name);
        found.and_then(|(_, span)| self.raw(span))
    }

    /// Every field as it came, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, JsonPart<'_>)> {
        let fields = self.fields.iter();
        fields.filter_map(|(name, span)| Some((name.as_str(), self.raw(span)?)))
    }

    fn raw(&self, span: &Range<usize>) -> Option<JsonPart<'_>> {
        Some(JsonPart::new(&self.body, self.body.get(span.clone())?))
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
                _ => self.body.get(span.clone()).unwrap_or_default().as_bytes(),
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
            .and_then(JsonPart::read)
            .unwrap_or_default();
        options.set("include_usage", RawValue::TRUE.to_owned());
        to_raw_value(&options).unwrap_or_default()
    }
}

/// What is of another kind than it should be is for the model server, or the translation, to refuse.
fn check_bounds(
    outline: Outline<'_>,
    body: &[u8],
) -> Result<Vec<(String, Range<usize>)>, WireError> {
    let Outline {
        fields,
        tools,
        functions,
        n_stops,
        ..
    } = outline;
    for path in ["max_tokens", "max_completion_tokens"] {
        let written = field(body, &fields, path).and_then(|value| std::str::from_utf8(value).ok());
        if let Some(written) = written {
            bounds::answer_tokens_raw(written, path)?;
        }
    }
    bounds::tools(tools.into_iter(), |idx| {
        format!("tools[{idx}].function.name")
    })?;
    bounds::tools(functions.into_iter(), |idx| {
        format!("functions[{idx}].name")
    })?;
    // One text, or a list of them.
    bounds::stops(n_stops, "stop")?;
    Ok(fields)
}

fn put_field(out: &mut BytesMut, name: &str, value: &[u8]) {
    out.put_u8(if out.is_empty() { b'{' } else { b',' });
    // Cannot fail: memory grows and a string is always a key.
    let _ = serde_json::to_writer(out.writer(), name);
    out.put_u8(b':');
    out.put_slice(value);
}
