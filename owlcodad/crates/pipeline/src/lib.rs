//! The path of a model call, the same for the gateway and for the agent.
//!
//! [`Pipeline::run`] is the way; each step that has more than a line of its own is a file here.

mod attempt;
mod cache;
mod call;
mod capture;
mod endpoints;
mod failure;
mod figures;
mod gauges;
mod health;
mod pipeline;
mod probe;
mod report;
mod settle;
mod signs;
mod snapshot;
mod standing;
mod stream;
mod trace;
mod translation;

pub use cache::CacheStats;
pub use call::{
    About, Answer, CHAT_END, CacheUse, CacheWish, Call, Client, Delivery, Event, HOPS_HEADER,
    MAX_HOPS, Request, Route, Whole,
};
pub use capture::{Capture, CaptureStats, Exchange, Message, Seen};
pub use endpoints::{Endpoint, NoSuchEndpoint, Reset, Served};
pub use failure::{CallError, Failure};
pub use figures::{
    Figures, MAX_SAMPLES, ModelFigures, Percentiles, Samples, Speed, WINDOW_CALLS, Window,
    route_name,
};
pub use health::{EndpointHealth, HeardBy, Moment};
pub use pipeline::Pipeline;
pub use probe::{ModelProbe, ProbeError, Question, Verdict};
pub use report::{
    Budget, CostReport, ModelCost, ModelPerf, PerfReport, Recommendation, RouteLatency,
    SpentBudget, UsageReport,
};
pub use settle::{Admitting, Entry, Outcome, Place, Receipt, Recorder, Settled, Unrecorded};
pub use snapshot::{Settings, Snapshot, SnapshotError};
pub use standing::{Standing, Traffic};
pub use stream::EventStream;
pub use trace::{MAX_RECENT_TRACES, MAX_SLOWEST_TRACES, Phase, Phases, Trace, TraceOrder};

pub use owlcoda_wire::quirks::QUIRKS_VERSION;
