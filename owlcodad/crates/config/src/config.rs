//! The configuration as used: typed, checked, every default filled in.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use owlcoda_types::{Secret, Server};

use crate::audit::AuditConfig;
use crate::caller::{AllowedHost, AuthConfig};
use crate::cost::{CostConfig, Price};
use crate::endpoint::EndpointUrl;
use crate::observe::CaptureConfig;
use crate::policy::{PolicyConfig, SloConfig};

/// Everything that can be configured. The default is what an empty file means.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// The HTTP API.
    pub server: ServerConfig,
    /// Time limits on calls to model servers.
    pub upstream: UpstreamConfig,
    /// What is done when a model server fails or is asked too often.
    pub policy: PolicyConfig,
    /// How many calls are to have an answer.
    pub slo: SloConfig,
    /// The models, in the order of the file. Exactly one is the default, unless there are none.
    pub models: Vec<ModelConfig>,
    /// Model servers that the daemon runs itself.
    pub runtimes: Vec<RuntimeConfig>,
    /// Search for model servers, on this machine as it comes.
    pub discovery: DiscoveryConfig,
    /// Which model answers where none, or one that is not there, is named.
    pub routing: RoutingConfig,
    /// Answers that are given again.
    pub cache: CacheConfig,
    /// The latest requests and answers.
    pub captures: CaptureConfig,
    /// Whether a trace of each call is written to a file. By a variable alone.
    pub is_traced: bool,
    /// The monitor of model servers.
    pub health: HealthConfig,
    /// Whether local models are loaded when the daemon starts.
    pub is_warmed_up: bool,
    /// How costs are told and estimated.
    pub cost: CostConfig,
    /// The model name in answers.
    pub response_model_style: ResponseModelStyle,
    /// Least level that is logged.
    pub log_level: LogLevel,
    /// Where log lines go besides standard error.
    pub log_file: LogFileConfig,
    /// Who may call the HTTP API.
    pub auth: AuthConfig,
    /// The record of model calls.
    pub audit: AuditConfig,
    /// The database.
    pub storage: StorageConfig,
}

impl Config {
    /// The model that answers when none is named. None when there are no models.
    pub fn default_model(&self) -> Option<&ModelConfig> {
        self.models.iter().find(|model| model.is_default)
    }

    /// The runtime of this name.
    pub fn runtime(&self, name: &str) -> Option<&RuntimeConfig> {
        self.runtimes.iter().find(|runtime| runtime.name == name)
    }
}

/// The HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// Address to listen on; loopback unless every class of endpoints asks for the token.
    pub host: IpAddr,
    /// Port to listen on; 0 is any free one.
    pub port: u16,
    /// Time that calls in flight get when the daemon stops.
    pub drain_timeout: Duration,
    /// Longest wait for the head of a request.
    pub header_timeout: Duration,
    /// Longest silence within the body of a request, and what a slow one gets beyond its length.
    pub body_timeout: Duration,
    /// Longest time that a caller may take nothing of an answer.
    pub write_timeout: Duration,
    /// Most connections open at once; at least 1.
    pub max_connections: usize,
    /// Largest request body, in bytes.
    pub max_request_body_bytes: usize,
    /// A caller that waits on a stream gets a ping this often.
    pub ping_interval: Duration,
    /// Further names by which the daemon may be called.
    pub allowed_hosts: Vec<AllowedHost>,
    /// Further values of `Origin` that may call, as browsers write them.
    pub allowed_origins: Vec<String>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8019,
            drain_timeout: Duration::from_secs(30),
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_mins(1),
            max_connections: 1024,
            max_request_body_bytes: 32 << 20,
            ping_interval: Duration::from_secs(10),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
        }
    }
}

/// Time limits on calls to model servers. A model may have its own, see [`ModelConfig`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamConfig {
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait from the request to the first token.
    pub first_token_timeout: Duration,
    /// Longest silence in the middle of an answer.
    pub idle_timeout: Duration,
}

impl Default for UpstreamConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            first_token_timeout: Duration::from_mins(10),
            idle_timeout: Duration::from_mins(5),
        }
    }
}

/// One model that callers can ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// Name by which callers ask for it; unique.
    pub id: String,
    /// Name for people.
    pub label: String,
    /// Name that the model server expects.
    pub backend_model: String,
    /// Further names; unique over all models, and none is another model's id.
    pub aliases: Vec<String>,
    /// What it is good for; usually one of [`TIERS`].
    pub tier: String,
    /// Whether it answers when no model is named.
    pub is_default: bool,
    /// Where it is served.
    pub target: ModelTarget,
    /// What its server speaks.
    pub protocol: Protocol,
    /// Which server that is, as far as it is known.
    pub server: Server,
    /// Sent as a bearer token. None: nothing is sent.
    pub key: Option<Secret>,
    /// Sent with every request. Names are lower case; both are fit to be sent.
    pub headers: BTreeMap<String, Secret>,
    /// Prompt and answer together, in tokens. None: the file does not say.
    pub context_window: Option<u32>,
    /// What its server asks for tokens. None: the file does not say.
    pub price: Option<Price>,
    /// Longest wait for the first token.
    pub first_token_timeout: Duration,
    /// Longest silence in the middle of an answer.
    pub idle_timeout: Duration,
}

