//! A cheap guess at how many tokens a prompt is.

use crate::anthropic::{Block, Content, Message, Request, Tool};
use crate::json::JsonText;

/// Bytes per token of English text and code, about.
const BYTES_PER_TOKEN: u64 = 4;

/// What a picture costs on most servers, about. Unit: tokens.
const TOKENS_PER_IMAGE: u64 = 1_500;

/// What a message costs beside its text. Unit: bytes.
const BYTES_PER_MESSAGE: u64 = 16;

/// The prompt's tokens, guessed from its length: a quarter of its bytes, and a
/// flat price for each picture. At least 1.
pub fn estimate_input_tokens(request: &Request) -> u64 {
    let mut size = Size::default();
    if let Some(system) = &request.system {
        size.content(system);
    }
    for tool in &request.tools {
        size.tool(tool);
    }
    for message in &request.messages {
        size.message(message);
    }
    (size.bytes.div_ceil(BYTES_PER_TOKEN) + size.images * TOKENS_PER_IMAGE).max(1)
}

#[derive(Default)]
struct Size {
    bytes: u64,
    images: u64,
}

impl Size {
    fn add(&mut self, text: &str) {
        self.bytes += text.len() as u64;
    }

    fn text(&mut self, text: Option<&JsonText>) {
        self.bytes += text.map_or(0, JsonText::len) as u64;
    }

    fn message(&mut self, message: &Message) {
        self.bytes += BYTES_PER_MESSAGE;
        self.content(&message.content);
    }

    fn tool(&mut self, tool: &Tool) {
        self.add(&tool.name);
        self.text(tool.description.as_ref());
        if let Some(schema) = &tool.input_schema {
            self.add(schema.get());
        }
    }

    fn content(&mut self, content: &Content) {
        match content {
            Content::Text(text) => self.text(Some(text)),
            Content::Blocks(blocks) => blocks.iter().for_each(|block| self.block(block)),
            Content::Object(fields) => fields.iter().for_each(|(_, value)| self.add(value.get())),
        }
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Text(block) => self.text(Some(&block.text)),
            Block::Image(_) => self.images += 1,
            Block::Document(block) => {
                self.add(block.source.data.as_deref().unwrap_or_default());
                if let Some(content) = &block.source.content {
                    self.content(content);
                }
            }
            Block::ToolUse(block) => {
                self.add(&block.name);
                self.add(block.input.get());
            }
            Block::ToolResult(block) => {
                if let Some(content) = &block.content {
                    self.content(content);
                }
            }
            // Earlier thinking is mostly not sent again, but may be.
            Block::Thinking(block) => self.add(&block.thinking),
            Block::RedactedThinking(_) => {}
            Block::Other(block) => {
                block
                    .fields
                    .iter()
                    .for_each(|(_, value)| self.add(value.get()));
            }
        }
    }
}
