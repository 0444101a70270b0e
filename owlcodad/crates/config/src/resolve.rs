//! From the configuration as written to the one in use: defaults, environment, checks of meaning.

mod caller;
mod key;
mod model;
mod policy;
mod runtime;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::caller::AuthConfig;
use crate::check::not_one_of;
use crate::config::{
    AuditConfig, CacheConfig, Config, DiscoveryConfig, HealthConfig, LogLevel, ResponseModelStyle,
    RoutingConfig, ServerConfig, StorageConfig, UnknownModel, UpstreamConfig,
};
use crate::credentials::Credentials;
use crate::endpoint::EndpointUrl;
use crate::env::Environment;
use crate::file::FileTrust;
use crate::problem::{Report, code};
use crate::raw::{RawCache, RawConfig, RawDiscovery, RawHealth, RawServer};

/// Where models without an endpoint are, unless `routerUrl` says something else.
const DEFAULT_ROUTER_PORT: u16 = 8009;

const PORT: &str = "OWLCODA_PORT";
const LOG_LEVEL: &str = "OWLCODA_LOG_LEVEL";
const ROUTER_URL: &str = "OWLCODA_ROUTER_URL";

/// Makes the configuration. It may be used only if `report` has no errors afterwards.
pub(crate) fn resolve(
    raw: RawConfig,
    env: &Environment,
    trust: &FileTrust,
    credentials: &Credentials,
    report: &mut Report,
) -> Config {
    let upstream = upstream(&raw.server, raw.router_timeout_ms);
    let auth = caller::auth(&raw.auth, report);
    let server = server(&raw, auth, env, report);
    let policy = policy::resolve(&raw.middleware);
    let router = router(raw.router_url.as_deref(), env, report);
    let runtimes = runtime::resolve(raw.runtimes, trust, report);
    let models = {
        let context = model::Context {
            env,
            trust,
            credentials,
            upstream: &upstream,
            router: &router,
            runtimes: &runtimes,
        };
        model::resolve(raw.models, &context, report)
    };
    Config {
        server,
        upstream,
        policy,
        models,
        runtimes,
        discovery: discovery(raw.discovery, report),
        routing: RoutingConfig {
            unknown_model: match raw.server.unknown_model.as_deref() {
                Some("default") => UnknownModel::Default,
                _ => UnknownModel::Refused,
            },
            by_intent: raw.middleware.intent_routing.unwrap_or(false),
            intent_defaults: BTreeMap::new(),
        },
        cache: cache(&raw.cache),
        health: health(&raw.health),
        is_warmed_up: raw.warmup.unwrap_or(false),
        response_model_style: match raw.response_model_style.as_deref() {
            Some("requested") => ResponseModelStyle::Requested,
            _ => ResponseModelStyle::Platform,
        },
        log_level: log_level(raw.log_level.as_deref(), env, report),
        auth,
        audit: {
            let default = AuditConfig::default();
            AuditConfig {
                is_enabled: raw.audit.enabled.unwrap_or(default.is_enabled),
            }
        },
        storage: {
            let default = StorageConfig::default();
            StorageConfig {
                cache_bytes: raw.storage.cache_bytes.unwrap_or(default.cache_bytes),
            }
        },
    }
}

fn server(
    raw: &RawConfig,
    auth: AuthConfig,
    env: &Environment,
    report: &mut Report,
) -> ServerConfig {
    let default = ServerConfig::default();
    let RawServer {
        drain_timeout_ms,
        header_timeout_ms,
        body_timeout_ms,
        write_timeout_ms,
        max_connections,
        ping_interval_ms,
        ..
    } = raw.server;
    let may_be_remote = raw.server.allow_remote.unwrap_or(false);
    ServerConfig {
        host: raw
            .host
            .as_deref()
            .and_then(|host| caller::listen_address(host, may_be_remote, auth, report))
            .unwrap_or(default.host),
        port: port(env, report).or(raw.port).unwrap_or(default.port),
        drain_timeout: millis_or(drain_timeout_ms, default.drain_timeout),
        header_timeout: millis_or(header_timeout_ms, default.header_timeout),
        body_timeout: millis_or(body_timeout_ms, default.body_timeout),
        write_timeout: millis_or(write_timeout_ms, default.write_timeout),
        max_connections: max_connections.unwrap_or(default.max_connections),
        max_request_body_bytes: raw
            .middleware
            .max_request_body_bytes
            .unwrap_or(default.max_request_body_bytes),
        ping_interval: millis_or(ping_interval_ms, default.ping_interval),
        allowed_hosts: caller::allowed_hosts(&raw.server.allowed_hosts, report),
        allowed_origins: caller::allowed_origins(&raw.server.allowed_origins, report),
    }
}

