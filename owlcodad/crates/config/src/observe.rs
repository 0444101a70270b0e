//! What is kept of calls to be looked at: captures and traces.

use crate::env::Environment;
use crate::problem::{Report, code};
use crate::raw::RawCaptures;

/// Turns the writing of traces on.
pub(crate) const TRACE: &str = "OWLCODA_TRACE";

/// The latest requests and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureConfig {
    /// Whether any are kept.
    pub is_enabled: bool,
    /// Most calls; at least 1.
    pub max_entries: usize,
    /// Memory for them, in bytes.
    pub max_bytes: usize,
}

impl Default for CaptureConfig {
    fn default() -> Self {
        Self {
            is_enabled: false,
            max_entries: 50,
            max_bytes: 16 << 20,
        }
    }
}

impl CaptureConfig {
    /// How to have captures; none where there are some.
    pub const fn hint(&self) -> Option<&'static str> {
        if self.is_enabled {
            return None;
        }
        Some(
            "captures are off, and nothing is kept: `\"captures\": {\"enabled\": true}` in the \
             configuration turns them on, at once",
        )
    }
}

pub(crate) fn captures(raw: &RawCaptures) -> CaptureConfig {
    let default = CaptureConfig::default();
    CaptureConfig {
        is_enabled: raw.enabled.unwrap_or(default.is_enabled),
        max_entries: raw.max_entries.unwrap_or(default.max_entries),
        max_bytes: raw.max_bytes.unwrap_or(default.max_bytes),
    }
}

/// Whether the environment asks for a trace of each call in a file.
pub(crate) fn is_traced(env: &Environment, report: &mut Report) -> bool {
    match env.get(TRACE).map(|value| value.to_str()) {
        None | Some(Some("0" | "false")) => false,
        Some(Some("1" | "true")) => true,
        Some(_) => {
            report.error(code::UNKNOWN_VALUE, TRACE, "must be 1 or 0");
            false
        }
    }
}
