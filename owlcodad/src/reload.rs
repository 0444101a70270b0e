//! A new configuration while the daemon runs: holds whole or not at all.
//!
//! ```text
//! files change ─► settle ─┐
//! SIGHUP ─────────────────┼─► read ─► check ─► build ─► swap ─► in force
//! owlctl reload ──────────┘     │        │        │
//!                               └────────┴────────┴──► rejected: nothing has changed
//! ```
//!
//! One task does it, one reload at a time; requests that come meanwhile share the next one. Until
//! the swap nothing of the daemon has changed, and after it nothing can fail.

mod sources;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use owlcoda_config::{ConfigError, Fingerprint, Loaded, Problem};
use owlcoda_supervise::{
    CancellationToken, ConfigProblem, ConfigStatus, FileWatch, Hangups, Live, Rejection,
    ReloadOutcome, Reloaded, WatchMode,
};
use owlcoda_telemetry::{Logging, crash, metric};
use owlcoda_types::Clock;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{error, info, warn};

use crate::composition::Composition;
use crate::recorder::AuditRecorder;
use crate::safe_mode::{self, SafeMode};
use sources::Reading;
pub(crate) use sources::{Sources, described, problems_of};

/// Files count as written once they stayed as they are for so long.
const QUIET: Duration = Duration::from_millis(100);

/// A file that never stays as it is, is read all the same after so long.
const LONGEST_SETTLING: Duration = Duration::from_secs(1);

/// How long a file that cannot be used gets to become one that can, before it is called bad: some
/// programs empty a file first and write it later.
const SECOND_CHANCE: Duration = Duration::from_millis(500);

/// Between two tries to read what somebody writes.
const WRITER_PAUSE: Duration = Duration::from_millis(20);

/// How often a file is read that somebody writes.
const MAX_READS: usize = 50;

/// Requests that may wait for one reload.
const MAX_WAITING: usize = 64;

/// What is said of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) status: ConfigStatus,
    /// What the check of the configuration in force found and let pass.
    pub(crate) warnings: Vec<ConfigProblem>,
}

impl Report {
    /// Of the configuration that the daemon starts with.
    pub(crate) fn of_start(
        sources: &mut Sources,
        fingerprint: &Fingerprint,
        warnings: &[Problem],
        at_ms: i64,
    ) -> Self {
        let path = sources.now().path;
        metric::CONFIG_RELOAD_OK.set([], 1.0);
        metric::CONFIG_RELOADED_AT.set([], seconds(at_ms));
        Self {
            warnings: all_described(warnings, path.as_deref()),
            status: ConfigStatus {
                path,
                generation: 1,
                sha256: fingerprint.as_str().to_owned(),
                loaded_at_ms: at_ms,
                pending_restart: Vec::new(),
                rejected: None,
                watch_mode: WatchMode::Polling,
            },
        }
    }
}

type Request = oneshot::Sender<Reloaded>;

/// Asks for reloads, and tells how the configuration stands. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct ReloadHandle {
    requests: mpsc::Sender<Request>,
    report: Live<Report>,
}

impl ReloadHandle {
    /// How the configuration stands.
    pub(crate) fn report(&self) -> Arc<Report> {
        self.report.current()
    }

    /// Waits for a reload that begins after this was called. None where the daemon ends.
    pub(crate) async fn reload(&self) -> Option<Reloaded> {
        let (answer, verdict) = oneshot::channel();
        self.requests.send(answer).await.ok()?;
        verdict.await.ok()
    }
}

/// Everything that a configuration changes.
#[derive(Debug)]
pub(crate) struct Targets {
    pub(crate) composition: Arc<Composition>,
    pub(crate) gateway: Live<owlcoda_gateway::Settings>,
    /// Where the HTTP API listens, with the real port.
    pub(crate) bound: SocketAddr,
    pub(crate) logging: Logging,
    pub(crate) recorder: Arc<AuditRecorder>,
    /// Whether what the daemon can do without stays off.
    pub(crate) is_safe_mode: bool,
}

