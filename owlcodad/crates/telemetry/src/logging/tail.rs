//! The latest log lines, for those who look on.

use std::collections::VecDeque;

use owlcoda_types::UnixMs;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::LogLevel;

/// Most lines that are kept.
const MAX_LINES: usize = 2000;

/// Most bytes that they take together.
const MAX_BYTES: usize = 1 << 20;

/// Most bytes of one line; a longer one is cut.
const MAX_LINE_BYTES: usize = 16 << 10;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Its number, from 1, without gaps.
    pub seq: u64,
    /// When it was written, Unix time in milliseconds.
    pub at_ms: UnixMs,
    /// How important it is.
    pub level: LogLevel,
    /// The line itself, a JSON object without a line break.
    pub json: String,
}

/// The latest lines. The oldest make room.
#[derive(Debug)]
pub struct LogTail {
    lines: Mutex<Kept>,
    newest: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<LogLine>,
    n_bytes: usize,
    newest: u64,
}

impl Default for LogTail {
    fn default() -> Self {
        Self {
            lines: Mutex::default(),
            newest: watch::Sender::new(0),
        }
    }
}

impl LogTail {
    pub(crate) fn push(&self, at_ms: UnixMs, level: LogLevel, json: &str) {
        let json = owlcoda_types::clip(json.trim_end_matches('\n'), MAX_LINE_BYTES).into_owned();
        let mut kept = self.lines.lock();
        kept.newest += 1;
        kept.n_bytes += json.len();
        let seq = kept.newest;
        kept.lines.push_back(LogLine {
            seq,
            at_ms,
            level,
            json,
        });
        while kept.lines.len() > MAX_LINES || kept.n_bytes > MAX_BYTES {
            let Some(oldest) = kept.lines.pop_front() else {
                break;
            };
            kept.n_bytes -= oldest.json.len();
        }
        drop(kept);
        self.newest.send_replace(seq);
    }

    /// The lines after number `seq`, oldest first, as far as they are still kept.
    pub fn after(&self, seq: u64) -> Vec<LogLine> {
        let kept = self.lines.lock();
        let lines = kept.lines.iter().filter(|line| line.seq > seq);
        lines.cloned().collect()
    }

    /// Tells the number of the newest line, now and whenever there is another.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_lines_make_room_and_numbers_have_no_gaps() {
        let tail = LogTail::default();
        let n = MAX_LINES as u64 + 5;
        for at_ms in 1..=n {
            tail.push(at_ms.cast_signed(), LogLevel::Info, "{}\n");
        }
        let all = tail.after(0);
        assert_eq!(
            (all.len(), all[0].seq, all[0].json.as_str()),
            (MAX_LINES, 6, "{}")
        );
        assert!(all.windows(2).all(|pair| pair[1].seq == pair[0].seq + 1));
        assert_eq!(tail.after(n - 1).len(), 1);
        assert_eq!(*tail.newest().borrow(), n);
    }

    #[test]
    fn long_lines_are_cut_and_do_not_take_more_memory_than_they_may() {
        let tail = LogTail::default();
        let long = "x".repeat(MAX_LINE_BYTES * 4);
        for _ in 0..200 {
            tail.push(0, LogLevel::Warn, &long);
        }
        let lines = tail.after(0);
        let n_bytes: usize = lines.iter().map(|line| line.json.len()).sum();
        assert!(n_bytes <= MAX_BYTES && lines.len() > 10, "{n_bytes}");
    }
}
