//! Chat to chat: the payload's bytes stay, but for the model's name.

use bytes::{BufMut, Bytes, BytesMut};
use owlcoda_types::Usage;
use serde_json::value::RawValue;

use super::error::StreamFault;
use super::finish::check_finish;
use super::{DONE, is_broken};
use crate::fault::{from_error_value, from_upstream};
use crate::json::around;
use crate::openai::{Around, Chunk, Likeness, read_usage};

/// What the relay needs to know of its request.
#[derive(Clone, Debug, Default)]
pub struct RelayContext {
    /// The model's name as the caller asked for it.
    pub model: String,
    /// Whether the caller asked for the chunk that carries only the usage.
    pub wants_usage_chunk: bool,
}

/// Relays one chat stream.
#[derive(Debug)]
pub struct ChatRelay {
    model: Box<RawValue>,
    wants_usage_chunk: bool,
    usage: Option<Usage>,
    is_finished: bool,
    is_done: bool,
    n_chunks: u64,
    n_malformed: u64,
    likeness: Likeness,
    /// Around the text of such a chunk, as the caller gets it.
    shown: Around,
}

impl ChatRelay {
    /// A relay that has seen nothing.
    pub fn new(context: RelayContext) -> Self {
        let RelayContext {
            model,
            wants_usage_chunk,
        } = context;
        Self {
            model: serde_json::value::to_raw_value(&model).unwrap_or_default(),
            wants_usage_chunk,
            usage: None,
            is_finished: false,
            is_done: false,
            n_chunks: 0,
            n_malformed: 0,
            likeness: Likeness::default(),
            shown: Around::default(),
        }
    }

    /// Takes the data of one SSE frame and answers what to send on, if anything:
    /// not `[DONE]`, which follows a clean `finish`, not what was never meant to be JSON, and not
    /// the usage chunk unless it was asked for. An error ends the stream.
    pub fn push(&mut self, data: &[u8]) -> Result<Option<Bytes>, StreamFault> {
        if self.is_done || data.is_empty() {
            return Ok(None);
        }
        if let Some((_, text)) = self.likeness.text(data) {
            self.n_chunks += 1;
            let (before, after) = self.shown.parts();
            return Ok(Some(joined(before, text.as_bytes(), after)));
        }
        if data.trim_ascii() == DONE {
            self.is_done = true;
            return Ok(None);
        }
        let Ok(chunk) = crate::json::read::<Chunk<'_>>(data) else {
            if is_broken(data) {
                return Err(StreamFault::BrokenEvent);
            }
            self.n_malformed += 1;
            return Ok(None);
        };
        if let Some(error) = chunk.error {
            return Err(from_error_value(error).into());
        }
        if chunk.is_bare_error() {
            return Err(from_upstream(200, data).into());
        }
        self.n_chunks += 1;
        let usage = chunk.usage.and_then(read_usage);
        self.usage = usage.or(self.usage);
        let choices = chunk.choices.as_deref().unwrap_or_default();
        for choice in choices {
            if let Some(usage) = choice.usage.and_then(read_usage) {
                self.usage = Some(usage);
            }
            if let Some(reason) = choice.finish_reason() {
                check_finish(reason)?;
                self.is_finished = true;
            }
        }
        if choices.is_empty() && usage.is_some() && !self.wants_usage_chunk {
            return Ok(None);
        }
        let shown = with_model(data, chunk.model, &self.model);
        if let Some(text) = chunk.relayed_text()
            && let Some((before, after)) = self.likeness.learn(data, text)
        {
            let before = with_model(before, chunk.model, &self.model);
            let after = with_model(after, chunk.model, &self.model);
            self.shown.set(&before, &after);
        }
        Ok(Some(shown))
    }

    /// Ends the stream, after `[DONE]` or when the server closed it.
    pub fn finish(&mut self) -> Result<(), StreamFault> {
        self.is_done = true;
        if self.n_chunks == 0 && self.n_malformed > 0 {
            return Err(StreamFault::BadJson);
        }
        if self.is_finished {
            Ok(())
        } else {
            Err(StreamFault::Truncated)
        }
    }

    /// What the server says the call cost; none if it did not.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Whether the server said that nothing more comes. Then call `finish`.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Whether the reason for the end is known; only the usage may follow.
    pub fn has_ended(&self) -> bool {
        self.is_finished
    }

    /// How many frames were skipped because they were not JSON.
    pub fn n_malformed(&self) -> u64 {
        self.n_malformed
    }
}

/// `json` with the value `old`, which is a part of it, replaced.
pub(super) fn with_model(json: &[u8], old: Option<&RawValue>, new: &RawValue) -> Bytes {
    let span = old.and_then(|old| around(json, old));
    let Some((before, after)) = span else {
        return Bytes::copy_from_slice(json);
    };
    joined(before, new.get().as_bytes(), after)
}

fn joined(before: &[u8], part: &[u8], after: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(before.len() + part.len() + after.len());
    out.put_slice(before);
    out.put_slice(part);
    out.put_slice(after);
    out.freeze()
}