/// The one task that reloads.
#[derive(Debug)]
pub(crate) struct Reloader {
    sources: Sources,
    targets: Targets,
    clock: Arc<dyn Clock>,
    report: Live<Report>,
    requests: mpsc::Receiver<Request>,
    /// Of the files in force.
    in_force: Fingerprint,
    /// Of the files that were looked at last.
    seen: Fingerprint,
}

impl Reloader {
    /// `in_force` is what the daemon started with, and `report` what is said of it.
    pub(crate) fn new(
        sources: Sources,
        in_force: Fingerprint,
        report: Report,
        targets: Targets,
        clock: Arc<dyn Clock>,
    ) -> (Self, ReloadHandle) {
        let (sender, requests) = mpsc::channel(MAX_WAITING);
        let report = Live::new(report);
        let handle = ReloadHandle {
            requests: sender,
            report: report.clone(),
        };
        let reloader = Self {
            sources,
            targets,
            clock,
            report,
            requests,
            seen: in_force.clone(),
            in_force,
        };
        (reloader, handle)
    }

    /// Reloads until the daemon stops.
    pub(crate) async fn run(mut self, mut hangups: Hangups, stop: CancellationToken) {
        let mut watch = FileWatch::new(self.sources.watched());
        // What changed between the start and the watch rang no bell.
        let mut is_first_look = true;
        loop {
            self.tell_mode(watch.mode());
            let mut asked = Vec::new();
            tokio::select! {
                () = stop.cancelled() => return,
                request = self.requests.recv() => match request {
                    Some(request) => asked.push(request),
                    None => return,
                },
                () = hangups.next() => info!("reading the configuration: SIGHUP"),
                () = async { if !is_first_look { watch.changed().await } } => {
                    is_first_look = false;
                    let request = tokio::select! {
                        // Who asks does not wait for what may still come.
                        biased;
                        request = self.requests.recv() => request,
                        has_changed = settle(&mut self.sources, &self.seen, &mut watch) => {
                            if !has_changed {
                                continue;
                            }
                            None
                        }
                    };
                    asked.extend(request);
                }
            }
            while let Ok(request) = self.requests.try_recv() {
                asked.push(request);
            }
            let reloaded = self.reload().await;
            for request in asked {
                // Whoever asked may have left.
                let _ = request.send(reloaded.clone());
            }
        }
    }

    async fn reload(&mut self) -> Reloaded {
        let reading = read(&mut self.sources).await;
        self.seen = reading.fingerprint.clone();
        let is_in_force = reading.fingerprint == self.in_force;
        let outcome = match reading.loaded {
            Ok(_) if is_in_force => {
                self.note_unchanged();
                ReloadOutcome::Unchanged
            }
            Ok(loaded) => self.apply(loaded, reading.fingerprint),
            Err(error) => self.reject(problems_of(&error)),
        };
        metric::CONFIG_RELOADS.add([outcome.as_str()], 1);
        let is_ok = outcome != ReloadOutcome::Rejected;
        metric::CONFIG_RELOAD_OK.set([], f64::from(u8::from(is_ok)));
        let Report { status, warnings } = (*self.report.current()).clone();
        Reloaded {
            outcome,
            status,
            warnings,
        }
    }

    /// Builds everything, then swaps.
    fn apply(&mut self, loaded: Loaded, fingerprint: Fingerprint) -> ReloadOutcome {
        let targets = &self.targets;
        let running = targets.composition.config();
        let (mut config, pending_restart) = loaded.config.for_running(&running);
        crash::hide(safe_mode::secrets(&config));
        if targets.is_safe_mode {
            config = SafeMode::reduced(config);
        }
        let gateway = owlcoda_gateway::Settings::new(&config.server, config.auth, targets.bound);
        if let Err(failure) = targets.composition.reconfigure(config.clone()) {
            let file = self.sources.now().path.unwrap_or_default();
            let problem = ConfigProblem {
                is_warning: false,
                code: "UNUSABLE".to_owned(),
                file: file.display().to_string(),
                line: None,
                path: failure.to_string(),
                message: failure.source.to_string(),
            };
            return self.reject(vec![problem]);
        }
        targets.gateway.replace(gateway);
        targets
            .logging
            .set_level(crate::serve::log_level(config.log_level));
        targets.recorder.configure(&config.audit);

        let now_ms = self.clock.now_ms();
        let path = self.sources.now().path;
        let before = self.report.current();
        let generation = before.status.generation + 1;
        info!(
            generation,
            ?pending_restart,
            "a new configuration is in force"
        );
        for warning in &loaded.warnings {
            warn!("{warning}");
        }
        metric::CONFIG_RELOADED_AT.set([], seconds(now_ms));
        self.report.replace(Report {
            warnings: all_described(&loaded.warnings, path.as_deref()),
            status: ConfigStatus {
                path,
                generation,
                sha256: fingerprint.as_str().to_owned(),
                loaded_at_ms: now_ms,
                pending_restart,
                rejected: None,
                watch_mode: before.status.watch_mode,
            },
        });
        self.in_force = fingerprint;
        ReloadOutcome::Applied
    }

