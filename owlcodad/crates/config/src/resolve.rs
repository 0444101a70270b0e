//! From the configuration as written to the one in use: defaults, environment, checks of meaning.

mod caller;
mod key;
mod model;
mod own_address;
mod policy;
mod runtime;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::audit::{AuditConfig, AuditMode};
use crate::caller::AuthConfig;
use crate::check::not_one_of;
use crate::config::{
    CacheConfig, Config, DiscoveryConfig, HealthConfig, LogFileConfig, LogLevel, Protocol,
    ResponseModelStyle, RoutingConfig, ServerConfig, StorageConfig, UnknownModel, UpstreamConfig,
};
use crate::cost;
use crate::endpoint::EndpointUrl;
use crate::env::Environment;
use crate::file::FileTrust;
use crate::observe;
use crate::parse::Beside;
use crate::problem::{Report, code};
use crate::raw::{RawCache, RawConfig, RawDiscovery, RawHealth, RawServer};
use crate::resolve::own_address::OwnAddress;

/// Where models without an endpoint are, unless `routerUrl` says something else.
const DEFAULT_ROUTER_PORT: u16 = 8009;

const PORT: &str = "OWLCODA_PORT";
const LOG_LEVEL: &str = "OWLCODA_LOG_LEVEL";
const ROUTER_URL: &str = "OWLCODA_ROUTER_URL";
const LOCAL_PROTOCOL: &str = "OWLCODA_LOCAL_RUNTIME_PROTOCOL";
const LOCAL_PROTOCOLS: [&str; 3] = ["auto", "openai_chat", "anthropic_messages"];

/// Keys that a variable stands for, each with its name. What the variable says wins.
pub(crate) const VARIABLES: [(&str, &str); 4] = [
    ("port", PORT),
    ("logLevel", LOG_LEVEL),
    ("routerUrl", ROUTER_URL),
    ("localRuntimeProtocol", LOCAL_PROTOCOL),
];

