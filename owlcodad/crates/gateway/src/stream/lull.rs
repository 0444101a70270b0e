//! Tells when there is nothing left to run but what waits for the network.
//!
//! The connection to a model server hands its events over one at a time, although dozens of them may
//! lie in its buffer. Writing each to the caller by itself costs a system call an event, half of all
//! that a stream costs. So an event waits for the next lull of the scheduler, microseconds away, and
//! leaves together with those that came in the same moment.

use std::future::Future as _;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Waits for one lull after the other.
#[derive(Debug, Default)]
pub(super) struct Lull {
    bell: Arc<Bell>,
    is_awaited: bool,
}

/// Rung by the scheduler.
#[derive(Debug, Default)]
struct Bell {
    has_rung: AtomicBool,
    task: AtomicWaker,
}

impl Lull {
    /// Ready at the first lull after the first of the polls since it was ready last.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.bell.task.register(context.waker());
        if !self.is_awaited {
            self.is_awaited = true;
            self.bell.has_rung.store(false, Ordering::Relaxed);
            let bell = Waker::from(Arc::clone(&self.bell));
            // Its first poll leaves the waker with the scheduler, which calls it after everything
            // that could run has run.
            let _ = pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(&bell));
        }
        if self.bell.has_rung.load(Ordering::Acquire) {
            self.is_awaited = false;
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.has_rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::rc::Rc;

    use super::*;

    #[tokio::test]
    async fn it_comes_after_everything_that_can_run_has_run() {
        let n_run = Rc::new(Cell::new(0));
        let tasks = tokio::task::LocalSet::new();
        for _ in 0..20 {
            let n_run = Rc::clone(&n_run);
            tasks.spawn_local(async move { n_run.set(n_run.get() + 1) });
        }
        let mut lull = Lull::default();
        tasks
            .run_until(async {
                for _ in 0..3 {
                    poll_fn(|context| lull.poll(context)).await;
                }
            })
            .await;
        assert_eq!(n_run.get(), 20);
    }

    #[tokio::test]
    async fn another_wake_does_not_end_it() {
        let mut lull = Lull::default();
        let mut n_polls = 0;
        poll_fn(|context| {
            n_polls += 1;
            let lull = lull.poll(context);
            if n_polls < 5 {
                context.waker().wake_by_ref();
                assert!(n_polls > 1 || lull.is_pending());
            }
            lull
        })
        .await;
        assert!(n_polls >= 2);
    }
}
