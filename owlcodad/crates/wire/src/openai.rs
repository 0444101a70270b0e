//! The `OpenAI` Chat Completions API: requests as they came, and what we read of its answers.

mod chunk;
mod fields;
mod likeness;
mod outline;
mod request;
mod text;
mod usage;

pub use request::Request;

pub(crate) use chunk::{Choice, Chunk, Delta, ToolCall};
pub(crate) use fields::Fields;
pub(crate) use likeness::{Around, Likeness, TextKind};
pub(crate) use text::{Halves, decode_string, decode_text, decode_whole, whole_text};
pub(crate) use usage::read_usage;
