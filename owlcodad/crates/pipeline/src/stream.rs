//! A streamed answer: frames in, events in the caller's dialect out, pulled by whoever reads it.
//!
//! Nothing runs in the background: when the reader is dropped, so are the translator and the
//! connection to the model server.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use owlcoda_models::policy::Visit;
use owlcoda_supervise::{CancellationToken, Seldom};
use owlcoda_types::Usage;
use owlcoda_upstream::Frames;
use owlcoda_upstream::managed::Lease;
use owlcoda_wire::translate::StreamFault;
use tokio::time::Instant;

use crate::call::{About, Event};
use crate::capture::Tap;
use crate::failure::{CallError, Failure};
use crate::settle::{Receipt, Settlement};
use crate::translation::Translator;

/// The events of one answer. After an error, or the end, there is nothing more.
pub struct EventStream {
    frames: Option<Box<Frames>>,
    translator: Translator,
    queue: VecDeque<Event>,
    about: About,
    /// What is reported when the answer ends; none once it was.
    end: Option<(Settlement, Visit)>,
    /// What the last events wait for.
    receipt: Option<Receipt>,
    stopping: Seldom,
    /// Takes note of what passes by, where the call is captured.
    tap: Option<Tap>,
    _lease: Option<Lease>,
}

impl EventStream {
    /// Waits for the first event. Where none comes, nothing has been reported.
    pub(crate) async fn begin(
        frames: Box<Frames>,
        translator: Translator,
        lease: Option<Lease>,
        stopping: CancellationToken,
        tap: Option<Tap>,
    ) -> Result<Self, CallError> {
        let mut stream = Self {
            frames: Some(frames),
            translator,
            queue: VecDeque::new(),
            about: About::default(),
            end: None,
            receipt: None,
            stopping: Seldom::new(stopping.cancelled_owned()),
            tap,
            _lease: lease,
        };
        poll_fn(|context| stream.poll_fill(context)).await?;
        Ok(stream)
    }

    /// From now on the stream reports its own end.
    pub(crate) fn with_end(mut self, mut settlement: Settlement, visit: Visit) -> Self {
        self.about = settlement.about();
        settlement.first_event();
        self.end = Some((settlement, visit));
        if self.frames.is_none() {
            self.succeed();
        }
        self
    }

    /// What the caller may want to know beside the answer.
    pub const fn about(&self) -> &About {
        &self.about
    }

    /// Tokens as the model server has counted them so far.
    pub fn usage(&self) -> Usage {
        self.translator.usage()
    }

    /// Reads until there is an event to give, or the answer is over.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        while self.queue.is_empty() {
            let Some(frames) = &mut self.frames else {
                return Poll::Ready(Ok(()));
            };
            let step = match frames.poll_next(context) {
                Poll::Pending => {
                    let stopping = Pin::new(&mut self.stopping).poll(context);
                    return stopping.map(|()| Err(CallError::ShuttingDown));
                }
                Poll::Ready(Some(Ok(frame))) => {
                    if let Some(tap) = &self.tap {
                        tap.heard_frame(&frame);
                    }
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
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error.into())),
                Poll::Ready(None) => self.finish(),
            };
            if let Err(fault) = step {
                return Poll::Ready(Err(fault.into()));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The model server has said all. The call is settled now and not when the last event is read:
    /// callers hang up as soon as they have seen it.
    fn finish(&mut self) -> Result<(), StreamFault> {
        self.translator.finish(&mut self.queue)?;
        self.frames = None;
        self.succeed();
        Ok(())
    }

    /// What waits to be read is as good as said: who hangs up after it has seen all of it.
    fn note_said(&self) {
        if let Some(tap) = &self.tap {
            for event in &self.queue {
                tap.said(event);
            }
        }
    }

    fn succeed(&mut self) {
        // Taken down before the call is settled, and before it could be taken for said again.
        self.note_said();
        self.tap = None;
        let usage = self.translator.usage();
        if let Some((mut settlement, visit)) = self.end.take() {
            settlement.is_to_be_given(&self.queue);
            self.receipt = settlement.succeed(usage);
            visit.succeed();
        }
    }

    fn fail(&mut self, error: CallError) -> Failure {
        self.frames = None;
        let usage = self.translator.usage();
        let Some((mut settlement, visit)) = self.end.take() else {
            return error.into();
        };
        match error {
            // Nobody's fault, so nothing is said of the model.
            CallError::ShuttingDown => drop(visit),
            _ => visit.fail(error.for_policy().kind, Instant::now().into_std()),
        }
        settlement.usage(usage);
        // The answer is not whole, and nobody takes its error for one.
        let (failure, _) = settlement.fail(error);
        failure
    }

    /// Waits until what has ended is on record, where that is asked for.
    fn poll_recorded(&mut self, context: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        let Some(receipt) = &mut self.receipt else {
            return Poll::Ready(Ok(()));
        };
        let recorded = ready!(receipt.as_mut().poll(context));
        self.receipt = None;
        if recorded.is_err() {
            self.queue.clear();
        }
        Poll::Ready(recorded.map_err(CallError::from))
    }
}

impl Stream for EventStream {
    type Item = Result<Event, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Err(error) = ready!(self.poll_fill(context)) {
            return Poll::Ready(Some(Err(self.fail(error))));
        }
        // Without the last events of an answer nobody takes it for whole.
        if let Err(error) = ready!(self.poll_recorded(context)) {
            return Poll::Ready(Some(Err(error.into())));
        }
        let event = self.queue.pop_front();
        if let (Some(tap), Some(event)) = (&self.tap, &event) {
            tap.said(event);
        }
        Poll::Ready(event.map(Ok))
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        // A reader that left: record what was counted until then.
        let usage = self.translator.usage();
        if let Some((settlement, _)) = &mut self.end {
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
