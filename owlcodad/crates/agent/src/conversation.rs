//! What a model is told: the history of a session, made into the next request.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use owlcoda_wire::anthropic::{Message, Request};
use tracing::warn;

use crate::event::EventBody;

/// The system prompt. Never anything variable in it: model servers keep the state of a prompt's
/// beginning, and one byte of difference costs the whole prompt again.
const SYSTEM: &str = "You are OwlCoda, an assistant for software developers, in a terminal. \
Answer directly and briefly. Write Markdown; put code in fenced blocks with the language named. \
Say so when you do not know. You have no tools in this conversation: you cannot read files or run \
commands, so ask the user to show what you need.";

/// Most tokens of an answer, where the context window has room for more.
const MAX_ANSWER_TOKENS: u64 = 4096;

/// Most bytes of history that are kept in memory; more than the windows of today's models.
const MAX_HISTORY_BYTES: usize = 4 << 20;

/// Exchanges are dropped in groups of this size, so that the beginning of the prompt changes once
/// in several turns and not in each.
const DROP_GROUP: usize = 4;

/// Tokens that a message costs beside its text.
const MESSAGE_TOKENS: u64 = 8;

/// Who said what so far.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    exchanges: VecDeque<Exchange>,
    n_bytes: usize,
    n_forgotten: usize,
}

/// An input and what came of it.
#[derive(Debug)]
struct Exchange {
    input: String,
    /// Empty where the model said nothing.
    answer: String,
}

impl Exchange {
    fn n_bytes(&self) -> usize {
        self.input.len() + self.answer.len()
    }

    /// An estimate, rather too high: three bytes a token. English has about four, code and other
    /// scripts less, and a prompt that is too long is refused or, worse, cut by the model server.
    fn n_tokens(&self) -> u64 {
        let n_bytes = u64::try_from(self.n_bytes()).unwrap_or(u64::MAX);
        n_bytes.div_ceil(3).saturating_add(2 * MESSAGE_TOKENS)
    }
}

impl Conversation {
    /// Takes the next event of the log in.
    pub(crate) fn apply(&mut self, event: &EventBody) {
        match event {
            EventBody::InputAdmitted { text, .. } => {
                self.n_bytes += text.len();
                self.exchanges.push_back(Exchange {
                    input: text.clone(),
                    answer: String::new(),
                });
            }
            EventBody::ItemCompleted { text, .. } => {
                if let Some(exchange) = self.exchanges.back_mut() {
                    self.n_bytes += text.len();
                    exchange.answer.push_str(text);
                }
            }
            EventBody::SessionCreated { .. }
            | EventBody::ModelChanged { .. }
            | EventBody::TurnStarted { .. }
            | EventBody::ItemStarted { .. }
            | EventBody::TurnCompleted { .. } => {}
        }
        while self.n_bytes > MAX_HISTORY_BYTES && self.exchanges.len() > 1 {
            if let Some(forgotten) = self.exchanges.pop_front() {
                self.n_bytes -= forgotten.n_bytes();
                self.n_forgotten += 1;
            }
        }
    }

    /// What to ask `model` next. `context_window` is the most that it takes, in tokens, prompt and
    /// answer together; `None` where nobody knows.
    ///
    /// Where the history is too long the oldest exchanges are left out, whole, and a warning is
    /// logged. The last input always goes out: if it is too long by itself, the model server says so
    /// better than we could.
    pub(crate) fn next_request(&self, model: &str, context_window: Option<u32>) -> Request {
        let window = context_window.map(u64::from);
        let max_tokens = window.map_or(MAX_ANSWER_TOKENS, |window| {
            (window / 4).clamp(1, MAX_ANSWER_TOKENS)
        });
        let n_left_out =
            window.map_or(0, |window| self.n_too_many(window - max_tokens.min(window)));
        let n_missing = n_left_out + self.n_forgotten;
        if n_missing > 0 {
            warn!(
                model,
                n_missing, "the oldest part of the conversation is not sent to the model"
            );
        }

        let mut messages = Vec::with_capacity(2 * self.exchanges.len());
        // Inputs that got no answer are said together with the next one: many servers insist that
        // user and model take turns.
        let mut said = String::new();
        for exchange in self.exchanges.iter().skip(n_left_out) {
            if !said.is_empty() {
                said.push_str("\n\n");
            }
            said.push_str(&exchange.input);
            if !exchange.answer.is_empty() {
                messages.push(Message::user_text(std::mem::take(&mut said)));
                messages.push(Message::assistant_text(exchange.answer.as_str()));
            }
        }
        if !said.is_empty() {
            messages.push(Message::user_text(said));
        }
        Request::new(model, messages, max_tokens)
            .with_system(SYSTEM)
            .streaming()
    }

    /// How many of the oldest exchanges have to go for the rest to fit into `budget` tokens.
    fn n_too_many(&self, budget: u64) -> usize {
        let n_before_last = self.exchanges.len().saturating_sub(1);
        let system = u64::try_from(SYSTEM.len()).unwrap_or(u64::MAX).div_ceil(3);
        let mut left = budget.saturating_sub(system);
        let mut n_fitting = 0;
        for exchange in self.exchanges.iter().rev() {
            let Some(rest) = left.checked_sub(exchange.n_tokens()) else {
                break;
            };
            left = rest;
            n_fitting += 1;
        }
        match self.exchanges.len() - n_fitting {
            0 => 0,
            n_too_many => n_too_many.next_multiple_of(DROP_GROUP).min(n_before_last),
        }
    }
}