    /// The files are again what is in force.
    fn note_unchanged(&self) {
        let mut report = (*self.report.current()).clone();
        if report.status.rejected.take().is_some() {
            info!("the configuration on disk is the one in force again");
            self.report.replace(report);
        }
    }

    fn reject(&self, problems: Vec<ConfigProblem>) -> ReloadOutcome {
        let all: Vec<_> = problems.iter().map(ToString::to_string).collect();
        error!(
            problems = all.join("; "),
            "the configuration on disk cannot be used; the one before it stays in force"
        );
        let mut report = (*self.report.current()).clone();
        report.status.rejected = Some(Rejection {
            at_ms: self.clock.now_ms(),
            problems,
        });
        self.report.replace(report);
        ReloadOutcome::Rejected
    }

    fn tell_mode(&self, mode: WatchMode) {
        for known in WatchMode::ALL {
            metric::CONFIG_WATCH.set([known.as_str()], f64::from(u8::from(known == mode)));
        }
        let report = self.report.current();
        if report.status.watch_mode != mode {
            let mut report = (*report).clone();
            report.status.watch_mode = mode;
            self.report.replace(report);
        }
    }
}

/// Waits until nobody writes the files any more. False where they are what was `seen` before.
async fn settle(sources: &mut Sources, seen: &Fingerprint, watch: &mut FileWatch) -> bool {
    if !sources.differ_from(seen) {
        return false;
    }
    let latest = Instant::now() + LONGEST_SETTLING;
    let mut is_quiet = false;
    while !is_quiet {
        tokio::select! {
            () = sleep_until(latest) => is_quiet = true,
            () = sleep(QUIET) => is_quiet = true,
            () = watch.changed() => {}
        }
    }
    if read(sources).await.loaded.is_err() {
        tokio::select! {
            () = watch.changed() => sleep(QUIET).await,
            () = sleep(SECOND_CHANCE) => {}
        }
    }
    sources.differ_from(seen)
}

/// Reads the files on a thread that may wait for a slow file system.
async fn read(sources: &mut Sources) -> Reading {
    for _ in 1..MAX_READS {
        let mut reader = sources.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let reading = reader.read();
            (reader, reading)
        });
        if let Ok((reader, reading)) = reading.await {
            *sources = reader;
            if let Some(reading) = reading {
                return reading;
            }
        }
        sleep(WRITER_PAUSE).await;
    }
    let source = sources.now();
    Reading {
        fingerprint: Fingerprint::of(&source),
        loaded: Err(busy(source.path)),
    }
}

fn all_described(problems: &[Problem], file: Option<&std::path::Path>) -> Vec<ConfigProblem> {
    let problems = problems.iter();
    problems.map(|problem| described(problem, file)).collect()
}

fn busy(path: Option<std::path::PathBuf>) -> ConfigError {
    ConfigError {
        path,
        role: owlcoda_config::Role::Configuration,
        problems: vec![Problem {
            severity: owlcoda_config::Severity::Error,
            code: owlcoda_config::code::FILE_UNREADABLE,
            path: String::new(),
            line: None,
            message: "the file changes while it is read; write it anew and rename it".to_owned(),
        }],
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 fit 53 bits"
)]
fn seconds(at_ms: i64) -> f64 {
    at_ms as f64 / 1000.0
}
