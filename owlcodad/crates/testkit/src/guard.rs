//! The deadline on every wait, so that a test which waits for nothing fails and says why.

use std::pin::pin;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::oneshot;

/// Longest any wait of the test kit takes before it panics.
///
/// Wall-clock time, far above what any wait needs; a test never passes or fails by its value.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Waits for `future`; past [`DEADLINE`] panics with what `describe` says then.
///
/// The clock is a thread's and not tokio's: a paused tokio clock jumps ahead whenever the runtime
/// waits for a socket, and would end the wait at once.
pub(crate) async fn guarded<F: Future>(describe: impl Fn() -> String, future: F) -> F::Output {
    guarded_for(DEADLINE, describe, future).await
}

/// Looks until `look` finds something, for state that tells nobody when it changes; past
/// [`DEADLINE`] panics with `what`.
///
/// Never lets the runtime rest, so a paused tokio clock stands still meanwhile.
pub async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            match look() {
                Some(found) => return found,
                None => tokio::task::yield_now().await,
            }
        }
    };
    guarded(|| what.to_owned(), found).await
}

async fn guarded_for<F: Future>(
    deadline: Duration,
    describe: impl Fn() -> String,
    future: F,
) -> F::Output {
    let mut future = pin!(future);
    let first = std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
    if let Poll::Ready(output) = first {
        return output;
    }
    let (ring, alarm) = oneshot::channel();
    // Dropped with this future, whichever way it ends; the thread then ends too.
    let (_waiting, watch) = mpsc::channel::<()>();
    let run = move || {
        if watch.recv_timeout(deadline) == Err(RecvTimeoutError::Timeout) {
            let _ = ring.send(());
        }
    };
    let thread = std::thread::Builder::new().name("guard".to_owned());
    thread.spawn(run).expect("a thread can be started");
    tokio::select! {
        biased;
        output = future => output,
        _ = alarm => panic!("waited {deadline:?} for {}", describe()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[should_panic(expected = "waited 1ms for what never comes")]
    async fn a_wait_past_its_deadline_says_what_it_waited_for() {
        let never = std::future::pending::<()>();
        guarded_for(
            Duration::from_millis(1),
            || "what never comes".to_owned(),
            never,
        )
        .await;
    }
}
