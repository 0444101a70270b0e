//! Messages events in, chat chunks out.
//!
//! The chunk with the role is the first that has something to show, so that an
//! error before it can still become a plain error answer. What a chat answer has
//! no place for (signatures, encrypted thoughts, citations, calls of the server's
//! own tools) is left out.

use bytes::Bytes;
use owlcoda_types::Usage;
use serde_json::value::RawValue;

use super::chat_chunk::{
    CallBody, ChoiceBody, ChunkBody, DeltaBody, Field, FunctionBody, UsageBody,
};
use super::error::StreamFault;
use super::messages_relay::name_of;
use super::messages_response::finish_reason_of;
use super::names::ToolNames;
use super::{DONE, is_broken};
use crate::anthropic::{Head, Incoming, Part, StopReason, read_usage};
use crate::fault::from_upstream;
use crate::openai::{Halves, decode_text};

/// What the translation of an answer needs to know of its request.
#[derive(Clone, Debug, Default)]
pub struct ChatContext {
    /// The answer's id, `chatcmpl-…`.
    pub id: String,
    /// When the call came. Unit: seconds since 1970.
    pub created: i64,
    /// The model's name as the caller asked for it.
    pub model: String,
    /// Whether the caller asked for the chunk that carries only the usage.
    pub wants_usage_chunk: bool,
    /// What the caller is told where the server does not count.
    pub estimated_input_tokens: u64,
    /// From the `MessagesBody` of the request.
    pub tool_names: ToolNames,
}

impl ChatContext {
    /// The id of a call that the server gave none.
    pub(super) fn call_id(&self, number: usize) -> String {
        let id = self.id.strip_prefix("chatcmpl-").unwrap_or(&self.id);
        format!("call_{id}_{number}")
    }
}

/// Most calls that are open at once; servers that keep the protocol have one.
const MAX_OPEN_CALLS: usize = 64;

/// Turns one Messages stream into one chat stream.
#[derive(Debug)]
pub struct MessagesToChat {
    context: ChatContext,
    has_role: bool,
    n_calls: usize,
    open: Vec<OpenCall>,
    text_halves: Halves,
    thinking_halves: Halves,
    usage: Option<Usage>,
    stop_reason: Option<StopReason>,
    n_bytes: u64,
    is_stopped: bool,
    is_done: bool,
    is_finished: bool,
    n_events: u64,
    n_malformed: u64,
}

/// A call whose block is open.
#[derive(Debug)]
struct OpenCall {
    /// Its block's.
    index: Option<u64>,
    number: usize,
    has_arguments: bool,
    /// The input that its start had, for servers that send it whole.
    input: Option<Box<RawValue>>,
    halves: Halves,
}

impl MessagesToChat {
    /// A translation that has seen nothing.
    pub fn new(context: ChatContext) -> Self {
        Self {
            context,
            has_role: false,
            n_calls: 0,
            open: Vec::new(),
            text_halves: Halves::default(),
            thinking_halves: Halves::default(),
            usage: None,
            stop_reason: None,
            n_bytes: 0,
            is_stopped: false,
            is_done: false,
            is_finished: false,
            n_events: 0,
            n_malformed: 0,
        }
    }

