//! The whole daemon as a process: in front of it callers and clients, behind it a scripted model
//! server.

#[cfg(test)]
mod access;
#[cfg(test)]
mod admission;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod backends;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod cache;
#[cfg(test)]
mod captures;
#[cfg(test)]
mod choice;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod config_verbs;
#[cfg(test)]
mod control_plane;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod discovery;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod figures;
#[cfg(test)]
mod gateway;
#[cfg(test)]
mod hardship;
#[cfg(test)]
mod health;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod insight;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod managed;
#[cfg(test)]
mod measure;
#[cfg(test)]
mod offline;
#[cfg(test)]
mod older_files;
#[cfg(test)]
mod otel;
#[cfg(test)]
mod other_form;
#[cfg(test)]
mod process;
#[cfg(test)]
mod quirks;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod resilience;
#[cfg(test)]
mod runtime_keys;
#[cfg(test)]
mod service;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod start_stop;
#[cfg(test)]
mod storage;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod warmup;
#[cfg(test)]
mod world;
