//! Everything that lives longer than a call: tasks with a name and an end, published values,
//! child processes, the service manager above us, and the phases of a shutdown.

mod deadline;
mod file_watch;
mod host;
mod live;
pub mod process;
mod seldom;
mod service;
mod shutdown;
mod signals;
mod supervisor;

pub use deadline::Deadline;
pub use file_watch::{FileWatch, WatchMode};
pub use host::{
    ConfigChange, ConfigDiff, ConfigProblem, ConfigStatus, ConfigValue, Host, HttpToken, Identity,
    Rejection, ReloadOutcome, Reloaded, RolledBack,
};
pub use live::Live;
pub use seldom::Seldom;
pub use service::{Activation, ActivationError, Heartbeat, Passed, ServiceManager, watch};
pub use shutdown::{Ending, Phase, Shutdown};
pub use signals::{Hangups, Signal, Signals};
pub use supervisor::{OnExit, Supervisor};
pub use tokio_util::sync::CancellationToken;
