//! The end of the daemon, phase by phase.

use std::time::{Duration, Instant};

use owlcoda_pipeline::Pipeline;
use owlcoda_store::Store;
use owlcoda_supervise::{ServiceManager, Signals, Supervisor};
use tracing::{info, warn};

/// How long tasks may take to end after everything was cut: a model server gets 5 s of it.
const LAST_TASKS: Duration = Duration::from_secs(8);

/// How long the store may take to write what it has, after a second signal.
const LAST_WRITES: Duration = Duration::from_secs(10);

/// What a machine under load may add to all that.
const LEEWAY: Duration = Duration::from_secs(12);

/// Exit status of a daemon that ended without being asked to.
pub(crate) const FAILED: u8 = 1;

/// Exit status that asks a service manager to start us again (`RestartForceExitStatus` of the units).
pub(crate) const RESTART: u8 = 85;

/// Exit status of a daemon that had to cut running calls.
const CUT: u8 = 3;

/// How the daemon ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The exit status.
    pub(crate) status: u8,
    /// Whether it is to begin anew instead.
    pub(crate) is_restart: bool,
}

impl Ended {
    const fn with(status: u8) -> Self {
        Self {
            status,
            is_restart: false,
        }
    }
}

/// Waits for the end and brings it about; calls under way get what `grace` then says, unless who asked
/// for the end said how long.
pub(crate) async fn wait(
    mut signals: Signals,
    supervisor: &Supervisor,
    pipeline: &Pipeline,
    store: &Store,
    manager: &ServiceManager,
    grace: impl Fn() -> Duration,
) -> Ended {
    let shutdown = supervisor.shutdown();
    let mut asked = shutdown.asked();
    let mut is_signalled = tokio::select! {
        signal = signals.next() => {
            info!(?signal, "draining: nothing new is accepted");
            true
        }
        () = shutdown.draining().cancelled() => false,
    };
    let is_asked = is_signalled || asked.borrow().is_some();
    match *asked.borrow() {
        Some(ending) => info!(is_restart = ending.is_restart, "draining: as asked"),
        None if !is_signalled => warn!("draining because a part of the daemon ended"),
        None => {}
    }
    let n_calls = pipeline.standing().traffic().n_in_flight;
    let draining = format!("draining, {n_calls} calls under way");
    manager.stopping(&draining);
    shutdown.begin_drain();
    let started = Instant::now();
    let patience = async {
        loop {
            let ending = *asked.borrow_and_update();
            let grace = ending.and_then(|it| it.grace).unwrap_or_else(&grace);
            manager.extend(grace + LAST_TASKS + LAST_WRITES + LEEWAY, &draining);
            tokio::select! {
                () = tokio::time::sleep_until((started + grace).into()) => return,
                // Somebody asked again, perhaps for less patience. A sender lives in `shutdown`.
                _ = asked.changed() => {}
            }
        }
    };
    let status = tokio::select! {
        () = pipeline.standing().idle() => 0,
        () = patience => {
            let n_calls = pipeline.standing().traffic().n_in_flight;
            warn!(n_calls, "the grace is over: cutting what still runs");
            CUT
        }
        signal = signals.next() => {
            is_signalled = true;
            signal.exit_status()
        }
    };
    info!(elapsed_ms = millis(started), "drained");
    if status == CUT {
        shutdown.cut();
    } else {
        shutdown.begin_stop();
    }
    let end = async {
        if tokio::time::timeout(LAST_TASKS, supervisor.wait())
            .await
            .is_err()
        {
            warn!(
                n_tasks = supervisor.n_tasks(),
                "some tasks did not end in time"
            );
        }
        if tokio::time::timeout(LAST_WRITES, store.close())
            .await
            .is_err()
        {
            warn!("the store did not close in time");
        }
    };
    tokio::select! {
        () = end => {}
        // A signal after the drain was given up already: do not wait for anything but the store.
        signal = signals.next() => {
            let _ = tokio::time::timeout(LAST_WRITES, store.close()).await;
            return Ended::with(signal.exit_status());
        }
    }
    info!(elapsed_ms = millis(started), "stopped");
    if !is_asked {
        // Whoever watches over us starts us again after a failure, and only then.
        return Ended::with(FAILED);
    }
    // A signal means the end, whatever was asked for before.
    let is_restart = !is_signalled && asked.borrow().is_some_and(|ending| ending.is_restart);
    Ended { status, is_restart }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use owlcoda_config::AuditConfig;
    use owlcoda_models::Registry;
    use owlcoda_pipeline::{Settings, Snapshot};
    use owlcoda_store::StoreOptions;
    use owlcoda_supervise::{Live, OnExit, Shutdown};
    use owlcoda_upstream::Upstream;
    use owlcoda_upstream::managed::Runtimes;

    use super::*;
    use crate::recorder::AuditRecorder;

    #[tokio::test]
    async fn a_daemon_that_lost_a_part_it_needs_ends_as_failed() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store"), StoreOptions::default()).unwrap();
        let supervisor = Supervisor::new(Shutdown::new());
        let upstream = Upstream::try_new(Duration::from_secs(1)).unwrap();
        let nothing = Snapshot::try_new(
            Registry::default(),
            Settings::default(),
            Runtimes::default(),
        );
        let pipeline = Pipeline::new(
            Live::new(nothing.unwrap()),
            upstream.clone(),
            Arc::new(AuditRecorder::new(
                store.audit(),
                &AuditConfig::default(),
                dir.path(),
            )),
            supervisor.shutdown().stopping().clone(),
        );
        let signals = Signals::listen().unwrap();
        supervisor.spawn("breaks", OnExit::Fatal, |_| async { panic!("on purpose") });
        let nobody = ServiceManager::default();
        let grace = || Duration::ZERO;
        let ended = wait(signals, &supervisor, &pipeline, &store, &nobody, grace).await;
        assert_eq!(ended, Ended::with(FAILED));
    }
}
