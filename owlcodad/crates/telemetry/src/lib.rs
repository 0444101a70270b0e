//! Logs and metrics: where they go, and every metric's name in one table.

mod logging;
pub mod metric;
mod process;
mod recorder;

pub use logging::{LineFile, LogFile, LogLevel, LogLine, LogTail, Logging, init_logging};
pub use process::render_process;
pub use recorder::{Exposition, install_recorder};
