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
use owlcoda_supervise::{CancellationToken, OnExit, Supervisor};
use owlcoda_types::ErrorCode;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, oneshot, watch};
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

/// A model server of ours that answers.
#[derive(Clone, Debug)]
pub struct Running {
    /// Name in the configuration.
    pub name: String,
    /// Where it listens on this machine.
    pub port: u16,
    /// Path that answers with success while it is ready.
    pub ready_path: String,
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
    last_left: Notify,
}

impl InUse {
    fn new() -> Self {
        Self {
            changed: Mutex::new((0, Instant::now())),
            last_left: Notify::new(),
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

    /// Waits until no lease is out.
    async fn idle(&self) {
        loop {
            // Listen before looking, or the last lease could leave in between.
            let left = self.last_left.notified();
            if self.idle_since().is_some() {
                return;
            }
            left.await;
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut changed = self.in_use.changed.lock();
        *changed = (changed.0.saturating_sub(1), Instant::now());
        if changed.0 == 0 {
            self.in_use.last_left.notify_waiters();
        }
    }
}

/// Every model server that one configuration names. Cheap to clone. A server that the next one does
/// not name, or names otherwise, ends once nobody holds this value and its leases have come back.
#[derive(Clone, Debug, Default)]
pub struct Runtimes {
    servers: Arc<BTreeMap<String, Arc<Handle>>>,
    /// None where there are none, and never will be.
    means: Option<Arc<Means>>,
}

/// What servers are started with.
#[derive(Debug)]
struct Means {
    upstream: Upstream,
    supervisor: Supervisor,
    log_dir: PathBuf,
}

#[derive(Debug)]
struct Handle {
    config: RuntimeConfig,
    requests: mpsc::Sender<Request>,
    state: watch::Receiver<State>,
    log: PathBuf,
    /// Cancelled when the server has ended for good.
    ended: CancellationToken,
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
        let means = Means {
            upstream: upstream.clone(),
            supervisor: supervisor.clone(),
            log_dir: log_dir.to_path_buf(),
        };
        let none = Self {
            servers: Arc::default(),
            means: Some(Arc::new(means)),
        };
        none.reconciled(configs)
    }

    /// The servers of the next configuration: those that stay as they are go on, and a changed one is
    /// started, when it is needed, after the one of its name that it takes the place of has ended.
    #[must_use]
    pub fn reconciled(&self, configs: &[RuntimeConfig]) -> Self {
        let Some(means) = &self.means else {
            return Self::default();
        };
        let servers = configs.iter().map(|config| {
            let known = self.servers.get(&config.name);
            let handle = match known.filter(|handle| handle.config == *config) {
                Some(handle) => Arc::clone(handle),
                None => means.start(config, known.map(|handle| handle.ended.clone())),
            };
            (config.name.clone(), handle)
        });
        Self {
            servers: Arc::new(servers.collect()),
            means: Some(Arc::clone(means)),
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

    /// The servers that answer, by name. Asking one does not count as its use.
    pub fn running(&self) -> Vec<Running> {
        let running = |(name, handle): (&String, &Arc<Handle>)| match *handle.state.borrow() {
            State::Ready { port, .. } => Some(Running {
                name: name.clone(),
                port,
                ready_path: handle.config.ready_path.clone(),
            }),
            State::Stopped | State::Starting { .. } | State::Failed { .. } => None,
        };
        self.servers.iter().filter_map(running).collect()
    }

    /// How each server is, by name.
    pub fn status(&self) -> Vec<Status> {
        let status = |(name, handle): (&String, &Arc<Handle>)| Status {
            name: name.clone(),
            state: handle.state.borrow().clone(),
            log: handle.log.clone(),
        };
        self.servers.iter().map(status).collect()
    }
}

impl Means {
    fn start(&self, config: &RuntimeConfig, after: Option<CancellationToken>) -> Arc<Handle> {
        let (requests, inbox) = mpsc::channel(MAX_WAITING);
        let (publish, state) = watch::channel(State::Stopped);
        let log = self.log_dir.join(format!("runtime-{}.log", config.name));
        let upstream = self.upstream.clone();
        let server = Server::new(config.clone(), upstream, log.clone(), publish, after);
        let ended = CancellationToken::new();
        let end = ended.clone().drop_guard();
        self.supervisor
            .spawn("model-server", OnExit::Report, |stop| async move {
                let _end = end;
                server.run(inbox, stop).await;
            });
        Arc::new(Handle {
            config: config.clone(),
            requests,
            state,
            log,
            ended,
        })
    }
}