/// What a model server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// `OpenAI` Chat Completions.
    #[default]
    OpenAi,
    /// Anthropic Messages.
    Anthropic,
}

impl Protocol {
    /// The protocol that is written so; none for `auto`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "openai" | "openai_chat" => Some(Self::OpenAi),
            "anthropic" | "anthropic_messages" => Some(Self::Anthropic),
            _ => None,
        }
    }

    /// As it is written in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
        }
    }
}

/// Where a model is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelTarget {
    /// By a server that someone else runs.
    Endpoint(EndpointUrl),
    /// By the entry of [`Config::runtimes`] with this name; it exists.
    Runtime(String),
}

/// One model server that the daemon starts and stops itself.
#[derive(Clone, Debug, PartialEq)]
pub struct RuntimeConfig {
    /// `a` to `z`, `0` to `9` and `-`; unique.
    pub name: String,
    /// A name to be found in `PATH`, or an absolute path. Not for a shell.
    pub command: String,
    /// Arguments, with `{port}` still in them.
    pub args: Vec<String>,
    /// Further environment variables, with `{port}` still in them; may hold keys.
    pub env: BTreeMap<String, Secret>,
    /// Path that answers with success once the server is ready; begins with `/`.
    pub ready_path: String,
    /// Longest wait until it is ready.
    pub start_timeout: Duration,
    /// Stopped after this time without a call. None: never.
    pub idle_stop: Option<Duration>,
    /// Port to listen on. None: any free one.
    pub port: Option<u16>,
    /// Which server it is, as far as it is known.
    pub server: Server,
}

/// What a runtime's arguments and variables have in place of the port.
pub const PORT_PLACEHOLDER: &str = "{port}";

/// Search for model servers on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoveryConfig {
    /// Whether it takes place.
    pub is_enabled: bool,
    /// Servers to look for, each once.
    pub endpoints: Vec<EndpointUrl>,
    /// Between two looks.
    pub interval: Duration,
}

impl Default for DiscoveryConfig {
    fn default() -> Self {
        // Ollama, LM Studio, vLLM, llama.cpp.
        let ports = [11434, 1234, 8000, 8080];
        Self {
            is_enabled: true,
            endpoints: ports.map(EndpointUrl::on_this_machine).to_vec(),
            interval: Duration::from_secs(30),
        }
    }
}

/// Which model answers where none, or one that is not there, is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutingConfig {
    /// What becomes of a name that leads to no model.
    pub unknown_model: UnknownModel,
    /// Whether a call that leaves the choice to us goes by what it is about.
    pub by_intent: bool,
    /// The model that is meant for an intent (`code`, `analysis`, ...), where the catalog names one.
    pub intent_defaults: BTreeMap<String, String>,
}

/// What becomes of a name that leads to no model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownModel {
    /// An error with names that look like it.
    #[default]
    Refused,
    /// The default model answers.
    Default,
}

/// Answers that are given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheConfig {
    /// Whether any is.
    pub is_enabled: bool,
    /// Most answers that are kept; at least 1.
    pub max_entries: usize,
    /// Memory for them, in bytes.
    pub max_bytes: usize,
    /// How long one is given again.
    pub ttl: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            is_enabled: true,
            max_entries: 100,
            max_bytes: 16 << 20,
            ttl: Duration::from_mins(5),
        }
    }
}

/// The monitor of model servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthConfig {
    /// A server of which nothing was heard for so long is asked. None: never.
    pub interval: Option<Duration>,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self {
            interval: Some(Duration::from_mins(1)),
        }
    }
}

/// The database in the data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageConfig {
    /// Memory for its page cache, in bytes.
    pub cache_bytes: u64,
}

impl Default for StorageConfig {
    fn default() -> Self {
        Self {
            cache_bytes: 16 << 20,
        }
    }
}

/// The model name in answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseModelStyle {
    /// The configured id of the model that answered.
    #[default]
    Platform,
    /// The name that the caller sent.
    Requested,
}

/// Where log lines go besides standard error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFileConfig {
    /// None: nowhere. A relative one begins at the data directory.
    pub path: Option<PathBuf>,
    /// Size at which it is set aside, in bytes.
    pub max_bytes: u64,
    /// How many that were set aside are kept.
    pub keep: u32,
}

impl Default for LogFileConfig {
    fn default() -> Self {
        Self {
            path: None,
            max_bytes: 10 << 20,
            keep: 3,
        }
    }
}

/// Least level that is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Per chunk.
    Trace,
    /// Per request.
    Debug,
    /// Changes of state.
    #[default]
    Info,
    /// We coped.
    Warn,
    /// A person must act.
    Error,
}

impl LogLevel {
    /// Every level, the most talkative first.
    pub const ALL: [Self; 5] = [
        Self::Trace,
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
    ];

    /// As it is written in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The level that is written so.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }
}

/// The tiers that routing knows.
pub const TIERS: [&str; 12] = [
    "production",
    "balanced",
    "fast",
    "heavy",
    "general",
    "discovered",
    "cloud",
    "preview",
    "candidate",
    "experimental",
    "lab",
    "embedding",
];
