//! The record of model calls: whether there is one, what becomes of a call without, how long it stays.

use std::path::PathBuf;
use std::time::Duration;

/// What becomes of a call whose record finds no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditMode {
    /// It is served, and the record is lost and counted.
    #[default]
    BestEffort,
    /// It is refused before a model is asked.
    Strict,
}

/// The record of model calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditConfig {
    /// Whether calls are recorded.
    pub is_enabled: bool,
    /// What becomes of a call whose record finds no room.
    pub mode: AuditMode,
    /// Whether calls are recorded when they begin, too.
    pub has_start_records: bool,
    /// Gets each record as a line of JSON; a relative one begins at the home. None: nothing does.
    pub jsonl_path: Option<PathBuf>,
    /// Records older than this go. None: never.
    pub retention: Option<Duration>,
    /// The oldest records go while all take more than this, in bytes. None: never.
    pub max_bytes: Option<u64>,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            is_enabled: true,
            mode: AuditMode::BestEffort,
            has_start_records: false,
            jsonl_path: None,
            retention: None,
            max_bytes: None,
        }
    }
}
