//! The daemon as a process: which version it is of, what it may open, what time it has.

use std::path::{Path, PathBuf};

use owlcoda_proto::Skew;
use owlcoda_types::printable;

use super::super::Check;
use super::Live;

const ID: &str = "version";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Clocks of one machine that are asked one after the other differ by less, in milliseconds.
const MAX_CLOCK_MS: u64 = 2_000;

/// Most of its open files that a daemon may be near before somebody should know, in percent.
const MANY_FILES_PERCENT: u64 = 80;

/// A daemon that has said which version it is of.
#[derive(Debug)]
pub(super) struct Reached {
    pub(super) version: String,
    /// Beside this program.
    pub(super) skew: Skew,
    /// Whether the versions are too distant to go on.
    pub(super) is_refused: bool,
}

/// Whether the daemon that runs, if one does, is the program on disk, and both are of one version with
/// `owlctl`. `pid` is the daemon's, where it has said so.
pub(super) fn version(
    reached: Option<&Reached>,
    pid: Option<u32>,
    asked_by: Option<&str>,
) -> Check {
    let mut odd = Vec::new();
    if let Some(reached) = reached {
        let skew = printable(&reached.skew.to_string()).into_owned();
        if reached.is_refused && !reached.skew.is_daemon_older() {
            let remedy = "take the owlctl and owl-repl that came with the daemon";
            return Check::fail(ID, skew, remedy);
        }
        if reached.skew.is_daemon_older() || reached.version != VERSION {
            odd.push(skew);
        }
    }
    let program = pid.and_then(program_of);
    if program.as_deref().is_some_and(is_replaced) {
        odd.push("the program of the daemon that runs was replaced since its start".to_owned());
    }
    judged(odd, reached.is_some(), asked_by)
}

/// What is odd about the daemon is mended by a restart.
fn judged(mut odd: Vec<String>, is_daemon_there: bool, asked_by: Option<&str>) -> Check {
    let mut remedies = Vec::new();
    if let Some(owlctl) = asked_by.filter(|owlctl| *owlctl != VERSION) {
        remedies.push("install owlctl and owlcodad of one version");
        if !odd.is_empty() {
            remedies.push("owlctl restart");
        }
        odd.push(format!("owlctl is {owlctl}, owlcodad on disk is {VERSION}"));
    } else if !odd.is_empty() {
        remedies.push("owlctl restart");
    }
    if odd.is_empty() {
        let who = match (is_daemon_there, asked_by) {
            (true, Some(_)) => "daemon, owlcodad and owlctl",
            (true, None) => "daemon and owlcodad",
            (false, Some(_)) => "owlcodad and owlctl",
            (false, None) => "owlcodad",
        };
        return Check::ok(ID, format!("{VERSION}: {who}"));
    }
    Check::warn(ID, odd.join("; "), remedies.join(", then: "))
}

/// The file that a process was started from, as far as the system tells.
fn program_of(pid: u32) -> Option<PathBuf> {
    fs_err::read_link(format!("/proc/{pid}/exe")).ok()
}

/// Whether another file has its place by now, or none: Linux says so behind the name.
fn is_replaced(program: &Path) -> bool {
    program
        .as_os_str()
        .as_encoded_bytes()
        .ends_with(b" (deleted)")
}

/// What the daemon itself may open; ours may be another limit.
pub(super) fn open_files(live: &Live, max_connections: Option<usize>) -> Check {
    let id = "daemon_files";
    let pid = live.status.pid;
    let limits = fs_err::read_to_string(format!("/proc/{pid}/limits"));
    let Some(limit) = limits.ok().and_then(|text| most_open(&text)) else {
        return Check::skip(
            id,
            format!("the system does not tell what pid {pid} may open"),
        );
    };
    let n_open = fs_err::read_dir(format!("/proc/{pid}/fd")).map(Iterator::count);
    judge_files(limit, n_open.ok(), max_connections)
}

