//! A streamed answer on its way out: events become server-sent events, silence becomes pings.
//!
//! ```text
//! Opening ──first event──► Streaming ──end──► (end marker) Over
//!    └──────── error ───────────┴───────────► (one error event) Over
//! ```
//!
//! An error before the first event is an HTTP status, as long as the model server is quick: after
//! [`HOLD`] the head is sent and pings begin, because callers give up on a silent server.

mod lull;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::Stream as _;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http_body::Frame;
use owlcoda_pipeline::{About, Answer, CHAT_END, Call, Delivery, EventStream, Failure};
use owlcoda_supervise::Deadline;
use owlcoda_types::RequestId;
use owlcoda_wire::anthropic::StreamEvent;
use owlcoda_wire::fault::Dialect;
use owlcoda_wire::sse;
use tokio::time::{Instant, sleep};

use self::lull::Lull;
use crate::{Gateway, reply};

/// How long a call may take to its first event before the head of the answer is sent without it.
const HOLD: Duration = Duration::from_secs(5);

/// Events that are ready together leave together (see [`lull`]), up to about this many bytes.
const FULL_BYTES: usize = 16 << 10;

/// Tells nginx and its kin not to hold back what passes through them.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

type Opening = Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send>>;

pub(crate) async fn answer(gateway: Gateway, call: Call) -> Response {
    let (id, dialect) = (call.id, call.request.dialect());
    let delivery = call.delivery.clone();
    let ping_interval = gateway.settings.current().ping_interval;
    let mut opening: Opening = Box::pin(async move { gateway.pipeline.run(call).await });
    let state = tokio::select! {
        biased;
        opened = &mut opening => match opened {
            Ok(answer) => State::from_answer(answer),
            Err(failure) => return reply::call_error(dialect, &failure, id),
        },
        () = sleep(HOLD) => {
            delivery.set_head_sent();
            State::Opening(opening)
        }
    };
    let about = match &state {
        State::Streaming(stream) => stream.about().clone(),
        State::Opening(_) | State::Over => About::default(),
    };
    let events = Events {
        state,
        dialect,
        id,
        delivery,
        out: BytesMut::new(),
        ping_interval,
        lull: Lull::default(),
        silence: Deadline::new(Instant::now() + ping_interval),
    };
    let mut response = Response::new(Body::new(events));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream; charset=utf-8"),
    );
    reply::about(headers, &about);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// Where the answer is.
enum State {
    Opening(Opening),
    Streaming(Box<EventStream>),
    Over,
}

impl State {
    fn from_answer(answer: Answer) -> Self {
        match answer {
            Answer::Stream(stream) => Self::Streaming(stream),
            // The pipeline answers as it was asked.
            Answer::Whole(_) => Self::Over,
        }
    }
}

/// The body of a streamed answer.
struct Events {
    state: State,
    dialect: Dialect,
    id: RequestId,
    delivery: Delivery,
    out: BytesMut,
    ping_interval: Duration,
    lull: Lull,
    silence: Deadline,
}

impl Events {
    /// Moves everything that is ready into `out`.
    fn fill(&mut self, context: &mut Context<'_>) {
        while self.out.len() < FULL_BYTES {
            match &mut self.state {
                State::Over => return,
                State::Opening(opening) => match opening.as_mut().poll(context) {
                    Poll::Pending => return,
                    Poll::Ready(Ok(answer)) => self.state = State::from_answer(answer),
                    Poll::Ready(Err(failure)) => self.fail(&failure),
                },
                State::Streaming(stream) => match Pin::new(stream.as_mut()).poll_next(context) {
                    Poll::Pending => return,
                    Poll::Ready(Some(Ok(event))) => {
                        let n_before = self.out.len();
                        event.encode(&mut self.out);
                        self.delivery.add(self.out.len() - n_before);
                    }
                    Poll::Ready(Some(Err(failure))) => self.fail(&failure),
                    Poll::Ready(None) => self.end(),
                },
            }
        }
    }

    /// The end marker of the dialect. Messages end with their last event.
    fn end(&mut self) {
        self.state = State::Over;
        if self.dialect == Dialect::OpenAi {
            self.out.extend_from_slice(CHAT_END);
        }
    }

    /// One error within the stream, and no end marker: the answer is not whole.
    fn fail(&mut self, failure: &Failure) {
        self.state = State::Over;
        let body = reply::call_error_body(self.dialect, failure, self.id);
        let event = match self.dialect {
            Dialect::Anthropic => Some("error"),
            Dialect::OpenAi => None,
        };
        sse::encode(&mut self.out, event, &body);
    }

    /// A sign of life. A comment does not reset the clock of Anthropic's clients, an event does;
    /// for clients of the other dialect it is the reverse.
    fn ping(&mut self) {
        match self.dialect {
            Dialect::Anthropic => StreamEvent::Ping.encode(&mut self.out),
            Dialect::OpenAi => self.out.extend_from_slice(b": ping\n\n"),
        }
        self.delivery.add(self.out.len());
    }
}

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.fill(context);
        let is_over = matches!(self.state, State::Over);
        if self.out.is_empty() {
            if is_over {
                return Poll::Ready(None);
            }
            if self.silence.poll_passed(context).is_pending() {
                return Poll::Pending;
            }
            self.ping();
        } else if !is_over && self.out.len() < FULL_BYTES && self.lull.poll(context).is_pending() {
            return Poll::Pending;
        }
        let next_ping = Instant::now() + self.ping_interval;
        self.silence.move_to(next_ping);
        let bytes = self.out.split().freeze();
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}
