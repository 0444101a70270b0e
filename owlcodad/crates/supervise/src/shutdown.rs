//! The phases in which the daemon ends.
//!
//! ```text
//! Running ──signal──► Draining ──drained, or grace over, or second signal──► Stopping
//! ```
//!
//! Draining: nothing new is accepted, what runs may finish. Stopping: what still runs is cut.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Where the daemon stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Work is accepted.
    Running,
    /// Nothing new is accepted; what runs may finish.
    Draining,
    /// What still runs is cut.
    Stopping,
}

/// How somebody asked the daemon to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// How long what runs may take from the asking on; none is what the configuration says.
    pub grace: Option<Duration>,
    /// Whether it is to begin anew after it.
    pub is_restart: bool,
}

/// Tells everyone in which phase the daemon is. Clones share it; it only moves forward.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    draining: CancellationToken,
    stopping: CancellationToken,
    asked: Arc<watch::Sender<Option<Ending>>>,
    was_cut: Arc<AtomicBool>,
}

impl Shutdown {
    /// A daemon that runs.
    pub fn new() -> Self {
        Self::default()
    }

    /// The phase now.
    pub fn phase(&self) -> Phase {
        if self.stopping.is_cancelled() {
            Phase::Stopping
        } else if self.draining.is_cancelled() {
            Phase::Draining
        } else {
            Phase::Running
        }
    }

    /// Begins the drain because somebody asked for the end. Asked again, the later wish holds.
    pub fn ask(&self, ending: Ending) {
        self.asked.send_replace(Some(ending));
        self.draining.cancel();
    }

    /// What was asked for, now and whenever it changes; none where nobody did.
    pub fn asked(&self) -> watch::Receiver<Option<Ending>> {
        self.asked.subscribe()
    }

    /// Cuts what still runs because it took too long.
    pub fn cut(&self) {
        self.was_cut.store(true, Ordering::SeqCst);
        self.begin_stop();
    }

    /// Whether something was cut. Holds once stopping has begun.
    pub fn was_cut(&self) -> bool {
        self.was_cut.load(Ordering::SeqCst)
    }

    /// Stops taking new work.
    pub fn begin_drain(&self) {
        self.draining.cancel();
    }

    /// Cuts what still runs. Implies the drain.
    pub fn begin_stop(&self) {
        self.draining.cancel();
        self.stopping.cancel();
    }

    /// Cancelled when draining begins.
    pub const fn draining(&self) -> &CancellationToken {
        &self.draining
    }

    /// Cancelled when stopping begins.
    pub const fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_wish_holds_and_a_cut_is_remembered() {
        let shutdown = Shutdown::new();
        assert_eq!(*shutdown.asked().borrow(), None);
        shutdown.ask(Ending::default());
        let at_once = Ending {
            grace: Some(Duration::ZERO),
            is_restart: true,
        };
        shutdown.ask(at_once);
        assert_eq!(*shutdown.asked().borrow(), Some(at_once));
        assert_eq!(
            (shutdown.phase(), shutdown.was_cut()),
            (Phase::Draining, false)
        );
        shutdown.cut();
        assert_eq!(
            (shutdown.phase(), shutdown.was_cut()),
            (Phase::Stopping, true)
        );
    }

    #[test]
    fn the_phase_only_moves_forward_and_every_clone_sees_it() {
        let shutdown = Shutdown::new();
        let seen_elsewhere = shutdown.clone();
        assert_eq!(seen_elsewhere.phase(), Phase::Running);
        shutdown.begin_drain();
        assert_eq!(seen_elsewhere.phase(), Phase::Draining);
        shutdown.begin_stop();
        shutdown.begin_drain();
        assert_eq!(seen_elsewhere.phase(), Phase::Stopping);
    }
}
