//! One model server of ours: the task that owns its process.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use owlcoda_config::{EndpointUrl, PORT_PLACEHOLDER, RuntimeConfig};
use owlcoda_supervise::CancellationToken;
use owlcoda_supervise::process::{Process, ProcessSpec};
use owlcoda_telemetry::metric;
use owlcoda_types::{Secret, clip, printable};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{info, warn};

use super::{InUse, Lease, ManagedError, STOP_GRACE, State};
use crate::client::Upstream;

/// A caller that waits for a lease.
pub(super) type Request = oneshot::Sender<Result<Lease, ManagedError>>;

/// Between two looks at the ready path.
const READY_POLL: Duration = Duration::from_millis(100);

/// How long one answer of the ready path may take.
const READY_LIMIT: Duration = Duration::from_secs(2);

/// A log that has grown past this is started anew with the server.
const MAX_LOG_BYTES: u64 = 10 << 20;

/// How much of the log's end goes into a failure's detail.
const TAIL_BYTES: u64 = 600;

pub(super) struct Server {
    config: RuntimeConfig,
    upstream: Upstream,
    log: PathBuf,
    publish: watch::Sender<State>,
    in_use: Arc<InUse>,
    /// Cancelled when the server of the same name that this one takes the place of has ended.
    after: Option<CancellationToken>,
}

/// A server that answers.
struct Running {
    process: Process,
    url: EndpointUrl,
    /// Length of its log before it was started. Unit: bytes.
    said_from: u64,
}

impl Server {
    pub(super) fn new(
        config: RuntimeConfig,
        upstream: Upstream,
        log: PathBuf,
        publish: watch::Sender<State>,
        after: Option<CancellationToken>,
    ) -> Self {
        Self {
            config,
            upstream,
            log,
            publish,
            in_use: Arc::new(InUse::new()),
            after,
        }
    }

    /// Serves leases until the daemon stops, or until nobody can ask for one any more.
    pub(super) async fn run(self, mut inbox: mpsc::Receiver<Request>, stop: CancellationToken) {
        loop {
            let first = tokio::select! {
                () = stop.cancelled() => return,
                request = inbox.recv() => match request {
                    Some(request) => request,
                    None => return,
                },
            };
            let started = tokio::select! {
                () = stop.cancelled() => return,
                started = self.start() => started,
            };
            match started {
                Ok(running) => {
                    self.grant(first, &running.url);
                    if !self.serve(running, &mut inbox, &stop).await {
                        return;
                    }
                }
                Err(detail) => self.refuse(first, &mut inbox, &detail),
            }
        }
    }

