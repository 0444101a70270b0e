//! The machine: disk space, open files, watches on files, and the clock.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use owlcoda_types::{Clock as _, SystemClock};
use rustix::fs::statvfs;
use rustix::process::{Resource, getrlimit};

use super::Check;

const MIB: u64 = 1 << 20;

/// The store needs room to write and to tidy up.
const LEAST_DISK_BYTES: u64 = 100 * MIB;
const ENOUGH_DISK_BYTES: u64 = 1024 * MIB;

/// The daemon's own files, sockets and model servers.
const OWN_FILES: u64 = 128;

/// What other programs of a desktop leave over.
const LEAST_WATCHES: u64 = 8192;
const LEAST_INSTANCES: u64 = 16;

/// 2026-01-01: this program was not there before.
const LEAST_NOW_SECS: i64 = 1_767_225_600;
const DAY_SECS: i64 = 86_400;

pub(super) fn disk(home: &Path) -> Check {
    let id = "disk";
    // A home that is yet to be made is made where its nearest directory is.
    let Some(space) = home.ancestors().find_map(|dir| statvfs(dir).ok()) else {
        return Check::skip(id, "the system does not tell");
    };
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    let detail = format!("{} MiB free for {}", free / MIB, home.display());
    let remedy = "make room, or move the data directory: --home DIR";
    if free < LEAST_DISK_BYTES {
        Check::fail(id, detail, remedy)
    } else if free < ENOUGH_DISK_BYTES {
        Check::warn(id, detail, remedy)
    } else {
        Check::ok(id, detail)
    }
}

pub(super) fn open_files(max_connections: usize) -> Check {
    let id = "open_files";
    let Some(soft) = getrlimit(Resource::Nofile).current else {
        return Check::ok(id, "no limit");
    };
    let connections = u64::try_from(max_connections).unwrap_or(u64::MAX);
    let detail = format!("at most {soft}, for up to {connections} connections");
    if soft < OWN_FILES {
        let remedy = format!("ulimit -n {}", connections.saturating_add(OWN_FILES));
        Check::fail(id, detail, remedy)
    } else if soft < connections {
        let wanted = connections.saturating_add(OWN_FILES);
        let remedy = format!("ulimit -n {wanted}, or a smaller `server.maxConnections`");
        Check::warn(id, detail, remedy)
    } else {
        Check::ok(id, detail)
    }
}

pub(super) fn inotify() -> Check {
    let id = "file_watch";
    let read = |name: &str| -> Option<u64> {
        let path = format!("/proc/sys/fs/inotify/{name}");
        fs_err::read_to_string(path).ok()?.trim().parse().ok()
    };
    let (Some(watches), Some(instances)) = (read("max_user_watches"), read("max_user_instances"))
    else {
        return Check::skip(id, "this system has no such limits");
    };
    let detail = format!("{watches} watches and {instances} watchers a user");
    let few = [
        ("max_user_watches", watches, LEAST_WATCHES),
        ("max_user_instances", instances, LEAST_INSTANCES),
    ];
    match few.into_iter().find(|(_, value, least)| value < least) {
        None => Check::ok(id, detail),
        Some((name, _, least)) => Check::warn(
            id,
            format!("{detail}: changes may be noticed late"),
            format!("sudo sysctl fs.inotify.{name}={}", least * 16),
        ),
    }
}

pub(super) fn clock(config: &Path) -> Check {
    let now_secs = SystemClock.now_ms() / 1000;
    let written_secs = fs_err::metadata(config).ok().map(|it| it.mtime());
    clock_at(now_secs, written_secs)
}

fn clock_at(now_secs: i64, written_secs: Option<i64>) -> Check {
    let id = "clock";
    let remedy = "set it: sudo timedatectl set-ntp true";
    if now_secs < LEAST_NOW_SECS {
        let detail = "is earlier than this program was made: https model servers are not trusted";
        return Check::fail(id, detail, remedy);
    }
    match written_secs {
        Some(written) if written > now_secs + DAY_SECS => {
            let detail =
                "is more than a day before the time at which the configuration was written";
            Check::warn(id, detail, remedy)
        }
        _ => Check::ok(id, "plausible"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offline::doctor::State;

    #[test]
    fn a_clock_that_cannot_be_right_is_told() {
        let now = LEAST_NOW_SECS + DAY_SECS;
        assert_eq!(clock_at(0, None).state, State::Fail);
        assert_eq!(clock_at(now, None).state, State::Ok);
        assert_eq!(clock_at(now, Some(now + 60)).state, State::Ok);
        assert_eq!(clock_at(now, Some(now + 2 * DAY_SECS)).state, State::Warn);
    }

    #[test]
    fn more_connections_than_files_need_a_look() {
        let soft = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        assert_eq!(open_files(1).state, State::Ok, "{soft}");
        if soft < 1 << 40 {
            let check = open_files(1 << 41);
            assert_eq!(check.state, State::Warn);
            assert!(check.remedy.unwrap().starts_with("ulimit -n "));
        }
    }

    #[test]
    fn space_is_that_of_the_nearest_directory_that_is_there() {
        let check = disk(Path::new("/no/such/home"));
        assert!(check.detail.contains("MiB free"), "{check:?}");
    }
}