/// Makes the configuration. It may be used only if `report` has no errors afterwards.
pub(crate) fn resolve(
    mut raw: RawConfig,
    env: &Environment,
    trust: &FileTrust,
    beside: Beside<'_>,
    report: &mut Report,
) -> Config {
    let catalog = beside.catalog.filter(|_| raw.models.is_empty());
    let upstream = upstream(&raw.server, raw.router_timeout_ms);
    let auth = caller::auth(&raw.auth, report);
    let server = server(&raw, auth, env, report);
    let policy = policy::resolve(&raw.middleware);
    let speaks = raw.local_runtime_protocol.as_deref();
    let own = OwnAddress::of(&server);
    let router = router(raw.router_url.as_deref(), speaks, own, env, report);
    let runtimes = runtime::resolve(raw.runtimes, trust, report);
    let is_of_catalog = catalog.is_some();
    let mut intent_defaults = BTreeMap::new();
    if let Some(catalog) = catalog {
        if !router.is_set && !catalog.models.is_empty() {
            let message = format!(
                "is not set, and the models of the catalog are there; {} is taken",
                router.endpoint.root()
            );
            report.warning(code::NO_ENDPOINT, "routerUrl", message);
        }
        raw.models = catalog.models.into_iter().map(Some).collect();
        intent_defaults = catalog.intent_defaults;
    }
    let models = {
        let context = model::Context {
            env,
            trust,
            credentials: beside.credentials,
            is_of_catalog,
            upstream: &upstream,
            router: &router,
            runtimes: &runtimes,
            own,
        };
        model::resolve(raw.models, &context, report)
    };
    let config = Config {
        server,
        upstream,
        policy,
        slo: policy::slo(&raw.middleware),
        models,
        runtimes,
        discovery: discovery(raw.discovery, own, report),
        routing: RoutingConfig {
            unknown_model: match raw.server.unknown_model.as_deref() {
                Some("default") => UnknownModel::Default,
                _ => UnknownModel::Refused,
            },
            by_intent: raw.middleware.intent_routing.unwrap_or(false),
            intent_defaults,
        },
        cache: cache(&raw.cache),
        captures: observe::captures(&raw.captures),
        is_traced: observe::is_traced(env, report),
        health: health(&raw.health),
        cost: cost::resolve(raw.cost),
        is_warmed_up: raw.warmup.unwrap_or(false),
        response_model_style: match raw.response_model_style.as_deref() {
            Some("requested") => ResponseModelStyle::Requested,
            _ => ResponseModelStyle::Platform,
        },
        log_file: {
            let default = LogFileConfig::default();
            let path = raw.log_file_path.filter(|path| !path.is_empty());
            LogFileConfig {
                path: path.map(PathBuf::from),
                max_bytes: raw.log_file_max_bytes.unwrap_or(default.max_bytes),
                keep: raw.log_file_keep.unwrap_or(default.keep),
            }
        },
        log_level: log_level(raw.log_level.as_deref(), env, report),
        auth,
        audit: {
            let default = AuditConfig::default();
            AuditConfig {
                is_enabled: raw.audit.enabled.unwrap_or(default.is_enabled),
                mode: match raw.audit.mode.as_deref() {
                    Some("strict") => AuditMode::Strict,
                    _ => AuditMode::BestEffort,
                },
                has_start_records: raw.audit.start_records.unwrap_or(default.has_start_records),
                jsonl_path: raw
                    .audit
                    .jsonl_path
                    .filter(|path| !path.is_empty())
                    .map(PathBuf::from),
                retention: raw
                    .audit
                    .retention_days
                    .filter(|days| *days > 0)
                    .map(|days| Duration::from_hours(24 * u64::from(days))),
                max_bytes: raw.audit.max_bytes.filter(|n_bytes| *n_bytes > 0),
            }
        },
        storage: {
            let default = StorageConfig::default();
            StorageConfig {
                cache_bytes: raw.storage.cache_bytes.unwrap_or(default.cache_bytes),
            }
        },
    };
    own_address::check(&config, report);
    config
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

fn discovery(raw: RawDiscovery, own: OwnAddress, report: &mut Report) -> DiscoveryConfig {
    let mut default = DiscoveryConfig::default();
    own.leave_out(&mut default);
    let endpoints = raw.endpoints.map(|texts| {
        let mut endpoints = Vec::with_capacity(texts.len());
        for (idx, text) in texts.iter().enumerate() {
            let path = format!("discovery.endpoints[{idx}]");
            if let Some(endpoint) = endpoint(text, &path, report)
                && !endpoints.contains(&endpoint)
            {
                own.check(&endpoint, &path, report);
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
    /// What it speaks. None: its address tells.
    protocol: Option<Protocol>,
    /// Whether someone said so.
    is_set: bool,
}

fn router(
    written: Option<&str>,
    speaks: Option<&str>,
    own: OwnAddress,
    env: &Environment,
    report: &mut Report,
) -> Router {
    let written = written.and_then(|text| endpoint(text, "routerUrl", report));
    let from_env =
        variable(ROUTER_URL, env, report).and_then(|text| endpoint(&text, ROUTER_URL, report));
    if let Some(endpoint) = &from_env {
        own.check(endpoint, ROUTER_URL, report);
    } else if let Some(endpoint) = &written {
        own.check(endpoint, "routerUrl", report);
    }
    let endpoint = from_env.or(written);
    Router {
        is_set: endpoint.is_some(),
        protocol: router_protocol(speaks, env, report),
        endpoint: endpoint.unwrap_or_else(|| EndpointUrl::on_this_machine(DEFAULT_ROUTER_PORT)),
    }
}

fn router_protocol(
    written: Option<&str>,
    env: &Environment,
    report: &mut Report,
) -> Option<Protocol> {
    let Some(text) = variable(LOCAL_PROTOCOL, env, report) else {
        return written.and_then(Protocol::parse);
    };
    if !LOCAL_PROTOCOLS.contains(&text.as_str()) {
        let message = not_one_of(&text, &LOCAL_PROTOCOLS);
        report.error(code::UNKNOWN_VALUE, LOCAL_PROTOCOL, message);
    }
    Protocol::parse(&text)
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
