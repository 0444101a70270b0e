//! Reports of defects that ended the daemon, or a part that it cannot do without.
//!
//! [`Reports::install`] makes every panic note where it was. Most of them are caught and cost one
//! call; whoever catches one that does not pass calls [`report`], which writes a file for its owner
//! alone. The newest ten are kept. No key leaves in one: known secrets and what looks like one are
//! blotted out.

mod redact;

use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use owlcoda_types::{Clock, Secret, clip};
use parking_lot::Mutex;
use serde::Serialize;
use tracing::error;

use self::redact::redacted;
use crate::LogTail;

/// Most reports that are kept.
const MAX_REPORTS: usize = 10;

/// Most log lines in a report.
const MAX_LOG_LINES: usize = 50;

/// Most characters of a backtrace or a message.
const MAX_TEXT_CHARS: usize = 40_000;

static INSTALLED: OnceLock<Reports> = OnceLock::new();

thread_local! {
    /// The latest panic of this thread.
    static LATEST: RefCell<Option<Noted>> = const { RefCell::new(None) };
}

/// Where a panic was.
#[derive(Debug)]
struct Noted {
    message: String,
    location: String,
    thread: String,
    backtrace: Backtrace,
}

/// Writes the reports of one home.
#[derive(Debug)]
pub struct Reports {
    dir: PathBuf,
    version: &'static str,
    tail: Arc<LogTail>,
    clock: Arc<dyn Clock>,
    secrets: Mutex<Vec<Secret>>,
}

/// A report, as it is in its file.
#[derive(Debug, Serialize)]
struct Report<'a> {
    version: &'a str,
    pid: u32,
    at_ms: i64,
    /// What has ended.
    part: &'a str,
    message: String,
    location: String,
    thread: String,
    backtrace: String,
    /// The latest log lines, oldest first.
    log: Vec<String>,
}

impl Reports {
    /// Reports into `dir`, which need not exist; `tail` has the lines of the log.
    pub fn new(
        dir: PathBuf,
        version: &'static str,
        tail: Arc<LogTail>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            dir,
            version,
            tail,
            clock,
            secrets: Mutex::default(),
        }
    }

    /// From now on panics of this process are noted and [`report`] writes here. A second call changes
    /// nothing.
    pub fn install(self) {
        if INSTALLED.set(self).is_err() {
            return;
        }
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let location = panic.location().map(ToString::to_string);
            note(words(panic.payload()), location.unwrap_or_default());
            before(panic);
        }));
    }

    fn write(&self, part: &str, noted: &Noted) -> io::Result<PathBuf> {
        let secrets = self.secrets.lock().clone();
        let clean = |text: &str| redacted(&clip(text, MAX_TEXT_CHARS), &secrets);
        let lines = self.tail.after(0);
        let latest = lines.iter().skip(lines.len().saturating_sub(MAX_LOG_LINES));
        let report = Report {
            version: self.version,
            pid: std::process::id(),
            at_ms: self.clock.now_ms(),
            part,
            message: clean(&noted.message),
            location: noted.location.clone(),
            thread: noted.thread.clone(),
            backtrace: clean(&noted.backtrace.to_string()),
            log: latest.map(|line| clean(&line.json)).collect(),
        };
        if fs_err::symlink_metadata(&self.dir).is_err() {
            let mut ours_alone = std::fs::DirBuilder::new();
            ours_alone.mode(0o700).create(&self.dir)?;
        }
        let name = format!("{:015}-{}.json", report.at_ms.max(0), report.pid);
        let path = self.dir.join(name);
        let mut options = fs_err::OpenOptions::new();
        options.write(true).create_new(true);
        options.options_mut().mode(0o600);
        let mut file = options.open(&path)?;
        file.write_all(&serde_json::to_vec_pretty(&report)?)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        self.forget_oldest()?;
        Ok(path)
    }

    fn forget_oldest(&self) -> io::Result<()> {
        let mut reports = list(&self.dir)?;
        reports.sort_unstable();
        let n_too_many = reports.len().saturating_sub(MAX_REPORTS);
        reports
            .iter()
            .take(n_too_many)
            .try_for_each(fs_err::remove_file)
    }
}

/// The reports in `dir`.
fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let is_report = |path: &PathBuf| path.extension().is_some_and(|it| it == "json");
    let entries = fs_err::read_dir(dir)?.map(|entry| Ok(entry?.path()));
    let paths: io::Result<Vec<_>> = entries.collect();
    Ok(paths?.into_iter().filter(is_report).collect())
}

