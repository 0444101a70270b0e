//! What people and scripts see of model servers.

use super::*;
use crate::golden;

fn served(id: &str, breaker: &str) -> BackendModel {
    BackendModel {
        id: id.to_owned(),
        breaker: breaker.to_owned(),
        ..BackendModel::default()
    }
}

fn three() -> ListBackendsResponse {
    let open = BackendModel {
        n_failures: 5,
        retry_in_ms: Some(41_200),
        is_loaded: Some(false),
        ..served("big", "open")
    };
    let up = Backend {
        id: "127.0.0.1:11434".to_owned(),
        server: "ollama".to_owned(),
        url: "http://127.0.0.1:11434/v1".to_owned(),
        state: "up".to_owned(),
        since_ms: 1_700_000_000_123,
        latency_ms: Some(3),
        models: vec![served("small", "closed"), open, served("other", "open")],
        ..Backend::default()
    };
    let down = Backend {
        id: "127.0.0.1:8000".to_owned(),
        server: "vllm".to_owned(),
        url: "http://127.0.0.1:8000/v1".to_owned(),
        state: "down".to_owned(),
        detail: "no connection: refused\u{1b}[2J".to_owned(),
        ..Backend::default()
    };
    let asleep = Backend {
        id: "runtime:fake".to_owned(),
        server: "llama.cpp".to_owned(),
        state: "unknown".to_owned(),
        models: vec![served("ours", "closed")],
        ..Backend::default()
    };
    ListBackendsResponse {
        backends: vec![up, down, asleep],
    }
}

#[test]
fn servers_are_a_table_for_people_and_a_list_for_scripts() {
    golden::check("backends", &list(&three(), false).stdout);
    golden::check("backends_json", &list(&three(), true).stdout);
    let none = list(&ListBackendsResponse::default(), false);
    assert_eq!(none.stdout, "");
    assert!(none.stderr.contains("no model servers"), "{}", none.stderr);
}

#[test]
fn a_verdict_decides_the_exit_status() {
    let up = ProbeBackendResponse {
        id: "127.0.0.1:11434".to_owned(),
        state: "up".to_owned(),
        latency_ms: 3,
        ..ProbeBackendResponse::default()
    };
    let down = ProbeBackendResponse {
        state: "down".to_owned(),
        detail: "no connection: refused".to_owned(),
        ..up.clone()
    };
    let (well, ill) = (probe(&up, false), probe(&down, false));
    assert_eq!((well.exit, ill.exit), (Exit::Ok, Exit::Failed));
    assert_eq!(well.stdout, "127.0.0.1:11434  up  3ms\n");
    golden::check("backends_probe", &ill.stdout);
    golden::check("backends_probe_json", &probe(&down, true).stdout);
}

#[test]
fn a_reset_tells_what_was_closed() {
    let answer = ResetBreakerResponse {
        models: vec![served("small", "closed"), served("big", "open")],
    };
    let id = "127.0.0.1:11434";
    golden::check("backends_reset", &reset(id, &answer, false).stdout);
    golden::check("backends_reset_json", &reset(id, &answer, true).stdout);
}
