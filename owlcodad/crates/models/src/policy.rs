//! What is done when a model server fails or is asked too often. Pure: time and chance are passed in.

mod breaker;
mod bucket;
mod failure;
mod plan;
mod retry;
#[cfg(test)]
mod world;

pub use breaker::{Breaker, BreakerState, BreakerView, OpenUntil, Permit};
pub use bucket::{Bucket, RetryIn, Share, Shares};
pub use failure::{Failure, FailureKind};
pub use plan::{MAX_FALLBACKS, Plan};
pub use retry::{Others, Retry, Verdict};
