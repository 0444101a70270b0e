//! Every value in force with what it comes from, as `owlcodad config show` prints it.
//!
//! Keys, headers and variables of programs are shown as `***`, whoever asks.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::caller::AuthMode;
use crate::config::{Config, ModelConfig, ModelTarget, RuntimeConfig};
use crate::endpoint::EndpointUrl;
use crate::env::Environment;
use crate::file::{ConfigError, Source, load_text};
use crate::keys::{Effect, KEYS, Key, Kind};
use crate::lines::lines_of;
use crate::migrate::{Journal, migrate};
use crate::parse::{Loaded, document};
use crate::provider;
use crate::resolve::VARIABLES;

/// In place of what nobody is shown.
pub(crate) const MASK: &str = "***";

/// Words in the name of a program's argument that tell that a secret follows.
const SECRET_WORDS: [&str; 4] = ["key", "token", "secret", "password"];

/// One value in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// `server.drainTimeoutMs`, `models[0].endpoint`.
    pub path: String,
    /// The value; secrets are masked.
    pub value: Value,
    /// What it comes from.
    pub origin: Origin,
}

/// What a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The file.
    File {
        /// From 1.
        line: Option<u32>,
    },
    /// An environment variable of this name.
    Variable(String),
    /// The catalog.
    Catalog,
    /// The file with keys.
    Credentials,
    /// The daemon itself, which does without something for now.
    Daemon,
}

/// Reads the configuration and tells every value in force. Groups and values that nobody set and
/// that have no default are left out.
pub fn settings(source: &Source, env: &Environment) -> Result<(Vec<Setting>, Loaded), ConfigError> {
    let (loaded, text) = load_text(source, env)?;
    let written = Written::of(&text);
    let view = View {
        written,
        env,
        config: &loaded.config,
        has_credentials: source.credentials.is_some(),
    };
    let mut settings = Vec::new();
    for key in KEYS.iter().filter(|key| is_shown(key)) {
        settings.extend(view.top(key));
    }
    for (idx, model) in loaded.config.models.iter().enumerate() {
        view.model(idx, model, &mut settings);
    }
    for (idx, runtime) in loaded.config.runtimes.iter().enumerate() {
        view.runtime(idx, runtime, &mut settings);
    }
    Ok((settings, loaded))
}

fn is_shown(key: &Key) -> bool {
    matches!(key.effect, Effect::Used)
        && !matches!(key.kind, Kind::Group | Kind::GroupList)
        && !key.path.contains("[]")
}

/// The file, in the form of today, with the places that are really in it.
struct Written {
    document: Map<String, Value>,
    journal: Journal,
    lines: BTreeMap<String, u32>,
}

impl Written {
    /// Of a text that was loaded a moment ago.
    fn of(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut document = document(text).unwrap_or_default();
        let journal = migrate(&mut document).unwrap_or_default();
        Self {
            document,
            journal,
            lines: lines_of(text),
        }
    }

    fn value(&self, path: &str) -> Option<&Value> {
        let mut place = None;
        for name in path.split('.') {
            let (name, idx) = match name.split_once('[') {
                Some((name, idx)) => (name, idx.trim_end_matches(']').parse::<usize>().ok()),
                None => (name, None),
            };
            let object = match place {
                None => &self.document,
                Some(value) => Value::as_object(value)?,
            };
            let value = object.get(name)?;
            place = match idx {
                Some(idx) => value.get(idx),
                None => Some(value),
            };
            place?;
        }
        place.filter(|value| !value.is_null())
    }

    /// None where the file says nothing of it.
    fn origin(&self, path: &str) -> Option<Origin> {
        self.value(path)?;
        let line = self.lines.get(path).or_else(|| {
            let written = self.journal.written(path)?;
            self.lines.get(written)
        });
        line.map(|line| Origin::File { line: Some(*line) })
    }
}

struct View<'v> {
    written: Written,
    env: &'v Environment,
    config: &'v Config,
    /// Whether there is a file with keys.
    has_credentials: bool,
}

