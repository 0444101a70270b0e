//! A future that is looked at only when it has something to say.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Wraps a future that waits in the same task as busier ones, such as the end of the daemon beside the
/// events of a stream: each wake of the task polls all of them, and this one lets that cost nothing.
pub struct Seldom {
    bell: Arc<Bell>,
    waker: Waker,
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Rung by what the future waits for.
#[derive(Debug)]
struct Bell {
    has_rung: AtomicBool,
    task: AtomicWaker,
}

impl Seldom {
    /// Wraps `future`, which is polled at the first look and then whenever it was woken.
    pub fn new(future: impl Future<Output = ()> + Send + 'static) -> Self {
        let bell = Arc::new(Bell {
            has_rung: AtomicBool::new(true),
            task: AtomicWaker::new(),
        });
        Self {
            waker: Waker::from(Arc::clone(&bell)),
            bell,
            future: Box::pin(future),
        }
    }
}

impl Future for Seldom {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.bell.task.register(context.waker());
        if !self.bell.has_rung.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        self.bell.has_rung.store(false, Ordering::Release);
        let this = &mut *self;
        this.future
            .as_mut()
            .poll(&mut Context::from_waker(&this.waker))
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

impl std::fmt::Debug for Seldom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seldom").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicU32;

    use tokio_util::sync::CancellationToken;

    use super::*;

    #[tokio::test]
    async fn it_is_polled_once_however_often_its_task_is_and_again_when_it_is_woken() {
        let token = CancellationToken::new();
        let n_polls = Arc::new(AtomicU32::new(0));
        let counted = {
            let (n_polls, token) = (Arc::clone(&n_polls), token.clone());
            async move {
                let mut cancelled = std::pin::pin!(token.cancelled_owned());
                poll_fn(|context| {
                    n_polls.fetch_add(1, Ordering::Relaxed);
                    cancelled.as_mut().poll(context)
                })
                .await;
            }
        };
        let mut seldom = Seldom::new(counted);
        poll_fn(|context| {
            for _ in 0..5 {
                assert!(Pin::new(&mut seldom).poll(context).is_pending());
            }
            Poll::Ready(())
        })
        .await;
        assert_eq!(n_polls.load(Ordering::Relaxed), 1);
        token.cancel();
        seldom.await;
        assert_eq!(n_polls.load(Ordering::Relaxed), 2);
    }
}
