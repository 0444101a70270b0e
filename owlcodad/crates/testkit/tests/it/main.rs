//! The test kit against itself: its client drives its fakes.

mod answers;
mod broken_streams;
mod daemon;
mod records;
