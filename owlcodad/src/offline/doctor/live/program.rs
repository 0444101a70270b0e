//! The daemon as a process: which version it is of, what it may open, what time it has.

use std::path::{Path, PathBuf};

use super::super::Check;
use super::Live;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Clocks of one machine that are asked one after the other differ by less, in milliseconds.
const MAX_CLOCK_MS: u64 = 2_000;

/// Most of its open files that a daemon may be near before somebody should know, in percent.
const MANY_FILES_PERCENT: u64 = 80;

/// Whether the programs on disk are of one version, where no daemon says what it is of.
pub(super) fn without_daemon(asked_by: Option<&str>) -> Check {
    judged(&[], None, asked_by)
}

/// Whether the daemon that runs is the program on disk, and both are of one version with `owlctl`.
pub(super) fn version(live: &Live, asked_by: Option<&str>) -> Check {
    let program = program_of(live.status.pid);
    let mut odd = Vec::new();
    if program.as_deref().is_some_and(is_replaced) {
        odd.push("the program of the daemon that runs was replaced since its start".to_owned());
    }
    judged(&odd, Some(&live.status.version), asked_by)
}

fn judged(odd: &[String], daemon: Option<&str>, asked_by: Option<&str>) -> Check {
    let id = "programs";
    let mut odd = odd.to_vec();
    if let Some(daemon) = daemon.filter(|daemon| *daemon != VERSION) {
        odd.push(format!(
            "the daemon that runs is {daemon}, owlcodad on disk is {VERSION}"
        ));
    }
    let is_old = !odd.is_empty();
    let mut remedies: Vec<&str> = is_old.then_some("owlctl restart").into_iter().collect();
    if let Some(owlctl) = asked_by.filter(|owlctl| *owlctl != VERSION) {
        odd.push(format!("owlctl is {owlctl}, owlcodad on disk is {VERSION}"));
        remedies.insert(0, "install owlctl and owlcodad of one version");
    }
    if odd.is_empty() {
        let who = match (daemon, asked_by) {
            (Some(_), Some(_)) => "daemon, owlcodad and owlctl",
            (Some(_), None) => "daemon and owlcodad",
            (None, Some(_)) => "owlcodad and owlctl",
            (None, None) => "owlcodad",
        };
        return Check::ok(id, format!("{VERSION}: {who}"));
    }
    Check::warn(id, odd.join("; "), remedies.join(", then: "))
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
    use super::*;
    use crate::offline::doctor::State;

    #[test]
    fn versions_that_differ_are_told_with_what_to_do_first() {
        assert_eq!(judged(&[], Some(VERSION), Some(VERSION)).state, State::Ok);
        assert_eq!(without_daemon(Some(VERSION)).state, State::Ok);
        let old = judged(&[], Some("0.0.1"), Some(VERSION));
        assert_eq!(old.state, State::Warn);
        assert_eq!(old.remedy.as_deref(), Some("owlctl restart"));
        let both = judged(&[], Some("0.0.1"), Some("9.9.9"));
        assert_eq!(
            both.remedy.as_deref(),
            Some("install owlctl and owlcodad of one version, then: owlctl restart")
        );
        assert!(both.detail.contains("0.0.1") && both.detail.contains("9.9.9"));
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
