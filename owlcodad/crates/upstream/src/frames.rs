//! An answer as it arrives: bytes become frames, silence becomes an error.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use owlcoda_supervise::Deadline;
use owlcoda_wire::sse::{Decoder, Frame, SseError};
use tokio::time::Instant;

use crate::client::Body;
use crate::destination::Limits;
use crate::error::UpstreamError;

/// Most bytes kept while waiting for the end of one event.
///
/// An event past this is an error, not a truncation: a model server sends one JSON document an
/// event, and half of one is useless.
pub(crate) const MAX_EVENT_BYTES: usize = 4 << 20;

type Chunks = Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>;

/// The frames of one streamed answer. Dropping it closes the connection to the model server.
pub struct Frames {
    endpoint: Arc<str>,
    chunks: Chunks,
    decoder: Decoder,
    limits: Limits,
    silence: Deadline,
    has_begun: bool,
}

impl Frames {
    pub(crate) fn new(body: Body) -> Self {
        Self {
            endpoint: body.endpoint,
            chunks: Box::pin(body.response.bytes_stream()),
            decoder: Decoder::new(MAX_EVENT_BYTES),
            limits: body.limits,
            silence: Deadline::new(body.first_deadline),
            has_begun: false,
        }
    }

    /// The frames of an event stream that is there already.
    pub fn of(stream: Bytes, endpoint: Arc<str>) -> Self {
        let limits = Limits::NONE;
        Self {
            endpoint,
            chunks: Box::pin(futures_util::stream::once(std::future::ready(Ok(stream)))),
            decoder: Decoder::new(usize::MAX),
            limits,
            silence: Deadline::new(Instant::now() + limits.first_token),
            has_begun: false,
        }
    }

    /// The next frame; `None` at the end of the answer. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<Frame, UpstreamError>> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// As [`Frames::next`], for hand-written streams. Not to be polled after `None` or an error.
    pub fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, UpstreamError>>> {
        loop {
            match self.decoder.next_frame() {
                Ok(Some(frame)) => {
                    if !std::mem::replace(&mut self.has_begun, true) {
                        self.restart_silence();
                    }
                    return Poll::Ready(Some(Ok(frame)));
                }
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(self.not_sse(error)))),
            }
            match self.chunks.as_mut().poll_next(context) {
                Poll::Ready(Some(Ok(chunk))) => {
                    // Comments before the first event do not put its deadline off.
                    if self.has_begun {
                        self.restart_silence();
                    }
                    self.decoder.push(&chunk);
                }
                Poll::Ready(Some(Err(error))) => {
                    let error = UpstreamError::from_transport(&self.endpoint, &error);
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => break,
            }
        }
        self.silence
            .poll_passed(context)
            .map(|()| Some(Err(self.too_silent())))
    }

    fn restart_silence(&mut self) {
        self.silence.move_to(Instant::now() + self.limits.idle);
    }

    fn too_silent(&self) -> UpstreamError {
        let endpoint = self.endpoint.to_string();
        if self.has_begun {
            UpstreamError::Idle {
                endpoint,
                limit: self.limits.idle,
            }
        } else {
            UpstreamError::FirstToken {
                endpoint,
                limit: self.limits.first_token,
            }
        }
    }

    fn not_sse(&self, error: SseError) -> UpstreamError {
        let endpoint = self.endpoint.to_string();
        match error {
            SseError::TooLong { limit_bytes } => UpstreamError::TooLarge {
                endpoint,
                limit_bytes,
            },
            other => UpstreamError::Protocol {
                endpoint,
                reason: other.to_string(),
            },
        }
    }
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frames")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
