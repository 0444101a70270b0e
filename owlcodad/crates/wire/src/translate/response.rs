//! Answers that come in one piece.
//!
//! A whole chat answer goes through the same machine as a stream of one chunk,
//! so that both give the same blocks.

use bytes::Bytes;
use owlcoda_types::Usage;
use serde_json::value::to_raw_value;

use super::error::StreamFault;
use super::finish::{check_finish, stop_reason_of};
use super::relay::with_model;
use super::stream::{ChatToMessages, StreamContext};
use crate::anthropic::{Assembler, Response, StopReason};
use crate::fault::{from_error_value, from_upstream};
use crate::openai::{Chunk, read_usage};

/// An answer for the caller.
#[derive(Clone, Debug)]
pub struct Converted {
    /// The body.
    pub body: Bytes,
    /// What the server says the call cost; none if it did not.
    pub usage: Option<Usage>,
    /// Why the answer ends.
    pub stop_reason: StopReason,
}

/// A chat answer as a Messages answer.
pub fn chat_response_to_messages(
    body: &[u8],
    context: &StreamContext,
) -> Result<Converted, StreamFault> {
    let (response, usage) = to_response(body, context)?;
    Ok(Converted {
        body: response.to_bytes(),
        usage,
        stop_reason: response.stop_reason,
    })
}

fn to_response(
    body: &[u8],
    context: &StreamContext,
) -> Result<(Response, Option<Usage>), StreamFault> {
    let mut machine = ChatToMessages::new(context.clone());
    let mut events = Vec::new();
    machine.push(body, &mut events)?;
    machine.finish(&mut events).map_err(|fault| match fault {
        // No choice in it, so it is something else.
        StreamFault::Truncated => StreamFault::BadJson,
        fault => fault,
    })?;
    let mut assembler = Assembler::new();
    for event in events {
        assembler.push(event);
    }
    let response = assembler.finish().ok_or(StreamFault::BadJson)?;
    Ok((response, machine.usage()))
}

/// A chat answer for a chat caller: the same bytes but for the model's name.
pub fn relay_chat_response(body: &[u8], model: &str) -> Result<Converted, StreamFault> {
    let chunk: Chunk<'_> = crate::json::read(body).map_err(|_| StreamFault::BadJson)?;
    if let Some(error) = chunk.error {
        return Err(from_error_value(error).into());
    }
    if chunk.is_bare_error() {
        return Err(from_upstream(200, body).into());
    }
    let choice = chunk.first_choice().ok_or(StreamFault::BadJson)?;
    let reason = choice.finish_reason().unwrap_or("stop");
    check_finish(reason)?;
    let new = to_raw_value(model).map_err(|_| StreamFault::BadJson)?;
    Ok(Converted {
        body: with_model(body, chunk.model, &new),
        usage: chunk.usage.or(choice.usage).and_then(read_usage),
        stop_reason: stop_reason_of(reason),
    })
}
