//! `owlcodad serve`: from the command line to a running daemon, read top to bottom.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use owlcoda_agent::Agent;
use owlcoda_config::{Config, Environment, LogLevel};
use owlcoda_control::{Access, Control, ControlSocket, Watching};
use owlcoda_gateway::{Admission, Gateway, Server, Settings, Token};
use owlcoda_pipeline::Pipeline;
use owlcoda_proto::Place;
use owlcoda_store::Notes;
use owlcoda_supervise::{
    Hangups, Heartbeat, Identity, Live, OnExit, Phase, Shutdown, Signals, Supervisor, watch,
};
use owlcoda_telemetry::crash::{self, Reports};
use owlcoda_telemetry::{
    Exposition, LineFile, LogFile, Logging, StderrLines, install_recorder, metric,
};
use owlcoda_types::{Clock, SystemClock};
use owlcoda_upstream::managed::Runtimes;
use owlcoda_upstream::{Discovery, Upstream};
use tracing::{error, info, warn};

use crate::boot::{Boot, Stage};
use crate::cli::ServeArgs;
use crate::composition::Composition;
use crate::doors::Doors;
use crate::failure::Failure;
use crate::host::Daemon;
use crate::instance::{Instance, prepare_home};
use crate::jsonl::{Lines, Trouble};
use crate::liveness::{self, Liveness};
use crate::opening::open_store;
use crate::otel::Exporter;
use crate::recorder::{AuditRecorder, trace};
use crate::reload::{Generation, Reading, Reloader, Report, Sources, Targets};
use crate::restart::Invocation;
use crate::safe_mode::{self, SafeMode};
use crate::service::Service;
use crate::shutdown::Ended;
use crate::{
    boot, composition, discovery, figures, health, lost, places, shutdown, upkeep, warmup,
};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs the daemon. Returns the exit status of one that ran.
pub(crate) fn run(args: &ServeArgs) -> Result<u8, Failure> {
    let environment = Environment::of_process();
    // Before anything else: the numbers of these descriptors are known, and nothing may take them.
    let service = Service::of(&environment)?;
    let is_supervised = service.manager.is_there();
    let invocation = Invocation::of_process().map_err(|source| Failure::System {
        what: "the path of this program",
        source,
    })?;
    let args = args.resolved();
    if args.detach {
        // It fails for the leader of a group, which is nobody's child at a terminal.
        let _ = rustix::process::setsid();
    }
    let place = Place::locate(
        args.place.home.as_deref(),
        args.socket.as_deref(),
        &owlcoda_proto::Environment::of_process(),
    )?;
    notice_stray_config(&owlcoda_config::find(
        args.place.config.as_deref(),
        &place.home,
    ));
    let mut sources = Sources::new(
        args.place.config.clone(),
        place.home.clone(),
        environment.clone(),
    );
    let first = Generation::of(Reading::of(sources.now(), &environment))?;
    let loaded = &first.loaded;
    let level = log_level(loaded.config.log_level);
    prepare_home(&place.home)?;
    let mut log_file = log_file(&loaded.config, &place.home);
    let mut lines = StderrLines::Shown;
    if args.detach {
        log_file = log_file.or_else(|| Some(own_log_file(&loaded.config, &place.home)));
        lines = StderrLines::Hidden;
    }
    let logging =
        owlcoda_telemetry::init_logging(level, log_file, lines).map_err(Failure::LogFile)?;
    for warning in &loaded.warnings {
        warn!("{warning}");
    }

    let traces = loaded.config.is_traced.then(|| trace::open(&place.home));
    let traces = traces.transpose().map_err(|source| Failure::System {
        what: "the file of traces",
        source,
    })?;

    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let tail = Arc::clone(logging.tail());
    Reports::new(place.home.join("crash"), VERSION, tail, Arc::clone(&clock)).install();
    crash::hide(safe_mode::secrets(&loaded.config));
    let pid = std::process::id();
    let about_us = format!(
        "pid {pid}, version {VERSION}, socket {}\n",
        place.socket.display()
    );
    let instance = Instance::lock(&place.home, &about_us)?;
    let boot = Arc::new(Boot::begin(&place.home, &*clock, VERSION));
    let safe_mode = SafeMode::after(&boot, &place.home);
    let access = if args.system {
        Access::of_groups()
    } else {
        Access::of_owner()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("owlcodad")
        .build()
        .map_err(|source| Failure::System {
            what: "the async runtime",
            source,
        })?;
    let log_end = logging.clone();
    let this_boot = Arc::clone(&boot);
    let trace_end = traces.clone();
    let exporter = {
        let _inside = runtime.enter();
        let collector = loaded.config.otlp_endpoint.as_ref();
        Exporter::start(collector.filter(|_| safe_mode.is_none()))
    };
    let exporter = exporter.map_err(|source| Failure::System {
        what: "the OpenTelemetry exporter",
        source,
    })?;
    let export_end = exporter.clone();
    let ended = runtime.block_on(async {
        let started = Started {
            service,
            boot,
            safe_mode,
            access,
            place,
            sources,
            first,
            logging,
            traces,
            exporter,
            clock,
            pid,
        };
        Box::pin(started.serve()).await
    });
    if let Some(exporter) = export_end {
        exporter.finish();
    }
    // A thread that hangs in a system call must not keep the process alive.
    runtime.shutdown_timeout(Duration::from_secs(2));
    match &ended {
        Ok(ended) if ended.status == shutdown::FAILED => {}
        Ok(_) => this_boot.finished(),
        Err(failure) if failure.is_told_once() => this_boot.withdrawn(),
        Err(_) => {}
    }
    drop(instance);
    if let Some(traces) = trace_end {
        traces.finish();
    }
    log_end.finish();
    let Ended { status, is_restart } = ended?;
    if is_restart && is_supervised {
        // It keeps our sockets meanwhile, and so no connection is refused.
        return Ok(shutdown::RESTART);
    }
    if is_restart {
        return Err(Failure::System {
            what: "the restart",
            source: invocation.begin_anew(),
        });
    }
    Ok(status)
}

/// What is known before anything runs.
struct Started {
    service: Service,
    boot: Arc<Boot>,
    safe_mode: Option<SafeMode>,
    access: Access,
    place: Place,
    sources: Sources,
    /// The configuration.
    first: Generation,
    logging: Logging,
    /// Where each call leaves a line.
    traces: Option<LineFile>,
    /// Who else is told of each call.
    exporter: Option<Exporter>,
    clock: Arc<dyn Clock>,
    pid: u32,
}

impl Started {
    async fn serve(self) -> Result<Ended, Failure> {
        let Self {
            service,
            boot,
            mut safe_mode,
            access,
            place,
            sources,
            first,
            logging,
            traces,
            exporter,
            clock,
            pid,
        } = self;
        let mut config = first.loaded.config.clone();
        let mut settings = first.settings.clone();
        if safe_mode.is_some() {
            config = SafeMode::reduced(config);
            SafeMode::reduce_settings(&mut settings);
        }
        let manager = service.manager;
        let signals = Signals::listen().map_err(|source| Failure::System {
            what: "signal handlers",
            source,
        })?;
        let hangups = Hangups::listen().map_err(|source| Failure::System {
            what: "a signal handler",
            source,
        })?;
        let started_at_ms = clock.now_ms();

        // Sockets first: a port in use is known before the store is opened.
        let doors = Doors::open(&config, service.sockets, &place.socket, access).await?;
        let Doors {
            server,
            address,
            socket,
        } = doors;
        let http_url = format!("http://{address}");
        let socket_path = socket.path().to_path_buf();

        let token = Token::load_or_create(&place.home)?;
        let exposition = install_recorder();
        metric::BUILD_INFO.set([VERSION], 1.0);
        #[expect(
            clippy::cast_precision_loss,
            reason = "milliseconds since 1970 fit 53 bits"
        )]
        metric::START_TIME.set([], started_at_ms as f64 / 1000.0);
        let store = open_store(
            &place.home,
            &config,
            &clock,
            &manager,
            &boot,
            safe_mode.as_mut(),
        );
        let store = store.await?;

        let supervisor = Supervisor::new(Shutdown::new());
        let upstream = Upstream::try_new(config.upstream.connect_timeout)?;
        let report = Report::of_start(&first, settings, started_at_ms);
        let config_path = report.status.path.clone();
        let config_path = config_path.unwrap_or_else(|| place.home.join("config.json"));
        let config_path = config_path.display().to_string();
        let discovery = Discovery::new(upstream.clone());
        // Where the configuration names a model, nobody has to wait for what else there is.
        let known = if config.models.is_empty() {
            discovery::look(&discovery, &places::to_ask(&config, address, None)).await
        } else {
            Vec::new()
        };
        let log_dir = place.home.join("log");
        let runtimes = Runtimes::start(&config.runtimes, &upstream, &supervisor, &log_dir);
        let snapshot = composition::snapshot(&config, &known, runtimes, &config_path)?;
        let recorder = AuditRecorder::new(store.audit(), &config.audit, &place.home);
        let recorder = Arc::new(recorder.traced(traces).exported(exporter));
        let pipeline = Pipeline::new(
            Live::new(snapshot),
            upstream.clone(),
            recorder.clone(),
            supervisor.shutdown().stopping().clone(),
        );

        let notes = store.notes();
        let measured = figures::load(&notes).await;
        pipeline.standing().restore_figures(measured);

        let agent = Agent::new(
            &store,
            pipeline.clone(),
            supervisor.clone(),
            Arc::clone(&clock),
        );

        let settings = Settings::new(&config.server, config.auth, address);
        let settings = Live::new(settings);
        let composition = Composition::new(config, known, config_path, address, pipeline.clone());
        let composition = Arc::new(composition);
        let targets = Targets {
            composition: Arc::clone(&composition),
            gateway: settings.clone(),
            bound: address,
            logging: logging.clone(),
            recorder: Arc::clone(&recorder),
            is_safe_mode: safe_mode.is_some(),
        };
        let (reloader, reload) = Reloader::new(sources, first, report, targets, Arc::clone(&clock));

        let admission = Admission::new(token);
        let lines = Lines {
            audit: store.audit(),
            path: recorder.jsonl_path(),
            trouble: Trouble::default(),
        };
        let host = Daemon {
            identity: Identity {
                version: VERSION,
                pid,
                started_at_ms,
                home: place.home.clone(),
                http_url: http_url.clone(),
            },
            pipeline: pipeline.clone(),
            store: store.clone(),
            recorder,
            clock: Arc::clone(&clock),
            lines: lines.trouble.clone(),
            reload,
            admission: admission.clone(),
            safe_mode,
        };
        let control = Control {
            host: Arc::new(host),
            pipeline: pipeline.clone(),
            agent,
            store: store.clone(),
            clock: Arc::clone(&clock),
            logs: Arc::clone(logging.tail()),
            exposition: exposition.clone(),
            watching: Watching::default(),
            shutdown: supervisor.shutdown().clone(),
        };
        let gateway = Gateway::from(owlcoda_gateway::Parts {
            settings: settings.clone(),
            admission,
            pipeline: pipeline.clone(),
            audit: store.audit(),
            exposition: exposition.clone(),
            clock,
            started_at_ms,
            shutdown: supervisor.shutdown().clone(),
        });
        let grace = {
            let composition = Arc::clone(&composition);
            move || composition.config().server.drain_timeout
        };
        let heart = Heartbeat::default();
        let mut liveness = Liveness {
            heart: heart.clone(),
            store: store.clone(),
            door: server.door(),
            address,
            shutdown: supervisor.shutdown().clone(),
            answered_at: Instant::now(),
        };
        start_tasks(
            &supervisor,
            Parts {
                boot,
                heart,
                composition,
                discovery,
                reloader,
                hangups,
                settings,
                server,
                socket,
                gateway,
                control,
                exposition,
                logging,
                notes,
                lines,
            },
        );

        if manager.is_there() {
            check_answer(address, supervisor.shutdown()).await;
        }
        if supervisor.shutdown().phase() == Phase::Running {
            if let Some(limit) = service.watchdog {
                let check = move || liveness.check();
                watch(manager.clone(), limit, check).map_err(|source| Failure::System {
                    what: "a thread for the watchdog",
                    source,
                })?;
            }
            announce(&http_url, &socket_path);
            manager.ready(&format!("serving {http_url}"));
        }
        Ok(shutdown::wait(signals, &supervisor, &pipeline, &store, &manager, grace).await)
    }
}

