//! Messages to Messages: the payload's bytes stay, but for the model's name.

use std::borrow::Cow;

use bytes::Bytes;
use owlcoda_types::Usage;
use serde_json::value::{RawValue, to_raw_value};

use super::error::StreamFault;
use super::relay::with_model;
use super::response::Converted;
use super::{DONE, is_broken};
use crate::anthropic::{Head, Incoming, Part, StopReason, read_usage};
use crate::fault::from_upstream;

/// Longest name of an event. Unit: bytes.
const MAX_NAME_BYTES: usize = 64;

/// An event to send on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relayed {
    /// Its name, for the `event:` line: letters, digits, `_`, `-` and `.` only.
    pub event: Cow<'static, str>,
    /// Its data.
    pub data: Bytes,
}

/// Relays one Messages stream.
#[derive(Debug)]
pub struct MessagesRelay {
    model: Box<RawValue>,
    usage: Option<Usage>,
    stop_reason: Option<StopReason>,
    is_stopped: bool,
    is_done: bool,
    n_events: u64,
    n_malformed: u64,
}

impl MessagesRelay {
    /// A relay that has seen nothing. `model` is the name that the caller asked for.
    pub fn new(model: &str) -> Self {
        Self {
            model: to_raw_value(model).unwrap_or_default(),
            usage: None,
            stop_reason: None,
            is_stopped: false,
            is_done: false,
            n_events: 0,
            n_malformed: 0,
        }
    }

    /// Takes one SSE frame and answers what to send on, if anything: every event,
    /// known or not, but not what was never meant to be one or has no name. An event that
    /// has no `event:` line is named by its `type`. An error ends the stream.
    pub fn push(
        &mut self,
        event: Option<&[u8]>,
        data: &[u8],
    ) -> Result<Option<Relayed>, StreamFault> {
        if self.is_done || data.is_empty() || data.trim_ascii() == DONE {
            return Ok(None);
        }
        let Ok(incoming) = crate::json::read::<Incoming<'_>>(data) else {
            if event == Some(b"error") {
                return Err(from_upstream(200, data).into());
            }
            if is_broken(data) {
                return Err(StreamFault::BrokenEvent);
            }
            self.n_malformed += 1;
            return Ok(None);
        };
        if incoming.is_error() || event == Some(b"error") {
            return Err(from_upstream(200, data).into());
        }
        let Some(name) = name_of(event, &incoming) else {
            self.n_malformed += 1;
            return Ok(None);
        };
        self.n_events += 1;
        let mut model = None;
        match &*name {
            "message_start" => {
                let head = incoming.message.map(|raw| serde_json::from_str(raw.get()));
                let head: Head<'_> = head.and_then(Result::ok).unwrap_or_default();
                model = head.model;
                self.count(head.usage);
            }
            "message_delta" => {
                self.count(incoming.usage);
                let reason = incoming.delta.and_then(|raw| Part::read(raw).stop_reason());
                self.stop_reason = reason.or(self.stop_reason);
            }
            "message_stop" => (self.is_stopped, self.is_done) = (true, true),
            _ => {}
        }
        Ok(Some(Relayed {
            event: name,
            data: with_model(data, model, &self.model),
        }))
    }

    /// Ends the stream, after `message_stop` or when the server closed it.
    pub fn finish(&mut self) -> Result<(), StreamFault> {
        self.is_done = true;
        if self.n_events == 0 && self.n_malformed > 0 {
            return Err(StreamFault::BadMessage);
        }
        if self.is_stopped {
            Ok(())
        } else {
            Err(StreamFault::Truncated)
        }
    }

    /// What the server says the call cost so far; none if it did not.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Why the answer ends, once that is known.
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.stop_reason
    }

    /// Whether the server said that nothing more comes. Then call `finish`.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Whether the reason for the end is known; only the last event may follow.
    pub fn has_ended(&self) -> bool {
        self.is_stopped || self.stop_reason.is_some()
    }

    /// How many frames were skipped because they were no events.
    pub fn n_malformed(&self) -> u64 {
        self.n_malformed
    }

    fn count(&mut self, usage: Option<&RawValue>) {
        if let Some(raw) = usage {
            read_usage(raw, &mut self.usage);
        }
    }
}

/// The names that come with every answer, which need no copy.
const KNOWN: [&str; 7] = [
    "content_block_delta",
    "content_block_start",
    "content_block_stop",
    "message_start",
    "message_delta",
    "message_stop",
    "ping",
];

/// What the event is called: by its `type`, which clients act on, or by its
/// `event:` line. A name that would break the line it is written into is none.
pub(super) fn name_of(event: Option<&[u8]>, incoming: &Incoming<'_>) -> Option<Cow<'static, str>> {
    let kind = incoming.kind();
    let name = match (&kind, event) {
        (Some(kind), _) => &*kind.0,
        (None, Some(event)) => std::str::from_utf8(event).ok()?,
        (None, None) => return None,
    };
    if let Some(known) = KNOWN.into_iter().find(|known| *known == name) {
        return Some(Cow::Borrowed(known));
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let fits = !name.is_empty() && name.len() <= MAX_NAME_BYTES && name.bytes().all(is_plain);
    fits.then(|| Cow::Owned(name.to_owned()))
}

/// A Messages answer for a Messages caller: the same bytes but for the model's name.
pub fn relay_messages_response(body: &[u8], model: &str) -> Result<Converted, StreamFault> {
    let (answer, usage) = read_answer(body)?;
    let new = to_raw_value(model).map_err(|_| StreamFault::BadMessage)?;
    Ok(Converted {
        body: with_model(body, answer.model, &new),
        usage,
        stop_reason: answer.stop_reason().unwrap_or(StopReason::EndTurn),
    })
}

/// A whole answer: one that has content, and is no error.
pub(super) fn read_answer(body: &[u8]) -> Result<(Incoming<'_>, Option<Usage>), StreamFault> {
    let answer: Incoming<'_> = crate::json::read(body).map_err(|_| StreamFault::BadMessage)?;
    if answer.is_error() {
        return Err(from_upstream(200, body).into());
    }
    let content = answer.content.ok_or(StreamFault::BadMessage)?;
    if !content.get().starts_with('[') {
        return Err(StreamFault::BadMessage);
    }
    let mut usage = None;
    if let Some(raw) = answer.usage {
        read_usage(raw, &mut usage);
    }
    Ok((answer, usage))
}
