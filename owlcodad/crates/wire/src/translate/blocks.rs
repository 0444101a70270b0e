//! Writes blocks: one open at a time, indices from 0, in the order of the API.

use owlcoda_types::Usage;

use crate::anthropic::{BlockStart, Delta, StreamEvent};

/// The block that is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Open {
    #[default]
    None,
    Text,
    Thinking,
    /// The call of that number.
    Tool(usize),
}

/// The blocks of one answer.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    open: Open,
    index: usize,
    is_started: bool,
    /// Spaces and line ends that came before any text: a block of nothing else
    /// is refused in the next request, so it is not begun for them.
    leading_text: String,
    leading_thinking: String,
    n_bytes: u64,
}

/// Most white space kept in the hope of text. Unit: bytes.
const MAX_LEADING_BYTES: usize = 4096;

impl Blocks {
    pub(super) fn open(&self) -> Open {
        self.open
    }

    pub(super) fn is_started(&self) -> bool {
        self.is_started
    }

    /// Whether no block was begun.
    pub(super) fn is_empty(&self) -> bool {
        self.index == 0 && self.open == Open::None
    }

    /// How many bytes of text were written, thinking and arguments included.
    pub(super) fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Begins the message, if it is not begun.
    pub(super) fn start(
        &mut self,
        id: &str,
        model: &str,
        usage: Usage,
        out: &mut Vec<StreamEvent>,
    ) {
        if self.is_started {
            return;
        }
        self.is_started = true;
        out.push(StreamEvent::MessageStart {
            id: id.to_owned(),
            model: model.to_owned(),
            usage,
        });
        out.push(StreamEvent::Ping);
    }

    pub(super) fn text(&mut self, text: String, out: &mut Vec<StreamEvent>) {
        let text = if self.open == Open::Text {
            text
        } else {
            let Some(text) = after_leading(&mut self.leading_text, text) else {
                return;
            };
            self.begin(Open::Text, BlockStart::Text, out);
            text
        };
        self.delta(Delta::Text(text), out);
    }

    pub(super) fn thinking(&mut self, thinking: String, out: &mut Vec<StreamEvent>) {
        let thinking = if self.open == Open::Thinking {
            thinking
        } else {
            let Some(thinking) = after_leading(&mut self.leading_thinking, thinking) else {
                return;
            };
            self.begin(Open::Thinking, BlockStart::Thinking, out);
            thinking
        };
        self.delta(Delta::Thinking(thinking), out);
    }

    pub(super) fn tool(
        &mut self,
        number: usize,
        id: String,
        name: String,
        out: &mut Vec<StreamEvent>,
    ) {
        self.begin(Open::Tool(number), BlockStart::ToolUse { id, name }, out);
    }

    pub(super) fn input_json(&mut self, json: String, out: &mut Vec<StreamEvent>) {
        self.delta(Delta::InputJson(json), out);
    }

    /// Ends the open block, if there is one.
    pub(super) fn close(&mut self, out: &mut Vec<StreamEvent>) {
        self.leading_text.clear();
        self.leading_thinking.clear();
        if self.open != Open::None {
            out.push(StreamEvent::ContentBlockStop { index: self.index });
            self.index += 1;
            self.open = Open::None;
        }
    }

    /// An empty text block, for an answer that has nothing.
    pub(super) fn nothing(&mut self, out: &mut Vec<StreamEvent>) {
        self.begin(Open::Text, BlockStart::Text, out);
        self.close(out);
    }

    fn begin(&mut self, open: Open, block: BlockStart, out: &mut Vec<StreamEvent>) {
        self.close(out);
        self.open = open;
        out.push(StreamEvent::ContentBlockStart {
            index: self.index,
            block,
        });
    }

    fn delta(&mut self, delta: Delta, out: &mut Vec<StreamEvent>) {
        let (Delta::Text(text)
        | Delta::Thinking(text)
        | Delta::InputJson(text)
        | Delta::Signature(text)) = &delta;
        self.n_bytes = self.n_bytes.saturating_add(text.len() as u64);
        out.push(StreamEvent::ContentBlockDelta {
            index: self.index,
            delta,
        });
    }
}

/// `text` with the white space before it, once there is more than white space.
fn after_leading(leading: &mut String, text: String) -> Option<String> {
    if text.chars().all(char::is_whitespace) {
        if leading.len() + text.len() <= MAX_LEADING_BYTES {
            leading.push_str(&text);
        }
        return None;
    }
    if leading.is_empty() {
        return Some(text);
    }
    let mut whole = std::mem::take(leading);
    whole.push_str(&text);
    Some(whole)
}
