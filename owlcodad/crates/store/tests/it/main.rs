//! The store from outside, on a real disk.

mod audit;
mod contract;
mod damage;
mod kill;
mod migration;
mod model;
mod offline;
mod sample;
mod segments;
