//! The files of the daemon: its configuration, its home, its lock and socket, its token.

use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use owlcoda_proto::Place;
use owlcoda_types::{clip, printable};
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::process::geteuid;

use super::Check;
use crate::offline::Ground;
use crate::offline::text::count;
use crate::offline::validate::Verdict;

/// Bits of a mode that let anyone but the owner do anything.
pub(super) const OTHERS: u32 = 0o077;

/// Longest wait for the control socket to take a connection.
const CONNECT: Duration = Duration::from_secs(1);

pub(super) fn configuration(ground: &Ground, verdict: &Verdict) -> Check {
    let id = "configuration";
    let check = "owlcodad validate";
    let Some(loaded) = &verdict.loaded else {
        let first = verdict.problems.first();
        let first = first.map(ToString::to_string).unwrap_or_default();
        return Check::fail(id, format!("{}. {first}", verdict.summary()), check);
    };
    let n_models = loaded.config.models.len();
    let what = match &verdict.file {
        Some(file) => {
            let mode = fs_err::metadata(ground.config_path()).map(|it| it.mode() & 0o777);
            let mode = mode.map_or_else(|_| String::new(), |mode| format!(", mode {mode:04o}"));
            format!("{file}{mode}, {}", count(n_models, "model"))
        }
        None => "no file: the defaults hold, and models are looked for".to_owned(),
    };
    if verdict.problems.is_empty() {
        return Check::ok(id, what);
    }
    let n_warnings = count(verdict.problems.len(), "warning");
    Check::warn(id, format!("{what}, {n_warnings}"), check)
}

pub(super) fn home(home: &Path) -> Check {
    let id = "home";
    let shown = home.display();
    let metadata = match fs_err::metadata(home) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Check::skip(id, format!("{shown} is made at the first start"));
        }
        Err(error) => {
            return Check::fail(id, error.to_string(), "mend that, or pass --home DIR");
        }
    };
    let (uid, mode) = (metadata.uid(), metadata.mode() & 0o777);
    let ours = geteuid().as_raw();
    if !metadata.is_dir() {
        return Check::fail(
            id,
            format!("{shown} is not a directory"),
            "move it, or pass --home DIR",
        );
    }
    if uid != ours {
        let detail = format!("{shown} belongs to user {uid}, and you are user {ours}");
        let remedy = if ours == 0 {
            format!("as that user: sudo -u '#{uid}' owlcodad doctor --home {shown}")
        } else {
            format!("chown -R {ours} {shown}")
        };
        return Check::fail(id, detail, remedy);
    }
    if mode & 0o002 != 0 {
        let detail =
            format!("{shown} has mode {mode:04o}, and nothing starts where anybody can write");
        return Check::fail(id, detail, format!("chmod 700 {shown}"));
    }
    // What a start as another user, such as root, has left there.
    let entries = fs_err::read_dir(home).into_iter().flatten().flatten();
    let mut others = entries.filter_map(|entry| {
        let uid = fs_err::symlink_metadata(entry.path()).ok()?.uid();
        (uid != ours).then(|| (entry.path(), uid))
    });
    if let Some((path, uid)) = others.next() {
        let detail = format!("{} belongs to user {uid}", path.display());
        return Check::fail(id, detail, format!("chown -R {ours} {shown}, as root"));
    }
    if mode & OTHERS != 0 {
        let detail = format!("{shown} has mode {mode:04o}, which lets others look in");
        return Check::warn(id, detail, format!("chmod 700 {shown}"));
    }
    Check::ok(id, format!("{shown}, mode {mode:04o}"))
}

/// What is seen of a daemon of this home.
#[derive(Debug)]
pub(super) struct Daemon {
    /// What the holder of the lock wrote of itself; none where nobody holds it.
    holder: Option<String>,
    /// Whether somebody answers on the control socket.
    answers: bool,
}

impl Daemon {
    pub(super) async fn look(place: &Place) -> Self {
        let connect = tokio::net::UnixStream::connect(&place.socket);
        let connected = tokio::time::timeout(CONNECT, connect).await;
        Self {
            holder: holder(&place.home.join("owlcodad.lock")),
            answers: matches!(connected, Ok(Ok(_))),
        }
    }

    pub(super) const fn is_running(&self) -> bool {
        self.holder.is_some()
    }

