//! Text and thinking on their way to `Sequence`.

use super::ChatToMessages;
use crate::anthropic::StreamEvent;
use crate::openai::{TextKind, decode_string};
use crate::translate::error::StreamFault;
use crate::translate::think_tag::Parted;
use crate::translate::written_calls::{self, WrittenCalls};

impl ChatToMessages {
    /// A chunk that is nothing but this text.
    pub(super) fn on_known_text(
        &mut self,
        kind: TextKind,
        json: &str,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), StreamFault> {
        if self.finish_reason.is_some() {
            return Ok(());
        }
        let is_thinking = kind == TextKind::Thinking;
        let halves = if is_thinking {
            &mut self.thinking_halves
        } else {
            &mut self.text_halves
        };
        match decode_string(json, halves) {
            Some(text) if text.is_empty() => Ok(()),
            Some(text) if is_thinking => self.on_thinking(text.into_owned(), out),
            Some(text) => self.on_text(text.into_owned(), out),
            None => Ok(()),
        }
    }

    pub(super) fn on_thinking(
        &mut self,
        thinking: String,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), StreamFault> {
        // A server that sends thinking by itself leaves no tags in the text.
        self.flush_text(out)?;
        self.sequence.thinking(thinking, out)
    }

    pub(super) fn on_text(
        &mut self,
        text: String,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), StreamFault> {
        let parted = self.think_tag.push(text);
        self.send_parted(parted, out)
    }

    fn send_parted(
        &mut self,
        parted: Parted,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), StreamFault> {
        self.sequence.thinking(parted.thinking, out)?;
        self.remember_tail(&parted.text);
        if self.sequence.context().written_calls == WrittenCalls::Ignore {
            return self.sequence.text(parted.text, out);
        }
        let mut parts = Vec::new();
        let names = &self.sequence.context().tool_names;
        self.finder.push(&parted.text, names, &mut parts);
        self.send_parts(parts, out)
    }

    /// Sends what was held back because it might have become something else.
    pub(super) fn flush_text(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), StreamFault> {
        let held = self.think_tag.flush();
        self.send_parted(held, out)?;
        let mut parts = Vec::new();
        let names = &self.sequence.context().tool_names;
        self.finder.flush(names, &mut parts);
        self.send_parts(parts, out)
    }

    fn send_parts(
        &mut self,
        parts: Vec<written_calls::Part>,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), StreamFault> {
        for part in parts {
            match part {
                written_calls::Part::Text(text) => self.sequence.text(text, out)?,
                written_calls::Part::Call { name, arguments } => {
                    self.n_written_calls += 1;
                    self.sequence.written_call(&name, &arguments, out)?;
                }
            }
        }
        Ok(())
    }
}
