//! Tells when one of a few files may have changed, however it was replaced.
//!
//! Editors write a new file and rename it, Kubernetes swaps a link in the middle of the path, stow
//! and Nix change a link at its end. A watch on the file itself is lost with its inode. So the
//! directory of every link on the way to the file is watched, and the way is gone again after every
//! sign of life. What is told is only a hint: whoever is told compares contents.

mod chain;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tracing::debug;

/// Between two looks while every directory is watched: file systems of other machines tell nothing.
const BESIDE_EVENTS: Duration = Duration::from_secs(30);

/// Between two looks while the system does not tell of every change.
const IN_PLACE_OF_EVENTS: Duration = Duration::from_secs(2);

/// How often the ways are followed at once where they change meanwhile.
const MAX_DETOURS: usize = 8;

/// How changes are noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchMode {
    /// The system tells; a look every 30 s is beside it.
    Events,
    /// A look every 2 s.
    Polling,
}

impl WatchMode {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Events, Self::Polling];

    /// For people and as a label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Polling => "polling",
        }
    }
}

/// Watches files, each of which may be absent.
#[derive(Debug)]
pub struct FileWatch {
    paths: Vec<PathBuf>,
    bell: Arc<Bell>,
    /// None where the system has no more of them.
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    mode: WatchMode,
}

/// Rung by the watcher's thread.
#[derive(Debug, Default)]
struct Bell {
    on_the_way: Mutex<OnTheWay>,
    has_rung: Notify,
}

/// What lies on the ways to the files.
#[derive(Debug, Default)]
struct OnTheWay {
    /// Directories that are watched. An event of one that is gone names the directory itself.
    dirs: BTreeSet<PathBuf>,
    /// Names in them that matter.
    names: BTreeSet<OsString>,
}

impl FileWatch {
    /// Watches `paths` from now on.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let bell = Arc::new(Bell::default());
        let watcher = {
            let bell = Arc::clone(&bell);
            notify::recommended_watcher(move |event| bell.hear(event))
        };
        let watcher = watcher
            .inspect_err(|error| debug!(%error, "the system watches no files for us"))
            .ok();
        Self::with(paths, bell, watcher)
    }

    fn with(paths: Vec<PathBuf>, bell: Arc<Bell>, watcher: Option<RecommendedWatcher>) -> Self {
        let mut watch = Self {
            paths,
            bell,
            watcher,
            watched: BTreeSet::new(),
            mode: WatchMode::Polling,
        };
        watch.arm();
        watch
    }

    /// How changes are noticed at the moment.
    pub const fn mode(&self) -> WatchMode {
        self.mode
    }

    /// Waits until something may have changed since the last time this returned, or since the
    /// beginning. Cancel-safe. Returns also when nothing has: at times it is only time to look.
    pub async fn changed(&mut self) {
        let pause = match self.mode {
            WatchMode::Events => BESIDE_EVENTS,
            WatchMode::Polling => IN_PLACE_OF_EVENTS,
        };
        tokio::select! {
            () = self.bell.has_rung.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
        self.arm();
    }

    /// Follows the ways to the files anew. A directory that was replaced under its name has to be
    /// watched anew as well, so all of them are.
    fn arm(&mut self) {
        for _ in 0..MAX_DETOURS {
            let way = self.way();
            self.watch(&way);
            // A link that was changed before its directory was watched has told nobody.
            if self.way() == way {
                return;
            }
        }
        // Whoever changes the way all the time is looked after at the next sign of life: now.
        self.bell.has_rung.notify_one();
    }

    /// The way to every file.
    fn way(&self) -> BTreeSet<(PathBuf, OsString)> {
        self.paths.iter().flat_map(|path| chain::of(path)).collect()
    }

    fn watch(&mut self, way: &BTreeSet<(PathBuf, OsString)>) {
        let (dirs, names): (BTreeSet<_>, _) = way.iter().cloned().unzip();
        *self.bell.on_the_way.lock() = OnTheWay {
            dirs: dirs.clone(),
            names,
        };
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        for gone in &self.watched {
            // It may have gone by itself.
            let _ = watcher.unwatch(gone);
        }
        self.mode = WatchMode::Events;
        for dir in &dirs {
            if let Err(error) = watcher.watch(dir, RecursiveMode::NonRecursive) {
                debug!(dir = %dir.display(), %error, "a directory cannot be watched");
                self.mode = WatchMode::Polling;
            }
        }
        self.watched = dirs;
    }
}

impl Bell {
    fn hear(&self, event: notify::Result<Event>) {
        if event.map_or(true, |event| self.is_of_interest(&event)) {
            self.has_rung.notify_one();
        }
    }

    fn is_of_interest(&self, event: &Event) -> bool {
        // Our own reading is none.
        let is_reading = matches!(
            event.kind,
            EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write)
        );
        if is_reading {
            return false;
        }
        let on_the_way = self.on_the_way.lock();
        let matters = |path: &PathBuf| {
            let name = path.file_name();
            on_the_way.dirs.contains(path)
                || name.is_some_and(|name| on_the_way.names.contains(name))
        };
        event.need_rescan() || event.paths.is_empty() || event.paths.iter().any(matters)
    }
}

#[cfg(test)]
mod tests;