    /// Takes one SSE frame. Adds the payload of each chunk to `out`.
    ///
    /// Data that was never meant to be an event is skipped and counted. After an error the stream is
    /// over: send the error and nothing else.
    pub fn push(
        &mut self,
        event: Option<&[u8]>,
        data: &[u8],
        out: &mut Vec<Bytes>,
    ) -> Result<(), StreamFault> {
        if self.is_done || data.is_empty() || data.trim_ascii() == DONE {
            return Ok(());
        }
        let Ok(incoming) = crate::json::read::<Incoming<'_>>(data) else {
            if event == Some(b"error") {
                return Err(from_upstream(200, data).into());
            }
            if is_broken(data) {
                return Err(StreamFault::BrokenEvent);
            }
            self.n_malformed += 1;
            return Ok(());
        };
        if incoming.is_error() || event == Some(b"error") {
            return Err(from_upstream(200, data).into());
        }
        let Some(name) = name_of(event, &incoming) else {
            self.n_malformed += 1;
            return Ok(());
        };
        self.n_events += 1;
        match &*name {
            "message_start" => {
                let head = incoming.message.map(|raw| serde_json::from_str(raw.get()));
                let head: Head<'_> = head.and_then(Result::ok).unwrap_or_default();
                self.count(head.usage);
            }
            "content_block_start" => {
                let block = incoming.content_block.map(Part::read).unwrap_or_default();
                self.begin(incoming.index(), &block, out)?;
            }
            "content_block_delta" => {
                let delta = incoming.delta.map(Part::read).unwrap_or_default();
                self.grow(incoming.index(), &delta, out);
            }
            "content_block_stop" => self.close(incoming.index(), out),
            "message_delta" => {
                self.count(incoming.usage);
                let reason = incoming.delta.and_then(|raw| Part::read(raw).stop_reason());
                self.stop_reason = reason.or(self.stop_reason);
            }
            "message_stop" => (self.is_stopped, self.is_done) = (true, true),
            _ => {}
        }
        Ok(())
    }

    /// Ends the stream, after `message_stop` or when the server closed it: the
    /// chunk with the reason, and the usage if it was asked for. `DONE` is for
    /// whoever writes the stream. Once is enough.
    pub fn finish(&mut self, out: &mut Vec<Bytes>) -> Result<(), StreamFault> {
        self.is_done = true;
        if std::mem::replace(&mut self.is_finished, true) {
            return Ok(());
        }
        if self.n_events == 0 && self.n_malformed > 0 {
            return Err(StreamFault::BadMessage);
        }
        if !self.has_ended() {
            return Err(StreamFault::Truncated);
        }
        while let Some(call) = self.open.pop() {
            self.complete(&call, out);
        }
        if !self.has_role {
            self.text("", out);
        }
        let reason = self.stop_reason.unwrap_or(StopReason::EndTurn);
        let finish_reason = finish_reason_of(reason, self.n_calls);
        self.chunk(DeltaBody::default(), Some(finish_reason), out);
        if self.context.wants_usage_chunk {
            let usage = self.usage.unwrap_or_else(|| self.estimate());
            out.push(self.body(&[], Field::Of(UsageBody(usage))));
        }
        Ok(())
    }

    /// What the server says the call cost; none if it did not.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// What the answer cost, guessed from its length.
    pub fn estimate(&self) -> Usage {
        Usage {
            input_tokens: self.context.estimated_input_tokens,
            output_tokens: self.n_bytes.div_ceil(4).max(1),
            ..Usage::default()
        }
    }

    /// Why the answer ends, once that is known.
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.stop_reason
    }

    /// Whether the server said that nothing more comes. Then call `finish`.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Whether the reason for the end is known.
    pub fn has_ended(&self) -> bool {
        self.is_stopped || self.stop_reason.is_some()
    }

    /// How many frames were skipped because they were no events.
    pub fn n_malformed(&self) -> u64 {
        self.n_malformed
    }

    fn count(&mut self, usage: Option<&RawValue>) {
        if let Some(raw) = usage {
            read_usage(raw, &mut self.usage);
        }
    }

    fn begin(
        &mut self,
        index: Option<u64>,
        block: &Part<'_>,
        out: &mut Vec<Bytes>,
    ) -> Result<(), StreamFault> {
        if block.kind().is_none_or(|kind| kind.0 != "tool_use") {
            // Text is empty at first, but for servers that send a block whole.
            self.grow(index, block, out);
            return Ok(());
        }
        let name = block.name().filter(|name| !name.0.is_empty());
        let name = name.ok_or(StreamFault::NamelessCall)?;
        if self.open.len() >= MAX_OPEN_CALLS {
            return Err(StreamFault::BadMessage);
        }
        let number = self.n_calls;
        self.n_calls += 1;
        let id = block.id().filter(|id| !id.0.is_empty());
        let id = id.map_or_else(|| self.context.call_id(number).into(), |id| id.0);
        let name = self.context.tool_names.original(&name.0).to_owned();
        let input = block.input.filter(|raw| raw.get().starts_with('{'));
        self.open.push(OpenCall {
            index,
            number,
            has_arguments: false,
            input: input.map(RawValue::to_owned),
            halves: Halves::default(),
        });
        let call = CallBody {
            index: Some(number),
            id: Some(id),
            kind: Some("function"),
            function: FunctionBody {
                name: Some(name.into()),
                arguments: "".into(),
            },
        };
        let delta = DeltaBody {
            content: if self.has_role {
                Field::LeftOut
            } else {
                Field::Null
            },
            tool_calls: vec![call],
            ..DeltaBody::default()
        };
        self.chunk(delta, None, out);
        Ok(())
    }

    fn grow(&mut self, index: Option<u64>, part: &Part<'_>, out: &mut Vec<Bytes>) {
        if let Some(raw) = part.thinking
            && let Some(thinking) = decode_text(raw, &mut self.thinking_halves)
            && !thinking.is_empty()
        {
            self.n_bytes += thinking.len() as u64;
            let delta = DeltaBody {
                reasoning_content: Some(&thinking),
                ..DeltaBody::default()
            };
            self.chunk(delta, None, out);
        }
        if let Some(raw) = part.text
            && let Some(text) = decode_text(raw, &mut self.text_halves)
            && !text.is_empty()
        {
            self.text(&text, out);
        }
        if let Some(raw) = part.partial_json {
            let position = self.position(index);
            let Some(call) = position.and_then(|at| self.open.get_mut(at)) else {
                return;
            };
            let Some(json) = decode_text(raw, &mut call.halves).filter(|json| !json.is_empty())
            else {
                return;
            };
            call.has_arguments = true;
            let number = call.number;
            self.arguments(number, &json, out);
        }
    }

    fn close(&mut self, index: Option<u64>, out: &mut Vec<Bytes>) {
        if let Some(at) = self.position(index) {
            let call = self.open.swap_remove(at);
            self.complete(&call, out);
        }
    }

    /// Arguments that never came are those of the start: an empty text is no JSON.
    fn complete(&mut self, call: &OpenCall, out: &mut Vec<Bytes>) {
        if !call.has_arguments {
            let input = call.input.as_deref().map_or("{}", RawValue::get);
            self.arguments(call.number, input, out);
        }
    }

    /// Where the open call of a block is; servers that do not number mean the last.
    fn position(&self, index: Option<u64>) -> Option<usize> {
        match index {
            Some(_) => self.open.iter().rposition(|call| call.index == index),
            None => self.open.len().checked_sub(1),
        }
    }

    fn text(&mut self, text: &str, out: &mut Vec<Bytes>) {
        self.n_bytes += text.len() as u64;
        let delta = DeltaBody {
            content: Field::Of(text),
            ..DeltaBody::default()
        };
        self.chunk(delta, None, out);
    }

    fn arguments(&mut self, number: usize, json: &str, out: &mut Vec<Bytes>) {
        self.n_bytes += json.len() as u64;
        let call = CallBody {
            index: Some(number),
            function: FunctionBody {
                name: None,
                arguments: json.into(),
            },
            ..CallBody::default()
        };
        let delta = DeltaBody {
            tool_calls: vec![call],
            ..DeltaBody::default()
        };
        self.chunk(delta, None, out);
    }

    fn chunk(
        &mut self,
        mut delta: DeltaBody<'_>,
        finish_reason: Option<&'static str>,
        out: &mut Vec<Bytes>,
    ) {
        if !std::mem::replace(&mut self.has_role, true) {
            delta.role = Some("assistant");
        }
        let choice = ChoiceBody {
            index: 0,
            delta: Some(delta),
            message: None,
            logprobs: (),
            finish_reason,
        };
        let usage = if self.context.wants_usage_chunk {
            Field::Null
        } else {
            Field::LeftOut
        };
        out.push(self.body(&[choice], usage));
    }

    fn body(&self, choices: &[ChoiceBody<'_>], usage: Field<UsageBody>) -> Bytes {
        let chunk = ChunkBody {
            id: &self.context.id,
            object: "chat.completion.chunk",
            created: self.context.created,
            model: &self.context.model,
            choices,
            usage,
        };
        chunk.to_bytes()
    }
}
