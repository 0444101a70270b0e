//! Chat chunks in, Messages events out.
//!
//! ```text
//! chunk ──► text ──► think tag ──► written calls ──┐
//!       ├─► thinking ──────────────────────────────┼─► Sequence ──► events
//!       └─► tool call pieces ──────────────────────┘
//! ```
//!
//! This file reads; `Sequence` brings into order. `message_start` is sent with the
//! first thing worth showing, so that an error before it can still become a plain
//! error answer.

mod text;

use owlcoda_types::Usage;
use serde_json::value::RawValue;

use super::delta::{Part, joined_text, read_thinking};
use super::error::StreamFault;
use super::finish::{check_finish, is_failure, stop_reason_of};
use super::names::ToolNames;
use super::sequence::Sequence;
use super::think_tag::ThinkTag;
use super::written_calls::{Finder, WrittenCalls};
use super::{DONE, is_broken};
use crate::anthropic::{StopReason, StreamCheck, StreamEvent};
use crate::fault::{from_error_value, from_upstream};
use crate::openai::{Choice, Chunk, Delta, Halves, Likeness, ToolCall, decode_text, read_usage};

/// What the translation of an answer needs to know of its request.
#[derive(Clone, Debug, Default)]
pub struct StreamContext {
    /// The answer's id, `msg_…`, from which ids of calls follow where the server gave none.
    pub message_id: String,
    /// The model's name as the caller asked for it.
    pub model: String,
    /// What the caller is told at the start, when the server has not counted yet.
    pub estimated_input_tokens: u64,
    /// The stop sequences asked for, to tell which one was met.
    pub stop_sequences: Vec<String>,
    /// From the `ChatBody` of the request.
    pub tool_names: ToolNames,
    /// Whether tool calls are looked for in the text.
    pub written_calls: WrittenCalls,
}

/// Turns one chat stream into one Messages stream.
#[derive(Debug)]
pub struct ChatToMessages {
    sequence: Sequence,
    text_halves: Halves,
    thinking_halves: Halves,
    usage: Option<Usage>,
    finish_reason: Option<String>,
    met_stop: Option<String>,
    tail: String,
    think_tag: ThinkTag,
    finder: Finder,
    n_written_calls: u64,
    is_refused: bool,
    is_done: bool,
    is_finished: bool,
    n_chunks: u64,
    n_malformed: u64,
    likeness: Likeness,
    check: StreamCheck,
}

impl ChatToMessages {
    /// A translation that has seen nothing.
    pub fn new(context: StreamContext) -> Self {
        Self {
            sequence: Sequence::new(context),
            text_halves: Halves::default(),
            thinking_halves: Halves::default(),
            usage: None,
            finish_reason: None,
            met_stop: None,
            tail: String::new(),
            think_tag: ThinkTag::default(),
            finder: Finder::default(),
            n_written_calls: 0,
            is_refused: false,
            is_done: false,
            is_finished: false,
            n_chunks: 0,
            n_malformed: 0,
            likeness: Likeness::default(),
            check: StreamCheck::new(),
        }
    }

