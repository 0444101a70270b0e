//! What a fake answers: a head, then steps that a test orders byte by byte.

use serde_json::Value;

use crate::gate::Gate;

/// One answer of a [`FakeUpstream`](crate::FakeUpstream), built step by step.
///
/// Without a step that breaks the answer off it ends as HTTP wants it, and the connection is kept
/// for the next request.
#[derive(Clone, Debug)]
#[must_use]
pub struct Script {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) delimited: Delimited,
    pub(crate) steps: Vec<Step>,
    /// Most bytes of the body in one write.
    pub(crate) piece_bytes: usize,
    /// Stops the fake before the head.
    pub(crate) held: Option<Gate>,
    /// Played instead where the request asks for `"stream": true`.
    pub(crate) streamed: Option<Box<Script>>,
}

/// How the body shows its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delimited {
    ByLength,
    Chunked,
    /// No head and no framing: the steps are all that is written, and then the socket closes.
    ByNothing,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Write(Vec<u8>),
    /// Written where the request has `stream_options.include_usage`.
    WriteIfUsageAsked(Vec<u8>),
    Wait(Gate),
    Cut,
    Reset,
    Hang,
}

impl Script {
    /// Status 200, no fields, an empty body with a `content-length`.
    pub fn new() -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            delimited: Delimited::ByLength,
            steps: Vec::new(),
            piece_bytes: usize::MAX,
            held: None,
            streamed: None,
        }
    }

    /// Status 200 and an event stream in a chunked body; add its events as steps.
    pub fn stream() -> Self {
        let script = Self {
            delimited: Delimited::Chunked,
            ..Self::new()
        };
        script.header("content-type", "text/event-stream")
    }

    /// Exactly these bytes instead of an HTTP answer, then the connection closes.
    ///
    /// With empty bytes: a server that takes the request and leaves without a word.
    pub fn verbatim(bytes: impl AsRef<[u8]>) -> Self {
        let script = Self {
            delimited: Delimited::ByNothing,
            ..Self::new()
        };
        script.raw(bytes)
    }

    /// An error answer with the usual body: `{"error": {"message", "type", "code"}}`.
    pub fn error(status: u16, message: &str) -> Self {
        let error = serde_json::json!({"message": message, "type": "fake_error", "code": null});
        let body = serde_json::json!({ "error": error });
        Self::new().status(status).json(&body)
    }

    /// `streamed` where the request asks for `"stream": true`, and `whole` otherwise.
    ///
    /// What is set or added afterwards is set or added in both.
    pub fn by_mode(whole: Self, streamed: Self) -> Self {
        Self {
            streamed: Some(Box::new(streamed)),
            ..whole
        }
    }

    /// Sets the status; from 100 to 999, and nothing checks that it goes with the body.
    pub fn status(self, status: u16) -> Self {
        self.each(|script| script.status = status)
    }

    /// Sets a header field in place of one of the same name, ours included.
    ///
    /// A `content-length` of your own makes a body that is shorter or longer than it says.
    pub fn header(self, name: &str, value: &str) -> Self {
        let name = name.to_ascii_lowercase();
        self.each(|script| {
            script.headers.retain(|(other, _)| *other != name);
            script.headers.push((name.clone(), value.to_owned()));
        })
    }

    /// Adds a JSON body and, unless one is set, its `content-type`.
    pub fn json(self, body: &Value) -> Self {
        let is_typed = self.headers.iter().any(|(name, _)| name == "content-type");
        let script = if is_typed {
            self
        } else {
            self.header("content-type", "application/json")
        };
        script.raw(body.to_string())
    }

    /// Sends nothing, not even the head, before the gate opens.
    pub fn held(self, gate: &Gate) -> Self {
        self.each(|script| script.held = Some(gate.clone()))
    }

    /// Step: one event, `data: JSON` and a blank line, in a chunk of its own.
    pub fn data(self, event: &Value) -> Self {
        self.raw(format!("data: {event}\n\n"))
    }

    /// Step: these bytes of the body, in a chunk of their own. No bytes, no chunk.
    pub fn raw(self, bytes: impl AsRef<[u8]>) -> Self {
        self.step(&Step::Write(bytes.as_ref().to_vec()))
    }

    /// Step: stops until the test opens the gate.
    pub fn wait(self, gate: &Gate) -> Self {
        self.step(&Step::Wait(gate.clone()))
    }

    /// Step: `data: [DONE]`, with which a stream of completions ends.
    pub fn done(self) -> Self {
        self.raw("data: [DONE]\n\n")
    }

    /// Last step: closes the socket without ending the body.
    pub fn cut(self) -> Self {
        self.step(&Step::Cut)
    }

    /// Last step: resets the connection; the peer gets `ECONNRESET`.
    pub fn reset(self) -> Self {
        self.step(&Step::Reset)
    }

    /// Last step: says nothing more until the peer leaves.
    pub fn hang(self) -> Self {
        self.step(&Step::Hang)
    }

    /// Writes the whole body in pieces of `n_bytes` (at least 1); where it is chunked, each piece
    /// is a chunk.
    pub fn split_at(self, n_bytes: usize) -> Self {
        assert!(n_bytes > 0, "a piece has at least one byte");
        self.each(|script| script.piece_bytes = n_bytes)
    }

    pub(crate) fn usage_if_asked(self, event: &Value) -> Self {
        let event = format!("data: {event}\n\n").into_bytes();
        self.step(&Step::WriteIfUsageAsked(event))
    }

    fn step(self, step: &Step) -> Self {
        self.each(|script| script.steps.push(step.clone()))
    }

    fn each(mut self, change: impl Fn(&mut Self)) -> Self {
        change(&mut self);
        if let Some(streamed) = &mut self.streamed {
            change(streamed);
        }
        self
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}
