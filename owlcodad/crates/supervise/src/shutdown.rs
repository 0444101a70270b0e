//! The phases in which the daemon ends.
//!
//! ```text
//! Running ──signal──► Draining ──drained, or grace over, or second signal──► Stopping
//! ```
//!
//! Draining: nothing new is accepted, what runs may finish. Stopping: what still runs is cut.

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

/// Tells everyone in which phase the daemon is. Clones share it; it only moves forward.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    draining: CancellationToken,
    stopping: CancellationToken,
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
