//! The entries of `models`: names, target, key and headers, and what they must not share.

use std::collections::{BTreeMap, HashMap};

use http::{HeaderName, HeaderValue};
use owlcoda_types::{Secret, Server, clip};

use crate::config::{ModelConfig, ModelTarget, Protocol, RuntimeConfig, TIERS, UpstreamConfig};
use crate::env::Environment;
use crate::file::FileTrust;
use crate::lines::push_key;
use crate::problem::{Report, code};
use crate::raw::RawModel;
use crate::resolve::{Router, endpoint, is_variable_name, millis_or};
use crate::server;

/// Headers that belong to the connection or to the body, and so to us.
const OUR_HEADERS: [&str; 10] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Most names that a message lists.
const MAX_NAMES_SHOWN: usize = 10;

/// What a model is resolved against.
pub(super) struct Context<'c> {
    pub(super) env: &'c Environment,
    pub(super) trust: &'c FileTrust,
    pub(super) upstream: &'c UpstreamConfig,
    pub(super) router: &'c Router,
    pub(super) runtimes: &'c [RuntimeConfig],
}

pub(super) fn resolve(
    raw_models: Vec<Option<RawModel>>,
    context: &Context<'_>,
    report: &mut Report,
) -> Vec<ModelConfig> {
    let has_secrets = raw_models
        .iter()
        .flatten()
        .any(|raw| raw.api_key.is_some() || !raw.headers.is_empty());
    if has_secrets && context.trust.is_readable_by_others {
        let message = "the file holds keys and others may read it: run `chmod 600` on it, \
                       or name variables in `apiKeyEnv`";
        report.warning(code::KEY_FILE_READABLE, "", message);
    }
    let mut models: Vec<(usize, ModelConfig)> = raw_models
        .into_iter()
        .enumerate()
        .filter_map(|(idx, raw)| {
            Some((
                idx,
                model(raw?, &format!("models[{idx}]"), context, report)?,
            ))
        })
        .collect();
    check_names(&mut models, report);
    check_default(&mut models, report);
    models.into_iter().map(|(_, model)| model).collect()
}

/// None where the id is missing or bad, which is reported by now.
fn model(
    raw: RawModel,
    path: &str,
    context: &Context<'_>,
    report: &mut Report,
) -> Option<ModelConfig> {
    let target = target(&raw, path, context, report);
    let key = key(&raw, path, context.env, report);
    let headers = headers(&raw.headers, path, report);
    if let ModelTarget::Endpoint(endpoint) = &target
        && (key.is_some() || !headers.is_empty())
        && !endpoint.is_encrypted()
        && !endpoint.is_loopback()
    {
        let message = "keys and headers are sent unencrypted over the network; use https";
        report.warning(code::KEY_OVER_HTTP, format!("{path}.endpoint"), message);
    }
    if let Some(tier) = raw.tier.as_deref().filter(|tier| !TIERS.contains(tier)) {
        let message = format!("`{tier}` is not a tier; there are: {}", TIERS.join(", "));
        report.warning(code::UNKNOWN_TIER, format!("{path}.tier"), message);
    }
    let protocol = protocol(raw.protocol.as_deref(), &target);
    let server = server(raw.server.as_deref(), &target, context.runtimes);
    let id = raw.id?;
    Some(ModelConfig {
        label: raw.label.unwrap_or_else(|| id.clone()),
        backend_model: raw.backend_model.unwrap_or_else(|| id.clone()),
        aliases: raw.aliases,
        tier: raw.tier.unwrap_or_else(|| "general".to_owned()),
        is_default: raw.default.unwrap_or(false),
        target,
        protocol,
        server,
        key,
        headers,
        context_window: raw.context_window,
        first_token_timeout: millis_or(raw.timeout_ms, context.upstream.first_token_timeout),
        idle_timeout: millis_or(raw.timeout_ms, context.upstream.idle_timeout),
        id,
    })
}

fn protocol(written: Option<&str>, target: &ModelTarget) -> Protocol {
    match (written, target) {
        (Some("anthropic" | "anthropic_messages"), _) => Protocol::Anthropic,
        (Some("openai" | "openai_chat"), _) => Protocol::OpenAi,
        (_, ModelTarget::Endpoint(url)) if url.names_anthropic() => Protocol::Anthropic,
        _ => Protocol::OpenAi,
    }
}

fn server(written: Option<&str>, target: &ModelTarget, runtimes: &[RuntimeConfig]) -> Server {
    let named = written.and_then(Server::parse);
    named.unwrap_or_else(|| match target {
        ModelTarget::Endpoint(url) => url.likely_server(),
        ModelTarget::Runtime(name) => server::of_runtime(runtimes, name).unwrap_or_default(),
    })
}

fn target(raw: &RawModel, path: &str, context: &Context<'_>, report: &mut Report) -> ModelTarget {
    let Context {
        router, runtimes, ..
    } = context;
    let endpoint_path = format!("{path}.endpoint");
    let written = raw
        .endpoint
        .as_deref()
        .and_then(|text| endpoint(text, &endpoint_path, report));
    let Some(name) = &raw.runtime else {
        if written.is_none() && !router.is_set && !report.mentions(&endpoint_path) {
            let message = format!(
                "has neither `endpoint` nor `runtime`, and `routerUrl` is not set; \
                 {} is taken",
                router.endpoint.root()
            );
            report.warning(code::NO_ENDPOINT, path, message);
        }
        return ModelTarget::Endpoint(written.unwrap_or_else(|| router.endpoint.clone()));
    };
    if raw.endpoint.is_some() {
        let message = "has both `endpoint` and `runtime`; remove one";
        report.error(code::ENDPOINT_AND_RUNTIME, path, message);
    }
    if !runtimes.iter().any(|runtime| runtime.name == *name) {
        let names: Vec<_> = runtimes
            .iter()
            .take(MAX_NAMES_SHOWN)
            .map(|runtime| format!("`{}`", runtime.name))
            .collect();
        let message = if names.is_empty() {
            format!("there is no runtime `{name}`: `runtimes` has no valid entry")
        } else {
            format!(
                "there is no runtime `{name}`; there are: {}",
                names.join(", ")
            )
        };
        report.error(code::UNKNOWN_RUNTIME, format!("{path}.runtime"), message);
    }
    ModelTarget::Runtime(name.clone())
}