/// Asks our own `/health` once, as whoever waits for our start would. Where it has no answer nothing
/// is served, and the daemon ends.
async fn check_answer(address: SocketAddr, shutdown: &Shutdown) {
    let asked = tokio::task::spawn_blocking(move || liveness::asked(address)).await;
    let why = match asked {
        Ok(Ok(true)) => return,
        Ok(Ok(false)) => "it is not well".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    error!(why, "our own /health did not answer");
    shutdown.begin_drain();
}

/// Everything that the tasks own.
struct Parts {
    boot: Arc<Boot>,
    heart: Heartbeat,
    composition: Arc<Composition>,
    discovery: Discovery,
    reloader: Reloader,
    hangups: Hangups,
    settings: Live<Settings>,
    server: Server,
    socket: ControlSocket,
    gateway: Gateway,
    control: Control,
    exposition: Exposition,
    logging: Logging,
    notes: Notes,
    lines: Lines,
}

fn start_tasks(supervisor: &Supervisor, parts: Parts) {
    let Parts {
        boot,
        heart,
        composition,
        discovery,
        reloader,
        hangups,
        settings,
        ..
    } = parts;
    boot.reached(Stage::Serving);
    let draining = supervisor.shutdown().draining().clone();
    supervisor.spawn("boot", OnExit::Report, |_| boot::settle(boot, draining));
    supervisor.spawn("heart", OnExit::Report, |stop| heart.keep(stop));
    let warming = (
        Arc::clone(&composition),
        parts.gateway.pipeline.clone(),
        Arc::clone(&parts.gateway.clock),
        supervisor.shutdown().draining().clone(),
    );
    supervisor.spawn("warm-up", OnExit::Report, move |_| {
        let (composition, pipeline, clock, draining) = warming;
        warmup::keep_warm(composition, pipeline, clock, draining)
    });
    supervisor.spawn("discovery", OnExit::Report, move |stop| {
        discovery::follow(composition, discovery, stop)
    });
    let pipeline = parts.gateway.pipeline.clone();
    let clock = Arc::clone(&parts.gateway.clock);
    supervisor.spawn("health", OnExit::Report, |stop| {
        health::watch(pipeline, clock, stop)
    });
    let audit = parts.gateway.audit.clone();
    supervisor.spawn("lost-calls", OnExit::Report, |stop| {
        lost::close(audit, stop)
    });
    let lines = parts.lines;
    supervisor.spawn("audit-lines", OnExit::Report, |stop| lines.run(stop));
    supervisor.spawn("reload", OnExit::Fatal, |stop| reloader.run(hangups, stop));
    let (notes, measured) = (parts.notes, parts.gateway.pipeline.clone());
    supervisor.spawn("figures", OnExit::Report, move |stop| {
        figures::keep(notes, measured, stop)
    });
    let router = owlcoda_gateway::router(parts.gateway);
    let connections = supervisor.clone();
    // It ends when the drain begins, which is no failure.
    supervisor.spawn("http", OnExit::Fatal, |_| {
        parts.server.run(router, settings, connections)
    });
    let store = parts.control.store.clone();
    supervisor.spawn("control", OnExit::Fatal, |_| {
        owlcoda_control::serve(parts.socket, parts.control)
    });
    let (exposition, logging) = (parts.exposition, parts.logging);
    supervisor.spawn("metrics-upkeep", OnExit::Report, move |stop| {
        upkeep::keep(exposition, logging, store, stop)
    });
}

/// One line on standard output, for people and for whoever started us.
fn announce(http_url: &str, socket: &Path) {
    let socket = socket.display();
    let line = format!("owlcodad {VERSION} serving {http_url} control unix:{socket}");
    info!("{line}");
    // Whoever started us may have closed it.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A `config.json` in the directory of a shell is never read by itself: it may come from a cloned
/// repository, and could run commands and redirect keys.
fn notice_stray_config(found: &owlcoda_config::Found) {
    #[expect(
        clippy::disallowed_methods,
        reason = "only to say that a file was seen and not used"
    )]
    let notice = std::env::current_dir()
        .ok()
        .and_then(|dir| owlcoda_config::stray_notice(&dir, found));
    if let Some(notice) = notice {
        let _ = writeln!(std::io::stderr(), "owlcodad: {notice}");
    }
}

/// The log file of `config`, whose path may begin at `home`.
fn log_file(config: &Config, home: &Path) -> Option<LogFile> {
    let file = &config.log_file;
    Some(LogFile {
        path: home.join(file.path.as_ref()?),
        max_bytes: file.max_bytes,
        keep: file.keep,
    })
}

/// The log file of a daemon that has left its terminal, where the configuration names none.
fn own_log_file(config: &Config, home: &Path) -> LogFile {
    LogFile {
        path: home.join("log").join("owlcodad.log"),
        max_bytes: config.log_file.max_bytes,
        keep: config.log_file.keep,
    }
}

pub(crate) const fn log_level(level: LogLevel) -> owlcoda_telemetry::LogLevel {
    match level {
        LogLevel::Trace => owlcoda_telemetry::LogLevel::Trace,
        LogLevel::Debug => owlcoda_telemetry::LogLevel::Debug,
        LogLevel::Info => owlcoda_telemetry::LogLevel::Info,
        LogLevel::Warn => owlcoda_telemetry::LogLevel::Warn,
        LogLevel::Error => owlcoda_telemetry::LogLevel::Error,
    }
}
