//! The configuration file: found, read, checked whole, and turned into typed values.
//!
//! ```text
//! find ─► load ─► parse:  text ─► JSON ─► migrate ─► check ─► RawConfig ─► resolve ─► Config
//!                                            │         │                      │
//!                                            └─────────┴──── all problems ────┘
//! ```
//!
//! A configuration holds whole or not at all. Nothing here knows a runtime, a socket or a clock.
#![warn(missing_docs)]

mod audit;
mod caller;
mod catalog;
mod check;
mod config;
mod cost;
mod credentials;
mod difference;
mod endpoint;
mod env;
mod file;
mod fingerprint;
mod guess;
mod keys;
mod lines;
mod lookup;
mod migrate;
mod observe;
mod parse;
mod place;
mod policy;
mod problem;
mod provider;
mod raw;
mod reference;
mod resolve;
mod restart;
mod rewrite;
mod schema;
mod server;
mod settings;
#[cfg(test)]
mod tests;

pub use audit::{AuditConfig, AuditMode};
pub use caller::{AllowedHost, AuthConfig, AuthMode, Authority, Host};
pub use catalog::find_catalog;
pub use config::{
    CacheConfig, Config, DiscoveryConfig, HealthConfig, LogFileConfig, LogLevel, ModelConfig,
    ModelTarget, PORT_PLACEHOLDER, Protocol, ResponseModelStyle, RoutingConfig, RuntimeConfig,
    ServerConfig, StorageConfig, TIERS, UnknownModel, UpstreamConfig,
};
pub use cost::{CostConfig, Price};
pub use credentials::{Credentials, find_credentials};
pub use difference::{Difference, InForce, differences};
pub use endpoint::{EndpointError, EndpointUrl};
pub use env::Environment;
pub use file::{ConfigError, FileTrust, Found, Role, Source, find, load, stray_notice};
pub use fingerprint::Fingerprint;
pub use guess::{is_for_embedding, tier_of_name};
pub use lookup::{Lookup, lookup};
pub use migrate::{CONFIG_VERSION, Change};
pub use observe::CaptureConfig;
pub use parse::{Loaded, parse};
pub use policy::{
    BreakerConfig, FallbackConfig, PolicyConfig, RateLimitConfig, RetryConfig, SloConfig,
};
pub use problem::{Problem, Severity, code};
pub use reference::reference;
pub use restart::NEED_RESTART;
pub use rewrite::{Migrated, Portable, migrated, portable, pretty};
pub use schema::{example, schema};
pub use settings::{Origin, Setting, settings};
