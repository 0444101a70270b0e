//! Tells the service manager that we are alive, for as long as it is true.
//!
//! A thread of its own and no task: a runtime that hangs must not say that it is well. What being
//! alive means is the caller's check; [`Heartbeat`] is the part of it that every daemon needs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::ServiceManager;

/// Between two beats.
const BEAT: Duration = Duration::from_millis(500);

/// When the runtime has last run a task. Clones share it.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    inner: Arc<Beats>,
}

#[derive(Debug)]
struct Beats {
    since: Instant,
    /// Of the last beat, in milliseconds since `since`.
    last_ms: AtomicU64,
}

impl Default for Heartbeat {
    /// It beats now.
    fn default() -> Self {
        Self {
            inner: Arc::new(Beats {
                since: Instant::now(),
                last_ms: AtomicU64::new(0),
            }),
        }
    }
}

impl Heartbeat {
    /// How long ago it has beaten.
    pub fn age(&self) -> Duration {
        let last = Duration::from_millis(self.inner.last_ms.load(Ordering::Relaxed));
        self.inner.since.elapsed().saturating_sub(last)
    }

    /// Beats as long as the runtime runs its tasks.
    pub async fn keep(self, stop: CancellationToken) {
        let mut due = tokio::time::interval(BEAT);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = due.tick() => self.beat(),
            }
        }
    }

    fn beat(&self) {
        let ms = self.inner.since.elapsed().as_millis();
        let ms = u64::try_from(ms).unwrap_or(u64::MAX);
        self.inner.last_ms.store(ms, Ordering::Relaxed);
    }
}

/// Starts the thread: twice in each `limit`, the value of `WATCHDOG_USEC`, it asks `check` and tells
/// `manager`. It ends with the process.
///
/// # Errors
/// Where the system has no thread for it.
pub fn watch(
    manager: ServiceManager,
    limit: Duration,
    mut check: impl FnMut() -> Result<(), String> + Send + 'static,
) -> io::Result<()> {
    let watching = move || {
        let mut was_well = true;
        loop {
            was_well = tell(&manager, was_well, check());
            thread::sleep(limit / 2);
        }
    };
    let thread = thread::Builder::new().name("watchdog".to_owned());
    thread.spawn(watching).map(drop)
}

/// Tells what the check has found. Returns whether all is well.
fn tell(manager: &ServiceManager, was_well: bool, checked: Result<(), String>) -> bool {
    match checked {
        Ok(()) => {
            manager.alive();
            if !was_well {
                info!("the daemon is alive again");
                manager.status("serving");
            }
            true
        }
        Err(why) => {
            error!(
                why,
                "not alive: the service manager is not told otherwise, and will start another"
            );
            manager.status(&format!("not alive: {why}"));
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_heart_beats_until_it_is_told_to_stop() {
        let heart = Heartbeat::default();
        let stop = CancellationToken::new();
        heart.inner.last_ms.store(0, Ordering::Relaxed);
        let stopping = async {
            tokio::time::sleep(BEAT * 3).await;
            stop.cancel();
        };
        tokio::join!(heart.clone().keep(stop.clone()), stopping);
        assert!(heart.age() < Duration::from_secs(2), "{:?}", heart.age());
    }

    #[test]
    fn a_daemon_that_is_not_well_says_nothing_of_being_alive() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        let manager = ServiceManager::at(Some(path.as_os_str())).unwrap();
        let said = || {
            let mut bytes = [0; 256];
            let n_bytes = listener.recv(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes[..n_bytes]).into_owned()
        };
        assert!(tell(&manager, true, Ok(())));
        assert_eq!(said(), "WATCHDOG=1\n");
        assert!(!tell(&manager, true, Err("the store hangs".to_owned())));
        assert_eq!(said(), "STATUS=not alive: the store hangs\n");
        assert!(tell(&manager, false, Ok(())));
        assert_eq!(
            (said(), said()),
            ("WATCHDOG=1\n".to_owned(), "STATUS=serving\n".to_owned())
        );
    }

    #[test]
    fn the_thread_asks_twice_in_each_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        let manager = ServiceManager::at(Some(path.as_os_str())).unwrap();
        let (asked, asks) = std::sync::mpsc::channel();
        watch(manager, Duration::from_millis(20), move || {
            asked.send(()).map_err(|error| error.to_string())
        })
        .unwrap();
        for _ in 0..3 {
            asks.recv().unwrap();
            listener.recv(&mut [0; 64]).unwrap();
        }
    }
}
