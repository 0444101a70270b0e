//! Where log lines go.
//!
//! ```text
//! event ─► level ─┬─► standard error   text at a terminal and under journald, else JSON
//!                 ├─► the tail         the latest lines, for `owlctl logs`
//!                 └─► a file           JSON, where one is configured; rotated by size
//! ```
//!
//! Whoever logs never waits for a pipe or a disk: lines go through a bounded queue, and what finds no
//! room is counted.

mod file;
mod journal;
mod level;
mod lines;
mod tail;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use owlcoda_types::{Clock, SystemClock};
use parking_lot::Mutex;
use tracing::Metadata;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt, reload};

use self::file::RotatingFile;
pub use self::level::LogLevel;
pub use self::lines::LineFile;
pub use self::tail::{LogLine, LogTail};

/// Lines that may wait for standard error, or for the file.
const MAX_WAITING_LINES: usize = 4096;

/// A file that gets every line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Where it is.
    pub path: PathBuf,
    /// A larger one is set aside and a new one begun.
    pub max_bytes: u64,
    /// How many are set aside; older ones go.
    pub keep: u32,
}

/// What standard error gets of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StderrLines {
    /// Each of them.
    Shown,
    /// None: nobody reads there.
    Hidden,
}

/// The logs of this process. Cheap to clone.
#[derive(Clone)]
pub struct Logging {
    set: Arc<dyn Fn(EnvFilter) + Send + Sync>,
    tail: Arc<LogTail>,
    lost: Arc<[ErrorCounter]>,
    guards: Arc<Mutex<Vec<WorkerGuard>>>,
}

impl Logging {
    /// From now on, our rooms log at `level`.
    pub fn set_level(&self, level: LogLevel) {
        (self.set)(filter(level));
    }

    /// The latest lines.
    pub fn tail(&self) -> &Arc<LogTail> {
        &self.tail
    }

    /// Lines that found no room so far, on the way to standard error and to the file.
    pub fn n_lost(&self) -> u64 {
        let lost = self.lost.iter().map(ErrorCounter::dropped_lines);
        lost.map(|n_lines| n_lines as u64).sum()
    }

    /// Writes what waits, and ends. Lines after it are lost.
    pub fn finish(&self) {
        self.guards.lock().clear();
    }
}

impl std::fmt::Debug for Logging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Logging").finish_non_exhaustive()
    }
}

/// Starts logging for this process. A second call changes nothing.
///
/// Our rooms log at `level`. The libraries below us stay at `warn`: at `debug` some of them print
/// whole requests, and with them keys and prompts.
///
/// # Errors
/// Where `file` cannot be opened for writing.
pub fn init_logging(
    level: LogLevel,
    file: Option<LogFile>,
    stderr_lines: StderrLines,
) -> io::Result<Logging> {
    let mut guards = Vec::new();
    let mut lost = Vec::new();
    let mut queue = |writer: Box<dyn Write + Send>| {
        let (queue, guard) = NonBlockingBuilder::default()
            .buffered_lines_limit(MAX_WAITING_LINES)
            .lossy(true)
            .finish(writer);
        guards.push(guard);
        lost.push(queue.error_counter());
        queue
    };
    let file = file.map(RotatingFile::open).transpose()?;
    let file = file.map(|file| queue(Box::new(file)));
    let stderr = queue(Box::new(io::stderr()));
    let tail = Arc::new(LogTail::default());
    let (filter, handle) = reload::Layer::new(filter(level));
    let is_shown = stderr_lines == StderrLines::Shown;
    let is_terminal = is_shown && io::stderr().is_terminal();
    let is_journal = is_shown && journal::is_standard_error();
    let is_text = is_terminal || is_journal;
    let lines = Lines {
        tail: Arc::clone(&tail),
        queues: [file, (is_shown && !is_text).then(|| stderr.clone())],
        clock: Arc::new(SystemClock),
    };
    let json = fmt::layer()
        .json()
        .flatten_event(true)
        .log_internal_errors(false)
        .with_writer(lines);
    let text = fmt::layer()
        .log_internal_errors(false)
        .with_target(false)
        .with_ansi(is_terminal);
    let text = match (is_terminal, is_journal) {
        (true, _) => Some(text.with_writer(stderr).boxed()),
        // It has its own times.
        (_, true) => {
            let stderr = journal::Prefixed(stderr);
            Some(text.without_time().with_writer(stderr).boxed())
        }
        _ => None,
    };
    let subscriber = Registry::default().with(filter).with(json).with(text);
    if subscriber.try_init().is_err() {
        tracing::debug!("logging was started before");
    }
    Ok(Logging {
        // It fails only once the subscriber is gone, and with it every line.
        set: Arc::new(move |filter| drop(handle.reload(filter))),
        tail,
        lost: lost.into(),
        guards: Arc::new(Mutex::new(guards)),
    })
}

/// Where a line of JSON goes.
struct Lines {
    tail: Arc<LogTail>,
    queues: [Option<NonBlocking>; 2],
    clock: Arc<dyn Clock>,
}

/// One line on its way; the formatter hands it over whole.
struct Line<'a> {
    to: &'a Lines,
    level: LogLevel,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        let level = LogLevel::Info;
        Line { to: self, level }
    }

    fn make_writer_for(&'a self, about: &Metadata<'_>) -> Line<'a> {
        let level = LogLevel::of(*about.level());
        Line { to: self, level }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let Lines {
            tail,
            queues,
            clock,
        } = self.to;
        tail.push(clock.now_ms(), self.level, &String::from_utf8_lossy(line));
        for queue in queues.iter().flatten() {
            queue.clone().write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn filter(level: LogLevel) -> EnvFilter {
    EnvFilter::new(format!(
        "warn,owlcodad={level},{}",
        ROOMS
            .map(|room| format!("owlcoda_{room}={}", level.as_str()))
            .join(","),
        level = level.as_str(),
    ))
}

/// The crates whose lines follow the configured level.
const ROOMS: [&str; 12] = [
    "agent",
    "config",
    "control",
    "gateway",
    "models",
    "pipeline",
    "proto",
    "store",
    "supervise",
    "telemetry",
    "upstream",
    "wire",
];
