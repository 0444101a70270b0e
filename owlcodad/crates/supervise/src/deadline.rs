//! A deadline that moves on often and seldom passes.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// A point in time that is put off again and again, such as the end of a silence.
///
/// Putting it off costs nothing: the timer stays where it was, and is moved when it fires early.
#[derive(Debug)]
pub struct Deadline {
    at: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Deadline {
    /// A deadline at `at`.
    pub fn new(at: Instant) -> Self {
        Self {
            at,
            timer: Box::pin(sleep_until(at)),
        }
    }

    /// Moves it, as a rule to a later time.
    pub fn move_to(&mut self, at: Instant) {
        self.at = at;
        if at < self.timer.deadline() {
            self.timer.as_mut().reset(at);
        }
    }

    /// Ready once it has passed.
    pub fn poll_passed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.timer.as_mut().poll(context).is_ready() {
            if self.timer.deadline() >= self.at {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(self.at);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn it_passes_at_the_time_it_was_last_moved_to() {
        let start = Instant::now();
        for (moves, expected) in [
            (&[][..], 10),
            (&[20], 20),
            (&[20, 30, 25], 25),
            (&[5], 5),
            (&[5, 15], 15),
            (&[30, 4], 4),
        ] {
            let now = Instant::now();
            let mut deadline = Deadline::new(now + 10 * SECOND);
            for seconds in moves {
                deadline.move_to(now + *seconds * SECOND);
            }
            poll_fn(|context| deadline.poll_passed(context)).await;
            assert_eq!(Instant::now() - now, expected * SECOND, "{moves:?}");
        }
        assert!(Instant::now() > start);
    }

    #[tokio::test(start_paused = true)]
    async fn moved_on_while_it_is_waited_for_it_passes_later() {
        let now = Instant::now();
        let mut deadline = Deadline::new(now + SECOND);
        let mut is_moved = false;
        poll_fn(|context| {
            if Instant::now() >= now + SECOND && !is_moved {
                is_moved = true;
                deadline.move_to(now + 3 * SECOND);
            }
            deadline.poll_passed(context)
        })
        .await;
        assert_eq!(Instant::now() - now, 3 * SECOND);
    }
}
