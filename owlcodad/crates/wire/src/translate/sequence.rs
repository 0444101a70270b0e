//! Brings what an answer consists of into the order that events may come in.
//!
//! One block is open at a time. While a tool call is open and not complete, all
//! else waits in the queue; calls that come interleaved leave one after another.

use std::collections::VecDeque;

use owlcoda_types::Usage;

use super::blocks::{Blocks, Open};
use super::calls::{Calls, MAX_HELD_BYTES, Taken};
use super::error::StreamFault;
use super::stream::StreamContext;
use crate::anthropic::StreamEvent;
use crate::openai::ToolCall;

/// The blocks of one answer, open, sent and waiting.
#[derive(Debug)]
pub(super) struct Sequence {
    context: StreamContext,
    /// What the caller is told at the start.
    usage: Usage,
    blocks: Blocks,
    calls: Calls,
    queue: VecDeque<Item>,
    n_queued_bytes: usize,
}

/// What an item costs beside its text, so that many small ones count too.
const QUEUED_ITEM_BYTES: usize = 64;

/// What waits for the open tool call to end.
#[derive(Debug)]
enum Item {
    Text(String),
    Thinking(String),
    Call(usize),
}

impl Sequence {
    pub(super) fn new(context: StreamContext) -> Self {
        let usage = Usage {
            input_tokens: context.estimated_input_tokens,
            ..Usage::default()
        };
        Self {
            context,
            usage,
            blocks: Blocks::default(),
            calls: Calls::default(),
            queue: VecDeque::new(),
            n_queued_bytes: 0,
        }
    }

    pub(super) fn context(&self) -> &StreamContext {
        &self.context
    }

    /// Whether any event has left.
    pub(super) fn is_started(&self) -> bool {
        self.blocks.is_started()
    }

    /// How many calls the caller has been told of.
    pub(super) fn n_calls(&self) -> usize {
        self.calls.n_begun()
    }

    /// What the answer cost, where the server does not say.
    pub(super) fn estimate(&self) -> Usage {
        Usage {
            input_tokens: self.context.estimated_input_tokens,
            output_tokens: self.blocks.n_bytes().div_ceil(4).max(1),
            ..Usage::default()
        }
    }

    /// Puts the server's count in place of the guess that the caller is told at
    /// the start, if it comes in time.
    pub(super) fn set_prompt(&mut self, usage: Usage) {
        self.usage = Usage {
            output_tokens: 0,
            ..usage
        };
    }

    pub(super) fn text(
        &mut self,
        text: String,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), StreamFault> {
        self.enqueue(Item::Text(text), out)
    }

    pub(super) fn thinking(
        &mut self,
        thinking: String,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), StreamFault> {
        self.enqueue(Item::Thinking(thinking), out)
    }

    /// Takes a piece of a call.
    pub(super) fn call(
        &mut self,
        piece: &ToolCall<'_>,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), StreamFault> {
        match self.calls.push(piece)? {
            Taken::Named(number) => self.enqueue(Item::Call(number), out),
            Taken::Added => {
                self.drain(out);
                Ok(())
            }
        }
    }

    /// Takes a whole call that the model wrote as text.
    pub(super) fn written_call(
        &mut self,
        name: &str,
        arguments: &str,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), StreamFault> {
        let number = self.calls.push_written(name, arguments)?;
        self.enqueue(Item::Call(number), out)
    }

    /// Sends everything that waits, complete or not, and closes the last block.
    pub(super) fn end(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), StreamFault> {
        if self.calls.has_nameless() {
            return Err(StreamFault::NamelessCall);
        }
        self.drain(out);
        while let Open::Tool(number) = self.blocks.open() {
            self.end_call(number, out);
            self.drain(out);
        }
        self.start(out);
        self.blocks.close(out);
        if self.blocks.is_empty() {
            self.blocks.nothing(out);
        }
        Ok(())
    }

    fn enqueue(&mut self, item: Item, out: &mut Vec<StreamEvent>) -> Result<(), StreamFault> {
        self.n_queued_bytes += match &item {
            Item::Text(text) | Item::Thinking(text) if text.is_empty() => return Ok(()),
            Item::Text(text) | Item::Thinking(text) => text.len(),
            Item::Call(_) => 0,
        };
        match (self.queue.back_mut(), item) {
            (Some(Item::Text(waiting)), Item::Text(text)) => waiting.push_str(&text),
            (Some(Item::Thinking(waiting)), Item::Thinking(text)) => waiting.push_str(&text),
            (_, item) => {
                self.n_queued_bytes += QUEUED_ITEM_BYTES;
                self.queue.push_back(item);
            }
        }
        self.drain(out);
        if self.n_queued_bytes > MAX_HELD_BYTES {
            return Err(StreamFault::TooLong {
                limit_bytes: MAX_HELD_BYTES,
            });
        }
        Ok(())
    }

    /// Sends what may be sent: up to and into the first call that is not complete.
    fn drain(&mut self, out: &mut Vec<StreamEvent>) {
        loop {
            if let Open::Tool(number) = self.blocks.open() {
                let Some(call) = self.calls.get_mut(number) else {
                    return;
                };
                if !call.arguments.is_complete() {
                    if let Some(json) = call.arguments.take_unsent() {
                        self.blocks.input_json(json, out);
                    }
                    return;
                }
                self.end_call(number, out);
            }
            let Some(item) = self.queue.pop_front() else {
                self.n_queued_bytes = 0;
                return;
            };
            self.write(item, out);
        }
    }

    fn write(&mut self, item: Item, out: &mut Vec<StreamEvent>) {
        let is_blank = || match &item {
            Item::Text(text) | Item::Thinking(text) => text.chars().all(char::is_whitespace),
            Item::Call(_) => false,
        };
        if !self.blocks.is_started() && !is_blank() {
            self.start(out);
        }
        match item {
            Item::Text(text) => self.blocks.text(text, out),
            Item::Thinking(thinking) => self.blocks.thinking(thinking, out),
            Item::Call(number) => {
                let context = &self.context;
                let head = self
                    .calls
                    .head(number, &context.message_id, &context.tool_names);
                if let Some((id, name)) = head {
                    self.blocks.tool(number, id, name, out);
                }
            }
        }
    }

    fn start(&mut self, out: &mut Vec<StreamEvent>) {
        let context = &self.context;
        self.blocks
            .start(&context.message_id, &context.model, self.usage, out);
    }

    fn end_call(&mut self, number: usize, out: &mut Vec<StreamEvent>) {
        if let Some(call) = self.calls.get_mut(number)
            && let Some(json) = call.arguments.take_last()
        {
            self.blocks.input_json(json, out);
        }
        self.blocks.close(out);
    }
}
