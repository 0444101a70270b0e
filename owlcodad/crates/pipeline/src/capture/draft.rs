//! What is collected of one call until it ends.

use std::sync::Arc;

use bytes::BytesMut;
use owlcoda_wire::sse::{self, Frame};
use parking_lot::Mutex;

use super::redact::Redactor;
use super::{Capture, Exchange, MAX_BODY_BYTES, Message};
use crate::call::Event;
use crate::settle::Settled;

/// So many of the last attempts of a call are kept.
const MAX_ATTEMPTS: usize = 4;

/// A request as its caller sent it.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Method and path, without a query.
    pub line: String,
    /// Names in lower case, each with its value.
    pub headers: Vec<(String, String)>,
    /// All of it.
    pub body: bytes::Bytes,
}

/// A bounded part of a body, from its beginning.
#[derive(Debug, Default)]
struct Part {
    bytes: BytesMut,
    n_bytes: u64,
    /// How much is kept; some more than is shown, see [`Redactor::longest`].
    max_bytes: usize,
}

impl Part {
    fn new(redactor: &Redactor) -> Self {
        Self {
            max_bytes: MAX_BODY_BYTES + redactor.longest(),
            ..Self::default()
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.n_bytes += bytes.len() as u64;
        let room = self.max_bytes.saturating_sub(self.bytes.len());
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.bytes.extend_from_slice(taken);
    }

    fn into_message(self, headers: Vec<(String, String)>, redactor: &Redactor) -> Message {
        let text = String::from_utf8_lossy(&self.bytes);
        let mut body = redactor.text(&text);
        let is_long = body.len() > MAX_BODY_BYTES;
        if is_long {
            let end = (0..=MAX_BODY_BYTES).rev();
            let end = end.filter(|at| body.is_char_boundary(*at)).max();
            body.truncate(end.unwrap_or(0));
        }
        Message {
            headers,
            body,
            n_body_bytes: self.n_bytes,
            is_cut: is_long || self.n_bytes > self.bytes.len() as u64,
        }
    }
}

/// Both ends of an answer that comes in parts.
#[derive(Debug)]
struct Flow {
    from_server: Part,
    to_caller: Part,
    scratch: BytesMut,
}

/// Listens in on an answer. Clones listen to the same.
#[derive(Clone, Debug)]
pub(crate) struct Tap(Arc<Mutex<Flow>>);

impl Tap {
    fn new(redactor: &Redactor) -> Self {
        Self(Arc::new(Mutex::new(Flow {
            from_server: Part::new(redactor),
            to_caller: Part::new(redactor),
            scratch: BytesMut::new(),
        })))
    }

    /// A part of the model server's answer.
    pub(crate) fn heard(&self, bytes: &[u8]) {
        self.0.lock().from_server.push(bytes);
    }

    /// An event of the model server's answer.
    pub(crate) fn heard_frame(&self, frame: &Frame) {
        let mut flow = self.0.lock();
        let flow = &mut *flow;
        flow.scratch.clear();
        let event = frame.event.as_deref().map(String::from_utf8_lossy);
        sse::encode(&mut flow.scratch, event.as_deref(), &frame.data);
        flow.from_server.push(&flow.scratch);
    }

    /// An event of the caller's answer.
    pub(crate) fn said(&self, event: &Event) {
        let mut flow = self.0.lock();
        let flow = &mut *flow;
        flow.scratch.clear();
        match event {
            Event::Messages(event) => event.encode(&mut flow.scratch),
            Event::Relayed(relayed) => {
                sse::encode(&mut flow.scratch, Some(&relayed.event), &relayed.data);
            }
            Event::Chat(chunk) => sse::encode(&mut flow.scratch, None, chunk),
        }
        flow.to_caller.push(&flow.scratch);
    }
}

/// One attempt at one model server.
#[derive(Debug)]
struct Attempt {
    line: String,
    request_headers: Vec<(String, String)>,
    request: Part,
    status: Option<u16>,
    answer_headers: Vec<(String, String)>,
    tap: Tap,
}

/// What is known of a call that has not ended.
#[derive(Debug)]
pub(crate) struct Draft {
    redactor: Arc<Redactor>,
    seen: Seen,
    attempts: Vec<Attempt>,
    /// What the caller got, where that came whole.
    answer: Part,
    error: Option<String>,
}

impl Draft {
    pub(crate) fn new(redactor: Arc<Redactor>, seen: Seen) -> Self {
        Self {
            answer: Part::new(&redactor),
            redactor,
            seen,
            attempts: Vec::new(),
            error: None,
        }
    }

