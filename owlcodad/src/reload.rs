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

mod report;
mod rollback;
mod sources;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use owlcoda_config::{ConfigError, Fingerprint, Loaded, Problem, Setting};
use owlcoda_supervise::{
    CancellationToken, ConfigProblem, ConfigStatus, FileWatch, Hangups, Live, Rejection,
    ReloadOutcome, Reloaded, WatchMode,
};
use owlcoda_telemetry::{Logging, crash, metric};
use owlcoda_types::Clock;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{error, info, warn};

use crate::composition::Composition;
use crate::recorder::AuditRecorder;
use crate::safe_mode::{self, SafeMode};
use report::{MAX_WAITING, Request, all_described};
pub(crate) use report::{ReloadHandle, Report};
pub(crate) use sources::{Reading, Sources, described, problems_of};

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

/// A configuration that is, or was, in force.
#[derive(Clone, Debug)]
pub(crate) struct Generation {
    pub(crate) number: u64,
    /// As it was read; what waits for a restart is in it.
    pub(crate) loaded: Loaded,
    /// Every value of it.
    pub(crate) settings: Vec<Setting>,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) path: Option<PathBuf>,
    pub(crate) sources: Vec<PathBuf>,
}

impl Generation {
    /// Of what was read; the first one, until it gets another number.
    pub(crate) fn of(reading: Reading) -> Result<Self, ConfigError> {
        let sources = reading.sources();
        let (loaded, settings) = reading.loaded?;
        Ok(Self {
            number: 1,
            loaded,
            settings,
            fingerprint: reading.fingerprint,
            path: reading.source.path,
            sources,
        })
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
    in_force: Generation,
    /// The one before it.
    previous: Option<Generation>,
    /// Of the files that were looked at last.
    seen: Fingerprint,
}

impl Reloader {
    /// `in_force` is what the daemon started with, and `report` what is said of it.
    pub(crate) fn new(
        sources: Sources,
        in_force: Generation,
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
            seen: in_force.fingerprint.clone(),
            in_force,
            previous: None,
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
                    Some(request) => match self.answer(request).await {
                        Some(reload) => asked.push(reload),
                        None => continue,
                    },
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
                    if let Some(request) = request {
                        let Some(reload) = self.answer(request).await else {
                            // What has changed meanwhile rings no second bell.
                            is_first_look = true;
                            continue;
                        };
                        asked.push(reload);
                    }
                }
            }
            while let Ok(request) = self.requests.try_recv() {
                asked.extend(self.answer(request).await);
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
        let is_in_force = reading.fingerprint == self.in_force.fingerprint;
        let outcome = match Generation::of(reading) {
            Ok(_) if is_in_force => {
                self.note_unchanged();
                ReloadOutcome::Unchanged
            }
            Ok(next) => self.apply(next),
            Err(error) => self.reject(problems_of(&error)),
        };
        metric::CONFIG_RELOADS.add([outcome.as_str()], 1);
        let is_ok = outcome != ReloadOutcome::Rejected;
        metric::CONFIG_RELOAD_OK.set([], f64::from(u8::from(is_ok)));
        let report = self.report.current();
        let Report {
            status, warnings, ..
        } = (*report).clone();
        Reloaded {
            outcome,
            status,
            warnings,
        }
    }

    /// Builds everything, then swaps; `next` gets its number then.
    fn apply(&mut self, mut next: Generation) -> ReloadOutcome {
        let targets = &self.targets;
        let running = targets.composition.config();
        let (mut config, pending_restart) = next.loaded.config.clone().for_running(&running);
        crash::hide(safe_mode::secrets(&config));
        let before = self.report.current();
        let mut settings = rollback::as_it_holds(&next, &before.settings, &pending_restart);
        if targets.is_safe_mode {
            config = SafeMode::reduced(config);
            SafeMode::reduce_settings(&mut settings);
        }
        let gateway = owlcoda_gateway::Settings::new(&config.server, config.auth, targets.bound);
        if let Err(failure) = targets.composition.reconfigure(config.clone()) {
            let file = self.sources.now().path.unwrap_or_default();
            let problem = ConfigProblem {
                is_warning: false,
                code: "UNUSABLE".to_owned(),
                file: file.display().to_string(),
                line: None,
                column: None,
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
        let path = next.path.clone();
        let generation = before.status.generation + 1;
        next.number = generation;
        info!(
            generation,
            ?pending_restart,
            "a new configuration is in force"
        );
        for warning in &next.loaded.warnings {
            warn!("{warning}");
        }
        metric::CONFIG_RELOADED_AT.set([], seconds(now_ms));
        self.report.replace(Report {
            warnings: all_described(&next.loaded.warnings, path.as_deref()),
            settings: settings.into(),
            status: ConfigStatus {
                path,
                generation,
                sha256: next.fingerprint.as_str().to_owned(),
                loaded_at_ms: now_ms,
                pending_restart,
                rejected: None,
                watch_mode: before.status.watch_mode,
                sources: next.sources.clone(),
                previous_generation: Some(self.in_force.number),
                rolled_back_from: None,
            },
        });
        self.previous = Some(std::mem::replace(&mut self.in_force, next));
        ReloadOutcome::Applied
    }

    /// The files are again what is in force.
    fn note_unchanged(&self) {
        let mut report = (*self.report.current()).clone();
        let was_rejected = report.status.rejected.take().is_some();
        // They say what was rolled back to.
        let was_rolled_back = report.status.rolled_back_from.take().is_some();
        if was_rejected || was_rolled_back {
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
        loaded: Err(busy(source.path.clone())),
        source,
    }
}

fn busy(path: Option<PathBuf>) -> ConfigError {
    ConfigError {
        path,
        role: owlcoda_config::Role::Configuration,
        problems: vec![Problem {
            severity: owlcoda_config::Severity::Error,
            code: owlcoda_config::code::FILE_UNREADABLE,
            path: String::new(),
            line: None,
            column: None,
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
