//! The protocols that models are spoken to with, and the translation between them.
//!
//! Pure: bytes in, bytes or values out. No IO, no clock, no runtime, and no id is
//! invented here that does not follow from what the caller passed. Everything in
//! this room reads bytes that strangers wrote, so nothing panics and every buffer
//! has a limit.
#![warn(missing_docs)]

mod bounds;
mod json;
mod object;
mod wire_error;

pub mod anthropic;
pub mod fault;
pub mod openai;
pub mod quirks;
pub mod reshape;
pub mod sse;
pub mod translate;

pub use bounds::MAX_ANSWER_TOKENS;
pub use json::{JsonPart, JsonText, RawJson};
pub use object::RawFields;
pub use wire_error::WireError;