    /// A model server is asked. The tap is for its answer.
    pub(crate) fn asked(
        &mut self,
        line: String,
        headers: Vec<(String, String)>,
        body: &[u8],
    ) -> Tap {
        let mut request = Part::new(&self.redactor);
        request.push(body);
        let tap = Tap::new(&self.redactor);
        if self.attempts.len() == MAX_ATTEMPTS {
            self.attempts.remove(0);
        }
        self.attempts.push(Attempt {
            line,
            request_headers: headers,
            request,
            status: None,
            answer_headers: Vec::new(),
            tap: tap.clone(),
        });
        tap
    }

    /// The head of its answer is here.
    pub(crate) fn answered(&mut self, status: u16, headers: Vec<(String, String)>) {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.status = Some(status);
            attempt.answer_headers = headers;
        }
    }

    /// The caller gets this, whole.
    pub(crate) fn said(&mut self, body: &[u8]) {
        self.answer.push(body);
    }

    /// The call failed, in words.
    pub(crate) fn failed(&mut self, words: String) {
        self.error = Some(words);
    }

    /// The call ended. What is secret goes here, and nowhere later.
    pub(crate) fn finish(self, settled: &Settled) -> Capture {
        let Self {
            redactor,
            seen,
            attempts,
            mut answer,
            error,
        } = self;
        let head = |headers: Vec<(String, String)>| -> Vec<(String, String)> {
            let headers = headers.into_iter();
            let shown = headers.map(|(name, value)| {
                let value = redactor.header(&name, &value);
                (name, value)
            });
            shown.collect()
        };
        let mut request = Part::new(&redactor);
        request.push(&seen.body);
        let attempts: Vec<_> = attempts
            .into_iter()
            .map(|attempt| {
                let mut flow = attempt.tap.0.lock();
                let from_server = std::mem::take(&mut flow.from_server);
                // Of the attempts only the last one reached the caller.
                if flow.to_caller.n_bytes > 0 {
                    answer = std::mem::take(&mut flow.to_caller);
                }
                drop(flow);
                Exchange {
                    line: redactor.text(&attempt.line),
                    request: attempt
                        .request
                        .into_message(head(attempt.request_headers), &redactor),
                    status: attempt.status,
                    answer: from_server.into_message(head(attempt.answer_headers), &redactor),
                }
            })
            .collect();
        Capture {
            id: settled.id,
            at_ms: settled.at_ms,
            route: settled.route,
            model_asked: redactor.text(&settled.model_asked),
            model_used: settled.model_used.clone(),
            endpoint: settled.endpoint.clone(),
            status: settled.status,
            outcome: settled.outcome,
            is_stream: settled.is_stream,
            is_cached: settled.is_cached,
            usage: settled.usage,
            elapsed: settled.elapsed,
            error: error.map(|words| redactor.text(&words)),
            caller: Exchange {
                line: redactor.text(&seen.line),
                request: request.into_message(head(seen.headers), &redactor),
                status: Some(settled.status),
                answer: answer.into_message(Vec::new(), &redactor),
            },
            attempts,
        }
    }
}

#[cfg(test)]
mod tests {
    use owlcoda_types::Secret;

    use super::*;

    #[test]
    fn a_body_is_cut_after_its_secrets_were_taken_out_and_never_within_a_letter() {
        let secret = Secret::new("canary-0123456789");
        let redactor = Redactor::of([&secret]);
        let mut part = Part::new(&redactor);
        // The secret stands across the place of the cut.
        part.push("\u{fc}".repeat(MAX_BODY_BYTES / 2 - 4).as_bytes());
        part.push(b"abcdefcanary-0123456789");
        part.push(&vec![b'x'; MAX_BODY_BYTES]);
        let n_bytes = part.n_bytes;
        let message = part.into_message(Vec::new(), &redactor);
        assert!(message.is_cut);
        assert_eq!(message.n_body_bytes, n_bytes);
        assert!(message.body.len() <= MAX_BODY_BYTES);
        assert!(!message.body.contains("cana"), "a piece is left");

        let mut part = Part::new(&redactor);
        part.push(b"short");
        let message = part.into_message(Vec::new(), &redactor);
        assert_eq!((message.body.as_str(), message.is_cut), ("short", false));
    }
}
