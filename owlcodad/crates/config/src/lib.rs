//! The configuration file: found, read, checked whole, and turned into typed values.
//!
//! ```text
//! find ─► load ─► parse:  text ─► JSON ─► check ─► RawConfig ─► resolve ─► Config
//!                                           │                      │
//!                                           └──── all problems ────┘
//! ```
//!
//! A configuration holds whole or not at all. Nothing here knows a runtime, a socket or a clock.
#![warn(missing_docs)]

mod caller;
mod check;
mod config;
mod credentials;
mod endpoint;
mod env;
mod file;
mod fingerprint;
mod keys;
mod lines;
mod parse;
mod place;
mod policy;
mod problem;
mod provider;
mod raw;
mod reference;
mod resolve;
mod restart;
mod server;
#[cfg(test)]
mod tests;

pub use caller::{AllowedHost, AuthConfig, AuthMode, Authority, Host};
pub use config::{
    AuditConfig, CacheConfig, Config, DiscoveryConfig, HealthConfig, LogLevel, ModelConfig,
    ModelTarget, PORT_PLACEHOLDER, Protocol, ResponseModelStyle, RoutingConfig, RuntimeConfig,
    ServerConfig, StorageConfig, TIERS, UnknownModel, UpstreamConfig,
};
pub use credentials::{Credentials, find_credentials};
pub use endpoint::{EndpointError, EndpointUrl};
pub use env::Environment;
pub use file::{ConfigError, FileTrust, Found, Source, find, load, stray_notice};
pub use fingerprint::Fingerprint;
pub use parse::{Loaded, parse};
pub use policy::{BreakerConfig, FallbackConfig, PolicyConfig, RateLimitConfig, RetryConfig};
pub use problem::{Problem, Severity, code};
pub use reference::reference;
pub use restart::NEED_RESTART;
