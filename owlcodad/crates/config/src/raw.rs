//! The configuration as written: every key that has an effect or is about to, each optional.
//!
//! Read from a document that [`crate::check`] has been over, so types and ranges hold. A required
//! key may still be missing here: its absence is reported by then.

use std::collections::BTreeMap;

use owlcoda_types::Secret;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct RawConfig {
    pub(crate) port: Option<u16>,
    pub(crate) host: Option<String>,
    pub(crate) router_url: Option<String>,
    pub(crate) local_runtime_protocol: Option<String>,
    pub(crate) router_timeout_ms: Option<u64>,
    pub(crate) response_model_style: Option<String>,
    pub(crate) log_level: Option<String>,
    pub(crate) log_file_path: Option<String>,
    pub(crate) log_file_max_bytes: Option<u64>,
    pub(crate) log_file_keep: Option<u32>,
    pub(crate) middleware: RawMiddleware,
    pub(crate) server: RawServer,
    pub(crate) auth: RawAuth,
    pub(crate) audit: RawAudit,
    pub(crate) storage: RawStorage,
    pub(crate) discovery: RawDiscovery,
    pub(crate) cache: RawCache,
    pub(crate) captures: RawCaptures,
    pub(crate) health: RawHealth,
    pub(crate) warmup: Option<bool>,
    pub(crate) cost: RawCost,
    /// None where the item is no object.
    pub(crate) models: Vec<Option<RawModel>>,
    /// None where the item is no object.
    pub(crate) runtimes: Vec<Option<RawRuntime>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct RawMiddleware {
    pub(crate) max_request_body_bytes: Option<usize>,
    pub(crate) rate_limit_rpm: Option<u64>,
    pub(crate) retry_max_attempts: Option<u32>,
    pub(crate) retry_base_delay_ms: Option<u64>,
    pub(crate) fallback_enabled: Option<bool>,
    pub(crate) circuit_breaker_threshold: Option<u32>,
    pub(crate) circuit_breaker_cooldown_ms: Option<u64>,
    pub(crate) request_timeout_ms: Option<u64>,
    pub(crate) intent_routing: Option<bool>,
    pub(crate) slo_target_percent: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct RawServer {
    pub(crate) drain_timeout_ms: Option<u64>,
    pub(crate) header_timeout_ms: Option<u64>,
    pub(crate) body_timeout_ms: Option<u64>,
    pub(crate) write_timeout_ms: Option<u64>,
    pub(crate) max_connections: Option<usize>,
    pub(crate) connect_timeout_ms: Option<u64>,
    pub(crate) first_token_timeout_ms: Option<u64>,
    pub(crate) idle_timeout_ms: Option<u64>,
    pub(crate) ping_interval_ms: Option<u64>,
    pub(crate) unknown_model: Option<String>,
    pub(crate) allow_remote: Option<bool>,
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) allowed_origins: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct RawAuth {
    pub(crate) inference: Option<String>,
    pub(crate) data: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct RawAudit {
    pub(crate) enabled: Option<bool>,
    pub(crate) mode: Option<String>,
    pub(crate) start_records: Option<bool>,
    pub(crate) jsonl_path: Option<String>,
    pub(crate) retention_days: Option<u32>,
    pub(crate) max_bytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct RawStorage {
    pub(crate) cache_bytes: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct RawDiscovery {
    pub(crate) enabled: Option<bool>,
    pub(crate) endpoints: Option<Vec<String>>,
    pub(crate) interval_ms: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct RawCache {
    pub(crate) enabled: Option<bool>,
    pub(crate) max_entries: Option<usize>,
    pub(crate) max_bytes: Option<usize>,
    pub(crate) ttl_ms: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct RawCaptures {
    pub(crate) enabled: Option<bool>,
    pub(crate) max_entries: Option<usize>,
    pub(crate) max_bytes: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct RawHealth {
    pub(crate) interval_ms: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct RawModel {
    pub(crate) id: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) backend_model: Option<String>,
    pub(crate) aliases: Vec<String>,
    pub(crate) tier: Option<String>,
    pub(crate) default: Option<bool>,
    pub(crate) endpoint: Option<String>,
    pub(crate) provider: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) local_runtime_protocol: Option<String>,
    pub(crate) server: Option<String>,
    pub(crate) runtime: Option<String>,
    pub(crate) api_key: Option<Secret>,
    pub(crate) api_key_env: Option<String>,
    pub(crate) headers: BTreeMap<String, Secret>,
    pub(crate) context_window: Option<u32>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) price: Option<RawPrice>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct RawPrice {
    pub(crate) input: Option<f64>,
    pub(crate) output: Option<f64>,
    pub(crate) cache_read: Option<f64>,
    pub(crate) cache_write: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct RawCost {
    pub(crate) currency: Option<String>,
    pub(crate) kwh_price: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct RawRuntime {
    pub(crate) name: Option<String>,
    pub(crate) command: Option<String>,
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<String, Secret>,
    pub(crate) ready_path: Option<String>,
    pub(crate) start_timeout_ms: Option<u64>,
    pub(crate) idle_stop_ms: Option<u64>,
    pub(crate) port: Option<u16>,
    pub(crate) server: Option<String>,
}
