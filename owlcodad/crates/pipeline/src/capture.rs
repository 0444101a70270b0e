//! The latest requests and answers, as callers and model servers saw them. Off unless the configuration
//! turns it on.
//!
//! ```text
//! caller ──request──► daemon ──request──► model server
//!        ◄──answer───        ◄──answer───
//! ```
//!
//! While it is off a call costs one relaxed load. While it is on, each call has a [`Draft`] that
//! collects a bounded part of each body; at the end of the call all of it goes through the
//! [`Redactor`] and onto the [`Shelf`], which is in memory, bounded, and gone with the daemon.

mod draft;
mod redact;
mod shelf;

pub use draft::Seen;
pub(crate) use draft::{Draft, Tap};
pub(crate) use redact::Redactor;
pub use shelf::CaptureStats;
pub(crate) use shelf::Captures;

use std::time::Duration;

use owlcoda_types::{RequestId, UnixMs, Usage};

use crate::call::Route;
use crate::settle::Outcome;

/// Most bytes of one body that are kept.
pub(crate) const MAX_BODY_BYTES: usize = 64 << 10;

/// One ended call.
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    /// The call's name.
    pub id: RequestId,
    /// When it was admitted.
    pub at_ms: UnixMs,
    /// Where it came in.
    pub route: Route,
    /// The name that the caller used.
    pub model_asked: String,
    /// Id of the model that answered.
    pub model_used: Option<String>,
    /// Id of the endpoint that was asked last.
    pub endpoint: Option<String>,
    /// The HTTP status that the caller got.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the caller asked for a stream.
    pub is_stream: bool,
    /// Whether a kept answer was given.
    pub is_cached: bool,
    /// Tokens as the model server counted them.
    pub usage: Usage,
    /// From admission to the end.
    pub elapsed: Duration,
    /// Why it failed, in words; none where it did not.
    pub error: Option<String>,
    /// What the caller sent and got. Its answer's head is not kept.
    pub caller: Exchange,
    /// What the model servers got and sent, the last few attempts in order.
    pub attempts: Vec<Exchange>,
}

/// A request and its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// Method and address.
    pub line: String,
    /// What was sent.
    pub request: Message,
    /// The status of the answer; none where none came.
    pub status: Option<u16>,
    /// What came back.
    pub answer: Message,
}

/// Head and body, without what is secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Names in lower case, each with its value.
    pub headers: Vec<(String, String)>,
    /// The body's first part; events of a stream stand as they were read.
    pub body: String,
    /// How long the whole body was, in bytes.
    pub n_body_bytes: u64,
    /// Whether some of it was left out.
    pub is_cut: bool,
}

impl Message {
    fn n_bytes(&self) -> usize {
        let headers = self.headers.iter();
        let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
        headers + self.body.len()
    }
}

impl Exchange {
    fn n_bytes(&self) -> usize {
        self.line.len() + self.request.n_bytes() + self.answer.n_bytes()
    }
}

impl Capture {
    /// About what it takes in memory.
    pub(crate) fn n_bytes(&self) -> usize {
        let attempts: usize = self.attempts.iter().map(Exchange::n_bytes).sum();
        size_of::<Self>() + self.model_asked.len() + self.caller.n_bytes() + attempts
    }
}
