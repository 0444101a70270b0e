//! The entries of `models`: names, target, key and headers, and what they must not share.

use std::collections::HashMap;

use owlcoda_types::{Server, printable};

use crate::config::{ModelConfig, ModelTarget, Protocol, RuntimeConfig, TIERS, UpstreamConfig};
use crate::cost;
use crate::credentials::Credentials;
use crate::endpoint::EndpointUrl;
use crate::env::Environment;
use crate::file::FileTrust;
use crate::problem::{Report, code};
use crate::provider::{self, Preset};
use crate::raw::RawModel;
use crate::resolve::key::{self, headers};
use crate::resolve::own_address::OwnAddress;
use crate::resolve::{Router, endpoint, millis_or};
use crate::server;

/// Most names that a message lists.
const MAX_NAMES_SHOWN: usize = 10;

/// What a model is resolved against.
pub(super) struct Context<'c> {
    pub(super) env: &'c Environment,
    pub(super) trust: &'c FileTrust,
    pub(super) credentials: &'c Credentials,
    /// Whether the models are those of the catalog, which has no places in the file.
    pub(super) is_of_catalog: bool,
    pub(super) upstream: &'c UpstreamConfig,
    pub(super) router: &'c Router,
    pub(super) runtimes: &'c [RuntimeConfig],
    pub(super) own: OwnAddress,
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
    let preset = preset(&raw, path, report);
    let protocol = protocol(&raw, preset);
    let target = target(&raw, preset, protocol, path, context, report);
    let is_at_router = raw.endpoint.is_none()
        && raw.runtime.is_none()
        && preset.is_none_or(|preset| !preset.has_place());
    let of_router = context.router.protocol.filter(|_| is_at_router);
    let protocol = protocol.or(of_router).unwrap_or_else(|| of_target(&target));
    let headers = headers(&raw.headers, path, report);
    let key = key::resolve(&raw, preset, &target, path, context, report);
    if key.is_none() && headers.is_empty() && raw.api_key_env.is_none() {
        key::check_presence(preset, path, report);
    }
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
    let server = server(raw.server.as_deref(), preset, &target, context.runtimes);
    let id = raw.id?;
    let mut backend_model = raw.backend_model.unwrap_or_else(|| id.clone());
    if server == Server::Mimo {
        lower(&mut backend_model, path, report);
    }
    Some(ModelConfig {
        label: raw.label.unwrap_or_else(|| id.clone()),
        backend_model,
        aliases: raw.aliases,
        tier: raw.tier.unwrap_or_else(|| "general".to_owned()),
        is_default: raw.default.unwrap_or(false),
        target,
        protocol,
        server,
        key,
        headers,
        context_window: raw.context_window,
        price: raw.price.as_ref().and_then(cost::price),
        first_token_timeout: millis_or(raw.timeout_ms, context.upstream.first_token_timeout),
        idle_timeout: millis_or(raw.timeout_ms, context.upstream.idle_timeout),
        id,
    })
}

fn preset(raw: &RawModel, path: &str, report: &mut Report) -> Option<&'static Preset> {
    let name = raw.provider.as_deref()?;
    let found = provider::find(name);
    if found.is_none() {
        let message = provider::not_a_provider(name);
        report.error(code::UNKNOWN_PROVIDER, format!("{path}.provider"), message);
    }
    found
}

/// What the entry says that is spoken; none where only the target tells.
fn protocol(raw: &RawModel, preset: Option<&Preset>) -> Option<Protocol> {
    let words = [&raw.protocol, &raw.local_runtime_protocol];
    let mut said = words.into_iter().flatten();
    if let Some(protocol) = said.find_map(|word| Protocol::parse(word)) {
        return Some(protocol);
    }
    let written = raw.endpoint.as_deref();
    let written = written.and_then(|text| EndpointUrl::parse(text).ok());
    if written.is_some_and(|url| url.names_anthropic()) {
        return Some(Protocol::Anthropic);
    }
    preset.map(|preset| preset.protocol)
}

fn of_target(target: &ModelTarget) -> Protocol {
    match target {
        ModelTarget::Endpoint(url) if url.names_anthropic() => Protocol::Anthropic,
        _ => Protocol::OpenAi,
    }
}

fn server(
    written: Option<&str>,
    preset: Option<&Preset>,
    target: &ModelTarget,
    runtimes: &[RuntimeConfig],
) -> Server {
    let named = written.and_then(Server::parse);
    let of_preset = || preset.and_then(|preset| preset.server);
    named.or_else(of_preset).unwrap_or_else(|| match target {
        ModelTarget::Endpoint(url) => url.likely_server(),
        ModelTarget::Runtime(name) => server::of_runtime(runtimes, name).unwrap_or_default(),
    })
}

/// The display names of these models have capitals, and the provider refuses them.
fn lower(backend_model: &mut String, path: &str, report: &mut Report) {
    let lower = backend_model.to_lowercase();
    if lower != *backend_model {
        let message = format!(
            "MiMo takes names in lower case only; `{}` is sent",
            printable(&lower)
        );
        report.warning(code::MODEL_NAME_CASE, path, message);
        *backend_model = lower;
    }
}

fn target(
    raw: &RawModel,
    preset: Option<&Preset>,
    protocol: Option<Protocol>,
    path: &str,
    context: &Context<'_>,
    report: &mut Report,
) -> ModelTarget {
    let Context {
        router, runtimes, ..
    } = context;
    let endpoint_path = format!("{path}.endpoint");
    let written = raw
        .endpoint
        .as_deref()
        .and_then(|text| endpoint(text, &endpoint_path, report));
    if let Some(endpoint) = &written {
        context.own.check(endpoint, &endpoint_path, report);
    }
    let Some(name) = &raw.runtime else {
        if raw.endpoint.is_none()
            && let Some(preset) = preset.filter(|preset| preset.has_place())
        {
            let at = preset.endpoint(protocol.unwrap_or(preset.protocol));
            return ModelTarget::Endpoint(at.unwrap_or_else(|| {
                let message = format!("`{}` does not speak it; name an `endpoint`", preset.id);
                report.error(code::PROVIDER_PROTOCOL, format!("{path}.protocol"), message);
                router.endpoint.clone()
            }));
        }
        if written.is_none()
            && !router.is_set
            && !context.is_of_catalog
            && !report.mentions(&endpoint_path)
        {
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
    if raw.provider.is_some() {
        let message = "has both `provider` and `runtime`; remove one";
        report.error(code::PROVIDER_AND_RUNTIME, path, message);
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
