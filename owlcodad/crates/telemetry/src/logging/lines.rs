//! A file of lines of its own, written as the log file is: nobody waits for the disk, a full file is
//! set aside, and what finds no room in the queue is counted.

use std::io::{self, Write as _};
use std::sync::Arc;

use parking_lot::Mutex;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

use super::file::RotatingFile;
use super::{LogFile, MAX_WAITING_LINES};

/// The file. Clones write to the same one.
#[derive(Clone)]
pub struct LineFile {
    queue: NonBlocking,
    lost: ErrorCounter,
    guard: Arc<Mutex<Option<WorkerGuard>>>,
}

impl LineFile {
    /// Opens it, and makes its directory where there is none.
    ///
    /// # Errors
    /// Where it cannot be opened for writing.
    pub fn open(file: LogFile) -> io::Result<Self> {
        let (queue, guard) = NonBlockingBuilder::default()
            .buffered_lines_limit(MAX_WAITING_LINES)
            .lossy(true)
            .finish(RotatingFile::open(file)?);
        Ok(Self {
            lost: queue.error_counter(),
            queue,
            guard: Arc::new(Mutex::new(Some(guard))),
        })
    }

    /// Writes one line, its end included, or counts it as lost.
    pub fn write(&self, line: &[u8]) {
        // It fails only once the writer is gone.
        drop(self.queue.clone().write_all(line));
    }

    /// Lines that found no room so far.
    pub fn n_lost(&self) -> u64 {
        self.lost.dropped_lines() as u64
    }

    /// Writes what waits, and ends. Lines after it are lost.
    pub fn finish(&self) {
        self.guard.lock().take();
    }
}

impl std::fmt::Debug for LineFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LineFile").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_before_the_end_is_in_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("trace/calls.jsonl");
        let file = LineFile::open(LogFile {
            path: path.clone(),
            max_bytes: 1 << 20,
            keep: 1,
        });
        let file = file.unwrap();
        for n in 0..100 {
            file.write(format!("{n}\n").as_bytes());
        }
        file.finish();
        let text = fs_err::read_to_string(&path).unwrap();
        assert_eq!((text.lines().count(), file.n_lost()), (100, 0));
    }
}