/// The variable wins where it is set: a key in the file beside it is often an old copy.
fn key(raw: &RawModel, path: &str, env: &Environment, report: &mut Report) -> Option<Secret> {
    let in_file = raw
        .api_key
        .clone()
        .filter(|key| !key.expose().is_empty())
        .and_then(|key| sendable(key, &format!("{path}.apiKey"), report));
    let Some(name) = raw.api_key_env.as_deref().filter(|name| !name.is_empty()) else {
        return in_file;
    };
    let path = format!("{path}.apiKeyEnv");
    if in_file.is_some() {
        let message = "`apiKey` is given too; the variable wins where it is set. Remove one";
        report.warning(code::KEY_GIVEN_TWICE, path.as_str(), message);
    }
    if !is_variable_name(name) {
        let message = "is not the name of an environment variable; a key itself goes to `apiKey`";
        report.error(code::BAD_VARIABLE_NAME, path, message);
        return in_file;
    }
    let Some(value) = env.get(name) else {
        let name = clip(name, 80);
        let message = format!("the environment variable `{name}` is not set");
        report.warning(code::MISSING_KEY_VARIABLE, path, message);
        return in_file;
    };
    let Some(value) = value.to_str() else {
        let message = format!("the environment variable `{name}` is not UTF-8 text");
        report.error(code::BAD_KEY, path, message);
        return None;
    };
    sendable(Secret::new(value), &path, report)
}

fn sendable(key: Secret, path: &str, report: &mut Report) -> Option<Secret> {
    let is_good = key.expose().bytes().all(|byte| byte.is_ascii_graphic());
    if !is_good {
        let message = "the key cannot be sent: it has a space, a line break or another character \
                       in it that keys do not have";
        report.error(code::BAD_KEY, path, message);
    }
    is_good.then_some(key)
}

fn headers(
    raw: &BTreeMap<String, Secret>,
    path: &str,
    report: &mut Report,
) -> BTreeMap<String, Secret> {
    let mut headers = BTreeMap::new();
    for (name, value) in raw {
        let mut path = format!("{path}.headers");
        push_key(&mut path, name);
        let message = match HeaderName::try_from(name.as_str()) {
            Err(_) => "is not the name of a header",
            Ok(name) if OUR_HEADERS.contains(&name.as_str()) => {
                "is set by the daemon itself; remove it"
            }
            Ok(_) if HeaderValue::from_str(value.expose()).is_err() => {
                "has a value that cannot be sent: a line break or another control character"
            }
            Ok(name) => {
                if headers
                    .insert(name.as_str().to_owned(), value.clone())
                    .is_none()
                {
                    continue;
                }
                "is given twice, in upper and lower case"
            }
        };
        report.error(code::BAD_HEADER, path, message);
    }
    headers
}

/// Each name must lead to one model.
fn check_names(models: &mut [(usize, ModelConfig)], report: &mut Report) {
    let mut ids: HashMap<String, usize> = HashMap::new();
    for (idx, model) in models.iter() {
        if let Some(first) = ids.get(&model.id) {
            let message = format!("`{}` is the id of models[{first}] too", model.id);
            report.error(code::DUPLICATE_ID, format!("models[{idx}].id"), message);
        } else {
            ids.insert(model.id.clone(), *idx);
        }
    }
    let mut aliases: HashMap<String, usize> = HashMap::new();
    for (idx, model) in models.iter_mut() {
        for (alias_idx, alias) in model.aliases.iter().enumerate() {
            let path = format!("models[{idx}].aliases[{alias_idx}]");
            if *alias == model.id {
                continue;
            }
            if let Some(other) = ids.get(alias) {
                let message = format!("`{alias}` is the id of models[{other}]");
                report.error(code::ALIAS_IS_ID, path, message);
            } else if let Some(first) = aliases.insert(alias.clone(), *idx) {
                let message = format!("`{alias}` is an alias of models[{first}] too");
                report.error(code::DUPLICATE_ALIAS, path, message);
            }
        }
        // A model's own id among its aliases says nothing new.
        model.aliases.retain(|alias| *alias != model.id);
    }
}

fn check_default(models: &mut [(usize, ModelConfig)], report: &mut Report) {
    let mut defaults = models
        .iter()
        .filter(|(_, model)| model.is_default)
        .map(|(idx, _)| *idx);
    if let Some(first) = defaults.next() {
        for idx in defaults {
            let message = format!("models[{first}] is the default already");
            report.error(
                code::TWO_DEFAULTS,
                format!("models[{idx}].default"),
                message,
            );
        }
    } else if let Some((_, model)) = models.first_mut() {
        model.is_default = true;
        let message = format!(
            "no model has `\"default\": true`; the first, `{}`, is the default",
            model.id
        );
        report.warning(code::NO_DEFAULT, "models", message);
    }
}
