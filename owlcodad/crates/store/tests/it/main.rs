//! The store from outside, on a real disk.

mod audit;
mod contract;
mod damage;
mod defect;
#[expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what does not hold fails the test"
)]
mod full;
mod kill;
mod migration;
mod model;
mod offline;
#[cfg(target_os = "linux")]
#[expect(clippy::unwrap_used, reason = "what does not hold fails the test")]
mod power;
#[cfg(test)]
mod removal;
mod sample;
mod segments;
#[cfg(test)]
mod starts;
