//! The Anthropic Messages API: requests in, stream events and responses out.

mod assemble;
mod block;
mod check;
mod content;
mod event;
mod event_reader;
mod incoming;
mod rename;
mod request;
mod response;
mod unsigned;

pub use assemble::Assembler;
pub use block::{
    Block, Document, Image, OtherBlock, RedactedThinking, Source, Text, Thinking, ToolResult,
    ToolUse,
};
pub use check::{CheckError, StreamCheck};
pub use content::Content;
pub use event::{BlockStart, Delta, StreamEvent};
pub use event_reader::EventReader;
pub use rename::rename_model;
pub use request::{Message, OutputConfig, Request, Role, System, ThinkingConfig, Tool, ToolChoice};
pub use response::{Response, ResponseBlock, StopReason};

pub(crate) use incoming::{Head, Incoming, Part, read_usage};
