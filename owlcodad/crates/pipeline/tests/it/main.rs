//! Model calls from their entry to their record, against scripted servers.

mod anthropic_server;
mod ends;
mod names;
mod quirks;
#[cfg(test)]
mod recorded;
mod refusals;
mod setup;
mod standing;
mod streams;
