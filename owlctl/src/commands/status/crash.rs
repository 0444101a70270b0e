//! The newest report of a defect in the data directory: what a daemon that does not run ended by.

use std::io::Read as _;
use std::path::Path;

use owlcoda_proto::clip;
use serde::{Deserialize, Serialize};

use crate::quantity;

/// Largest report that is read, in bytes.
const MAX_REPORT_BYTES: u64 = 1 << 20;

/// Most characters of its message that are shown.
const MAX_MESSAGE_CHARS: usize = 200;

/// What is shown of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct LastCrash {
    pub(super) at: Option<String>,
    pub(super) version: String,
    /// What has ended.
    pub(super) part: String,
    pub(super) message: String,
    pub(super) report: String,
}

#[derive(Deserialize)]
struct Written {
    at_ms: i64,
    version: String,
    part: String,
    message: String,
}

/// The newest report below `home`; none where there is none, or none that can be read.
pub(super) fn last(home: &Path) -> Option<LastCrash> {
    let entries = fs_err::read_dir(home.join("crash")).ok()?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let reports = paths.filter(|path| path.extension().is_some_and(|it| it == "json"));
    // Their names begin with the time.
    let path = reports.max()?;
    let mut text = String::new();
    let file = fs_err::File::open(&path).ok()?;
    file.take(MAX_REPORT_BYTES).read_to_string(&mut text).ok()?;
    let written: Written = serde_json::from_str(&text).ok()?;
    let short = |text: &str| clip(text, MAX_MESSAGE_CHARS).into_owned();
    Some(LastCrash {
        at: quantity::rfc_3339(written.at_ms),
        version: short(&written.version),
        part: short(&written.part),
        message: short(&written.message),
        report: path.to_string_lossy().into_owned(),
    })
}

impl LastCrash {
    /// Two lines for a person.
    pub(super) fn lines(&self) -> [String; 2] {
        let Self {
            at,
            version,
            part,
            message,
            report,
        } = self;
        let at = at.as_deref().unwrap_or("at a time that makes no sense");
        [
            format!("{at}, version {version}: `{part}` ended by a defect: {message}"),
            format!("report {report}"),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_report_is_shown_and_what_is_none_is_not() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(last(home.path()), None);
        let dir = home.path().join("crash");
        fs_err::create_dir(&dir).unwrap();
        fs_err::write(dir.join("note.txt"), "not ours").unwrap();
        assert_eq!(last(home.path()), None);
        for (name, message) in [
            ("000000000000001-9", "old"),
            ("000000000000002-8", "new\u{1b}[2J"),
        ] {
            let report = serde_json::json!({
                "version": "1.2.3", "at_ms": 1_764_000_000_000_i64, "part": "store-writer",
                "message": message, "backtrace": "…",
            });
            fs_err::write(dir.join(format!("{name}.json")), report.to_string()).unwrap();
        }
        let last_crash = last(home.path()).unwrap();
        let [what, report] = last_crash.lines();
        assert!(
            what.contains("1.2.3") && what.contains("store-writer"),
            "{what}"
        );
        assert!(
            what.contains("2025-11-24") && what.contains("new"),
            "{what}"
        );
        assert!(report.ends_with("crash/000000000000002-8.json"), "{report}");
        fs_err::write(dir.join("999999999999999-1.json"), "{").unwrap();
        assert_eq!(last(home.path()), None);
    }
}
