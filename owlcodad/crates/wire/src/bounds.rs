//! How much of each thing a request may have: far beyond what honest callers send, and far below
//! what it takes to hurt a translation or a model server.

use std::borrow::Cow;

use crate::wire_error::WireError;

/// Most messages of a conversation; the limit of the Messages API.
const MAX_MESSAGES: usize = 100_000;

/// Most tools on offer.
const MAX_TOOLS: usize = 1_024;

/// Longest name of a tool, in bytes.
const MAX_TOOL_NAME_BYTES: usize = 256;

/// Most texts that end an answer.
const MAX_STOPS: usize = 256;

/// Most tokens of an answer: model servers count them in 32 bits.
pub const MAX_ANSWER_TOKENS: u32 = i32::MAX as u32;

/// How many messages there are.
pub(crate) fn messages(n_messages: usize) -> Result<(), WireError> {
    at_most(n_messages, MAX_MESSAGES, "messages")
}

/// The names of the tools, each with its path.
pub(crate) fn tools<'a>(
    names: impl ExactSizeIterator<Item = Option<Cow<'a, str>>>,
    path_of: impl Fn(usize) -> String,
) -> Result<(), WireError> {
    at_most(names.len(), MAX_TOOLS, "tools")?;
    for (idx, name) in names.enumerate() {
        let n_bytes = name.map_or(0, |name| name.len());
        if n_bytes > MAX_TOOL_NAME_BYTES {
            let message = format!("has {n_bytes} bytes, at most {MAX_TOOL_NAME_BYTES} may be");
            return Err(WireError::field(path_of(idx), message));
        }
    }
    Ok(())
}

/// How many texts end the answer; `path` is their field.
pub(crate) fn stops(n_stops: usize, path: &str) -> Result<(), WireError> {
    at_most(n_stops, MAX_STOPS, path)
}

/// The most tokens of the answer; `path` is their field.
pub(crate) fn answer_tokens(n_tokens: u64, path: &str) -> Result<(), WireError> {
    if n_tokens > u64::from(MAX_ANSWER_TOKENS) {
        let message = format!("must be at most {MAX_ANSWER_TOKENS}");
        return Err(WireError::field(path, message));
    }
    Ok(())
}

/// The same of a number as it was written. What is no number is another's to refuse.
pub(crate) fn answer_tokens_raw(written: &str, path: &str) -> Result<(), WireError> {
    match written.parse::<f64>() {
        Ok(n) if n < 0.0 => Err(WireError::field(
            path,
            "must not be negative; leave it out where there is no limit",
        )),
        // Exact as far as it matters, and past the range of the type infinite.
        Ok(n) if n > f64::from(MAX_ANSWER_TOKENS) => answer_tokens(u64::MAX, path),
        _ => Ok(()),
    }
}

fn at_most(n: usize, limit: usize, path: &str) -> Result<(), WireError> {
    if n <= limit {
        return Ok(());
    }
    let message = format!("has {n} entries, at most {limit} may be");
    Err(WireError::field(path, message))
}