fn upstream(raw: &RawServer, router_timeout_ms: Option<u64>) -> UpstreamConfig {
    let default = UpstreamConfig::default();
    UpstreamConfig {
        connect_timeout: millis_or(raw.connect_timeout_ms, default.connect_timeout),
        first_token_timeout: millis_or(
            raw.first_token_timeout_ms.or(router_timeout_ms),
            default.first_token_timeout,
        ),
        idle_timeout: millis_or(raw.idle_timeout_ms, default.idle_timeout),
    }
}

fn discovery(raw: RawDiscovery, report: &mut Report) -> DiscoveryConfig {
    let default = DiscoveryConfig::default();
    let endpoints = raw.endpoints.map(|texts| {
        let mut endpoints = Vec::with_capacity(texts.len());
        for (idx, text) in texts.iter().enumerate() {
            let path = format!("discovery.endpoints[{idx}]");
            if let Some(endpoint) = endpoint(text, &path, report)
                && !endpoints.contains(&endpoint)
            {
                endpoints.push(endpoint);
            }
        }
        endpoints
    });
    DiscoveryConfig {
        is_enabled: raw.enabled.unwrap_or(default.is_enabled),
        endpoints: endpoints.unwrap_or(default.endpoints),
        interval: millis_or(raw.interval_ms, default.interval),
    }
}

fn cache(raw: &RawCache) -> CacheConfig {
    let default = CacheConfig::default();
    CacheConfig {
        is_enabled: raw.enabled.unwrap_or(default.is_enabled),
        max_entries: raw.max_entries.unwrap_or(default.max_entries),
        max_bytes: raw.max_bytes.unwrap_or(default.max_bytes),
        ttl: millis_or(raw.ttl_ms, default.ttl),
    }
}

fn health(raw: &RawHealth) -> HealthConfig {
    let interval = raw.interval_ms.map(Duration::from_millis);
    HealthConfig {
        interval: interval.map_or(HealthConfig::default().interval, |interval| {
            (!interval.is_zero()).then_some(interval)
        }),
    }
}

/// The server of models that name none.
struct Router {
    endpoint: EndpointUrl,
    /// Whether someone said so.
    is_set: bool,
}

fn router(written: Option<&str>, env: &Environment, report: &mut Report) -> Router {
    let written = written.and_then(|text| endpoint(text, "routerUrl", report));
    let from_env =
        variable(ROUTER_URL, env, report).and_then(|text| endpoint(&text, ROUTER_URL, report));
    let endpoint = from_env.or(written);
    Router {
        is_set: endpoint.is_some(),
        endpoint: endpoint.unwrap_or_else(|| EndpointUrl::on_this_machine(DEFAULT_ROUTER_PORT)),
    }
}

fn port(env: &Environment, report: &mut Report) -> Option<u16> {
    let text = variable(PORT, env, report)?;
    let port = text.parse().ok();
    if port.is_none() {
        let message = "must be a whole number from 0 to 65535";
        report.error(code::OUT_OF_RANGE, PORT, message);
    }
    port
}

fn log_level(written: Option<&str>, env: &Environment, report: &mut Report) -> LogLevel {
    let from_env = variable(LOG_LEVEL, env, report).and_then(|text| {
        let level = LogLevel::parse(&text);
        if level.is_none() {
            let message = not_one_of(&text, &LogLevel::ALL.map(LogLevel::as_str));
            report.error(code::UNKNOWN_VALUE, LOG_LEVEL, message);
        }
        level
    });
    from_env
        .or_else(|| written.and_then(LogLevel::parse))
        .unwrap_or_default()
}

/// The value of a variable of ours, where it is set.
fn variable(name: &str, env: &Environment, report: &mut Report) -> Option<String> {
    let text = env.get(name)?.to_str();
    if text.is_none() {
        report.error(code::NOT_UTF8, name, "is not UTF-8 text");
    }
    text.map(str::to_owned)
}

fn endpoint(text: &str, path: &str, report: &mut Report) -> Option<EndpointUrl> {
    EndpointUrl::parse(text)
        .map_err(|error| {
            report.error(code::BAD_ENDPOINT, path, error.to_string());
        })
        .ok()
}

fn millis_or(millis: Option<u64>, default: Duration) -> Duration {
    millis.map_or(default, Duration::from_millis)
}

/// Whether an environment variable may have this name.
fn is_variable_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(is_letter)
        && name
            .bytes()
            .all(|byte| is_letter(byte) || byte.is_ascii_digit())
}
