//! Outgoing calls against scripted servers, and servers of our own against real processes.

mod calls;
mod discovery;
mod failures;
mod managed;
mod proxies;
mod setup;
mod streams;