/// The soft limit of open files in the text of `/proc/PID/limits`; the largest number for none.
fn most_open(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

fn judge_files(limit: u64, n_open: Option<usize>, max_connections: Option<usize>) -> Check {
    let id = "daemon_files";
    let as_number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let now = n_open.map_or_else(String::new, |n_open| format!("{n_open} open now, "));
    let connections = max_connections.map_or(0, as_number);
    let detail = format!("{now}at most {limit}, for up to {connections} connections");
    let is_near = n_open.is_some_and(|n_open| {
        as_number(n_open).saturating_mul(100) >= limit.saturating_mul(MANY_FILES_PERCENT)
    });
    if is_near || limit < connections {
        let wanted = connections.max(limit).saturating_mul(2);
        let remedy = format!(
            "`LimitNOFILE={wanted}` in the service, or `ulimit -n {wanted}` before owlctl start; or a \
             smaller `server.maxConnections`; then: owlctl restart"
        );
        return Check::warn(id, detail, remedy);
    }
    Check::ok(id, detail)
}

pub(super) fn clock(live: &Live) -> Check {
    let id = "daemon_clock";
    let Some(difference) = live.clock_ms else {
        return Check::skip(id, "a daemon of that version does not tell its time");
    };
    if difference.unsigned_abs() <= MAX_CLOCK_MS {
        return Check::ok(id, "the daemon's and ours agree");
    }
    let seconds = difference.unsigned_abs() / 1000;
    let which = if difference > 0 { "before" } else { "behind" };
    Check::warn(
        id,
        format!("the daemon's is {seconds} s {which} ours: times of calls and logs are off"),
        "set both: sudo timedatectl set-ntp true",
    )
}

#[cfg(test)]
mod tests {
    use owlcoda_proto::PROTOCOL;
    use owlcoda_proto::v1::GetVersionResponse;

    use super::*;
    use crate::offline::doctor::State;

    #[test]
    fn versions_that_differ_are_told_with_what_to_do_first() {
        let of = |version: &str, protocol: u32, is_refused: bool, owlctl: &str| {
            let said = GetVersionResponse {
                version: version.to_owned(),
                protocol,
                min_client_protocol: 1,
            };
            let reached = Reached {
                version: version.to_owned(),
                skew: Skew::with(&said),
                is_refused,
            };
            super::version(Some(&reached), None, Some(owlctl))
        };
        assert_eq!(of(VERSION, PROTOCOL, false, VERSION).state, State::Ok);
        assert_eq!(version(None, None, Some(VERSION)).state, State::Ok);
        let old = of("0.0.1", PROTOCOL, false, VERSION);
        assert_eq!(old.state, State::Warn);
        assert_eq!(old.remedy.as_deref(), Some("owlctl restart"));
        let both = of("0.0.1", PROTOCOL - 1, false, "9.9.9");
        assert_eq!(
            both.remedy.as_deref(),
            Some("install owlctl and owlcodad of one version, then: owlctl restart")
        );
        assert!(both.detail.contains("0.0.1") && both.detail.contains("9.9.9"));
        let newer = of("9.9.9", PROTOCOL + 2, true, VERSION);
        assert_eq!(newer.state, State::Fail);
        assert!(is_replaced(Path::new("/usr/bin/owlcodad (deleted)")));
        assert!(!is_replaced(Path::new("/usr/bin/owlcodad")));
    }

    #[test]
    fn a_daemon_that_may_open_too_little_or_is_near_its_limit_needs_a_look() {
        let text = "Limit   Soft Limit  Hard Limit  Units\nMax open files   1024   4096   files\n";
        assert_eq!(most_open(text), Some(1024));
        assert_eq!(
            most_open("Max open files unlimited unlimited files"),
            Some(u64::MAX)
        );
        assert_eq!(most_open("Max cpu time 1 1 seconds"), None);
        assert_eq!(judge_files(1024, Some(40), Some(1024)).state, State::Ok);
        assert_eq!(judge_files(1024, Some(900), Some(1024)).state, State::Warn);
        assert_eq!(judge_files(256, None, Some(1024)).state, State::Warn);
    }

    #[test]
    fn a_clock_that_is_off_is_told_with_its_side() {
        let at = |clock_ms| {
            clock(&Live {
                clock_ms,
                ..Live::default()
            })
        };
        assert_eq!(at(None).state, State::Skip);
        assert_eq!(at(Some(-1500)).state, State::Ok);
        assert!(at(Some(90_000)).detail.contains("90 s before"));
        assert!(at(Some(-90_000)).detail.contains("90 s behind"));
    }
}
