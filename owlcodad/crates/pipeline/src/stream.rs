//! A streamed answer: frames in, events in the caller's dialect out, pulled by whoever reads it.
//!
//! Nothing runs in the background: when the reader is dropped, so are the translator and the
//! connection to the model server.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::Stream;
use owlcoda_supervise::CancellationToken;
use owlcoda_upstream::Frames;
use owlcoda_upstream::managed::Lease;
use owlcoda_wire::translate::StreamFault;

use crate::call::{About, Event};
use crate::failure::{CallError, Failure};
use crate::settle::Settlement;
use crate::translation::Translator;

/// The events of one answer. After an error, or the end, there is nothing more.
pub struct EventStream {
    frames: Option<Box<Frames>>,
    translator: Translator,
    queue: VecDeque<Event>,
    about: About,
    settlement: Option<Settlement>,
    stopping: Pin<Box<dyn Future<Output = ()> + Send>>,
    _lease: Option<Lease>,
}

impl EventStream {
    /// Waits for the first event.
    pub(crate) async fn begin(
        frames: Box<Frames>,
        translator: Translator,
        lease: Option<Lease>,
        settlement: Settlement,
        stopping: CancellationToken,
    ) -> Result<Self, Failure> {
        let mut stream = Self {
            frames: Some(frames),
            translator,
            queue: VecDeque::new(),
            about: settlement.about(),
            settlement: Some(settlement),
            stopping: Box::pin(stopping.cancelled_owned()),
            _lease: lease,
        };
        poll_fn(|context| stream.poll_fill(context)).await?;
        Ok(stream)
    }

    /// What the caller may want to know beside the answer.
    pub const fn about(&self) -> &About {
        &self.about
    }

    /// Reads until there is an event to give, or the answer is over.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        while self.queue.is_empty() {
            let Some(frames) = &mut self.frames else {
                return Poll::Ready(Ok(()));
            };
            let step = match frames.poll_next(context) {
                Poll::Pending => {
                    let stopping = self.stopping.as_mut().poll(context);
                    return stopping.map(|()| Err(self.fail(CallError::ShuttingDown)));
                }
                Poll::Ready(Some(Ok(frame))) => {
                    let step = self.translator.push(&frame, &mut self.queue);
                    if self.translator.is_done() {
                        // Reading the end of the body lets the connection be used again; it
                        // mostly came with the last frame, and where it did not we do not wait.
                        let _ = frames.poll_next(context);
                        step.and_then(|()| self.finish())
                    } else {
                        step
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(self.fail(error.into()))),
                Poll::Ready(None) => self.finish(),
            };
            if let Err(fault) = step {
                return Poll::Ready(Err(self.fail(fault.into())));
            }
            if !self.queue.is_empty()
                && let Some(settlement) = &mut self.settlement
            {
                settlement.first_event();
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The model server has said all. The call is settled now and not when the last event is read:
    /// callers hang up as soon as they have seen it.
    fn finish(&mut self) -> Result<(), StreamFault> {
        self.translator.finish(&mut self.queue)?;
        self.frames = None;
        let usage = self.translator.usage();
        if let Some(mut settlement) = self.settlement.take() {
            settlement.first_event();
            settlement.succeed(usage);
        }
        Ok(())
    }

    fn fail(&mut self, error: CallError) -> Failure {
        self.frames = None;
        let usage = self.translator.usage();
        match self.settlement.take() {
            Some(mut settlement) => {
                settlement.usage(usage);
                settlement.fail(error)
            }
            None => error.into(),
        }
    }
}

impl Stream for EventStream {
    type Item = Result<Event, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.poll_fill(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Some(Err(error))),
            Poll::Ready(Ok(())) => Poll::Ready(self.queue.pop_front().map(Ok)),
        }
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        // A reader that left: record what was counted until then.
        let usage = self.translator.usage();
        if let Some(settlement) = &mut self.settlement {
            settlement.usage(usage);
        }
    }
}

impl std::fmt::Debug for EventStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventStream")
            .field("translator", &self.translator)
            .finish_non_exhaustive()
    }
}
