//! The model servers: whether they answer, know the models and take the keys.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt as _;
use owlcoda_config::{
    Config, EndpointUrl, Environment, ModelConfig, ModelTarget, Problem, Protocol, RuntimeConfig,
    code,
};
use owlcoda_types::{Server, printable};
use owlcoda_upstream::{KeyHeader, Look, Upstream};
use owlcoda_wire::quirks::{MessagesKey, Quirks};

use super::Check;
use crate::offline::Ground;
use crate::offline::text::count;

const ID: &str = "model_server";

/// How long a model server may take to list its models.
const LOOK: Duration = Duration::from_secs(5);

/// Most model servers that are asked, all at a time.
const MAX_ASKED: usize = 64;

/// Most names that a sentence lists.
const MAX_NAMES: usize = 5;

/// One model server with all its models.
struct Site<'c> {
    url: &'c EndpointUrl,
    models: Vec<&'c ModelConfig>,
}

pub(super) async fn look_at_all(config: &Config, ground: &Ground) -> Vec<Check> {
    let upstream = match Upstream::try_new(LOOK) {
        Ok(upstream) => upstream,
        Err(error) => return vec![Check::fail(ID, error.to_string(), "owlctl status")],
    };
    if config.models.is_empty() {
        return vec![discovery(&upstream, config).await];
    }
    let sites = sites(&config.models);
    let n_more = sites.len().saturating_sub(MAX_ASKED);
    let asked = sites.iter().take(MAX_ASKED);
    let looks = futures_util::stream::iter(asked.map(|site| look_at(&upstream, site)));
    let mut checks: Vec<Check> = looks.buffered(MAX_ASKED).collect().await;
    if n_more > 0 {
        checks.push(Check::skip(ID, format!("{n_more} more are not asked")));
    }
    let used = |runtime: &&RuntimeConfig| {
        let is_it = |target: &ModelTarget| matches!(target, ModelTarget::Runtime(name) if *name == runtime.name);
        config.models.iter().any(|model| is_it(&model.target))
    };
    let runtimes = config.runtimes.iter().filter(used);
    checks.extend(runtimes.map(|runtime| program(runtime, &ground.env)));
    checks
}

/// The model servers in the order of their first models. Two keys are two looks.
fn sites(models: &[ModelConfig]) -> Vec<Site<'_>> {
    let mut sites: Vec<Site<'_>> = Vec::new();
    for model in models {
        let ModelTarget::Endpoint(url) = &model.target else {
            continue;
        };
        let is_same = |other: &ModelConfig| {
            other.protocol == model.protocol
                && other.key == model.key
                && other.headers == model.headers
        };
        let known = sites
            .iter_mut()
            .find(|site| site.url == url && site.models.first().is_some_and(|it| is_same(it)));
        match known {
            Some(site) => site.models.push(model),
            None => sites.push(Site {
                url,
                models: vec![model],
            }),
        }
    }
    sites
}

async fn look_at(upstream: &Upstream, site: &Site<'_>) -> Check {
    let Some(model) = site.models.first() else {
        return Check::skip(ID, site.url.id());
    };
    let quirks = Quirks::of(model.server, &model.backend_model);
    let header = match (model.protocol, quirks.messages_key) {
        (Protocol::OpenAi, _) | (Protocol::Anthropic, MessagesKey::Bearer) => KeyHeader::Bearer,
        (Protocol::Anthropic, MessagesKey::XApiKey) => KeyHeader::XApiKey,
    };
    let key = model.key.as_ref().map(|key| (header, key));
    let look = upstream
        .look_at(site.url, model.protocol, key, &model.headers, LOOK)
        .await;
    judge(site, model, &look)
}

