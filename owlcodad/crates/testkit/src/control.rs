//! Doubles of the control plane, for what a real daemon cannot be made to do at an exact moment: to
//! answer with fixed values, to cut a stream, to lose an answer, to die and come back, to be of another
//! version.

mod scripted;
mod served;
mod skewed;

pub use scripted::{Act, Admission, Scripted};
pub use served::{Answers, Served};
pub use skewed::{Skewed, Version, later, sent};
