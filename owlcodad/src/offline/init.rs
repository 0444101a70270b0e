//! `owlcodad init`: asks the model servers of this machine for their models, and writes a
//! configuration that names them.
//!
//! Where none answers nothing is written: the daemon needs no file to find them later, and one
//! with an invented model would only fail in another place.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use owlcoda_config::{
    CONFIG_VERSION, Config, EndpointUrl, Environment, FileTrust, is_for_embedding, parse, pretty,
    tier_of_name,
};
use owlcoda_types::printable;
use owlcoda_upstream::{Discovered, Upstream};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::cli::InitArgs;
use crate::failure::Failure;
use crate::instance::prepare_home;
use crate::offline::document::{self, shown};
use crate::offline::text::{count, wrapped};
use crate::offline::write::{Access, back_up, replace};
use crate::offline::{Answer, Ground, wait_for};

/// Longest wait for a connection to a model server.
const CONNECT: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Init<'i> {
    file: &'i str,
    is_written: bool,
    /// The file as it was; null where there was none.
    backup: Option<&'i str>,
    endpoints: Vec<EndpointRow>,
    models: Vec<&'i Value>,
}

#[derive(Serialize)]
struct EndpointRow {
    url: String,
    /// Null where it did not answer.
    server: Option<&'static str>,
    n_models: usize,
}

pub(super) fn run(args: &InitArgs) -> Result<Answer, Failure> {
    let ground = Ground::of(&args.place)?;
    let path = ground.config_path();
    let is_there = path.symlink_metadata().is_ok();
    if is_there && !args.force {
        return Err(Failure::ConfigExists { path });
    }
    let candidates = if args.endpoint.is_empty() {
        Config::default().discovery.endpoints
    } else {
        args.endpoint.clone()
    };
    let found = wait_for(async {
        let upstream = Upstream::try_new(CONNECT)?;
        Ok::<_, Failure>(upstream.discover(&candidates).await)
    })??;
    let document = configuration(&found);
    let models: Vec<&Value> = document
        .get("models")
        .and_then(Value::as_array)
        .map_or_else(Vec::new, |models| models.iter().collect());
    let backup = if models.is_empty() {
        None
    } else {
        write(&ground, &path, &pretty(&document), is_there)?
    };
    let file = shown(&path);
    let backup = backup.as_deref();
    let body = Init {
        file: &file,
        is_written: !models.is_empty(),
        backup,
        endpoints: candidates.iter().map(|url| row(url, &found)).collect(),
        models: models.clone(),
    };
    Ok(Answer {
        json: document::json("Init", &body),
        status: u8::from(models.is_empty()),
        text: if models.is_empty() {
            nothing_found(&candidates)
        } else {
            text(&body)
        },
    })
}

fn row(url: &EndpointUrl, found: &[Discovered]) -> EndpointRow {
    let server = found.iter().find(|server| server.url == *url);
    EndpointRow {
        url: url.to_string(),
        server: server.map(|server| server.server.as_str()),
        n_models: server.map_or(0, |server| server.models.len()),
    }
}

/// The file as it will be: every model that was found, each name once.
fn configuration(found: &[Discovered]) -> Map<String, Value> {
    let mut ids = HashSet::new();
    let mut models = Vec::new();
    for server in found {
        for model in &server.models {
            // Such a name could be in no configuration.
            if model.name.trim() != model.name {
                continue;
            }
            let mut id = model.name.clone();
            if !ids.insert(id.clone()) {
                id = format!("{}@{}", model.name, server.url.id());
                if !ids.insert(id.clone()) {
                    continue;
                }
            }
            models.push(entry(id, server, &model.name, model.context_window));
        }
    }
    let name = |model: &Map<String, Value>| {
        let name = model.get("backendModel").and_then(Value::as_str);
        name.unwrap_or_default().to_owned()
    };
    let answers = models
        .iter()
        .position(|model| !is_for_embedding(&name(model)));
    if let Some(model) = models.get_mut(answers.unwrap_or(0)) {
        // The first of an unknown size is the one for everything.
        model
            .entry("tier")
            .or_insert_with(|| Value::from("balanced"));
        model.insert("default".to_owned(), Value::from(true));
    }
    let mut document = Map::new();
    document.insert("configVersion".to_owned(), json!(CONFIG_VERSION));
    document.insert("port".to_owned(), json!(Config::default().server.port));
    document.insert("models".to_owned(), json!(models));
    document
}

fn entry(
    id: String,
    server: &Discovered,
    name: &str,
    context_window: Option<u32>,
) -> Map<String, Value> {
    let mut entry = Map::new();
    entry.insert("id".to_owned(), id.into());
    entry.insert("backendModel".to_owned(), name.into());
    entry.insert("endpoint".to_owned(), server.url.to_string().into());
    if server.server != server.url.likely_server() {
        entry.insert("server".to_owned(), server.server.as_str().into());
    }
    if let Some(tier) = tier_of_name(name) {
        entry.insert("tier".to_owned(), tier.into());
    }
    if let Some(tokens) = context_window.filter(|tokens| *tokens > 0) {
        entry.insert("contextWindow".to_owned(), tokens.into());
    }
    entry
}

