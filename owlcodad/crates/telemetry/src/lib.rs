//! Logs, crash reports and metrics: where they go, and every metric's name in one table.

pub mod crash;
mod logging;
pub mod metric;
mod process;
mod recorder;
mod series;

pub use logging::{
    LineFile, LogFile, LogLevel, LogLine, LogTail, Logging, StderrLines, init_logging,
};
pub use process::render_process;
pub use recorder::{Exposition, install_recorder};
