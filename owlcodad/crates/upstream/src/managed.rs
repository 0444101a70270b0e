//! Model servers that the daemon runs itself: started on first use, supervised, stopped when idle
//! and with the daemon.
//!
//! ```text
//! Stopped ──lease──► Starting ──ready path answers──► Ready ──no lease for idle_stop──► Stopped
//!    ▲                  │                               │
//!    └── next lease ── Failed ◄──── ended, or too slow ─┘
//! ```
//!
//! One task a server owns its process; callers hold a [`Lease`] for as long as they need it. A
//! failed server is tried again by the next lease, so a broken one never restarts in a loop.

mod server;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use owlcoda_config::{EndpointUrl, RuntimeConfig};
use owlcoda_supervise::{OnExit, Supervisor};
use owlcoda_types::ErrorCode;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::client::Upstream;
use server::{Request, Server};

/// How a model server of ours is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Not needed yet, or idle for too long.
    Stopped,
    /// Started, and not answering yet.
    Starting {
        /// Its process.
        pid: u32,
        /// The port that it was given.
        port: u16,
    },
    /// Answering.
    Ready {
        /// Its process.
        pid: u32,
        /// The port that it listens on.
        port: u16,
    },
    /// It ended, or was too slow.
    Failed {
        /// What happened, with the end of its log.
        detail: String,
    },
}

/// One model server of ours, for a person.
#[derive(Clone, Debug)]
pub struct Status {
    /// Name in the configuration.
    pub name: String,
    /// How it is.
    pub state: State,
    /// Where its output goes.
    pub log: PathBuf,
}

/// Why a model server of ours cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManagedError {
    /// It could not be started or did not become ready.
    #[error("the model server `{name}` did not start: {detail}; its log is {}", log.display())]
    Failed {
        /// Name in the configuration.
        name: String,
        /// What happened.
        detail: String,
        /// Where its output went.
        log: PathBuf,
    },
    /// The configuration has no such model server.
    #[error("no model server is called `{name}`")]
    Unknown {
        /// The name that was asked for.
        name: String,
    },
    /// The daemon is on its way out.
    #[error("the daemon is shutting down")]
    ShuttingDown,
}

impl ManagedError {
    /// The code that decides everything else.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Failed { .. } => ErrorCode::Unavailable,
            Self::Unknown { .. } => ErrorCode::Internal,
            Self::ShuttingDown => ErrorCode::ShuttingDown,
        }
    }
}

/// Keeps a model server running while it lives.
#[derive(Debug)]
pub struct Lease {
    /// Where the server answers.
    pub url: EndpointUrl,
    in_use: Arc<InUse>,
}

/// How many leases of one server are out, and since when that number stands.
#[derive(Debug)]
struct InUse {
    changed: Mutex<(usize, Instant)>,
}

impl InUse {
    fn new() -> Self {
        Self {
            changed: Mutex::new((0, Instant::now())),
        }
    }

    fn lease(self: &Arc<Self>, url: EndpointUrl) -> Lease {
        let mut changed = self.changed.lock();
        *changed = (changed.0 + 1, Instant::now());
        Lease {
            url,
            in_use: Arc::clone(self),
        }
    }

    /// Since when no lease is out; `None` while one is.
    fn idle_since(&self) -> Option<Instant> {
        let (n_open, since) = *self.changed.lock();
        (n_open == 0).then_some(since)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut changed = self.in_use.changed.lock();
        *changed = (changed.0.saturating_sub(1), Instant::now());
    }
}

/// Every model server that the configuration names. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Runtimes {
    servers: Arc<BTreeMap<String, Handle>>,
}

#[derive(Debug)]
struct Handle {
    requests: mpsc::Sender<Request>,
    state: watch::Receiver<State>,
    log: PathBuf,
}

/// How long a server has to end after SIGTERM.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(5);

/// Leases that may wait for one starting server. More are told to come back.
const MAX_WAITING: usize = 256;

impl Runtimes {
    /// Takes over the configured servers; none is started yet. Their output goes to
    /// `<log_dir>/runtime-<name>.log`.
    pub fn start(
        configs: &[RuntimeConfig],
        upstream: &Upstream,
        supervisor: &Supervisor,
        log_dir: &std::path::Path,
    ) -> Self {
        let start_one = |config: &RuntimeConfig| {
            let (requests, inbox) = mpsc::channel(MAX_WAITING);
            let (publish, state) = watch::channel(State::Stopped);
            let log = log_dir.join(format!("runtime-{}.log", config.name));
            let server = Server::new(config.clone(), upstream.clone(), log.clone(), publish);
            supervisor.spawn("model-server", OnExit::Report, |stop| {
                server.run(inbox, stop)
            });
            (
                config.name.clone(),
                Handle {
                    requests,
                    state,
                    log,
                },
            )
        };
        Self {
            servers: Arc::new(configs.iter().map(start_one).collect()),
        }
    }

    /// Waits until the server `name` answers, starting it where it does not run.
    pub async fn lease(&self, name: &str) -> Result<Lease, ManagedError> {
        let handle = self
            .servers
            .get(name)
            .ok_or_else(|| ManagedError::Unknown {
                name: name.to_owned(),
            })?;
        let (answer, lease) = oneshot::channel();
        handle
            .requests
            .send(answer)
            .await
            .map_err(|_| ManagedError::ShuttingDown)?;
        lease.await.map_err(|_| ManagedError::ShuttingDown)?
    }

    /// How each server is, by name.
    pub fn status(&self) -> Vec<Status> {
        let status = |(name, handle): (&String, &Handle)| Status {
            name: name.clone(),
            state: handle.state.borrow().clone(),
            log: handle.log.clone(),
        };
        self.servers.iter().map(status).collect()
    }
}