/// Writes the file, which must be one that the daemon would take. Returns the backup's path.
fn write(
    ground: &Ground,
    path: &Path,
    text: &str,
    is_there: bool,
) -> Result<Option<String>, Failure> {
    parse(text, &Environment::default(), &FileTrust::FULL).map_err(|problems| {
        Failure::NotValid(owlcoda_config::ConfigError {
            path: Some(path.to_path_buf()),
            role: owlcoda_config::Role::Configuration,
            problems,
        })
    })?;
    if path.parent() == Some(ground.place.home.as_path()) {
        prepare_home(&ground.place.home)?;
    }
    let failed = |source| Failure::Write {
        path: path.to_path_buf(),
        source,
    };
    let backup = if is_there {
        Some(shown(&back_up(path).map_err(failed)?))
    } else {
        None
    };
    replace(path, text, Access::Private).map_err(failed)?;
    Ok(backup)
}

fn text(body: &Init<'_>) -> String {
    let mut text = String::new();
    for endpoint in &body.endpoints {
        let line = match endpoint.server {
            Some(server) => format!(
                "{} ({server}): {}",
                endpoint.url,
                count(endpoint.n_models, "model")
            ),
            None => format!("{}: no answer", endpoint.url),
        };
        text.push_str(&wrapped("  ", &line));
    }
    let default = body
        .models
        .iter()
        .find(|model| model.get("default").is_some());
    let id = default.and_then(|model| model.get("id")?.as_str());
    // Writing to a String cannot fail.
    let _ = writeln!(text, "written: {}", printable(body.file));
    let _ = writeln!(
        text,
        "default: `{}`, of {}",
        printable(id.unwrap_or_default()),
        count(body.models.len(), "model")
    );
    if let Some(backup) = body.backup {
        let _ = writeln!(text, "as it was: {}", printable(backup));
    }
    text.push_str("next: owlcodad serve\n");
    text
}

fn nothing_found(candidates: &[EndpointUrl]) -> String {
    let asked: Vec<_> = candidates.iter().map(EndpointUrl::root).collect();
    let mut text = wrapped(
        "",
        &format!(
            "no model server answered at {}; nothing was written",
            asked.join(", ")
        ),
    );
    text.push_str(&wrapped(
        "",
        "The daemon needs no file: started now, it looks for model servers on the usual ports \
         until one is there. To have a file, start a model server (for example: ollama serve) and \
         run this again, or name one: owlcodad init --endpoint http://HOST:PORT",
    ));
    text
}

#[cfg(test)]
mod tests {
    use owlcoda_types::Server;
    use owlcoda_upstream::DiscoveredModel;

    use super::*;

    fn server(url: &str, server: Server, names: &[&str]) -> Discovered {
        let models = names.iter().map(|name| DiscoveredModel {
            name: (*name).to_owned(),
            ..DiscoveredModel::default()
        });
        Discovered {
            url: url.parse().unwrap(),
            server,
            models: models.collect(),
        }
    }

    #[test]
    fn names_sizes_and_servers_become_a_configuration_that_is_valid() {
        let found = [
            server(
                "http://127.0.0.1:11434",
                Server::Ollama,
                &["nomic-embed-text", "mystery", "qwen:7b", " odd "],
            ),
            server(
                "http://127.0.0.1:9",
                Server::Vllm,
                &["mystery", "llama-70b"],
            ),
        ];
        let document = configuration(&found);
        assert_eq!(
            Value::Object(document.clone()),
            json!({"configVersion": CONFIG_VERSION, "port": 8019, "models": [
                {"id": "nomic-embed-text", "backendModel": "nomic-embed-text",
                    "endpoint": "http://127.0.0.1:11434/v1", "tier": "embedding"},
                {"id": "mystery", "backendModel": "mystery",
                    "endpoint": "http://127.0.0.1:11434/v1", "tier": "balanced", "default": true},
                {"id": "qwen:7b", "backendModel": "qwen:7b",
                    "endpoint": "http://127.0.0.1:11434/v1", "tier": "fast"},
                {"id": "mystery@127.0.0.1:9", "backendModel": "mystery",
                    "endpoint": "http://127.0.0.1:9/v1", "server": "vllm"},
                {"id": "llama-70b", "backendModel": "llama-70b",
                    "endpoint": "http://127.0.0.1:9/v1", "server": "vllm", "tier": "heavy"},
            ]})
        );
        let loaded = parse(
            &pretty(&document),
            &Environment::default(),
            &FileTrust::FULL,
        );
        assert_eq!(loaded.unwrap().warnings, []);
    }

    #[test]
    fn a_model_for_embeddings_is_the_default_only_where_there_is_no_other() {
        let found = [server("http://h", Server::Generic, &["bge-m3"])];
        assert_eq!(configuration(&found)["models"][0]["default"], true);
    }
}