    /// Takes the data of one SSE frame, or a whole answer that came in one piece.
    ///
    /// Data that was never meant to be JSON is skipped and counted; half of a chunk is an error. After an error the stream is
    /// over: send an `error` event and nothing else.
    pub fn push(&mut self, data: &[u8], out: &mut Vec<StreamEvent>) -> Result<(), StreamFault> {
        if self.is_done || data.is_empty() {
            return Ok(());
        }
        if let Some((kind, text)) = self.likeness.text(data) {
            self.n_chunks += 1;
            let from = out.len();
            let result = self.on_known_text(kind, text, out);
            self.verify(out.get(from..).unwrap_or_default());
            return result;
        }
        if data.trim_ascii() == DONE {
            self.is_done = true;
            return Ok(());
        }
        let Ok(chunk) = crate::json::read::<Chunk<'_>>(data) else {
            if is_broken(data) {
                return Err(StreamFault::BrokenEvent);
            }
            self.n_malformed += 1;
            return Ok(());
        };
        let from = out.len();
        let result = self.on_chunk(&chunk, data, out);
        self.verify(out.get(from..).unwrap_or_default());
        if let Some(text) = chunk.translated_text() {
            self.likeness.learn(data, text);
        }
        result
    }

    /// Ends the stream, after `[DONE]` or when the server closed it. Once is enough.
    pub fn finish(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), StreamFault> {
        self.is_done = true;
        if std::mem::replace(&mut self.is_finished, true) {
            return Ok(());
        }
        if self.n_chunks == 0 && self.n_malformed > 0 {
            return Err(StreamFault::BadJson);
        }
        let from = out.len();
        let stop_reason = self.stop_reason()?;
        self.sequence.end(out)?;
        let stop_sequence = self
            .met_stop
            .take()
            .filter(|_| stop_reason == StopReason::StopSequence);
        out.push(StreamEvent::MessageDelta {
            stop_reason,
            stop_sequence,
            usage: self.usage.unwrap_or_else(|| self.sequence.estimate()),
        });
        out.push(StreamEvent::MessageStop);
        self.verify(out.get(from..).unwrap_or_default());
        Ok(())
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
        self.finish_reason.is_some()
    }

    /// Whether any event has left. Until then another server may be tried.
    pub fn is_started(&self) -> bool {
        self.sequence.is_started()
    }

    /// How many tool calls were found in the text.
    pub fn n_written_calls(&self) -> u64 {
        self.n_written_calls
    }

    /// How many frames were skipped because they were not JSON.
    pub fn n_malformed(&self) -> u64 {
        self.n_malformed
    }

    fn on_chunk(
        &mut self,
        chunk: &Chunk<'_>,
        data: &[u8],
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), StreamFault> {
        if let Some(error) = chunk.error {
            return Err(from_error_value(error).into());
        }
        if chunk.is_bare_error() {
            return Err(from_upstream(200, data).into());
        }
        self.n_chunks += 1;
        if let Some(usage) = chunk.usage.and_then(read_usage) {
            self.set_usage(usage);
        }
        if let Some(choice) = chunk.first_choice() {
            self.on_choice(choice, out)?;
        }
        Ok(())
    }

    fn on_choice(
        &mut self,
        choice: &Choice<'_>,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), StreamFault> {
        if let Some(usage) = choice.usage.and_then(read_usage) {
            self.set_usage(usage);
        }
        // A second end repeats what has been sent; only its usage counts.
        if self.finish_reason.is_some() {
            return Ok(());
        }
        if let Some(delta) = choice.delta() {
            self.on_delta(delta, out)?;
        }
        // A whole answer is whole, whether it says why it ends or not.
        let whole = choice.message.as_ref().map(|_| "stop");
        if let Some(reason) = choice.finish_reason().or(whole) {
            self.finish_reason = Some(reason.to_owned());
            self.flush_text(out)?;
            self.met_stop = self.find_stop(choice.stop_reason);
            if !is_failure(reason) {
                self.sequence.end(out)?;
            }
        }
        Ok(())
    }

    fn on_delta(
        &mut self,
        delta: &Delta<'_>,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), StreamFault> {
        if let Some(thinking) = read_thinking(delta, &mut self.thinking_halves)
            && !thinking.is_empty()
        {
            self.on_thinking(thinking, out)?;
        }
        if let Some(content) = delta.content {
            self.on_content(content, out)?;
        }
        if let Some(refusal) = delta
            .refusal
            .and_then(|raw| decode_text(raw, &mut self.text_halves))
            && !refusal.is_empty()
        {
            self.is_refused = true;
            self.sequence.text(refusal.into_owned(), out)?;
        }
        for piece in delta.tool_calls.iter().flatten() {
            self.on_call(piece, out)?;
        }
        if let Some(function) = &delta.function_call {
            let piece = ToolCall {
                index: Some(0),
                id: None,
                function: Some(function.clone()),
            };
            self.on_call(&piece, out)?;
        }
        Ok(())
    }

    fn on_content(
        &mut self,
        content: &RawValue,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), StreamFault> {
        if let Some(text) = decode_text(content, &mut self.text_halves) {
            if text.is_empty() {
                return Ok(());
            }
            return self.on_text(text.into_owned(), out);
        }
        // Mistral sends a list of parts.
        let parts: Vec<Part<'_>> = serde_json::from_str(content.get()).unwrap_or_default();
        for part in parts {
            if let Some(text) = part
                .text
                .and_then(|raw| decode_text(raw, &mut self.text_halves))
            {
                self.on_text(text.into_owned(), out)?;
            }
            if let Some(thinking) = part.thinking {
                let thinking = joined_text(thinking, &mut self.thinking_halves);
                self.sequence.thinking(thinking, out)?;
            }
        }
        Ok(())
    }

    fn on_call(
        &mut self,
        piece: &ToolCall<'_>,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), StreamFault> {
        self.flush_text(out)?;
        self.sequence.call(piece, out)
    }

    fn set_usage(&mut self, usage: Usage) {
        self.usage = Some(usage);
        self.sequence.set_prompt(usage);
    }

    fn stop_reason(&self) -> Result<StopReason, StreamFault> {
        let Some(reason) = self.finish_reason.as_deref() else {
            return Err(StreamFault::Truncated);
        };
        check_finish(reason)?;
        Ok(match stop_reason_of(reason) {
            _ if self.is_refused => StopReason::Refusal,
            StopReason::EndTurn | StopReason::ToolUse if self.sequence.n_calls() > 0 => {
                StopReason::ToolUse
            }
            StopReason::EndTurn | StopReason::StopSequence if self.met_stop.is_some() => {
                StopReason::StopSequence
            }
            StopReason::ToolUse => StopReason::EndTurn,
            reason => reason,
        })
    }

    /// Which stop sequence ended the answer: the server's word, or the answer's tail.
    fn find_stop(&self, told: Option<&RawValue>) -> Option<String> {
        let told = told.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
        let mut asked = self.sequence.context().stop_sequences.iter();
        asked
            .find(|stop| told.as_deref() == Some(stop) || self.tail.ends_with(stop.as_str()))
            .cloned()
    }

    /// Keeps as much of the end of the text as the longest stop sequence has.
    fn remember_tail(&mut self, text: &str) {
        let stops = &self.sequence.context().stop_sequences;
        let longest = stops.iter().map(String::len).max();
        let Some(longest) = longest else {
            return;
        };
        self.tail.push_str(text);
        let cut = self.tail.len().saturating_sub(longest);
        let cut = self.tail.floor_char_boundary(cut);
        self.tail.drain(..cut);
    }

    fn verify(&mut self, events: &[StreamEvent]) {
        if cfg!(debug_assertions) {
            for event in events {
                let checked = self.check.on(event);
                debug_assert!(checked.is_ok(), "{checked:?}");
            }
        }
    }
}