/// Keeps these out of every later report.
pub fn hide(secrets: impl IntoIterator<Item = Secret>) {
    if let Some(reports) = INSTALLED.get() {
        let mut hidden = reports.secrets.lock();
        for secret in secrets {
            if !hidden.contains(&secret) {
                hidden.push(secret);
            }
        }
    }
}

/// Writes a report of the latest panic of this thread, which has ended `part`. Nothing where no
/// reports are installed, or nothing has panicked.
pub fn report(part: &str) {
    let noted = LATEST.with_borrow_mut(Option::take);
    let (Some(reports), Some(noted)) = (INSTALLED.get(), noted) else {
        return;
    };
    match reports.write(part, &noted) {
        Ok(path) => error!(part, report = %path.display(), "a defect of ours; there is a report"),
        Err(error) => error!(part, %error, "a defect of ours, and its report cannot be written"),
    }
}

fn note(message: String, location: String) {
    let thread = std::thread::current();
    let noted = Noted {
        message,
        location,
        thread: thread.name().unwrap_or("unnamed").to_owned(),
        backtrace: Backtrace::force_capture(),
    };
    // A panic within this very function finds the cell taken, and is not noted.
    LATEST.with(|latest| {
        if let Ok(mut latest) = latest.try_borrow_mut() {
            *latest = Some(noted);
        }
    });
}

fn words(payload: &dyn std::any::Any) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without words".to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use owlcoda_types::ManualClock;

    use super::*;
    use crate::LogLevel;

    fn reports(dir: &Path, clock: &Arc<ManualClock>) -> Reports {
        let tail = Arc::new(LogTail::default());
        for number in 0..60 {
            tail.push(0, LogLevel::Info, &format!("{{\"line\":{number}}}"));
        }
        tail.push(
            0,
            LogLevel::Warn,
            "{\"url\":\"http://h/?token=s3cr3t-value\"}",
        );
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
        Reports::new(dir.join("crash"), "1.2.3", tail, clock)
    }

    fn noted(message: &str) -> Noted {
        Noted {
            message: message.to_owned(),
            location: "src/here.rs:1:2".to_owned(),
            thread: "store-writer".to_owned(),
            backtrace: Backtrace::force_capture(),
        }
    }

    #[test]
    fn a_report_is_its_owner_s_alone_and_holds_no_key() {
        let dir = tempfile::tempdir().unwrap();
        let reports = reports(dir.path(), &Arc::new(ManualClock::at(1_700_000_000_000)));
        reports.secrets.lock().push(Secret::new("s3cr3t-value"));
        let said = "no reply to sk-owl-canary-0123456789";
        let path = reports.write("the store's writer", &noted(said)).unwrap();
        let mode = |path: &Path| fs_err::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        let text = fs_err::read_to_string(&path).unwrap();
        assert!(
            !text.contains("s3cr3t") && !text.contains("canary"),
            "{text}"
        );
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(report["version"], "1.2.3");
        assert_eq!(report["part"], "the store's writer");
        assert_eq!(report["location"], "src/here.rs:1:2");
        assert_eq!(report["at_ms"], 1_700_000_000_000_i64);
        let log = report["log"].as_array().unwrap();
        assert_eq!(
            (log.len(), &log[0]),
            (50, &serde_json::json!("{\"line\":11}"))
        );
        let backtrace = report["backtrace"].as_str().unwrap();
        assert!(backtrace.contains("crash"), "{backtrace}");
    }

    #[test]
    fn the_newest_ten_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(5));
        let reports = reports(dir.path(), &clock);
        for _ in 0..13 {
            reports.write("a part", &noted("why")).unwrap();
            clock.advance(1);
        }
        let mut left = list(&dir.path().join("crash")).unwrap();
        left.sort_unstable();
        assert_eq!(left.len(), 10);
        let first = left[0].file_name().unwrap().to_string_lossy().into_owned();
        assert!(first.starts_with("000000000000008-"), "{first}");
    }

    #[test]
    fn a_panic_that_was_caught_is_reported_by_whoever_caught_it() {
        let dir = tempfile::tempdir().unwrap();
        reports(dir.path(), &Arc::new(ManualClock::at(1))).install();
        hide([Secret::new("hunter2")]);
        let caught = std::panic::catch_unwind(|| panic!("no word of hunter2"));
        assert!(caught.is_err());
        report("a part");
        // It was written once; there is no second panic.
        report("a part");
        let written = list(&dir.path().join("crash")).unwrap();
        let [path] = &written[..] else {
            panic!("one report: {written:?}");
        };
        let text = fs_err::read_to_string(path).unwrap();
        assert!(text.contains("no word of ***"), "{text}");
        assert!(text.contains("crash.rs:"), "{text}");
    }
}