    pub(super) const fn answers(&self) -> bool {
        self.answers
    }

    /// Its process id, as it says itself.
    pub(super) fn pid(&self) -> Option<u32> {
        let (_, rest) = self.holder.as_deref()?.split_once("pid ")?;
        let digits = rest.split(|letter: char| !letter.is_ascii_digit()).next();
        digits?.parse().ok()
    }
}

/// What the holder of a lock wrote of itself. A look takes the lock for a moment; a daemon that
/// starts meanwhile tries again.
fn holder(path: &Path) -> Option<String> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags.bits()).unwrap_or(0))
        .open(path)
        .ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            // What it wrote of itself is for people only.
            let _ = file.take(500).read_to_string(&mut holder);
            Some(clip(&printable(holder.trim()), 300).into_owned())
        }
        _ => None,
    }
}

pub(super) fn instance(place: &Place, daemon: &Daemon) -> Check {
    let id = "daemon";
    let socket = place.socket.display();
    let is_there = place.socket.symlink_metadata().is_ok();
    if daemon.holder.is_none()
        && let Some((detail, remedy)) = unsafe_directory(place)
    {
        return Check::fail(id, detail, remedy);
    }
    match (&daemon.holder, daemon.answers) {
        (Some(holder), true) => Check::ok(id, format!("runs: {holder}")),
        (Some(holder), false) => {
            let pid = daemon.pid();
            let pid = pid.map_or_else(|| "PID".to_owned(), |pid| pid.to_string());
            Check::fail(
                id,
                format!("{holder} holds the lock of the home and does not answer on {socket}"),
                format!("owlctl status; if it stays so: kill {pid}"),
            )
        }
        (None, true) => Check::warn(
            id,
            format!("a daemon of another home answers on {socket}"),
            "pass --socket PATH when starting this one, or stop that one",
        ),
        (None, false) if is_there => Check::warn(
            id,
            format!("does not run, and left {socket} behind"),
            "owlcodad serve: a start removes it",
        ),
        (None, false) => Check::ok(id, "does not run"),
    }
}

/// What keeps a start from making its socket where it is to be; none where nothing does.
fn unsafe_directory(place: &Place) -> Option<(String, String)> {
    let dir = place.socket.parent()?;
    let metadata = fs_err::symlink_metadata(dir).ok()?;
    let shown = dir.display();
    let (uid, mode) = (metadata.uid(), metadata.mode() & 0o777);
    let ours = geteuid().as_raw();
    let elsewhere = "move it, or pass --socket PATH".to_owned();
    if !metadata.is_dir() {
        Some((
            format!("{shown} is no directory, and is to have the control socket"),
            elsewhere,
        ))
    } else if uid != ours {
        let detail = format!("{shown}, the directory of the control socket, belongs to user {uid}");
        Some((
            detail,
            format!("chown {ours} {shown}, as root, or pass --socket PATH"),
        ))
    } else if mode & 0o022 != 0 {
        let detail = format!("{shown}, the directory of the control socket, has mode {mode:04o}");
        Some((detail, format!("chmod 700 {shown}")))
    } else {
        None
    }
}

pub(super) fn token(home: &Path) -> Check {
    let id = "token";
    let dir = home.join("auth");
    let path = dir.join("token");
    let ours = geteuid().as_raw();
    for (path, wanted, is_file) in [(&dir, 0o700, false), (&path, 0o600, true)] {
        let shown = path.display();
        let metadata = match fs_err::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Check::skip(id, format!("{shown} is made at the first start"));
            }
            Err(error) => return Check::fail(id, error.to_string(), "mend that"),
        };
        let mode = metadata.mode() & 0o777;
        if metadata.is_file() != is_file || metadata.is_symlink() {
            let detail = format!("{shown} is not what it must be");
            return Check::fail(id, detail, format!("remove it: rm -r {shown}"));
        }
        if metadata.uid() != ours {
            let detail = format!("{shown} belongs to user {}", metadata.uid());
            return Check::fail(id, detail, format!("remove it: rm -r {shown}"));
        }
        if mode & OTHERS != 0 {
            let detail = format!("{shown} has mode {mode:04o}, and nothing starts with it");
            return Check::fail(id, detail, format!("chmod {wanted:o} {shown}"));
        }
    }
    Check::ok(id, format!("{}, its owner's alone", path.display()))
}