    /// Answers leases from a running server until it is idle, dies, or the daemon stops. False
    /// where there will be no more of them.
    async fn serve(
        &self,
        mut running: Running,
        inbox: &mut mpsc::Receiver<Request>,
        stop: &CancellationToken,
    ) -> bool {
        let name = &self.config.name;
        let mut is_retired = false;
        loop {
            // While a lease is out there is nothing to wait for: look again after the whole limit.
            let idle_end = self
                .config
                .idle_stop
                .map(|limit| self.in_use.idle_since().unwrap_or_else(Instant::now) + limit);
            let idle = async {
                match idle_end {
                    Some(end) => sleep_until(end).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => {
                    self.end(running.process).await;
                    return false;
                }
                request = inbox.recv(), if !is_retired => match request {
                    Some(request) => self.grant(request, &running.url),
                    // Another configuration is in force, but calls may be under way.
                    None => is_retired = true,
                },
                () = self.in_use.idle(), if is_retired => {
                    info!(runtime = name, "stopping a model server that is not configured any more");
                    self.end(running.process).await;
                    return false;
                }
                status = running.process.wait() => {
                    let how = status.map_or_else(|error| error.to_string(), |s| s.to_string());
                    let detail = self.with_log_tail(&format!("it ended ({how})"), running.said_from);
                    warn!(runtime = name, detail, "a model server of ours ended by itself");
                    self.set(State::Failed { detail });
                    return true;
                }
                () = idle => {
                    if self.is_idle_for_long() {
                        info!(runtime = name, "stopping an idle model server");
                        self.end(running.process).await;
                        return true;
                    }
                }
            }
        }
    }

    async fn start(&self) -> Result<Running, String> {
        let name = &self.config.name;
        if let Some(after) = &self.after
            && tokio::time::timeout(self.config.start_timeout, after.cancelled())
                .await
                .is_err()
        {
            return Err("its predecessor of the earlier configuration still answers calls".into());
        }
        let port = free_port(self.config.port)?;
        let url = EndpointUrl::parse(&format!("http://127.0.0.1:{port}"))
            .map_err(|error| error.to_string())?;
        let log = open_log(&self.log).map_err(|error| error.to_string())?;
        // What earlier starts have said explains nothing of this one.
        let said_from = log.metadata().map_or(0, |metadata| metadata.len());
        let spec = self.spec(port, log);
        let program = spec.program.display().to_string();
        let mut process = Process::spawn(spec)
            .await
            .map_err(|error| format!("could not run `{program}`: {error}"))?;
        let pid = process.pid().unwrap_or_default();
        self.set(State::Starting { pid, port });
        info!(runtime = name, pid, port, "starting a model server");

        let deadline = Instant::now() + self.config.start_timeout;
        let path = &self.config.ready_path;
        let answers = async {
            while !self.upstream.is_ready(&url, path, READY_LIMIT).await {
                tokio::time::sleep(READY_POLL).await;
            }
        };
        let failure = tokio::select! {
            answered = timeout_at(deadline, answers) => match answered {
                Ok(()) => None,
                Err(_) => Some(format!(
                    "it did not answer on {} within {} s",
                    self.config.ready_path,
                    self.config.start_timeout.as_secs()
                )),
            },
            status = process.wait() => Some(format!(
                "it ended before it was ready ({})",
                status.map_or_else(|error| error.to_string(), |s| s.to_string())
            )),
        };
        if let Some(failure) = failure {
            let _ = process.terminate(STOP_GRACE).await;
            return Err(self.with_log_tail(&failure, said_from));
        }
        info!(runtime = name, pid, port, "a model server is ready");
        self.set(State::Ready { pid, port });
        Ok(Running {
            process,
            url,
            said_from,
        })
    }

    fn spec(&self, port: u16, log: File) -> ProcessSpec {
        let port = port.to_string();
        let args = self
            .config
            .args
            .iter()
            .map(|arg| OsString::from(arg.replace(PORT_PLACEHOLDER, &port)));
        // Some servers, Ollama among them, take their port from a variable only.
        let env = self.config.env.iter().map(|(name, value)| {
            (
                name.clone(),
                Secret::new(value.expose().replace(PORT_PLACEHOLDER, &port)),
            )
        });
        ProcessSpec {
            program: PathBuf::from(&self.config.command),
            args: args.collect(),
            env: env.collect(),
            dir: PathBuf::from("/"),
            log,
        }
    }

    async fn end(&self, mut process: Process) {
        if let Err(error) = process.terminate(STOP_GRACE).await {
            warn!(runtime = self.config.name, %error, "could not see a model server end");
        }
        self.set(State::Stopped);
    }

    fn is_idle_for_long(&self) -> bool {
        let idle = self.in_use.idle_since().zip(self.config.idle_stop);
        idle.is_some_and(|(since, limit)| since + limit <= Instant::now())
    }

    fn grant(&self, request: Request, url: &EndpointUrl) {
        // The caller may have left while the server started.
        let _ = request.send(Ok(self.in_use.lease(url.clone())));
    }

    /// Tells everyone who waits that the start failed, once for all of them.
    fn refuse(&self, first: Request, inbox: &mut mpsc::Receiver<Request>, detail: &str) {
        warn!(
            runtime = self.config.name,
            detail, "a model server of ours did not start"
        );
        self.set(State::Failed {
            detail: detail.to_owned(),
        });
        let error = || ManagedError::Failed {
            name: self.config.name.clone(),
            detail: detail.to_owned(),
            log: self.log.clone(),
        };
        let _ = first.send(Err(error()));
        while let Ok(request) = inbox.try_recv() {
            let _ = request.send(Err(error()));
        }
    }

    fn set(&self, state: State) {
        let up = if matches!(state, State::Ready { .. }) {
            1.0
        } else {
            0.0
        };
        metric::RUNTIME_UP.set([&self.config.name], up);
        self.publish.send_replace(state);
    }

    fn with_log_tail(&self, what: &str, said_from: u64) -> String {
        match tail(&self.log, said_from) {
            Some(line) => format!("{what}; it said: {line}"),
            None => what.to_owned(),
        }
    }
}

/// A port that nothing listens on now: the configured one, or any. Somebody may take it before the
/// server does; the server then fails, and the next lease tries again.
///
/// On a port that another program has, that program would answer for our server, and get our calls.
fn free_port(configured: Option<u16>) -> Result<u16, String> {
    let wanted = configured.unwrap_or_default();
    TcpListener::bind((Ipv4Addr::LOCALHOST, wanted))
        .and_then(|listener| listener.local_addr())
        .map(|addr| addr.port())
        .map_err(|error| match configured {
            Some(port) => format!("port {port} is not free ({error})"),
            None => format!("no port is free ({error})"),
        })
}

fn open_log(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let is_too_long = fs_err::metadata(path).is_ok_and(|metadata| metadata.len() > MAX_LOG_BYTES);
    if is_too_long {
        fs_err::rename(path, path.with_extension("log.1"))?;
    }
    let mut options = fs_err::OpenOptions::new();
    options.create(true).append(true);
    options.options_mut().mode(0o600);
    Ok(options.open(path)?.into_parts().0)
}

/// The last line of a log, after the byte `from`, that says something.
fn tail(path: &Path, from: u64) -> Option<String> {
    let mut file = fs_err::File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES).max(from)))
        .ok()?;
    let mut text = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut text).ok()?;
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(clip(&printable(line.trim()), 300).into_owned())
}