fn judge(site: &Site<'_>, model: &ModelConfig, look: &Look) -> Check {
    let at = site.url.id();
    match look {
        Look::Listed(names) => {
            let is_listed = |wanted: &str| {
                let tagged = format!("{wanted}:latest");
                names.iter().any(|name| name == wanted || *name == tagged)
            };
            let missing: Vec<&str> = site
                .models
                .iter()
                .map(|model| model.backend_model.as_str())
                .filter(|name| !is_listed(name))
                .collect();
            let detail = format!("{at} answers and lists {}", count(names.len(), "model"));
            let Some(first) = missing.first() else {
                return Check::ok(ID, detail);
            };
            let remedy = match model.server {
                Server::Ollama => format!("ollama pull {}", printable(first)),
                _ => "correct `backendModel`, or load the model there".to_owned(),
            };
            Check::warn(
                ID,
                format!("{detail}, but not {}", listed(&missing)),
                remedy,
            )
        }
        Look::Refused {
            status: status @ (401 | 403),
        } => {
            let (what, remedy) = if model.key.is_some() {
                ("refuses the key", "correct the key")
            } else {
                ("wants a key", "name its variable in `apiKeyEnv`")
            };
            let names: Vec<&str> = site.models.iter().map(|model| model.id.as_str()).collect();
            let remedy = format!("{remedy} of {}", listed(&names));
            Check::fail(ID, format!("{at} {what} (status {status})"), remedy)
        }
        // Not every server lists its models.
        Look::Refused {
            status: status @ (404 | 405 | 501),
        } => Check::ok(
            ID,
            format!("{at} answers, and does not list its models (status {status})"),
        ),
        Look::Refused { status } => Check::warn(
            ID,
            format!("{at} answers with status {status}"),
            "look at its log, or try again later",
        ),
        Look::NoList => Check::warn(
            ID,
            format!("{at} answers, but not with a list of models"),
            "see that `endpoint` is the address of a model server",
        ),
        Look::Silent { reason } => Check::fail(
            ID,
            format!("{at} does not answer: {reason}"),
            "start it, or correct `endpoint`",
        ),
    }
}

fn listed(names: &[&str]) -> String {
    let shown: Vec<_> = names
        .iter()
        .take(MAX_NAMES)
        .map(|name| format!("`{}`", printable(name)))
        .collect();
    let more = match names.len().saturating_sub(MAX_NAMES) {
        0 => String::new(),
        n_more => format!(" and {n_more} more"),
    };
    format!("{}{more}", shown.join(", "))
}

async fn discovery(upstream: &Upstream, config: &Config) -> Check {
    let remedy = "start one (for example: ollama serve), or name one: owlcodad init --endpoint URL";
    if !config.discovery.is_enabled {
        let detail = "no model is named, and none is looked for (`discovery.enabled`)";
        return Check::fail(ID, detail, "owlcodad init");
    }
    let endpoints = &config.discovery.endpoints;
    let found = upstream.discover(endpoints).await;
    if found.is_empty() {
        let asked: Vec<_> = endpoints.iter().map(EndpointUrl::id).collect();
        let detail = format!("none answers with a model at {}", asked.join(", "));
        return Check::warn(ID, detail, remedy);
    }
    let found: Vec<_> = found
        .iter()
        .map(|server| {
            format!(
                "{} with {}",
                server.url.id(),
                count(server.models.len(), "model")
            )
        })
        .collect();
    Check::ok(ID, format!("found: {}", found.join(", ")))
}

/// Whether the program of a model server that we run ourselves is there.
fn program(runtime: &RuntimeConfig, env: &Environment) -> Check {
    let command = runtime.command.as_str();
    let is_program = |path: &Path| {
        fs_err::metadata(path).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
    };
    let found = if command.contains('/') {
        Some(Path::new(command).to_path_buf()).filter(|path| is_program(path))
    } else {
        let path = env.get("PATH").unwrap_or_default();
        std::env::split_paths(path)
            .map(|dir| dir.join(command))
            .find(|path| is_program(path))
    };
    let name = &runtime.name;
    match found {
        Some(path) => Check::ok(
            ID,
            format!("`{name}` is started when it is needed: {}", path.display()),
        ),
        None => Check::fail(
            ID,
            format!("`{name}`: there is no program `{}`", printable(command)),
            "install it, or correct `runtimes[].command`",
        ),
    }
}

pub(super) fn keys(config: &Config, warnings: &[Problem]) -> Check {
    let id = "keys";
    let missing: Vec<_> = warnings
        .iter()
        .filter(|it| [code::NO_KEY, code::MISSING_KEY_VARIABLE].contains(&it.code))
        .collect();
    if let Some(first) = missing.first() {
        let more = match missing.len() - 1 {
            0 => String::new(),
            n_more => format!(" (and {n_more} more: owlcodad validate)"),
        };
        let detail = format!("{} without a key", count(missing.len(), "model"));
        return Check::warn(
            id,
            detail,
            format!("{}: {}{more}", first.path, first.message),
        );
    }
    let n_keys = config.models.iter().filter(|it| it.key.is_some()).count();
    match n_keys {
        0 => Check::skip(id, "no model has one"),
        n_keys => Check::ok(id, format!("{} with a key", count(n_keys, "model"))),
    }
}
