//! The store from outside, on a real disk.

mod contract;
mod damage;
mod kill;
mod sample;
