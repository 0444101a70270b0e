//! Which model server a model is on: what is written, else what its place tells.

use owlcoda_types::Server;
use serde_json::json;

use super::{good, no_env, said};
use crate::{FileTrust, code};

/// The servers of the models of a file.
fn servers(text: &serde_json::Value) -> Vec<Server> {
    let config = good(&text.to_string()).config;
    config.models.iter().map(|model| model.server).collect()
}

#[test]
fn what_is_written_wins_over_what_the_place_tells() {
    let text = json!({
        "routerUrl": "http://127.0.0.1:8000",
        "runtimes": [
            {"name": "llama", "command": "/opt/bin/llama-server", "args": ["{port}"]},
            {"name": "mine", "command": "serve", "args": ["{port}"], "server": "sglang"},
            {"name": "odd", "command": "serve", "args": ["{port}"], "server": "auto"},
        ],
        "models": [
            {"id": "a", "endpoint": "http://127.0.0.1:11434"},
            {"id": "b", "endpoint": "http://127.0.0.1:11434", "server": "auto"},
            {"id": "c", "endpoint": "http://127.0.0.1:11434", "server": "lm-studio"},
            {"id": "d", "endpoint": "http://127.0.0.1:11434", "server": "generic"},
            {"id": "e"},
            {"id": "f", "runtime": "llama"},
            {"id": "g", "runtime": "mine"},
            {"id": "h", "runtime": "odd"},
            {"id": "i", "runtime": "odd", "server": "vllm"},
        ],
    });
    let expected = [
        Server::Ollama,
        Server::Ollama,
        Server::LmStudio,
        Server::Generic,
        Server::Vllm,
        Server::LlamaCpp,
        Server::Sglang,
        Server::Generic,
        Server::Vllm,
    ];
    assert_eq!(servers(&text), expected);
}

#[test]
fn a_server_that_there_is_not_is_an_error_with_those_there_are() {
    let text = r#"{"models": [{"id": "a", "endpoint": "http://h", "server": "Ollama"}]}"#;
    let problems = said(text, &no_env(), &FileTrust::FULL);
    let problem = &problems[0];
    assert_eq!(
        (problem.code, problem.path.as_str()),
        (code::UNKNOWN_VALUE, "models[0].server")
    );
    assert!(problem.message.contains("`ollama`"), "{problem}");
}