impl View<'_> {
    fn top(&self, key: &Key) -> Option<Setting> {
        let setting = |value, origin| {
            Some(Setting {
                path: key.path.to_owned(),
                value,
                origin,
            })
        };
        let variable = VARIABLES
            .iter()
            .find(|(path, name)| *path == key.path && self.env.get(name).is_some());
        if let Some((path, name)) = variable {
            return setting(self.of_variable(path), Origin::Variable((*name).to_owned()));
        }
        if let Some(origin) = self.written.origin(key.path) {
            let value = self.written.value(key.path).cloned().unwrap_or_default();
            return setting(value, origin);
        }
        setting(self.default(key)?, Origin::Default)
    }

    fn of_variable(&self, path: &str) -> Value {
        let config = self.config;
        match path {
            "port" => json!(config.server.port),
            "logLevel" => json!(config.log_level.as_str()),
            _ => {
                let (_, name) = VARIABLES
                    .iter()
                    .find(|(key, _)| *key == path)
                    .copied()
                    .unwrap_or_default();
                json!(self.env.get(name).map(|text| text.to_string_lossy()))
            }
        }
    }

    fn default(&self, key: &Key) -> Option<Value> {
        let of_mode = |mode: AuthMode| json!(mode.as_str());
        match key.path {
            "server.firstTokenTimeoutMs" => Some(millis(self.config.upstream.first_token_timeout)),
            "auth.inference" => Some(of_mode(self.config.auth.inference)),
            "auth.data" => Some(of_mode(self.config.auth.data)),
            "discovery.endpoints" => {
                let endpoints = self.config.discovery.endpoints.iter();
                Some(json!(endpoints.map(EndpointUrl::root).collect::<Vec<_>>()))
            }
            _ => serde_json::from_str(key.default).ok(),
        }
    }

    fn push(&self, path: String, value: Value, settings: &mut Vec<Setting>) {
        if value.is_null() {
            return;
        }
        let written = self.written.value("models");
        let is_of_catalog =
            path.starts_with("models[") && written.is_none_or(|models| *models == json!([]));
        let origin = self.written.origin(&path).unwrap_or(if is_of_catalog {
            Origin::Catalog
        } else {
            Origin::Default
        });
        settings.push(Setting {
            path,
            value,
            origin,
        });
    }

    fn model(&self, idx: usize, model: &ModelConfig, settings: &mut Vec<Setting>) {
        let at = |name: &str| format!("models[{idx}].{name}");
        let (endpoint, runtime) = match &model.target {
            ModelTarget::Endpoint(url) => (json!(url.to_string()), Value::Null),
            ModelTarget::Runtime(name) => (Value::Null, json!(name)),
        };
        let masked: BTreeMap<_, _> = model.headers.keys().map(|name| (name, MASK)).collect();
        let provider = self.written.value(&at("provider")).cloned();
        for (name, value) in [
            ("id", json!(model.id)),
            ("label", json!(model.label)),
            ("backendModel", json!(model.backend_model)),
            ("aliases", json!(model.aliases)),
            ("tier", json!(model.tier)),
            ("default", json!(model.is_default)),
            ("provider", provider.clone().unwrap_or_default()),
            ("endpoint", endpoint),
            ("runtime", runtime),
            ("protocol", json!(model.protocol.as_str())),
            ("server", json!(model.server.as_str())),
            ("headers", json!(masked)),
            ("contextWindow", json!(model.context_window)),
            ("timeoutMs", self.as_written(&at("timeoutMs"))),
            ("price", self.as_written(&at("price"))),
        ] {
            self.push(at(name), value, settings);
        }
        if model.key.is_some() {
            settings.push(Setting {
                path: at("apiKey"),
                value: json!(MASK),
                origin: self.of_key(&at("apiKey"), &at("apiKeyEnv"), provider.as_ref()),
            });
        }
    }

    fn as_written(&self, path: &str) -> Value {
        self.written.value(path).cloned().unwrap_or_default()
    }

    /// As the key itself is found: the entry's variable, the entry's key, the file, the usual one.
    fn of_key(&self, path: &str, env_path: &str, provider: Option<&Value>) -> Origin {
        let named = self.written.value(env_path).and_then(Value::as_str);
        if let Some(name) = named.filter(|name| self.env.get(name).is_some()) {
            return Origin::Variable(name.to_owned());
        }
        if let Some(origin) = self.written.origin(path) {
            return origin;
        }
        let preset = provider.and_then(Value::as_str).and_then(provider::find);
        let mut usual = preset.into_iter().flat_map(|preset| preset.key_variables);
        match usual.find(|name| self.env.get(name).is_some()) {
            // The file with keys comes before the usual variable.
            Some(name) if !self.has_credentials => Origin::Variable((*name).to_owned()),
            _ => Origin::Credentials,
        }
    }

    fn runtime(&self, idx: usize, runtime: &RuntimeConfig, settings: &mut Vec<Setting>) {
        let at = |name: &str| format!("runtimes[{idx}].{name}");
        let masked: BTreeMap<_, _> = runtime.env.keys().map(|name| (name, MASK)).collect();
        let idle_stop = runtime.idle_stop.map_or(json!(0), millis);
        for (name, value) in [
            ("name", json!(runtime.name)),
            ("command", json!(runtime.command)),
            ("args", json!(mask_arguments(&runtime.args))),
            ("env", json!(masked)),
            ("readyPath", json!(runtime.ready_path)),
            ("startTimeoutMs", millis(runtime.start_timeout)),
            ("idleStopMs", idle_stop),
            ("port", json!(runtime.port)),
            ("server", json!(runtime.server.as_str())),
        ] {
            self.push(at(name), value, settings);
        }
    }
}

fn millis(duration: std::time::Duration) -> Value {
    json!(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// Arguments without what follows `--api-key` and its like.
pub(crate) fn mask_arguments(arguments: &[String]) -> Vec<String> {
    let tells = |argument: &str| {
        let argument = argument.to_lowercase();
        argument.starts_with('-') && SECRET_WORDS.iter().any(|word| argument.contains(word))
    };
    let mut is_secret = false;
    let masked = arguments.iter().map(|argument| {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (argument.as_str(), None),
        };
        let shown = match value {
            _ if is_secret => MASK.to_owned(),
            Some(_) if tells(name) => format!("{name}={MASK}"),
            _ => argument.clone(),
        };
        is_secret = !is_secret && value.is_none() && tells(name);
        shown
    });
    masked.collect()
}
