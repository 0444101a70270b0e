//! Starts every task of the daemon, knows its name, and sees how it ends.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use owlcoda_telemetry::{crash, metric};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, error};

use crate::Shutdown;

/// What the end of a task means while the daemon runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExit {
    /// The daemon cannot do its work without it: shut down.
    Fatal,
    /// Its work was finite; a panic is reported.
    Report,
}

/// The only way to start a task.
#[derive(Clone, Debug)]
pub struct Supervisor {
    tasks: TaskTracker,
    shutdown: Shutdown,
}

impl Supervisor {
    /// A supervisor whose tasks are told to stop when `shutdown` stops.
    pub fn new(shutdown: Shutdown) -> Self {
        Self {
            tasks: TaskTracker::new(),
            shutdown,
        }
    }

    /// The phases that this supervisor's tasks follow.
    pub const fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// Starts `task`. It gets a token that is cancelled when it has to end.
    pub fn spawn<F, Fut>(&self, name: &'static str, on_exit: OnExit, task: F)
    where
        F: FnOnce(CancellationToken) -> Fut,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let shutdown = self.shutdown.clone();
        let work = AssertUnwindSafe(task(shutdown.stopping().clone())).catch_unwind();
        let span = tracing::debug_span!("task", name);
        self.tasks.spawn(
            async move {
                if work.await.is_err() {
                    // The panic hook has written where and why.
                    metric::PANICS.add([], 1);
                    error!(task = name, "a task ended in a panic");
                    if on_exit == OnExit::Fatal {
                        crash::report(name);
                    }
                }
                // A drain is what some tasks end with.
                if on_exit == OnExit::Fatal && !shutdown.draining().is_cancelled() {
                    error!(task = name, "a task that must run has ended; shutting down");
                    shutdown.begin_drain();
                }
            }
            .instrument(span),
        );
    }

    /// Number of tasks that have not ended.
    pub fn n_tasks(&self) -> usize {
        self.tasks.len()
    }

    /// Waits until every task has ended. Tasks end when [`Shutdown::begin_stop`] was called.
    pub async fn wait(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Phase;

    #[tokio::test]
    async fn tasks_end_when_the_daemon_stops() {
        let supervisor = Supervisor::new(Shutdown::new());
        supervisor.spawn("waits", OnExit::Report, |stop| async move {
            stop.cancelled().await;
        });
        assert_eq!(supervisor.n_tasks(), 1);
        supervisor.shutdown().begin_stop();
        supervisor.wait().await;
        assert_eq!(supervisor.n_tasks(), 0);
    }

    #[tokio::test]
    async fn a_task_that_must_run_takes_the_daemon_down_when_it_panics() {
        let supervisor = Supervisor::new(Shutdown::new());
        supervisor.spawn("breaks", OnExit::Report, |_| async { panic!("on purpose") });
        supervisor.wait().await;
        assert_eq!(supervisor.shutdown().phase(), Phase::Running);

        let supervisor = Supervisor::new(Shutdown::new());
        supervisor.spawn("breaks", OnExit::Fatal, |_| async { panic!("on purpose") });
        supervisor.wait().await;
        assert_eq!(supervisor.shutdown().phase(), Phase::Draining);
    }
}
