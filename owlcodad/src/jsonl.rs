//! `audit.jsonlPath`: the record of each ended call as a line of JSON in a file.
//!
//! One task follows the store by the numbers of the records. So nobody waits for the file, a file that
//! cannot be written loses nothing, and after a restart it goes on after the file's last line.

mod file;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use owlcoda_gateway::audit_line;
use owlcoda_store::{Audit, AuditOrder, AuditQuery, StoreError};
use owlcoda_supervise::CancellationToken;
use owlcoda_telemetry::metric;
use parking_lot::Mutex;
use tokio::sync::watch;
use tracing::{info, warn};

use self::file::LineFile;

/// Records of one write.
const PAGE: usize = 1000;

/// Waits between two tries, growing.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How long the last records may take at the end.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Why lines cannot be written now, for whoever asks how the daemon is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trouble(Arc<Mutex<Option<String>>>);

impl Trouble {
    /// In one sentence.
    pub(crate) fn problem(&self) -> Option<String> {
        self.0.lock().clone()
    }
}

/// What the task needs.
#[derive(Debug)]
pub(crate) struct Lines {
    pub(crate) audit: Audit,
    pub(crate) path: watch::Receiver<Option<PathBuf>>,
    pub(crate) trouble: Trouble,
}

/// Why lines were not written.
#[derive(Debug, thiserror::Error)]
enum LineError {
    #[error(transparent)]
    File(#[from] std::io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Lines {
    /// Writes lines until the daemon stops.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut newest = self.audit.newest();
        // What was recorded before the file was asked for is not for it.
        let mut after_seq = *newest.borrow();
        let mut file = None;
        let mut wait = FIRST_WAIT;
        loop {
            if self.path.has_changed().unwrap_or(false) || file.is_none() {
                let path = self.path.borrow_and_update().clone();
                file = path.map(LineFile::new);
                *self.trouble.0.lock() = None;
                if file.is_none() {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        changed = self.path.changed() => if changed.is_err() { return },
                    }
                    self.path.mark_changed();
                    after_seq = *newest.borrow();
                    continue;
                }
            }
            let Some(open) = &mut file else { continue };
            let newest_seq = *newest.borrow_and_update();
            let written = write(&self.audit, open, after_seq, newest_seq).await;
            match written {
                Ok(seq) => {
                    after_seq = seq;
                    wait = FIRST_WAIT;
                    if self.trouble.0.lock().take().is_some() {
                        info!("the audit's lines of JSON are written again");
                    }
                    tokio::select! {
                        () = stop.cancelled() => break,
                        changed = newest.changed() => if changed.is_err() { return },
                        changed = self.path.changed() => {
                            if changed.is_err() { return }
                            self.path.mark_changed();
                        }
                    }
                }
                Err(error) => {
                    self.tell(open, &error);
                    newest.mark_changed();
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = tokio::time::sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
                        changed = self.path.changed() => {
                            if changed.is_err() { return }
                            self.path.mark_changed();
                        }
                    }
                }
            }
        }
        let Some(mut file) = file else { return };
        let last = async {
            // What does not come now comes at the next start.
            let _ = self.audit.flush().await;
            let newest_seq = *newest.borrow();
            let _ = write(&self.audit, &mut file, after_seq, newest_seq).await;
        };
        let _ = tokio::time::timeout(LAST_LINES, last).await;
    }

    fn tell(&self, file: &LineFile, error: &LineError) {
        metric::AUDIT_LINES_FAILED.add([], 1);
        let path = file.path().display();
        let words = format!(
            "the audit's lines of JSON cannot be written to `{path}`, and wait in the store: {error}; see \
             to the file, or set `audit.jsonlPath` to another"
        );
        let before = self.trouble.0.lock().replace(words);
        if before.is_none() {
            warn!(%error, "the audit's lines of JSON cannot be written, trying again");
        }
    }
}

/// Writes the records after number `after_seq`, or after the file's last one, of which `newest_seq` is
/// one that is there; gives back the number of the last that it has looked at.
async fn write(
    audit: &Audit,
    file: &mut LineFile,
    after_seq: u64,
    newest_seq: u64,
) -> Result<u64, LineError> {
    let mut after_seq = file.open().await?.map_or(after_seq, |last_seq| {
        // A file of another store says nothing of this one.
        last_seq.min(newest_seq)
    });
    let mut query = (after_seq < newest_seq).then(|| AuditQuery {
        limit: PAGE,
        order: AuditOrder::OldestFirst,
        after_seq: Some(after_seq),
        ..AuditQuery::default()
    });
    while let Some(asked) = query {
        let page = audit.query(asked.clone()).await?;
        query = asked.following(&page);
        let last_seq = page.records.last().map(|(seq, _)| *seq);
        let mut text = String::new();
        for (seq, record) in &page.records {
            text.push_str(&audit_line(*seq, record));
            text.push('\n');
        }
        file.append(text, last_seq.unwrap_or(after_seq)).await?;
        after_seq = after_seq.max(last_seq.unwrap_or(0));
    }
    after_seq = after_seq.max(newest_seq);
    file.has_seen(after_seq);
    Ok(after_seq)
}
