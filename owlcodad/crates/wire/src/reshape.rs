//! Answers in the other form than they were asked for: whole where a stream was, and the reverse.
//!
//! Some servers, and proxies in front of them, do not do what `stream` says. The answer is brought
//! into the form that was asked for, still in the server's own dialect, and then goes the way of
//! every other one. What is not known here is carried along.

mod chat;
mod messages;

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::fault::Dialect;
use crate::object::RawFields;
use crate::sse::{self, Frame};
use crate::translate::{DONE, StreamFault};

use self::chat::ChatAssembly;
use self::messages::MessagesAssembly;

/// Most bytes of a stream that are put together to one answer.
pub const MAX_WHOLE_BYTES: usize = 64 << 20;

/// A whole answer as the text of an event stream; none if it is no answer of that dialect, such as
/// an error.
pub fn whole_as_stream(dialect: Dialect, body: &[u8]) -> Option<Bytes> {
    let answer: RawFields = crate::json::read(body).ok()?;
    let mut out = BytesMut::with_capacity(body.len() + 512);
    match dialect {
        Dialect::OpenAi => {
            for chunk in chat::chunks(&answer)? {
                sse::encode(&mut out, None, &json(&chunk));
            }
            out.put_slice(b"data: ");
            out.put_slice(DONE);
            out.put_slice(b"\n\n");
        }
        Dialect::Anthropic => {
            for (name, event) in messages::events(&answer)? {
                sse::encode(&mut out, Some(name), &json(&event));
            }
        }
    }
    Some(out.freeze())
}

/// Whether a body is the text of an event stream, whatever its type says.
pub fn looks_like_stream(body: &[u8]) -> bool {
    let text = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let text = text.trim_ascii_start();
    [&b"data:"[..], b"event:", b":"]
        .iter()
        .any(|start| text.starts_with(start))
}

/// Puts a stream together to a whole answer.
#[derive(Debug)]
pub struct Assembly {
    machine: Machine,
    n_bytes: usize,
    /// An error document, which stands for the whole answer.
    error: Option<Bytes>,
}

#[derive(Debug)]
enum Machine {
    Chat(Box<ChatAssembly>),
    Messages(Box<MessagesAssembly>),
}

impl Assembly {
    /// For a server that speaks `dialect`.
    pub fn new(dialect: Dialect) -> Self {
        Self {
            machine: match dialect {
                Dialect::OpenAi => Machine::Chat(Box::default()),
                Dialect::Anthropic => Machine::Messages(Box::default()),
            },
            n_bytes: 0,
            error: None,
        }
    }

    /// Takes the next frame; answers whether there is more to come. Frames that are no JSON change
    /// nothing.
    ///
    /// # Errors
    ///
    /// Past [`MAX_WHOLE_BYTES`].
    pub fn push(&mut self, frame: &Frame) -> Result<bool, StreamFault> {
        self.n_bytes += frame.data.len();
        if self.n_bytes > MAX_WHOLE_BYTES {
            return Err(StreamFault::TooLong {
                limit_bytes: MAX_WHOLE_BYTES,
            });
        }
        if frame.data.trim_ascii() == DONE {
            return Ok(false);
        }
        let Ok(event) = crate::json::read::<RawFields>(&frame.data) else {
            return Ok(true);
        };
        let is_error = event.get("error").is_some_and(|raw| raw.get() != "null")
            || text_of(event.get("type")).as_deref() == Some("error");
        if is_error {
            self.error = Some(frame.data.clone());
            return Ok(false);
        }
        match &mut self.machine {
            Machine::Chat(machine) => machine.push(&event),
            Machine::Messages(machine) => machine.push(&event),
        }
        Ok(!matches!(&self.machine, Machine::Messages(machine) if machine.is_stopped()))
    }

    /// The whole answer: a document as the server would have sent it.
    ///
    /// # Errors
    ///
    /// `Truncated` if the stream did not say why it ends.
    pub fn finish(self) -> Result<Bytes, StreamFault> {
        if let Some(error) = self.error {
            return Ok(error);
        }
        let whole = match self.machine {
            Machine::Chat(machine) => machine.finish(),
            Machine::Messages(machine) => machine.finish(),
        };
        whole
            .map(|fields| Bytes::from(json(&fields)))
            .ok_or(StreamFault::Truncated)
    }
}

// What is written here has string keys and no foreign code, so it cannot fail.

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

fn raw(value: impl Serialize) -> Box<RawValue> {
    to_raw_value(&value).unwrap_or_default()
}

fn text_of(raw: Option<&RawValue>) -> Option<String> {
    crate::openai::decode_whole(raw?.get()).map(std::borrow::Cow::into_owned)
}

fn fields_of(raw: Option<&RawValue>) -> Option<RawFields> {
    serde_json::from_str(raw?.get()).ok()
}

fn list_of(raw: Option<&RawValue>) -> Option<Vec<RawFields>> {
    serde_json::from_str(raw?.get()).ok()
}

fn is_there(raw: Option<&RawValue>) -> bool {
    raw.is_some_and(|raw| raw.get() != "null")
}
